package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// Recording is a run that succeeded, as its log tells it.
type Recording struct {
	Prompt     string
	InitialURL string           // of the run, empty for none
	Steps      []event.StepData // of all attempts, in order, all done, with their actions
	Result     json.RawMessage
	JSON       bool // the result is JSON, not a text
}

// Record makes a workflow of a run: what led nowhere is left out, what the prompt said becomes parameters, and what the
// pages looked like becomes conditions. The notes are sentences for people: what was left out, and what a replay needs
// a model for. An error says why the run cannot be replayed.
func Record(in Recording) (Workflow, []string, error) {
	if len(in.Steps) == 0 {
		return Workflow{}, nil, errors.New("the run has no steps")
	}
	t, err := newTape(in.Steps)
	if err != nil {
		return Workflow{}, nil, err
	}
	found := t.pages[len(t.pages)-1]
	for _, f := range found.Fields {
		t.read = append(t.read, f.Step)
	}
	t.prune()
	t.tabs()
	r := &recorder{in: in, tape: t, moves: t.kept(), constant: map[string]bool{}}
	if err := r.replayable(); err != nil {
		return Workflow{}, nil, err
	}
	w, err := r.workflow(found)
	if err != nil {
		return Workflow{}, nil, err
	}
	raw, err := w.JSON()
	if err != nil {
		return Workflow{}, nil, err
	}
	if w, err = Parse(raw); err != nil { // what could not be stored by PUT is not recorded either
		return Workflow{}, nil, fmt.Errorf("the recording makes no workflow: %w", err)
	}
	return w, r.notes(w), nil
}

// recorder makes a workflow of the moves that are left.
type recorder struct {
	in       Recording
	tape     *tape
	moves    []*move
	book     *book
	steps    []int           // indexes of the recorded steps that are left
	constant map[string]bool // headings that were shown before any value had a say
}

// replayable reports whether each move that is left can be done again.
func (r *recorder) replayable() error {
	if len(r.moves) == 0 || r.moves[len(r.moves)-1].name != "done" {
		return errors.New("the run did not end with the action done")
	}
	for _, m := range r.moves {
		number := r.tape.steps[m.step].Number
		spec, known := action.Lookup(m.name)
		if !known {
			return fmt.Errorf("step %d has an action %q, which no replay can do", number, m.name)
		}
		if spec.Replay.Keep == action.Refused {
			return fmt.Errorf("step %d has the action %s, which no replay can do: %s", number, m.name, spec.Replay.Reason)
		}
		if forElement(m.name) && m.params["target"] == nil && m.params["xpath"] == nil {
			return fmt.Errorf("step %d does not say which element its %s was for; run the task again and record that run", number, m.name)
		}
	}
	return nil
}

func (r *recorder) workflow(found Sources) (Workflow, error) {
	first := r.moves[0]
	first.initial = first.name == "navigate" && r.in.InitialURL != "" && first.params["url"] == r.in.InitialURL
	r.book = newBook(r.in.Prompt, r.moves, map[string]bool{InitialURL: true})
	found = r.book.apart(found)
	w := Workflow{Version: 1, Parameters: r.book.parameters(), PromptTemplate: r.book.template()}
	if first.initial {
		w.Parameters = append(w.Parameters, Parameter{
			Name: InitialURL, Description: "the page that the run begins with", Type: TypeString, ExampleValue: r.in.InitialURL,
		})
	}
	r.record(&w)
	var err error
	if w.Result, err = r.result(found); err != nil {
		return w, err
	}
	return r.withoutUnused(w)
}

// withoutUnused drops the parameters that no step and no part of the result holds: another value would change nothing.
func (r *recorder) withoutUnused(w Workflow) (Workflow, error) {
	raw, err := encode([]any{w.Steps, w.Result})
	if err != nil {
		return w, err
	}
	used := names(string(raw))
	r.book.values = slices.DeleteFunc(r.book.values, func(v *value) bool { return !slices.Contains(used, v.name) })
	w.Parameters = slices.DeleteFunc(w.Parameters, func(p Parameter) bool { return p.Name != InitialURL && !slices.Contains(used, p.Name) })
	w.PromptTemplate = r.book.template()
	return w, nil
}

// record fills in the steps.
func (r *recorder) record(w *Workflow) {
	for _, m := range r.moves {
		if len(r.steps) == 0 || r.steps[len(r.steps)-1] != m.step {
			r.steps = append(r.steps, m.step)
			step := r.tape.steps[m.step]
			described := r.book.put(step.Description, func(v *value) bool { return v.usedIn(m.step) })
			w.Steps = append(w.Steps, Step{Number: len(r.steps), Description: described, Seconds: r.seconds(m.step)})
		}
		last := &w.Steps[len(w.Steps)-1]
		last.Actions = append(last.Actions, r.book.action(m))
	}
	dependent := false
	for i := range w.Steps {
		w.Steps[i].Before = r.before(i, dependent)
		dependent = dependent || w.Steps[i].depends()
		w.Steps[i].After = r.after(i, dependent)
	}
}

// seconds is how long a recorded step took, waits that were pruned before it included.
func (r *recorder) seconds(at int) float64 {
	step := r.tape.steps[at]
	if step.FinishedAt == nil || step.StartedAt.IsZero() {
		return 0
	}
	from := step.StartedAt
	if len(r.steps) > 1 {
		if before := r.tape.steps[r.steps[len(r.steps)-2]].FinishedAt; before != nil && before.Before(from) {
			from = *before
		}
	}
	return math.Round(step.FinishedAt.Sub(from).Seconds()*10) / 10
}

func (v *value) usedIn(step int) bool {
	return slices.ContainsFunc(v.slots, func(s filled) bool { return s.move.step == step })
}

// depends reports whether what a step does depends on a parameter that says what the run is about.
func (s Step) depends() bool {
	for _, a := range s.Actions {
		raw, err := encode(a.Params)
		if err != nil || slices.ContainsFunc(names(string(raw)), func(name string) bool { return name != InitialURL }) {
			return true
		}
	}
	return false
}

// before is what the page of the i-th step looked like, nil for a page without an address.
func (r *recorder) before(i int, dependent bool) *Condition {
	at := r.steps[i]
	headings := r.tape.pages[at].Headings
	if !dependent {
		for _, h := range headings {
			r.constant[h] = true
		}
	}
	return condition(r.pattern(at), r.headings(headings, !dependent))
}

// after is what the i-th step has led to, nil where that is not known. Where the address tells it, headings that may be
// about the recorded item are not asked for.
func (r *recorder) after(i int, dependent bool) *Condition {
	if i+1 == len(r.steps) {
		return nil
	}
	at, next := r.steps[i], r.steps[i+1]
	var appeared []string
	for _, h := range r.tape.pages[next].Headings {
		if !slices.Contains(r.tape.pages[at].Headings, h) {
			appeared = append(appeared, h)
		}
	}
	here, there := r.pattern(at), r.pattern(next)
	return condition(there, r.headings(appeared, !dependent || here == there))
}

func condition(url string, headings []string) *Condition {
	if url == "" {
		return nil
	}
	return &Condition{URL: url, Headings: headings}
}

// pattern is the address of a recorded step's page, as far as it is the same in every run.
func (r *recorder) pattern(at int) string {
	p := pattern(r.tape.steps[at].URL, func(_, part string) (string, bool) {
		for _, v := range r.book.values {
			if slices.ContainsFunc(v.slots, func(s filled) bool { return s.part == part && part != "" && s.format == "" }) {
				return v.placeholder(""), true
			}
			if strings.EqualFold(v.text, part) {
				return "*", true
			}
		}
		if r.book.holds(part) || r.chosen(part) {
			return "*", true
		}
		return "", false
	})
	for _, start := range r.starts() {
		if u, err := url.Parse(start); err == nil && u.Host != "" {
			if path, ok := strings.CutPrefix(p, u.Scheme+"://"+u.Host+"/"); ok {
				return "*//*/" + path
			}
		}
	}
	return p
}

// starts are the addresses that another run may give otherwise: its initial_url, and those that the prompt tells whole.
func (r *recorder) starts() (list []string) {
	if r.moves[0].initial {
		list = append(list, r.in.InitialURL)
	}
	for _, v := range r.book.values {
		for _, s := range v.slots {
			if s.key == "url" && s.part == "" {
				list = append(list, s.text)
			}
		}
	}
	return list
}

// chosen reports whether a part of an address is that of an item which a value has chosen: the last part of where the
// click on it has led, or of what it links to.
func (r *recorder) chosen(part string) bool {
	return part != "" && slices.ContainsFunc(r.moves, func(m *move) bool {
		target, _ := m.params["target"].(map[string]any)
		_, item := r.book.target(m, target)
		if !item || !specOf(m.name).Replay.Chosen || lastPart(m.before) == part {
			return false
		}
		return lastPart(m.after) == part || lastPart(m.mark("href_path")) == part
	})
}

func lastPart(address string) string {
	path := bare(address)
	last, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		return ""
	}
	return last
}

// maxHeadings is how many headings a condition names.
const maxHeadings = 5

// headings are those of a page that are the same in every run: with placeholders, or shown before any value had a say;
// all of them where that is certain.
func (r *recorder) headings(list []string, certain bool) (kept []string) {
	for _, h := range list {
		parts, _ := pieces(r.book.put(h, nil))
		template := ""
		for _, p := range parts {
			p.literal = figures.ReplaceAllString(p.literal, "#")
			template += p.String()
		}
		if (certain || r.constant[h] || len(names(template)) > 0) && !slices.Contains(kept, template) && len(kept) < maxHeadings {
			kept = append(kept, template)
		}
	}
	return kept
}

// notes are for people.
func (r *recorder) notes(w Workflow) []string {
	list := r.tape.notes
	done := 0
	for _, s := range r.in.Steps {
		done += len(s.Actions)
	}
	if gone := done - len(r.moves); gone > 0 {
		list = append(list, fmt.Sprintf("%d of %d actions are left out: they failed, were undone, or only looked at the page.", gone, done))
	}
	for _, m := range r.moves {
		switch {
		case m.name == "drag" && m.params["to_target"] == nil && m.params["path"] == nil:
			list = append(list, fmt.Sprintf("Step %d drags something, and the recording does not say onto what: a replay needs a model there.", r.tape.steps[m.step].Number))
		case m.name == "write_file" || m.name == "replace_file":
			list = append(list, fmt.Sprintf("Step %d writes a file: a replay writes the recorded text.", r.tape.steps[m.step].Number))
		}
	}
	for _, path := range w.Result.NeedsModel {
		what := "the part " + path + " of the result"
		if path == "" {
			what = "the result"
		}
		list = append(list, fmt.Sprintf("A replay needs a model for %s: no page has a certain place to read it from.", what))
	}
	return list
}
