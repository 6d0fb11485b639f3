package workflow

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// move is one action of a recording that was carried out.
type move struct {
	name   string // as it is called now
	params map[string]any
	sends  bool
	step   int    // index of its step
	before string // address of the page it was done on
	after  string // and of the page it led to; empty: not known
	opens  int    // tabs
	gone   bool   // pruned

	initial bool // it opens the run's initial_url
}

// tape is a recording on which moves are struck out that led nowhere.
type tape struct {
	steps []event.StepData
	pages []Sources // what was noticed on the page of each step
	moves []*move
	read  []int // numbers of the steps on whose pages parts of the result are read
	notes []string
}

// newTape keeps what was carried out: no failed action, and none that is not known to have been done.
func newTape(steps []event.StepData) (*tape, error) {
	t := &tape{steps: steps}
	for i, step := range steps {
		page, err := sourcesOf(step)
		if err != nil {
			return nil, err
		}
		t.pages = append(t.pages, page)
		if step.Interrupted {
			t.notes = append(t.notes, fmt.Sprintf("Step %d was interrupted and is left out: its effects are unknown.", step.Number))
			continue
		}
		first := len(t.moves)
		for _, a := range step.Actions {
			if a.Error == nil && (a.Success == nil || *a.Success) {
				m, err := newMove(a, i, step.URL)
				if err != nil {
					return nil, fmt.Errorf("step %d: %w", step.Number, err)
				}
				t.moves = append(t.moves, m)
			}
		}
		t.ended(t.moves[first:], t.nextURL(i))
	}
	return t, nil
}

// ended notes where the moves of a step led to: what changes the page ends its step, but for looks at it.
func (t *tape) ended(moves []*move, after string) {
	for _, m := range slices.Backward(moves) {
		m.after = after
		if !m.readOnly() {
			return
		}
		m.before = after
	}
}

func sourcesOf(step event.StepData) (s Sources, err error) {
	if len(step.Sources) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(step.Sources, &s); err != nil {
		return s, fmt.Errorf("read the sources of step %d: %w", step.Number, err)
	}
	return s, nil
}

func newMove(a event.Action, step int, url string) (*move, error) {
	raw, err := encode(a.Params)
	if err != nil {
		return nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	params, _ := v.(map[string]any)
	m := &move{sends: a.Sends, step: step, before: url, after: url}
	m.name, m.params = action.Renamed(a.Name, params)
	m.opens = a.OpenedTabs
	if m.opens == 0 && m.params["new_tab"] == true { // as logs from before opened_tabs have it
		m.opens = 1
	}
	return m, nil
}

// nextURL is the address of the page behind step i, empty where the next one began anew.
func (t *tape) nextURL(i int) string {
	if i+1 < len(t.steps) && t.steps[i+1].Attempt == t.steps[i].Attempt {
		return t.steps[i+1].URL
	}
	return ""
}

// kept lists the moves that are left.
func (t *tape) kept() (list []*move) {
	for _, m := range t.moves {
		if !m.gone {
			list = append(list, m)
		}
	}
	return list
}

// tabs names the tabs as they count up in a replay, where those that struck-out moves opened are not.
func (t *tape) tabs() {
	now := map[any]string{}
	old, kept, attempt := 1, 1, 0
	for _, m := range t.moves {
		if a := t.steps[m.step].Attempt; a != attempt { // a fresh browser counts from one again
			attempt, old = a, 1
		}
		if id, ok := now[m.params["tab_id"]]; ok && !m.gone {
			m.params["tab_id"] = id
		}
		for range m.opens {
			old++
			if !m.gone {
				kept++
				now[fmt.Sprintf("t%d", old)] = fmt.Sprintf("t%d", kept)
			}
		}
	}
}
