package browser

import (
	"context"
	"fmt"
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
