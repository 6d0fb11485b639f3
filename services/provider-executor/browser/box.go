package browser

import (
	"context"
	"math"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// boxPatience is for a page to say where an element stands. A run goes on without the box of one that is too busy.
const boxPatience = 2 * time.Second

// whereabouts is where the element that the action names stands in the viewport now; nil if there is none.
func (d *doing) whereabouts(ctx context.Context) *event.Box {
	if d.action.Index == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, boxPatience)
	defer cancel()
	e, err := d.element(ctx)
	if err != nil {
		return nil
	}
	at, err := d.reach(ctx, e, false)
	if err != nil || at.box.Width < 1 || at.box.Height < 1 {
		return nil
	}
	return &event.Box{X: math.Round(at.box.Left), Y: math.Round(at.box.Top), Width: math.Round(at.box.Width), Height: math.Round(at.box.Height)}
}
