package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

const (
	coverPatience = 3 * time.Second // for what covers an element, as a veil does while a page loads
	strokesAtOnce = 40              // keys that are under way before the gate is asked again
)

// aimed is an element that was aimed at and not pressed yet.
type aimed struct {
	seen look
	at   point
}

// pressOnce gives an element a real click where it was last seen. The page's own events are watched
// instead: a press that would reach anything else is kept from it, and tried again. after is a function of our script
// that is called then, and whose answer goes into out; it tells of such a press.
func (d *doing) pressOnce(ctx context.Context, e element, out any, after string, args ...any) (look, error) {
	var met string
	for range 3 {
		seen, at, err := d.aimOnce(ctx, e)
		if err == nil {
			err = e.clickable(seen)
		}
		if err == nil {
			err = d.clickAt(ctx, at)
		}
		if err != nil {
			return seen, err
		}
		var answer struct {
			Met string `json:"met"` // instead
			OK  any    `json:"ok"`
		}
		answer.OK = out
		if err := e.call(ctx, &answer, after, args...); err != nil {
			return seen, d.unlessLeft(ctx, e, err)
		}
		if met = answer.Met; met == "" {
			return seen, nil
		}
	}
	return look{}, refusal(fmt.Sprintf("[%d] %s does not hold still: a click would have reached %s", e.index, e.what(), met))
}

// unlessLeft forgives an error of a page that the click is leaving, or of a frame that it took away.
func (d *doing) unlessLeft(ctx context.Context, e element, err error) error {
	if d.follow(ctx); ending(ctx, err) == nil && (d.place() != d.from || e.frame.parent != nil) {
		return nil
	}
	return err
}

// aimOnce takes what was aimed at already.
func (d *doing) aimOnce(ctx context.Context, e element) (look, point, error) {
	if a := d.aimed; a != nil {
		d.aimed = nil
		return a.seen, a.at, nil
	}
	return d.aimPatiently(ctx, e)
}

// aimPatiently waits for what covers the element to go.
func (d *doing) aimPatiently(ctx context.Context, e element) (look, point, error) {
	for start := time.Now(); ; {
		seen, at, err := d.aim(ctx, e)
		if !d.options.Eager && covered(err) {
			return d.aimAside(ctx, e, err)
		}
		if err != nil || seen.Wait == "" {
			return seen, at, err
		}
		if time.Since(start) > coverPatience {
			return seen, at, e.stale(refusal(seen.Wait))
		}
		if err := d.stir(ctx, pollEvery); err != nil {
			return seen, at, err
		}
	}
}

const (
	asideLooks = 5 // at an element, until what our pointer has opened over it is gone
	asideEvery = 60 * time.Millisecond
)

// aimAside moves the pointer off the page, whose place may be why something covers the element: a tooltip, an open menu.
// An error is that of the first look, if the pointer was not in the way.
func (d *doing) aimAside(ctx context.Context, e element, first error) (look, point, error) {
	if err := d.mouse(ctx, "mouseMoved", point{-1, -1}); err != nil {
		return look{}, point{}, err
	}
	for range asideLooks {
		seen, at, err := d.aim(ctx, e)
		if err == nil {
			return seen, at, nil
		}
		if err := d.pause(ctx, asideEvery); err != nil {
			return seen, at, err
		}
	}
	return look{}, point{}, first
}

func covered(err error) bool {
	return err != nil && strings.Contains(err.Error(), "covered by")
}

// clickAt sends a click off in one go.
func (d *doing) clickAt(ctx context.Context, at point) error {
	if err := d.gate(); err != nil {
		return err
	}
	var sent []*cdp.Pending
	for _, event := range d.clickEvents(at) {
		sent = append(sent, d.tab.target.Start("Input.dispatchMouseEvent", event))
	}
	return waitAll(ctx, sent)
}

// typeAtOnce strokes the keys of a text without waiting for each.
func (d *doing) typeAtOnce(ctx context.Context, text string) error {
	for part := range slices.Chunk([]rune(text), strokesAtOnce) {
		if err := d.gate(); err != nil {
			return err
		}
		var sent []*cdp.Pending
		for _, r := range part {
			down, up := strokeOf(keyOf(r), d.down.bits())
			sent = append(sent, d.tab.target.Start("Input.dispatchKeyEvent", down), d.tab.target.Start("Input.dispatchKeyEvent", up))
		}
		if err := waitAll(ctx, sent); err != nil {
			return err
		}
	}
	return nil
}

func waitAll(ctx context.Context, sent []*cdp.Pending) error {
	for i, p := range sent {
		if err := p.Wait(ctx, nil); err != nil {
			for _, rest := range sent[i+1:] {
				rest.Forget()
			}
			return err
		}
	}
	return nil
}
