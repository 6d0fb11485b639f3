package workflow

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/errand-run/errand/shared/action"
)

// prune strikes out what led nowhere, again and again, since each may leave something new side by side.
func (t *tape) prune() {
	t.lostAttempts()
	for _, m := range t.moves {
		m.gone = m.gone || m.keep() == action.LeftOut && !m.sends
	}
	for left := -1; left != len(t.kept()); {
		left = len(t.kept())
		t.undone()
		t.loops()
		t.overwritten()
	}
	t.scrolls()
}

// lostAttempts strikes out what an attempt did that was lost, but for what it sent and what led there: the next attempt
// began with a fresh browser.
func (t *tape) lostAttempts() {
	last := t.steps[len(t.steps)-1].Attempt
	sent := false
	for _, m := range slices.Backward(t.moves) {
		if i := m.step; i+1 < len(t.steps) && t.steps[i+1].Attempt != t.steps[i].Attempt {
			sent = false
		}
		sent = sent || m.sends
		m.gone = m.gone || t.steps[m.step].Attempt != last && !sent
	}
}

// idle reports whether nothing came of the moves a to b (both included) that lasts when their pages are left: nothing
// was sent, kept or read there.
func (t *tape) idle(moves []*move) bool {
	from, to := moves[0].step, moves[len(moves)-1].step
	for _, m := range moves {
		if m.sends || specOf(m.name).Replay.Lasts {
			return false
		}
	}
	for i := from; i <= to; i++ {
		if len(t.steps[i].Files) > 0 || i > from && slices.Contains(t.read, t.steps[i].Number) {
			return false
		}
	}
	return true
}

func strike(moves []*move) {
	for _, m := range moves {
		m.gone = true
	}
}

// keep says whether a recording keeps the move.
func (m *move) keep() action.Keep { return specOf(m.name).Replay.Keep }

// undone strikes out ways that were gone back: by go_back, or by closing the tab that they opened.
func (t *tape) undone() {
	moves := t.kept()
	var way []int // moves that led to another page, not gone back yet
	for i, m := range moves {
		undoes := specOf(m.name).Replay.Undoes
		if undoes == action.Nothing {
			if m.after != m.before {
				way = append(way, i)
			}
			continue
		}
		for len(way) > 0 {
			from := way[len(way)-1]
			way = way[:len(way)-1]
			if moves[from].before == m.after && m.after != "" {
				if t.idle(moves[from:i+1]) && (undoes == action.Tab) == (moves[from].opens > 0) {
					strike(moves[from : i+1])
				}
				break
			}
		}
	}
}

// loops strikes out ways that led back to where the same was done again.
func (t *tape) loops() {
	moves := t.kept()
	for i, m := range moves {
		if m.gone || m.after == m.before || m.after == "" {
			continue
		}
		for j := len(moves) - 1; j > i; j-- {
			again := moves[j]
			if m.repeats(again) && t.samePage(m.step, again.step) && !again.gone && t.idle(moves[i:j]) && !t.readBetween(m, again) {
				strike(moves[i:j])
				break
			}
		}
	}
}

func (t *tape) readBetween(m, later *move) bool {
	for i := m.step + 1; i <= later.step; i++ {
		if slices.Contains(t.read, t.steps[i].Number) {
			return true
		}
	}
	return false
}

func (t *tape) samePage(a, b int) bool {
	x, y := t.steps[a], t.steps[b]
	return x.URL == y.URL && x.Title == y.Title && slices.Equal(t.pages[a].Headings, t.pages[b].Headings)
}

// overwritten strikes out a move whose effect the one right behind it replaces.
func (t *tape) overwritten() {
	var before *move
	for _, m := range t.kept() {
		if m.keep() == action.IfNeeded {
			continue // whatever it showed
		}
		if before != nil && !before.sends && !t.readBetween(before, m) && before.opens == 0 && m.opens == 0 && m.replaces(before) {
			before.gone = true
			m.gone = m.gone || m.toggles()
		}
		before = m
		if m.gone {
			before = nil
		}
	}
}

func (m *move) replaces(before *move) bool {
	if m.name != before.name {
		return false
	}
	replay := specOf(m.name).Replay
	switch {
	case replay.Replaces == action.Never, m.params["clear"] == false: // it adds to what was there
		return false
	case m.mark("role") == "listbox": // of several choices each stays
		return false
	case replay.Toggles && (!m.toggles() || m.sends):
		return false
	}
	return replay.Replaces == action.Whatever || m.sameElement(before)
}

// toggles: a second click takes the first one back.
func (m *move) toggles() bool {
	role := m.mark("role")
	return specOf(m.name).Replay.Toggles && (role == "checkbox" || role == "switch")
}

// mark is a field of the fingerprint of the element that a move is for.
func (m *move) mark(field string) string {
	target, _ := m.params["target"].(map[string]any)
	s, _ := target[field].(string)
	return s
}

func (m *move) sameElement(other *move) bool {
	return m.before == other.before && m.params["xpath"] == other.params["xpath"] && m.mark("name") == other.mark("name")
}

// repeats reports whether the same was done again to the same element.
func (m *move) repeats(again *move) bool {
	if m.name != again.name || !m.sameElement(again) {
		return false
	}
	return !slices.ContainsFunc(specOf(m.name).Params, func(p action.Param) bool {
		return p.Type != action.Element && !reflect.DeepEqual(m.params[p.Name], again.params[p.Name])
	})
}

// scrolls strikes out scrolling that no replay needs, since it brings elements into view by itself. It stays where what
// was acted upon next, or read, may have appeared by it.
func (t *tape) scrolls() {
	moves := t.kept()
	for i, m := range moves {
		if m.keep() != action.IfNeeded || m.sends {
			continue
		}
		next := slices.IndexFunc(moves[i:], func(n *move) bool { return n.keep() != action.IfNeeded })
		m.gone = m.params["down"] == false || next < 0 || !t.revealed(m, moves[i+next], moves[:i])
	}
}

// revealed reports whether next may be about something that scrolling has brought.
func (t *tape) revealed(scroll, next *move, earlier []*move) bool {
	if !forElement(next.name) {
		return specOf(next.name).Replay.Anywhere || t.readBetween(scroll, next)
	}
	if slices.ContainsFunc(earlier, next.sameElement) {
		return false
	}
	target, _ := next.params["target"].(map[string]any)
	rect, _ := target["rect"].([]any)
	if len(rect) < 2 {
		return true
	}
	top, ok := rect[1].(json.Number)
	screens, err := top.Float64()
	return !ok || err != nil || screens >= 1 // the first screen of a page was there before
}
