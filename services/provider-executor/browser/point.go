package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// hover rests the pointer on an element.
func (d *doing) hover(ctx context.Context) (Outcome, error) {
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	seen, at, err := d.aimPatiently(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	e.trace(ctx, &out, seen.Target)
	d.expect(ctx, e, false)
	if err := d.mouse(ctx, "mouseMoved", at); err != nil {
		return Outcome{}, err
	}
	d.settlePatiently(ctx)
	out.Content = fmt.Sprintf("The pointer rests on %s.", e.shown())
	return out, nil
}

const (
	dragSteps    = 8                      // moves between two elements: pages that follow the pointer need some
	dragPatience = 300 * time.Millisecond // for the browser to say that a drag of its own has begun
)

// drag moves the pointer from one element to another with its button held.
func (d *doing) drag(ctx context.Context) (Outcome, error) {
	if d.action.To == nil {
		return failed("drag needs index, what to drag, and to, the index of what to drop it on"), nil
	}
	from, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	onto := *d
	onto.action.Index = d.action.To
	to, err := onto.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	d.expect(ctx, from, false)
	if err := d.carry(ctx, from, to, &out); err != nil {
		return Outcome{}, err
	}
	d.settlePatiently(ctx)
	out.Content = fmt.Sprintf("Dragged %s onto %s. Look whether the page took it.", from.shown(), to.shown())
	return out, nil
}

// carry does the drag. A drag that the page has declared is the browser's own, and is told to it in its own events:
// there is no pointer of the system that could carry it.
func (d *doing) carry(ctx context.Context, from, to element, out *Outcome) error {
	under, _, err := d.aimPatiently(ctx, to)
	if err != nil {
		return err
	}
	var drop Outcome
	to.trace(ctx, &drop, under.Target)
	seen, start, err := d.aimPatiently(ctx, from)
	if err != nil {
		return err
	}
	from.trace(ctx, out, seen.Target)
	out.Drop = drop.Target
	d.change(func() { d.tab.drag = nil })
	if err := d.tab.target.Call(ctx, "Input.setInterceptDrags", map[string]any{"enabled": true}, nil); err != nil {
		return err
	}
	defer func() {
		d.tab.target.Start("Input.setInterceptDrags", map[string]any{"enabled": false}).Forget()
	}()
	for _, kind := range []string{"mouseMoved", "mousePressed"} {
		if err := d.mouse(ctx, kind, start); err != nil {
			return err
		}
	}
	end, err := d.pull(ctx, to, start)
	if err == nil {
		err = d.over(ctx, "drop", end)
	}
	if released := d.mouse(ctx, "mouseReleased", end); err == nil {
		err = released
	}
	return err
}

// pull moves the pressed pointer to the element and returns where that is.
func (d *doing) pull(ctx context.Context, to element, start point) (point, error) {
	if err := d.move(ctx, point{start.X + 5, start.Y + 5}); err != nil { // enough for a drag to begin
		return start, err
	}
	limited, cancel := context.WithTimeout(ctx, dragPatience)
	defer cancel()
	_ = d.await(limited, func() bool { return d.tab.drag != nil })
	_, end, err := d.aimPatiently(ctx, to)
	if err != nil {
		return start, err
	}
	if err := d.over(ctx, "dragEnter", start); err != nil {
		return end, err
	}
	for i := 1; i <= dragSteps; i++ {
		part := float64(i) / dragSteps
		if err := d.move(ctx, point{start.X + (end.X-start.X)*part, start.Y + (end.Y-start.Y)*part}); err != nil {
			return end, err
		}
	}
	return end, nil
}

// move moves the pressed pointer, or what it drags.
func (d *doing) move(ctx context.Context, at point) error {
	if d.dragged() != nil {
		return d.over(ctx, "dragOver", at)
	}
	return d.give(ctx, "Input.dispatchMouseEvent", map[string]any{
		"type": "mouseMoved", "x": at.X, "y": at.Y, "button": "left", "buttons": 1,
	})
}

// over tells of a drag of the browser's own, where there is one.
func (d *doing) over(ctx context.Context, kind string, at point) error {
	data := d.dragged()
	if data == nil {
		return nil
	}
	return d.give(ctx, "Input.dispatchDragEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "data": data})
}

func (d *doing) dragged() json.RawMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tab.drag
}

// drags notes that a drag of the browser's own has begun, and what it carries.
func (t *tab) drags(e cdp.Event) {
	var p struct {
		Data json.RawMessage `json:"data"`
	}
	if e.Decode(&p) == nil {
		t.session.change(func() { t.drag = p.Data })
	}
}
