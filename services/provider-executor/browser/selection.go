package browser

import (
	"context"
	"fmt"
	"strings"
)

// selectText selects a text of the page, or of one element, as dragging over it would.
func (d *doing) selectText(ctx context.Context) (Outcome, error) {
	if cleanLine(d.action.Text) == "" {
		return failed("select_text needs text, what to select, just as the page has it"), nil
	}
	if err := d.gate(); err != nil {
		return Outcome{}, err
	}
	got, err := d.selectIn(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if got.Count != 1 {
		return failed(fmt.Sprintf("%q is there %d times: give a text that is there just once, or the index of what holds it", clip(d.action.Text, 100), got.Count)), nil
	}
	if err := d.stroke(ctx, named["Shift"], 0); err != nil { // pages look at the selection when a key comes up
		return Outcome{}, err
	}
	d.settle(ctx, settleLimit)
	if strings.Join(strings.Fields(got.Text), " ") != strings.Join(strings.Fields(d.action.Text), " ") {
		return failed(fmt.Sprintf("the page lets only %q be selected", clip(got.Text, 100))), nil
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("Selected %q.", clip(d.action.Text, 100))}, nil
}

// selectIn selects the text in the element, or in the frame that has it.
func (d *doing) selectIn(ctx context.Context) (got part, err error) {
	if d.action.Index != nil && *d.action.Index != 0 {
		e, err := d.element(ctx)
		if err != nil {
			return got, err
		}
		err = e.call(ctx, &got, "selectText", d.action.Text)
		return got, err
	}
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return got, err
	}
	for i, f := range frames[:min(len(frames), maxFrames)] {
		if err = f.call(ctx, &got, "selectText", nil, d.action.Text); err != nil && i == 0 || got.Count > 0 {
			return got, err
		}
	}
	return got, nil
}
