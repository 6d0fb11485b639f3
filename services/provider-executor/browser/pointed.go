package browser

import (
	"context"
	"fmt"
	"math"

	"github.com/errand-run/errand/shared/action"
)

// point is a place in the viewport of a document, or in an element from its top left corner.
type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func (p point) String() string { return action.Point(p).String() }

// shot is where a picture was taken that the model was shown, and how far the page was scrolled then. Its pixels mean
// nothing anywhere else.
type shot struct {
	tab    *tab
	loader string
	scroll point
}

// Picture is Screenshot for a model that may then point at places of it.
// Errors: as Screenshot.
func (s *Session) Picture(ctx context.Context) ([]byte, error) {
	jpeg, err := s.Screenshot(ctx)
	if err != nil {
		return nil, err
	}
	err = s.using(ctx, func(t *tab) error {
		at, err := t.scrolled(ctx)
		s.change(func() { s.shot = &shot{t, t.doc.loader, at} })
		return err
	})
	return jpeg, err
}

// scrolled is how far the tab's page is scrolled.
func (t *tab) scrolled(ctx context.Context) (at point, err error) {
	f, err := t.page(ctx)
	if err == nil {
		err = f.call(ctx, &at, "scrolledTo")
	}
	return at, err
}

// page is the tab's main frame, with a world to run in.
func (t *tab) page(ctx context.Context) (*frame, error) {
	f := &frame{target: t.target, id: t.targetID, world: t.worldOf(t.targetID)}
	return f, f.enter(ctx)
}

// pointedAt is the element that the action is for: by its index, or by a point of the last picture.
func (d *doing) pointedAt(ctx context.Context) (element, error) {
	points, err := action.Points(d.action.Path)
	switch {
	case err != nil:
		return element{}, refusal(err.Error())
	case len(points) > 1:
		return element{}, refusal(`path is one point here, such as "120,80"`)
	case d.action.Index == nil && len(points) == 1:
		return d.pictured(ctx, point(points[0]))
	}
	e, err := d.element(ctx)
	if err == nil && len(points) == 1 {
		e.point = new(point(points[0]))
	}
	return e, err
}

var errNoPicture = refusal("path without index is a point of a picture, and none was shown of the page as it is now: use screenshot first, and point at what the picture then shows")

// pictured is the element that stands at a point of the last picture, if the page has not been scrolled or replaced since.
func (d *doing) pictured(ctx context.Context, at point) (element, error) {
	d.mu.Lock()
	taken, loader := d.shot, d.tab.doc.loader
	d.mu.Unlock()
	now, err := d.tab.scrolled(ctx)
	if err != nil {
		return element{}, err
	}
	if taken == nil || taken.tab != d.tab || taken.loader != loader || math.Abs(taken.scroll.X-now.X) > 1 || math.Abs(taken.scroll.Y-now.Y) > 1 {
		return element{}, errNoPicture
	}
	if at.X < 0 || at.Y < 0 || at.X >= viewportWidth || at.Y >= viewportHeight {
		return element{}, refusal(fmt.Sprintf("%s lies outside of the picture, which is %d,%d pixels large", at, viewportWidth, viewportHeight))
	}
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return element{}, err
	}
	return d.elementIn(ctx, frames[0], frames, at)
}

// standing is an element at a point, with that point as the element counts it.
type standing struct {
	Token int    `json:"token"`
	Key   int    `json:"key"`
	Role  string `json:"role"`
	Name  string `json:"name"`
	Frame bool   `json:"frame"` // it shows a document of its own
	point
}

// elementIn is the element that stands at a point of a frame, or of a frame in it.
func (d *doing) elementIn(ctx context.Context, f *frame, frames []*frame, at point) (element, error) {
	var met standing
	if err := f.call(ctx, &met, "spot", at.X, at.Y); err != nil {
		return element{}, err
	}
	if met.Frame {
		for _, child := range frames {
			var inner *point
			if child.parent == f && child.atOwner(ctx, &inner, "into", at.X, at.Y) == nil && inner != nil {
				return d.elementIn(ctx, child, frames, *inner)
			}
		}
	}
	ref := reference{tab: d.tab, frame: f.id, token: met.Token, key: met.Key, role: met.Role, name: met.Name}
	index, _ := d.refs.number(ref)
	return element{reference: ref, index: index, frame: f, point: &met.point}, nil
}

// pathOf is the point of the element that the action was done at, as the parameter path has it.
func (e element) pathOf() string {
	if e.point == nil {
		return ""
	}
	return e.point.String()
}

// where says at which point of the element something was done.
func (e element) where() string {
	if e.point == nil {
		return ""
	}
	return " at " + e.point.String()
}
