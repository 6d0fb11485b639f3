package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/shared/action"
)

const (
	dragStep     = 25.0                   // pixels of one move: pages that follow the pointer look at each
	lastMoves    = 2                      // of a pixel each
	dragMoves    = 120                    // between two points, at most
	dragPatience = 300 * time.Millisecond // for the browser to say that a drag of its own has begun
	stillLooks   = 20                     // at a drop target, until it stands still
	stillEvery   = 40 * time.Millisecond
)

// way is where a drag begins and how it goes on: to an element, or through points of the viewport.
type way struct {
	from, to element // to is empty if there are points
	start    point
	through  []point
}

// drag moves the pointer with its button held: from one element onto another, or through points.
func (d *doing) drag(ctx context.Context) (Outcome, error) {
	points, err := action.Points(d.action.Path)
	if err != nil {
		return failed(err.Error()), nil
	}
	var out Outcome
	w, err := d.wayOf(ctx, points, &out)
	if err != nil {
		return Outcome{}, err
	}
	release, err := d.hold(ctx)
	if err == nil {
		d.expect(ctx, w.from, false)
		err = d.carry(ctx, w)
		err = errors.Join(err, release(ctx))
	}
	if err != nil {
		return Outcome{}, err
	}
	d.settlePatiently(ctx)
	out.Content = fmt.Sprintf("Dragged %s%s.", w.from.shown(), d.withKeys())
	if w.to.index != 0 {
		out.Content = fmt.Sprintf("Dragged %s onto %s%s%s.", w.from.shown(), w.to.shown(), w.to.where(), d.withKeys())
	}
	out.Content += " Look whether the page took it."
	return out, nil
}

// wayOf aims at both ends of a drag.
func (d *doing) wayOf(ctx context.Context, points []action.Point, out *Outcome) (w way, err error) {
	switch {
	case d.action.To != nil && len(points) > 1:
		return w, refusal(`with to, path is one point of it to drop on, such as "20,30"`)
	case d.action.To != nil:
		if w.to, err = d.dropOn(ctx, points, out); err != nil {
			return w, err
		}
	case len(points) == 0:
		return w, refusal("drag needs index, what to drag, and to, the index of what to drop it on; or path, the points to drag through")
	case d.action.Index == nil && len(points) < 2:
		return w, refusal(`path without index is at least two points of the last screenshot, such as "120,80 300,80"`)
	}
	first := action.Action{Index: d.action.Index}
	if d.action.Index == nil || d.action.To == nil && len(points) > 1 {
		first.Path = points[0].String()
	}
	at := *d
	at.action.Index, at.action.Path = first.Index, first.Path
	if w.from, err = at.pointedAt(ctx); err != nil {
		return w, err
	}
	seen, start, err := d.aimPatiently(ctx, w.from)
	if err != nil {
		return w, err
	}
	w.start = start
	w.from.trace(ctx, out, seen.Target)
	if d.action.To == nil {
		err = d.lay(ctx, &w, points, out)
	}
	return w, err
}

// dropOn aims at what a drag ends on.
func (d *doing) dropOn(ctx context.Context, points []action.Point, out *Outcome) (element, error) {
	onto := *d
	onto.action.Index = d.action.To
	to, err := onto.element(ctx)
	if err != nil {
		return to, err
	}
	if len(points) == 1 {
		to.point = new(point(points[0]))
	}
	under, _, err := d.aimPatiently(ctx, to)
	if err != nil {
		return to, err
	}
	var drop Outcome
	to.trace(ctx, &drop, under.Target)
	out.Drop = drop.Target
	return to, nil
}

// lay puts the points of a path, which count from the element or from the last picture, into the viewport. A replay has
// them counted from the element.
func (d *doing) lay(ctx context.Context, w *way, points []action.Point, out *Outcome) error {
	corner, err := d.boxOf(ctx, w.from)
	if err != nil {
		return err
	}
	if d.action.Index == nil {
		for i, p := range points {
			points[i] = action.Point{X: p.X - corner.X, Y: p.Y - corner.Y}
			out.Path += " " + points[i].String()
		}
		out.Path = out.Path[1:]
	}
	if len(points) > 1 {
		points = points[1:]
	}
	for _, p := range points {
		at := point{corner.X + p.X, corner.Y + p.Y}
		if at.X < 0 || at.Y < 0 || at.X >= viewportWidth || at.Y >= viewportHeight {
			return refusal(fmt.Sprintf("the point %s of path lies outside of the window; scroll first, or drag to a nearer one", p))
		}
		w.through = append(w.through, at)
	}
	return nil
}

// carry does the drag. A drag that the page has declared is the browser's own, and is told to it in its own events:
// there is no pointer of the system that could carry it.
func (d *doing) carry(ctx context.Context, w way) error {
	d.change(func() { d.tab.drag = nil })
	if err := d.tab.target.Call(ctx, "Input.setInterceptDrags", map[string]any{"enabled": true}, nil); err != nil {
		return err
	}
	defer func() {
		d.tab.target.Start("Input.setInterceptDrags", map[string]any{"enabled": false}).Forget()
	}()
	for _, kind := range []string{"mouseMoved", "mousePressed"} {
		if err := d.mouse(ctx, kind, w.start); err != nil {
			return err
		}
	}
	end, err := d.grip(ctx, w)
	if err == nil {
		end, err = d.pull(ctx, w)
	}
	if err != nil {
		return errors.Join(err, d.drop(ctx, "dragCancel", w.start))
	}
	return d.drop(ctx, "drop", end)
}

// drop ends a drag of the browser's own in the given way, and releases the pointer.
func (d *doing) drop(ctx context.Context, kind string, at point) error {
	if kind == "dragCancel" { // what is dragged goes back to where it was
		if err := d.move(ctx, at); err != nil {
			return err
		}
	}
	return errors.Join(d.over(ctx, kind, at), d.mouse(ctx, "mouseReleased", at))
}

// grip looks whether the press has reached the element, and moves far enough for a drag to begin.
func (d *doing) grip(ctx context.Context, w way) (point, error) {
	var answer struct {
		Met string `json:"met"` // instead
	}
	if err := w.from.call(ctx, &answer, "pressed"); err != nil {
		return w.start, err
	}
	if answer.Met != "" {
		return w.start, refusal(fmt.Sprintf("%s does not hold still: a press would have reached %s", w.from.shown(), answer.Met))
	}
	near := point{w.start.X + 5, w.start.Y + 5}
	if err := d.move(ctx, near); err != nil {
		return w.start, err
	}
	limited, cancel := context.WithTimeout(ctx, dragPatience)
	defer cancel()
	_ = d.await(limited, func() bool { return d.tab.drag != nil })
	return near, d.over(ctx, "dragEnter", w.start)
}

// pull moves the pressed pointer along its way and returns where that ends.
func (d *doing) pull(ctx context.Context, w way) (at point, err error) {
	if w.to.index != 0 {
		return d.pullOnto(ctx, w)
	}
	at = w.start
	for i, p := range w.through {
		dir, goal := heading(at, p), p
		if i == len(w.through)-1 {
			goal = point{p.X - lastMoves*dir.X, p.Y - lastMoves*dir.Y} // the last moves end there
		}
		for toward(&at, goal) {
			if err := d.move(ctx, at); err != nil {
				return at, err
			}
		}
		if i == len(w.through)-1 {
			err = d.nudge(ctx, &at, dir)
		}
	}
	return at, err
}

// pullOnto moves the pressed pointer onto an element. Lists make room for what is dragged over them: the element is
// aimed at anew before each move, until the pointer is where it was meant to go or the element has given way to it.
func (d *doing) pullOnto(ctx context.Context, w way) (at point, err error) {
	at = w.start
	last, err := d.reach(ctx, w.to, true)
	if err != nil {
		return at, err
	}
	for range dragMoves {
		if !toward(&at, last.goal) {
			break
		}
		if err := d.move(ctx, at); err != nil {
			return at, err
		}
		now, err := d.reach(ctx, w.to, false)
		if last.holds(at) && (err != nil || now.box != last.box) {
			break // it was under the pointer, and is gone or has given way
		}
		if err != nil {
			return at, err
		}
		last = now
	}
	if !last.holds(at) {
		return at, refusal(w.to.shown() + " moves away from what is dragged; nothing was dropped")
	}
	d.awaitStill(ctx, w.to)
	err = d.nudge(ctx, &at, heading(w.start, at))
	return at, err
}

// goal is where an element is dropped upon, and the box that it stands in, both in the viewport.
type goal struct {
	goal point
	box  struct{ Left, Top, Width, Height float64 }
}

func (g goal) holds(p point) bool {
	return p.X >= g.box.Left && p.Y >= g.box.Top && p.X < g.box.Left+g.box.Width && p.Y < g.box.Top+g.box.Height
}

// reach reports where the element is now. bring: it is scrolled into view before.
func (d *doing) reach(ctx context.Context, e element, bring bool) (g goal, err error) {
	var box struct {
		point
		Width  float64 `json:"width"`
		Height float64 `json:"height"`
	}
	if err := e.call(ctx, &box, "goal", bring); err != nil {
		return g, err
	}
	corner, err := d.outward(ctx, e.frame, box.point)
	g.box.Left, g.box.Top, g.box.Width, g.box.Height = corner.X, corner.Y, box.Width, box.Height
	g.goal = point{corner.X + box.Width/2, corner.Y + box.Height/2}
	if e.point != nil {
		g.goal = point{corner.X + e.point.X, corner.Y + e.point.Y}
	}
	return g, err
}

// boxOf is the top left corner of an element in the viewport of the page.
func (d *doing) boxOf(ctx context.Context, e element) (point, error) {
	g, err := d.reach(ctx, e, false)
	return point{g.box.Left, g.box.Top}, err
}

// outward turns a point of a frame into one of the page, whatever covers it.
func (d *doing) outward(ctx context.Context, f *frame, at point) (point, error) {
	for ; f.parent != nil; f = f.parent {
		if err := f.atOwner(ctx, &at, "outward", at.X, at.Y); err != nil {
			return at, err
		}
	}
	return at, nil
}

// toward moves a point one step toward another and reports whether it had to.
func toward(at *point, to point) bool {
	dx, dy := to.X-at.X, to.Y-at.Y
	far := math.Hypot(dx, dy)
	if far < 0.5 {
		return false
	}
	part := min(1, dragStep/far)
	at.X, at.Y = at.X+dx*part, at.Y+dy*part
	return true
}

// heading is the way from one point to another in steps of a pixel to the side, down or both.
func heading(from, to point) point {
	sign := func(n float64) float64 {
		switch {
		case n > 1:
			return 1
		case n < -1:
			return -1
		}
		return 0
	}
	return point{sign(to.X - from.X), sign(to.Y - from.Y)}
}

// nudge ends a drag with moves of a pixel: pages decide by the last ones where something is dropped.
func (d *doing) nudge(ctx context.Context, at *point, by point) error {
	for range lastMoves {
		next := point{at.X + by.X, at.Y + by.Y}
		if next.X < 0 || next.Y < 0 || next.X >= viewportWidth || next.Y >= viewportHeight {
			return nil
		}
		*at = next
		if err := d.move(ctx, *at); err != nil {
			return err
		}
	}
	return nil
}

// awaitStill waits for an element that is being moved, as lists do in which something is dragged, for as long as a move may take.
func (d *doing) awaitStill(ctx context.Context, e element) {
	var last goal
	for range stillLooks {
		now, err := d.reach(ctx, e, false)
		if err != nil || now == last || d.pause(ctx, stillEvery) != nil {
			return
		}
		last = now
	}
}

// pause waits.
func (d *doing) pause(ctx context.Context, long time.Duration) error {
	select {
	case <-time.After(long):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// move moves the pressed pointer, or what it drags.
func (d *doing) move(ctx context.Context, at point) error {
	if d.dragged() != nil {
		return d.over(ctx, "dragOver", at)
	}
	event := d.mouseAt("mouseMoved", at)
	event["button"], event["buttons"] = "left", 1
	return d.give(ctx, "Input.dispatchMouseEvent", event)
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
