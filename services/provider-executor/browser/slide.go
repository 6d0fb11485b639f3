package browser

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// gauge is what a slider that a page has drawn itself says of its value.
type gauge struct {
	Now float64 `json:"now"`
	Min float64 `json:"min"`
	Max float64 `json:"max"`
	Has bool    `json:"has"` // it says what its value is
}

const (
	slideStrokes = 400 // keys at most
	slideLeap    = 10  // steps, from which on the keys for large ones are tried
)

// gauges reports whether an element is a slider that is no native field: it takes a value by keys.
func gauges(seen look) bool {
	return seen.Tag != "input" && !seen.Editable && (seen.Role == "slider" || seen.Role == "spinbutton")
}

// slide brings a slider to a value by its keys.
func (d *doing) slide(ctx context.Context, e element, seen look) (Outcome, error) {
	wanted, err := strconv.ParseFloat(strings.Trim(d.action.Text, " %\u00a0"), 64)
	if err != nil {
		return failed(fmt.Sprintf("%s takes a number, and text is %q", e.shown(), clip(d.action.Text, 100))), nil
	}
	var g gauge
	if err := e.call(ctx, &g, "gauge", true); err != nil {
		return Outcome{}, err
	}
	switch {
	case !g.Has:
		return failed(e.shown() + " does not say what its value is; use send_keys with ArrowRight and ArrowLeft, or drag with path, and look"), nil
	case wanted < g.Min || wanted > g.Max:
		return failed(fmt.Sprintf("%s goes from %g to %g", e.shown(), g.Min, g.Max)), nil
	}
	var out Outcome
	e.trace(ctx, &out, seen.Target)
	if g, err = d.slideTo(ctx, e, g, wanted); err != nil {
		return Outcome{}, err
	}
	d.settle(ctx, settleLimit)
	if g.Now != wanted {
		out.Success, out.Error = new(false), fmt.Sprintf("%s is at %g and goes no nearer to %g by its keys; give a value that it can have, or drag it with path", e.shown(), g.Now, wanted)
		return out, nil
	}
	out.Success, out.Content = new(true), fmt.Sprintf("%s is at %g now.", e.shown(), g.Now)
	return out, nil
}

// slideTo strokes keys for as long as each brings the value nearer.
func (d *doing) slideTo(ctx context.Context, e element, g gauge, wanted float64) (gauge, error) {
	step := 0.0 // of an arrow key
	for range slideStrokes {
		if g.Now == wanted {
			return g, nil
		}
		name := slideKey(g, wanted, step)
		if err := d.stroke(ctx, named[name], 0); err != nil {
			return g, err
		}
		was := g
		if err := e.call(ctx, &g, "gauge", false); err != nil {
			return g, err
		}
		nearer := math.Abs(g.Now-wanted) < math.Abs(was.Now-wanted)
		switch {
		case strings.HasPrefix(name, "Arrow") && !nearer:
			return g, nil
		case strings.HasPrefix(name, "Arrow"):
			step = math.Abs(g.Now - was.Now)
		case !nearer:
			step = math.Inf(1) // no leaps any more
		}
	}
	return g, nil
}

// slideKey chooses the key that leads to a value: to the ends at once, far away by leaps.
func slideKey(g gauge, wanted, step float64) string {
	up, far := wanted > g.Now, step > 0 && math.Abs(wanted-g.Now) >= slideLeap*step
	switch {
	case step == 0 && wanted == g.Min:
		return "Home"
	case step == 0 && wanted == g.Max:
		return "End"
	case far && up:
		return "PageUp"
	case far:
		return "PageDown"
	case up:
		return "ArrowUp"
	}
	return "ArrowDown"
}
