package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/panics"
)

const (
	maxSeen   = 600  // leaves of a window
	maxNeeded = 5000 // leaves that hold a needle; with more of them nothing can be said to be the only one
)

// Leaf is a piece of text that a person can see on a page, or a machine-readable value that stands with it.
type Leaf struct {
	Text string `json:"text"`
	// Attr is the attribute that the text was taken from; empty: it is shown.
	Attr string `json:"attr"`
	// Node numbers the element, and Within the nearest element around it that is a leaf too; 0: there is none.
	Node   int `json:"node"`
	Within int `json:"within"`
	Anchors
	// Source tells how to find the leaf again.
	Source json.RawMessage `json:"source"`
	// Items are its places in repeated containers, the innermost first; at most two.
	Items []Item `json:"items"`
}

// Anchors are the texts by which a person would say where a leaf stands.
type Anchors struct {
	Label string `json:"label"`
	// Plain says that only its place makes the label one: it could be a value itself.
	Plain bool `json:"plain"`
	// Row is the key of the record that the leaf is in, as a row of a table is one; Above that of the record around it.
	Row   string `json:"row"`
	Above string `json:"above"`
	// Own says that the leaf is such a key, or holds it.
	Own     bool   `json:"own"`
	Column  string `json:"column"`
	Heading string `json:"heading"`
	// Sole says that the heading is the page's only h1, and Title that the leaf is.
	Sole  bool `json:"sole"`
	Title bool `json:"title"`
	// Repeated says that the leaf is in something of which there are several.
	Repeated bool `json:"repeated"`
}

// Item is a leaf's place in a repeated container.
type Item struct {
	Container int             `json:"container"` // its number
	List      json.RawMessage `json:"list"`      // how to find it again
	Index     int             `json:"index"`     // of the item, from 0
	Count     int             `json:"count"`     // of the container's items
	Field     json.RawMessage `json:"field"`     // where in the item the leaf is
	Recurs    bool            `json:"recurs"`    // of the first item: others have the field too
	Column    string          `json:"column"`    // the name of the leaf's column
}

// Leaves lists what can be read on the active tab's page: without needles what is in its window, at most 600; with
// needles what holds the letters and digits of one of them, on the whole page. Values of passwords are left out.
// Errors: ErrBrowserGone, ErrPageCrashed, ctx's, or why nothing can be said of the page.
func (s *Session) Leaves(ctx context.Context, needles []string) ([]Leaf, error) {
	limit := maxSeen
	if needles != nil {
		limit = maxNeeded
	}
	var all []Leaf
	err := s.readFrames(ctx, func(frames []*frame) error {
		found := make([]struct {
			Leaves []Leaf `json:"leaves"`
			Cut    int    `json:"cut"`
		}, len(frames))
		err := eachFrame(frames, func(i int, f *frame) error { return f.reveals(ctx, &found[i], "leaves", window, needles, limit) })
		if err != nil {
			return err
		}
		for i, f := range frames {
			if found[i].Cut > 0 && needles != nil {
				return fmt.Errorf("the page holds %d texts like those of the result, more than can be told apart", limit+found[i].Cut)
			}
			for _, l := range found[i].Leaves {
				all = append(all, s.leaf(l, f, i))
			}
		}
		return nil
	})
	return all[:min(len(all), limit)], err
}

// framed numbers what a frame has numbered, for all frames of a page.
func framed(number, frame int) int {
	if number == 0 {
		return 0
	}
	return frame*1e6 + number
}

// leaf is a leaf as the page's, from that of a frame.
func (s *Session) leaf(l Leaf, f *frame, i int) Leaf {
	secrets := s.options.Secrets
	l.Node, l.Within = framed(l.Node, i), framed(l.Within, i)
	l.Source = secrets.MaskJSON(f.framing(l.Source))
	for j, item := range l.Items {
		l.Items[j].Container = framed(item.Container, i)
		l.Items[j].List = secrets.MaskJSON(f.framing(item.List))
		l.Items[j].Field = secrets.MaskJSON(item.Field)
	}
	for _, text := range []*string{&l.Text, &l.Label, &l.Row, &l.Above, &l.Column, &l.Heading} {
		*text = secrets.Mask(*text)
	}
	return l
}

// hops are the frames that lead to this one.
func (f *frame) hops() (hops []action.Frame) {
	for ; f.parent != nil; f = f.parent {
		bare, _, _ := strings.Cut(f.url, "?")
		hops = append([]action.Frame{{URL: clip(bare, 200), Name: f.name}}, hops...)
	}
	return hops
}

// framing adds to a source which frame it is in.
func (f *frame) framing(source json.RawMessage) json.RawMessage {
	hops := f.hops()
	if hops == nil {
		return source
	}
	fields := map[string]any{}
	if json.Unmarshal(source, &fields) != nil {
		return source
	}
	fields["frame"] = hops
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // it came as JSON
	}
	return raw
}

// readFrames runs f on the frames of the active tab.
func (s *Session) readFrames(ctx context.Context, f func([]*frame) error) error {
	return s.using(ctx, func(t *tab) error {
		frames, err := t.framesOf(ctx)
		if err != nil {
			return err
		}
		return f(frames[:min(len(frames), maxFrames)])
	})
}

// eachFrame calls f for all frames at once. Only the main frame must answer.
func eachFrame(frames []*frame, f func(i int, each *frame) error) error {
	errs := make([]error, len(frames))
	var wg panics.Group
	for i, each := range frames {
		wg.Go(func() { errs[i] = f(i, each) })
	}
	wg.Wait()
	return errs[0]
}

// reveals calls a function of our script that says how many closed shadow roots it has met, and again if there were any.
func (f *frame) reveals(ctx context.Context, out any, function string, args ...any) error {
	var raw json.RawMessage
	if err := f.call(ctx, &raw, function, args...); err != nil {
		return err
	}
	var met struct {
		Hosts int `json:"hosts"`
	}
	if err := json.Unmarshal(raw, &met); err != nil {
		return fmt.Errorf("decode script's answer: %w", err)
	}
	if met.Hosts > 0 && f.reveal(ctx, min(met.Hosts, maxHosts)) {
		return f.call(ctx, out, function, args...)
	}
	return json.Unmarshal(raw, out)
}

// NotReadError says that a value does not stand where it was recorded, or not only there.
type NotReadError struct {
	Wanted string // what was looked for
	Found  string // what there is instead
}

func (e *NotReadError) Error() string {
	return fmt.Sprintf("looked for %s: %s", e.Wanted, e.Found)
}

// reread is what a frame answers.
type reread struct {
	Text  string     `json:"text"`  // of a source
	Rows  [][]string `json:"rows"`  // of a list
	Count int        `json:"count"` // of what fits; 1: it was read
	Near  []string   `json:"near"`  // labels that are there
	frame *frame
	err   error
}

// ReadSource reads the text of the one leaf that a source of Leaves tells of, once. It never takes the next best.
// Errors: *NotReadError, ErrBrowserGone, ErrPageCrashed, ctx's.
func (s *Session) ReadSource(ctx context.Context, source json.RawMessage) (string, error) {
	found, err := s.reread(ctx, source, describe(source), "reread", source)
	return s.options.Secrets.Mask(found.Text), err
}

// ReadList reads fields of the items of a list, in their order, a row of texts for each item; first limits it to so many
// items. Without a limit a list that goes on elsewhere is an error, unless it did so when it was recorded; one that loaded
// more when it was scrolled is scrolled to its end.
// Errors as for ReadSource.
func (s *Session) ReadList(ctx context.Context, list json.RawMessage, fields []json.RawMessage, first int) ([][]string, error) {
	if first == 0 {
		if err := s.loadList(ctx, list); err != nil {
			return nil, err
		}
	}
	found, err := s.reread(ctx, list, describeList(list), "readList", list, fields, first)
	for _, row := range found.Rows {
		for i, text := range row {
			row[i] = s.options.Secrets.Mask(text)
		}
	}
	return found.Rows, err
}

// loadList scrolls for the rest of a list that loaded more when it was recorded.
func (s *Session) loadList(ctx context.Context, list json.RawMessage) error {
	var recorded struct {
		Loads bool `json:"loads"`
	}
	if json.Unmarshal(list, &recorded) != nil || !recorded.Loads {
		return nil
	}
	return s.using(ctx, func(t *tab) error {
		defer s.watch(ctx, t)()
		frames, err := t.framesOf(ctx)
		if err != nil {
			return err
		}
		u := unrolling{session: s, screens: RollScreens}
		if err := u.page(ctx, frames); err != nil {
			return err
		}
		if len(u.notes) > 0 {
			return &NotReadError{describeList(list), strings.Join(u.notes, "; ")}
		}
		return nil
	})
}

func (s *Session) reread(ctx context.Context, source json.RawMessage, wanted, function string, args ...any) (reread, error) {
	var home struct {
		Frame []action.Frame `json:"frame"`
	}
	if err := json.Unmarshal(source, &home); err != nil {
		return reread{}, &NotReadError{wanted, "the source is no object of JSON"}
	}
	var answers []reread
	err := s.readFrames(ctx, func(frames []*frame) error {
		answers = make([]reread, len(frames))
		return eachFrame(frames, func(i int, f *frame) error {
			err := f.reveals(ctx, &answers[i], function, args...)
			answers[i].frame, answers[i].err = f, err
			if _, refused := errors.AsType[refusal](err); refused {
				return nil
			}
			return err
		})
	})
	if err != nil {
		return reread{}, err
	}
	return chosen(answers, home.Frame, wanted)
}

// chosen takes the answer of the frame that the source was in, or else that of the only other one that has it.
func chosen(answers []reread, home []action.Frame, wanted string) (reread, error) {
	at := slices.IndexFunc(answers, func(r reread) bool { return r.frame.isAt(home) })
	if at < 0 || answers[at].Count == 0 && answers[at].err == nil {
		others := slices.DeleteFunc(slices.Clone(answers), func(r reread) bool { return r.Count == 0 })
		if len(others) == 1 {
			return others[0].orError(wanted)
		}
		if len(others) > 1 {
			return reread{}, &NotReadError{wanted, fmt.Sprintf("%d frames have it", len(others))}
		}
	}
	return answers[max(at, 0)].orError(wanted)
}

func (r reread) orError(wanted string) (reread, error) {
	switch {
	case r.err != nil:
		return reread{}, &NotReadError{wanted, r.err.Error()}
	case r.Count == 1:
		return r, nil
	case r.Count > 1:
		return reread{}, &NotReadError{wanted, fmt.Sprintf("the page has %d of it", r.Count)}
	case len(r.Near) > 0:
		return reread{}, &NotReadError{wanted, "the page has it nowhere; labels on it are " + quotedList(r.Near)}
	}
	return reread{}, &NotReadError{wanted, "the page has it nowhere"}
}

func quotedList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = strconv.Quote(t)
	}
	return strings.Join(quoted, ", ")
}

// describe tells of a source as a person would.
func describe(source json.RawMessage) string {
	var a struct {
		Anchors
		CSS   string `json:"css"`
		XPath string `json:"xpath"`
	}
	_ = json.Unmarshal(source, &a) // what is no source says nothing of itself
	text := "a text"
	for _, part := range []struct{ words, value string }{
		{"labelled", a.Label}, {"in the row", a.Row}, {"of", a.Above}, {"in the column", a.Column}, {"under the heading", a.Heading},
	} {
		if part.value != "" {
			text += fmt.Sprintf(" %s %q", part.words, part.value)
		}
	}
	if a.Title {
		text = "the page's only h1"
	}
	if text == "a text" {
		text += " at " + first(a.CSS, a.XPath, "no place that was told")
	}
	return text
}

func describeList(list json.RawMessage) string {
	var l struct{ Item, Label, Heading, CSS string }
	_ = json.Unmarshal(list, &l)
	return fmt.Sprintf("a list of %s at %s under the heading %q", l.Item, l.CSS, first(l.Label, l.Heading))
}
