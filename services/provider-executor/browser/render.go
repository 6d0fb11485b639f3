package browser

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// reference is what an index stands for: one element, as it was when last shown.
type reference struct {
	tab        *tab
	frame      string // frame id
	token, key int    // world of that frame, and the element's key in it
	role, name string
}

// refs numbers elements over a whole session. A number is never used twice.
type refs struct {
	last     int
	elements map[int]reference

	mu     sync.Mutex // frames are read at the same time
	worlds map[int]*world
}

// world is what is kept of one document's isolated world.
type world struct {
	indexes map[int]int  // element's key -> index
	heard   map[int]bool // backend node ids whose listeners its walker knows
	typing  map[int]bool // those of fields that it knows to listen for what is typed
	shown   bool         // it was part of an observation
	frame   *frame       // as an element of it was last resolved
}

func (r *refs) world(token int) *world {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.worlds[token] == nil {
		r.worlds[token] = &world{indexes: map[int]int{}, heard: map[int]bool{}, typing: map[int]bool{}}
	}
	return r.worlds[token]
}

// number returns the element's index and whether it is its first showing.
func (r *refs) number(ref reference) (index int, fresh bool) {
	w := r.world(ref.token)
	if index = w.indexes[ref.key]; index == 0 {
		r.last++
		index, fresh = r.last, true
		w.indexes[ref.key] = index
	}
	r.elements[index] = ref
	return index, fresh
}

// page is an observation in the making: the text for the model, and the same
// without numbers and marks, for the fingerprint.
type page struct {
	limit       int // characters
	text, plain strings.Builder
	controls    int
	below       int
	cut         int
	more        bool // text was cut
	full        bool // by us: nothing follows
	begun       bool // the line has text
	pictures    float64
}

// render puts what was seen into the words of the observation format.
func (s *Session) render(ctx context.Context, t *tab, seen *glance, limit int) Observation {
	p := page{limit: limit}
	s.mu.Lock()
	o := Observation{URL: t.doc.url, Title: seen.Title}
	dialogs, notices := s.dialogs, s.notices
	s.mu.Unlock()

	header := s.header(ctx, t, seen)
	if len(dialogs) > 0 {
		header += "DIALOGS " + strings.Join(dialogs, "; ") + "\n"
	}
	if len(notices) > 0 {
		header += "NOTE " + strings.Join(notices, "; ") + "\n"
	}
	s.renderFrame(&p, t, seen)
	text := p.text.String()
	if p.cut > 0 || p.more {
		text += fmt.Sprintf("--- cut here: %s; scroll or use find_text ---\n", p.left())
	}
	if p.below > 0 {
		text += fmt.Sprintf("--- %d more controls below ---\n", p.below)
	}
	o.Text, o.Controls, o.Pictured = header+text, p.controls, p.pictured()
	o.Fingerprint = fingerprint(o.URL, o.Title, fmt.Sprintf("%.1f", seen.Up), p.plain.String())
	return o
}

func (s *Session) header(ctx context.Context, t *tab, seen *glance) string {
	s.mu.Lock()
	tabs, address, position := append([]*tab(nil), s.tabs...), t.doc.url, 1
	s.mu.Unlock()
	for i, other := range tabs {
		if other == t {
			position = i + 1
		}
	}
	line := fmt.Sprintf("URL %s  TITLE %s  TAB %d/%d  SCROLL %.1f up %.1f down screens\n",
		clip(harmless(address), 500), clip(harmless(seen.Title), 120), position, max(1, len(tabs)), seen.Up, seen.Down)
	if len(tabs) < 2 {
		return line
	}
	names := make([]string, len(tabs))
	for i, other := range tabs {
		names[i] = other.id + " " + other.title(ctx)
		if other == t {
			names[i] = "*" + names[i]
		}
	}
	return line + "TABS " + strings.Join(names, " | ") + "\n"
}

// title names a tab for the list of tabs.
func (t *tab) title(ctx context.Context) string {
	var answer struct {
		Info targetInfo `json:"targetInfo"`
	}
	params := map[string]any{"targetId": t.targetID}
	if err := t.session.browser.conn.Root.Call(ctx, "Target.getTargetInfo", params, &answer); err != nil {
		return "?"
	}
	if answer.Info.Title != "" {
		return clip(harmless(cleanLine(answer.Info.Title)), 40)
	}
	return clip(harmless(answer.Info.URL), 60)
}

func (s *Session) renderFrame(p *page, t *tab, g *glance) {
	switch {
	case g.hidden:
		return
	case threw(g.err):
		p.text.WriteString("--- Errand could not read this page (an error of its own, see its log); extract, screenshot and navigate still work ---\n")
		return
	case g.err != nil && g.frame == nil, g.err != nil && g.frame.parent == nil:
		p.text.WriteString("--- the page does not answer: it is busy or hangs; wait, go back or navigate ---\n")
		return
	case g.err != nil:
		fmt.Fprintf(&p.text, "--- frame %s could not be read ---\n", hostOf(g.frame.url))
		return
	}
	if g.frame.parent != nil {
		p.line(frameLine(g))
	}
	if g.Above > 0 {
		p.line(fmt.Sprintf("--- %d more controls above ---", g.Above))
	}
	if g.Behind > 0 {
		p.line("--- dialog ---")
	}
	s.renderText(p, t, g)
	if g.Behind > 0 {
		p.line(fmt.Sprintf("--- the dialog covers the page: controls behind it, %d, are not shown and cannot be reached while it is open ---", g.Behind))
	}
	p.below += g.Below
	p.cut += g.Cut
	p.more = p.more || g.More
	p.pictures += g.Pictures
	for _, child := range g.children {
		s.renderFrame(p, t, child)
	}
}

// threw: our own script failed, which says nothing about the page.
func threw(err error) bool {
	_, ok := errors.AsType[*scriptError](err)
	return ok
}

func frameLine(g *glance) string {
	kind := ""
	if g.frame.target != g.frame.parent.target {
		kind = " (cross-site)"
	}
	scroll := ""
	if g.Up > 0.05 || g.Down > 0.05 {
		scroll = fmt.Sprintf(" %.1f up %.1f down", g.Up, g.Down)
	}
	return "--- frame " + hostOf(g.URL) + kind + scroll + " ---"
}

// left says what did not fit.
func (p *page) left() string {
	switch {
	case !p.more:
		return fmt.Sprintf("%d more controls do not fit", p.cut)
	case p.cut == 0:
		return "more text does not fit"
	}
	return fmt.Sprintf("%d more controls and more text do not fit", p.cut)
}

// fit is as much of a piece of a line as there is room for, in whole characters.
func (p *page) fit(piece string) string {
	room := max(0, p.limit-p.text.Len())
	if p.full {
		room = 0
	}
	if len(piece) <= room {
		return piece
	}
	p.more, p.full = true, true
	kept := strings.ToValidUTF8(piece[:room], "")
	p.cut += strings.Count(piece[len(kept):], mark)
	return kept
}

func (p *page) say(text string) {
	p.text.WriteString(text)
	p.plain.WriteString(text)
	p.begun = p.begun || text != ""
}

func (p *page) number(index int, fresh bool) {
	p.controls++
	p.begun = true
	if fresh {
		p.text.WriteByte('*')
	}
	p.text.WriteString("[" + strconv.Itoa(index) + "]")
}

// end ends a line that has text.
func (p *page) end() {
	if p.begun {
		p.say("\n")
	}
	p.begun = false
}

func (p *page) line(text string) {
	p.text.WriteString(text + "\n")
	p.plain.WriteString(text + "\n")
}

// renderText numbers the controls of one frame's lines, in reading order.
func (s *Session) renderText(p *page, t *tab, g *glance) {
	if g.Text == "" {
		return
	}
	w := s.refs.world(g.Token)
	known := w.shown
	w.shown = true
	controls := g.Controls
	for line := range strings.SplitSeq(g.Text, "\n") {
		for part := range strings.SplitAfterSeq(line, mark) {
			text, marked := strings.CutSuffix(p.fit(part), mark)
			p.say(text)
			if !marked {
				continue
			}
			c := controls.next()
			index, fresh := s.refs.number(reference{t, g.frame.id, g.Token, c.key, c.role, c.name})
			p.number(index, fresh && known)
		}
		p.end()
	}
}

// mark stands in a frame's text before each control.
const mark = "\x01"

// frameAt finds the frame that an index belongs to, if its tab still shows it.
func (s *Session) frameAt(ctx context.Context, ref reference) (*frame, error) {
	if f := s.refs.world(ref.token).frame; f != nil && s.options.Eager {
		return f, nil // as it was resolved
	}
	frames, err := ref.tab.framesOf(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		if f.id == ref.frame {
			return f, nil
		}
	}
	return nil, refusal("its frame is gone")
}
