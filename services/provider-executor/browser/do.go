package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/shared/action"
)

// doing is one action while it is carried out.
type doing struct {
	*Session
	tab    *tab
	action Action
	from   place // where the session was when it began
	opened int   // tabs ever adopted, then
	aimed  *aimed

	tallied bool         // what could be seen before is noted
	effect  *expectation // nil: none is waited for
}

// place is where the session is; an action that changes it has changed the page.
type place struct {
	tab         *tab
	loader, url string
}

// Do carries out one action and waits for what it started. An action that cannot be
// done is an Outcome that says why. Errors are what ends the step: ErrBrowserGone,
// ErrPageCrashed, the Gate's, ctx's.
func (s *Session) Do(ctx context.Context, a Action) (Outcome, error) {
	if implied, err := json.Marshal(action.Implied(a.Name)); err == nil {
		_ = json.Unmarshal(implied, &a) // parameters of an action
	}
	a.Name = action.Canonical(a.Name)
	do, ok := perform[a.Name]
	if !ok {
		return failed(fmt.Sprintf("there is no browser action %q", a.Name)), nil
	}
	done, err := s.take(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer done()
	t, err := s.current(ctx)
	if err != nil {
		return Outcome{}, orAsIs(ctx, err)
	}
	defer s.watch(ctx, t)()
	defer s.holdSends(ctx, a.Name, t)()
	d := &doing{Session: s, tab: t, action: a, from: s.place(), opened: s.adopted()}
	s.change(func() {
		s.acting, s.chooser = s.acting || action.Effectful(a.Name), nil
		s.unsaved.begin(a)
	})
	d.tally(ctx)
	before := d.whereabouts(ctx)
	out, err := do(d, ctx)
	out.Before = before
	if err = s.verdict(ctx, t, err); err != nil {
		if fatal := ending(ctx, err); fatal != nil {
			return Outcome{}, fatal
		}
		out = explain(err)
		out.Before = before
	}
	if d.endStay(&out); out.Error != "" {
		d.blame(&out)
	}
	d.tellChanges(ctx, &out)
	s.awaitDownloads(ctx)
	out.Sends = s.sends(ctx)
	s.account(&out)
	out.OpenedTabs = s.adopted() - d.opened
	out.Content = strings.TrimSpace(out.Content + " " + s.collect(ctx))
	if out.PageChanged = out.PageChanged || s.place() != d.from; !out.PageChanged {
		out.After = d.whereabouts(ctx)
	}
	if ctx.Err() != nil { // nobody has waited for what it led to
		return s.masked(out), ctx.Err()
	}
	return s.masked(out), nil
}

// verdict adds to an action's own error that its page crashed under it.
func (s *Session) verdict(ctx context.Context, t *tab, err error) error {
	if errors.Is(t.target.Err(), ErrPageCrashed) {
		return s.crash(ctx, t)
	}
	return err
}

// explain tells the model about an error that does not end the step.
func explain(err error) Outcome {
	var refused refusal
	switch {
	case errors.As(err, &refused):
		return failed(refused.Error())
	case errors.Is(err, cdp.ErrDetached):
		return Outcome{Content: "The tab was closed by its page.", PageChanged: true}
	case errors.Is(err, cdp.ErrTimeout):
		return failed("the page did not answer in time; it may be busy: wait, or navigate elsewhere")
	}
	return failed("the browser could not do it (" + err.Error() + "); look at the page again")
}

func (s *Session) place() place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active == nil {
		return place{}
	}
	return place{s.active, s.active.doc.loader, s.active.doc.url}
}

// adopted counts the tabs that the session has ever had.
func (s *Session) adopted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tabCount
}

// give sends input to the active page, if the gate allows it.
func (d *doing) give(ctx context.Context, method string, params any) error {
	if err := d.gate(); err != nil {
		return err
	}
	return d.tab.target.Call(ctx, method, params, nil)
}

// element is the one that the action's index names, with the frame it is in.
type element struct {
	reference
	index int
	frame *frame
	way   []action.Frame // through frames, as far as it was asked for
	point *point         // of it that is meant, from its top left corner; nil: any that a click reaches
}

func (d *doing) element(ctx context.Context) (element, error) {
	if d.action.Index == nil {
		return element{}, refusal("the action needs the index of an element")
	}
	e := element{index: *d.action.Index}
	var known bool
	if e.reference, known = d.refs.elements[e.index]; !known {
		return e, refusal(fmt.Sprintf("no element has had the index %d; take one from the page as shown", e.index))
	}
	d.mu.Lock()
	gone := !slices.Contains(d.tabs, e.tab)
	d.mu.Unlock()
	if gone {
		return e, e.stale(refusal("the tab that it was in has crashed or was closed"))
	}
	if e.tab != d.tab {
		return e, refusal(fmt.Sprintf("[%d] is in another tab (%s); switch to that first", e.index, e.tab.id))
	}
	var err error
	e.frame, err = d.frameAt(ctx, e.reference)
	return e, e.stale(err)
}

// call runs one of our script's functions on the element.
func (e element) call(ctx context.Context, out any, function string, args ...any) error {
	ref := []int{e.token, e.key}
	return e.stale(e.frame.call(ctx, out, function, append([]any{ref}, args...)...))
}

// stale puts the element's name before the reason why it cannot be used.
func (e element) stale(err error) error {
	var refused refusal
	if lost, ok := errors.AsType[*cdp.Error](err); ok && strings.Contains(lost.Message, "Cannot find context") {
		err = refusal("the page it was on has been replaced")
	}
	if errors.As(err, &refused) {
		if refused == "it is disabled now" {
			return refusal(fmt.Sprintf("%s is disabled now. Use the page as it is shown next.", e.shown()))
		}
		return refusal(fmt.Sprintf("[%d] was %s: %s. Use the page as it is shown next.", e.index, e.what(), refused))
	}
	return err
}

// shown names the element as the page text does.
func (e element) shown() string { return fmt.Sprintf("[%d] %s", e.index, e.what()) }

func (e element) what() string {
	if e.name == "" {
		return e.role
	}
	return fmt.Sprintf("%s %q", e.role, e.name)
}

// look is what an element was found to be, before or after an action.
type look struct {
	Role      string          `json:"role"`
	Tag       string          `json:"tag"`
	Type      string          `json:"type"`
	Toggled   *string         `json:"toggled"`
	Expanded  *string         `json:"expanded"`
	Editable  bool            `json:"editable"`
	Multiline bool            `json:"multiline"`
	Readonly  bool            `json:"readonly"`
	Suggests  bool            `json:"suggests"`
	X         float64         `json:"x"`
	Y         float64         `json:"y"`
	Target    json.RawMessage `json:"target"`
	Renamed   string          `json:"renamed"` // its name now, if it was shown under another
	Again     bool            `json:"again"`   // it was drawn anew since it was shown
	Wait      string          `json:"wait"`    // why it cannot be hit as yet
}

// trace fills in what replay needs to find the element again.
func (e element) trace(ctx context.Context, out *Outcome, target json.RawMessage) {
	fields := map[string]any{}
	if json.Unmarshal(target, &fields) != nil {
		return
	}
	path, _ := fields["xpath"].(string)
	if e.way == nil {
		e.way = e.hops(ctx)
	}
	for _, h := range slices.Backward(e.way) {
		path = h.XPath + "/#document" + path
	}
	if e.way != nil {
		fields["frame"] = e.way
	}
	fields["xpath"] = path
	out.XPath = path
	out.Target, _ = json.Marshal(fields)
}

// hops lists the frames on the way to the element, from the outermost.
func (e element) hops(ctx context.Context) (way []action.Frame) {
	for f := e.frame; f.parent != nil; f = f.parent {
		var at box
		if f.atOwner(ctx, &at, "frameBox") != nil {
			break
		}
		bare, _, _ := strings.Cut(f.url, "?")
		way = append([]action.Frame{{URL: clip(bare, 200), Name: at.Name, Ordinal: at.Ordinal, CSS: at.CSS, XPath: at.Path}}, way...)
	}
	return way
}

func (d *doing) wait(ctx context.Context) (Outcome, error) {
	seconds := min(max(or(d.action.Seconds, 3), 0), 30)
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return Outcome{Success: new(true), Content: fmt.Sprintf("Waited %g seconds.", seconds)}, nil
	case <-d.tab.target.Done():
		return Outcome{}, d.tab.target.Err()
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
}
