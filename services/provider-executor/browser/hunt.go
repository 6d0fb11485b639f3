package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/action"
)

// fingerprint fields that decide here; the rest is the script's.
type recorded struct {
	Role  string         `json:"role"`
	Name  string         `json:"name"`
	ID    string         `json:"id"`
	Field string         `json:"name_attr"`
	XPath string         `json:"xpath"`
	Frame []action.Frame `json:"frame"`
}

// hunt is the search for one element.
type hunt struct {
	Wanted
	raw       []json.RawMessage // of the script: the targets, and what was written by hand as one more
	targets   []recorded
	clickable bool // known by its listeners only
	homes     []map[*frame]bool
	matches   []*match

	likely      *match // the newest that is not sure, and since when
	likelySince time.Time
}

// match is an element that a frame has offered.
type match struct {
	Key    int     `json:"key"`
	Role   string  `json:"role"`
	Name   string  `json:"name"`
	Level  string  `json:"level"`
	Score  float64 `json:"score"`  // likeness of the names; at the level score that of everything
	Target int     `json:"target"` // which of the targets it is like
	Off    bool    `json:"off"`
	Closed bool    `json:"closed"`
	Exact  bool    `json:"exact"` // its role and name are the recorded ones
	Home   bool    `json:"home"`  // it is in the recorded landmark

	frame *frame
	token int
}

func newHunt(w Wanted) (*hunt, error) {
	h := &hunt{Wanted: w, raw: slices.Clone(w.Targets)}
	if w.CSS != "" || w.XPath != "" {
		byHand := map[string]string{}
		for field, value := range map[string]string{"css": w.CSS, "xpath": w.XPath, "role": w.Role} {
			if value != "" {
				byHand[field] = value
			}
		}
		raw, err := json.Marshal(byHand)
		if err != nil {
			return nil, fmt.Errorf("encode css and xpath: %w", err)
		}
		h.raw = append(h.raw, raw)
	}
	if len(h.raw) == 0 {
		return nil, refusal("nothing says which element is meant: give a target, css or xpath")
	}
	for i, raw := range h.raw {
		var t recorded
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, refusal(fmt.Sprintf("target %d is no fingerprint of an element: %v", i+1, err))
		}
		h.targets = append(h.targets, t)
		h.clickable = h.clickable || t.Role == "clickable"
	}
	return h, nil
}

// settleHomes tells for each target which frames it was in.
func (h *hunt) settleHomes(ctx context.Context, frames []*frame) {
	h.homes = nil
	for i, t := range h.targets {
		home := map[*frame]bool{}
		for _, f := range frames {
			home[f] = f.isAt(t.Frame)
			if h.byHand(i) {
				home[f] = f.isUnder(ctx, t.XPath)
			}
		}
		h.homes = append(h.homes, home)
	}
}

func (h *hunt) byHand(i int) bool { return i >= len(h.Targets) }

// isAt compares the frames around an element with those that were around it: their addresses or their names.
func (f *frame) isAt(hops []action.Frame) bool {
	for _, h := range slices.Backward(hops) {
		if f.parent == nil {
			return false
		}
		bare, _, _ := strings.Cut(f.url, "?")
		if clip(bare, 200) != h.URL && (h.Name == "" || f.name != h.Name) {
			return false
		}
		f = f.parent
	}
	return f.parent == nil
}

const intoFrame = "/#document"

// isUnder follows the frames that an XPath leads through.
func (f *frame) isUnder(ctx context.Context, path string) bool {
	owners := strings.Split(path, intoFrame)
	for _, owner := range slices.Backward(owners[:len(owners)-1]) {
		var leads bool
		if f.parent == nil || f.atOwner(ctx, &leads, "leads", owner) != nil || !leads {
			return false
		}
		f = f.parent
	}
	return f.parent == nil
}

// targetsFor leaves a path that was written by hand out of frames that it does not lead to.
func (h *hunt) targetsFor(f *frame) []json.RawMessage {
	last := len(h.raw) - 1
	if !h.byHand(last) || h.XPath == "" || h.homes[last][f] {
		return h.raw
	}
	only := map[string]string{"css": h.CSS}
	if h.CSS == "" {
		return h.raw[:last]
	}
	if h.Role != "" {
		only["role"] = h.Role
	}
	raw, err := json.Marshal(only)
	if err != nil {
		panic(err) // strings only
	}
	return append(slices.Clone(h.raw[:last]), raw)
}

func (h *hunt) take(f *frame, found sought) {
	for _, m := range found.Found {
		m.frame, m.token = f, found.Token
		h.matches = append(h.matches, m)
	}
}

// The levels of certainty, the surest first. What is found by a weak one is likely, no more.
var (
	sureLevels = []string{"testid", "id", "name", "label", "placeholder", "field", "row"}
	weakLevels = []string{"css", "xpath", "score"}
)

const (
	scoreEnough  = 0.75 // of a match by its score,
	scoreMargin  = 0.15 // which must be ahead of the next by as much
	scoreCertain = 0.9  // what an irreversible action asks of a weak level
	nameAlike    = 0.5  // an id that stayed, with another name than that is another element if the name is elsewhere
)

// choose gives the element that is meant, nil where none or more than one could be. sure: it is certain enough to be
// taken at first sight.
func (h *hunt) choose() (m *match, sure bool) {
	for _, atHome := range []bool{true, false} {
		for _, level := range sureLevels {
			if m := h.at(level, atHome); m != nil {
				return m, true
			}
		}
	}
	for _, atHome := range []bool{true, false} {
		for _, level := range weakLevels {
			if m := h.at(level, atHome); m != nil {
				return m, h.byHand(m.Target)
			}
		}
	}
	return nil, false
}

// at gives the only element of a level, by the newest target that has one; at home: of those where it was recorded.
func (h *hunt) at(level string, atHome bool) *match {
	for i := range h.targets {
		var all []*match
		for _, m := range h.matches {
			if m.Level == level && m.Target == i && (!atHome || h.isHome(m)) {
				all = append(all, m)
			}
		}
		switch {
		case level == "score":
			all = h.ahead(all)
		case !slices.Contains(weakLevels, level):
			all = slices.DeleteFunc(all, func(m *match) bool { return !h.admissible(m) })
		}
		if len(all) == 1 && h.admissible(all[0]) { // of a weak level also one that may not be taken makes the other doubtful
			return all[0]
		}
	}
	return nil
}

// isHome: in its frame, and for what only its name tells in its landmark. Scores are compared over the whole page.
func (h *hunt) isHome(m *match) bool {
	return m.Level != "score" && h.homes[m.Target][m.frame] && (m.Level != "name" || m.Home)
}

// admissible reports whether a match may be the wanted element. What kept its test id is it unless its name has moved to
// another element. Every other way to find an element asks for a name that says the same: an id, a path or a likeness
// alone may lead to another control. A field is told by its name attribute, label or placeholder as well as by its name.
func (h *hunt) admissible(m *match) bool {
	t := h.targets[m.Target]
	switch {
	case h.byHand(m.Target):
		return true
	case m.Level == "testid":
		return m.Exact || m.Score >= nameAlike || !h.named(m.Target)
	case m.Level == "id":
		return m.Exact || h.sameName(m) || fields[t.Role] && !generic.MatchString(t.ID) && !h.named(m.Target)
	case m.Level == "field":
		return fields[t.Role] && !generic.MatchString(t.Field) || h.sameName(m)
	case m.Level == "css", m.Level == "xpath":
		return h.sameName(m) && (!h.Irreversible || m.Score >= scoreCertain)
	case m.Level == "score":
		return h.sameName(m) && (m.Score >= scoreCertain || sameWords(t.Name, m.Name))
	}
	return true
}

// sameName: a control without a name was recorded with what it shows, its icon; the script has compared that.
func (h *hunt) sameName(m *match) bool {
	t := h.targets[m.Target]
	return m.Exact || t.Name == "" && m.Name == "" || t.Name != "" && sameName(t.Name, m.Name)
}

// fields are the roles of controls that take a value.
var fields = map[string]bool{
	"textbox": true, "searchbox": true, "combobox": true, "number": true, "spinbutton": true, "select": true, "listbox": true, "date": true,
	"time": true, "datetime": true, "month": true, "week": true, "slider": true, "file": true, "checkbox": true, "radio": true, "switch": true,
}

// generic are ids and names of fields that say nothing of what belongs in them.
var generic = regexp.MustCompile(`(?i)^(.{0,2}|text|value|input|field|textbox|data|name|item|query|key|control|form)[-_.:]?\d*$`)

// named: the recorded role and name are on the page.
func (h *hunt) named(target int) bool {
	return slices.ContainsFunc(h.matches, func(m *match) bool { return m.Target == target && m.Exact })
}

// ahead leaves the best if it is like enough and well ahead of the rest, else nothing.
func (h *hunt) ahead(all []*match) []*match {
	slices.SortStableFunc(all, func(a, b *match) int { return cmp.Compare(b.Score, a.Score) })
	if len(all) == 0 || all[0].Score < h.enough() || len(all) > 1 && all[0].Score-all[1].Score < scoreMargin {
		return nil
	}
	return all[:1]
}

func (h *hunt) enough() float64 {
	if h.Irreversible {
		return scoreCertain
	}
	return scoreEnough
}

// stays reports whether a match that is only likely may be taken: it has been the same for a while, and the page is
// calm, or there is no more time.
func (h *hunt) stays(m *match, last, calm bool) bool {
	if h.likely == nil || h.likely.token != m.token || h.likely.Key != m.Key {
		h.likely, h.likelySince = m, time.Now()
	}
	return last || calm && time.Since(h.likelySince) >= weakPatience
}

func (m *match) sureness() float64 {
	if slices.Contains(weakLevels, m.Level) {
		return m.Score
	}
	return 1
}

func (m *match) what() string {
	return element{reference: reference{role: m.Role, name: m.Name}}.what()
}

// what names the wanted element.
func (h *hunt) what() string {
	t := h.targets[0]
	switch {
	case t.Name != "":
		return element{reference: reference{role: cmp.Or(t.Role, "control"), name: t.Name}}.what()
	case h.CSS != "":
		return fmt.Sprintf("%s by the css %q", cmp.Or(h.Role, "element"), h.CSS)
	}
	return fmt.Sprintf("%s by the xpath %q", cmp.Or(t.Role, h.Role, "element"), cmp.Or(h.XPath, t.XPath))
}

const told = 3 // of the closest

// closest tells of what comes nearest, and why it is not it.
func (h *hunt) closest() []string {
	slices.SortStableFunc(h.matches, func(a, b *match) int { return cmp.Compare(b.Score, a.Score) })
	var lines []string
	type identity struct{ token, key int }
	seen := map[identity]bool{}
	for _, m := range h.matches {
		if id := (identity{m.token, m.Key}); !seen[id] && len(lines) < told {
			seen[id] = true
			lines = append(lines, fmt.Sprintf("%s (%.2f: %s)", m.what(), m.Score, h.whyNot(m)))
		}
	}
	return lines
}

func (h *hunt) whyNot(m *match) string {
	switch {
	case m.Off:
		return "disabled"
	case m.Level == "hidden":
		return "not visible"
	case m.Level == "otherrow":
		return "in another row"
	case h.Irreversible && slices.Contains(weakLevels, m.Level) && m.Score < scoreCertain:
		return "not sure enough for what cannot be undone"
	case m.Level == "score" && m.Score < scoreEnough:
		return "too unlike"
	}
	return "not the only one like it"
}
