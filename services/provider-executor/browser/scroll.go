package browser

import (
	"context"
	"errors"
	"fmt"
)

// rolled is where a scrolled part stands, in screens of its own.
type rolled struct {
	Moved bool    `json:"moved"`
	Up    float64 `json:"up"`
	Down  float64 `json:"down"`
	Grown bool    `json:"grown"` // it has become longer
}

const (
	growsSoon   = 400  // ms that a list has to show that it goes on after scrolling has come to its end
	growsWithin = 2000 // ms if it was there before
	loadsWithin = 8000 // ms, as long as it says that it is loading
)

// awaitMore waits at the end of what is scrolled for what a page may load there. What did not move for its end goes on.
func (d *doing) awaitMore(ctx context.Context, r rolled, screens float64) (rolled, error) {
	if r.Moved && r.Down > endsWithin {
		return r, nil
	}
	patience := growsWithin
	if r.Moved { // the page as it is shown next tells as much
		patience = growsSoon
	}
	var more rolled
	if err := d.onScroller(ctx, &more, "grows", patience, loadsWithin); err != nil || !more.Grown {
		if ending(ctx, err) != nil {
			return r, err
		}
		return r, nil
	}
	if r.Moved {
		r.Down = more.Down
		return r, nil
	}
	return d.roll(ctx, screens)
}

const endsWithin = 0.05 // screens

func (d *doing) scroll(ctx context.Context) (Outcome, error) {
	screens := or(d.action.Pages, 1)
	if !or(d.action.Down, true) {
		screens = -screens
	}
	if err := d.gate(); err != nil {
		return Outcome{}, err
	}
	r, err := d.roll(ctx, screens)
	if err != nil {
		return Outcome{}, err
	}
	d.settle(ctx, settleLimit)
	if screens > 0 {
		if r, err = d.awaitMore(ctx, r, screens); err != nil {
			return Outcome{}, err
		}
	}
	where := fmt.Sprintf("%.1f screens up and %.1f down from here", r.Up, r.Down)
	if !r.Moved {
		return failed("nothing moved: it is at its end (" + where + ")"), nil
	}
	return Outcome{Success: new(true), Content: "Scrolled; " + where + "."}, nil
}

func (d *doing) roll(ctx context.Context, screens float64) (r rolled, err error) {
	err = d.onScroller(ctx, &r, "scroll", screens)
	return r, err
}

// onScroller calls a function of our script on what the action scrolls.
func (d *doing) onScroller(ctx context.Context, out any, function string, args ...any) error {
	if d.action.Index != nil && *d.action.Index != 0 {
		e, err := d.element(ctx)
		if err != nil {
			return err
		}
		return e.call(ctx, out, function, args...)
	}
	f := &frame{target: d.tab.target, id: d.tab.targetID, world: d.tab.worldOf(d.tab.targetID)}
	if err := f.enter(ctx); err != nil {
		return err
	}
	return f.call(ctx, out, function, append([]any{nil}, args...)...)
}

func (d *doing) findText(ctx context.Context) (Outcome, error) {
	if cleanLine(d.action.Text) == "" {
		return failed("find_text needs the text to look for"), nil
	}
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var errs []error
	for _, f := range frames {
		found, err := f.findText(ctx, d.action.Text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if found {
			d.settle(ctx, settleLimit)
			return Outcome{Success: new(true), Content: fmt.Sprintf("Scrolled to %q.", d.action.Text)}, nil
		}
	}
	if len(errs) == len(frames) {
		return Outcome{}, errors.Join(errs...)
	}
	return failed(fmt.Sprintf("the text %q is not on the page", clip(d.action.Text, 100))), nil
}

// findText looks again in shadow roots that the first look has opened.
func (f *frame) findText(ctx context.Context, text string) (bool, error) {
	var answer struct {
		Found bool `json:"found"`
		Hosts int  `json:"hosts"`
	}
	err := f.call(ctx, &answer, "findText", text)
	if err == nil && !answer.Found && f.reveal(ctx, min(answer.Hosts, maxHosts)) {
		err = f.call(ctx, &answer, "findText", text)
	}
	return answer.Found, err
}
