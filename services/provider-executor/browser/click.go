package browser

import (
	"context"
	"fmt"
	"math"
)

func (d *doing) click(ctx context.Context) (Outcome, error) {
	e, err := d.pointedAt(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if !d.action.SkipFingerprint {
		e.way = e.hops(ctx) // a click may take its own frame away
	}
	release, err := d.hold(ctx)
	if err != nil {
		return Outcome{}, err
	}
	before, err := d.press(ctx, e)
	if released := release(ctx); err == nil {
		err = released
	}
	if err != nil {
		return Outcome{}, err
	}
	var traced Outcome
	e.trace(ctx, &traced, before.Target)
	out, _ := d.afterwards(ctx, func() (Outcome, error) { return d.judgeClick(ctx, e, before), nil })
	out.XPath, out.Target, out.Path = traced.XPath, traced.Target, e.pathOf()
	if out.Success == nil && d.place() != d.from {
		out.Success = new(true)
	}
	if d.choosing() != nil {
		out.Success = new(true)
		out.Content += " It asks for a file: use upload_file with this index and the name of a file."
	}
	if d.leaves() {
		out.Content += " The page that it leads to is still loading: wait for it, do not repeat the click."
	}
	return out, nil
}

// press aims at the element and gives it a real click. What it returns is how the
// element was before.
func (d *doing) press(ctx context.Context, e element) (look, error) {
	if !d.options.Eager {
		if err := d.approach(ctx, e); err != nil {
			return look{}, err
		}
		if clickedWord[d.action.Name] != "" {
			d.expect(ctx, e, false)
		}
	}
	return d.pressOnce(ctx, e, nil, "pressed")
}

// approach rests the pointer on the element before it is pressed: the pointer may move things, and things may be moving.
func (d *doing) approach(ctx context.Context, e element) error {
	seen, at, err := d.aimPatiently(ctx, e)
	if err == nil {
		err = e.clickable(seen)
	}
	for range 3 {
		if err != nil {
			return err
		}
		if err := d.mouse(ctx, "mouseMoved", at); err != nil {
			return err
		}
		was := at
		seen, at, err = d.aim(ctx, e)
		if math.Abs(was.X-at.X) < 1 && math.Abs(was.Y-at.Y) < 1 {
			break
		}
	}
	d.aimed = &aimed{seen, at}
	return err
}

func (e element) clickable(seen look) error {
	switch {
	case seen.Tag == "select":
		return refusal(fmt.Sprintf("[%d] is a native select: use select_dropdown with the option's text", e.index))
	case seen.Type == "file":
		return refusal(fmt.Sprintf("[%d] is a file field: use upload_file with the name of a file", e.index))
	}
	return nil
}

// aim finds the point of the page where a click reaches the element.
func (d *doing) aim(ctx context.Context, e element) (look, point, error) {
	var seen look
	if err := e.call(ctx, &seen, "aim", d.options.Eager, d.action.SkipFingerprint, e.point); err != nil || seen.Wait != "" {
		return seen, point{}, err
	}
	at := point{seen.X, seen.Y}
	for f := e.frame; f.parent != nil; f = f.parent {
		if err := e.stale(f.atOwner(ctx, &at, "through", at.X, at.Y)); err != nil {
			return seen, at, err
		}
	}
	return seen, at, nil
}

func (d *doing) mouse(ctx context.Context, kind string, at point) error {
	return d.give(ctx, "Input.dispatchMouseEvent", d.mouseAt(kind, at))
}

// mouseAt is a mouse event with the keys that are down.
func (d *doing) mouseAt(kind string, at point) map[string]any {
	params := mouseAt(kind, at)
	params["modifiers"] = d.down.bits()
	return params
}

func mouseAt(kind string, at point) map[string]any {
	params := map[string]any{"type": kind, "x": at.X, "y": at.Y}
	if kind != "mouseMoved" {
		params["button"], params["clickCount"] = "left", 1
	}
	return params
}

// clickEvents lists the mouse events of an action's click: a double click is two presses, of which the second says that
// it is one, and a right click uses the other button.
func (d *doing) clickEvents(at point) []map[string]any {
	events, count, button := []map[string]any{d.mouseAt("mouseMoved", at)}, 1, "left"
	switch d.action.Name {
	case "double_click":
		count = 2
	case "right_click":
		button = "right"
	}
	for n := 1; n <= count; n++ {
		for _, kind := range []string{"mousePressed", "mouseReleased"} {
			event := d.mouseAt(kind, at)
			event["button"], event["clickCount"] = button, n
			events = append(events, event)
		}
	}
	return events
}

var clickedWord = map[string]string{"click": "Clicked", "double_click": "Double-clicked", "right_click": "Right-clicked"}

// judgeClick compares the element with what it was before the click.
func (d *doing) judgeClick(ctx context.Context, e element, before look) (out Outcome) {
	out.Content = clickedWord[d.action.Name] + " " + e.shown() + e.where() + d.withKeys() + "."
	if before.Renamed != "" {
		out.Content += fmt.Sprintf(" It is the same control, called %q now.", before.Renamed)
	}
	out.Content += before.redrawn()
	var after *look
	if err := e.call(ctx, &after, "state"); err != nil || after == nil {
		return out // gone with the page it was on: the click had some effect
	}
	plain := d.action.Name == "click" && d.action.Keys == ""
	if changed(before.Toggled, after.Toggled) {
		out.Success = new(true)
		out.Content += fmt.Sprintf(" It is %s now.", onOff(*after.Toggled))
	} else if before.Type == "checkbox" && plain { // a double click takes itself back
		out = Outcome{Success: new(false), Error: fmt.Sprintf("[%d] %s was clicked and is still %s; the page did not take the change", e.index, e.what(), onOff(or(after.Toggled, "false")))}
	} else if before.Type == "radio" && d.action.Name != "right_click" {
		out.Success = new(or(after.Toggled, "") == "true")
		if !*out.Success {
			out.Content, out.Error = "", fmt.Sprintf("[%d] %s was clicked and is not selected", e.index, e.what())
		}
	}
	if changed(before.Expanded, after.Expanded) {
		out.Success = new(true)
		out.Content += fmt.Sprintf(" It is %s now.", map[string]string{"true": "open", "false": "closed"}[*after.Expanded])
	}
	return out
}

// redrawn says that an element is not the very one that was shown.
func (seen look) redrawn() string {
	if !seen.Again {
		return ""
	}
	return " The page had drawn it anew in the same place."
}

func changed(before, after *string) bool {
	return after != nil && (before == nil || *before != *after)
}

func onOff(toggled string) string {
	if toggled == "true" {
		return "checked"
	}
	return "unchecked"
}
