package browser

import (
	"context"
	"fmt"
	"strings"
)

// part is what a field holds, and how often a text is in it.
type part struct {
	Text      string `json:"text"`
	Count     int    `json:"count"`
	Multiline bool   `json:"multiline"`
}

// readField shows all that a field holds, with its line ends.
func (d *doing) readField(ctx context.Context) (Outcome, error) {
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var held part
	if err := e.call(ctx, &held, "fieldText"); err != nil {
		return Outcome{}, err
	}
	if held.Text == "" {
		return Outcome{Success: new(true), Content: e.shown() + " is empty."}, nil
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("%s holds:\n%s", e.shown(), held.Text)}, nil
}

// replaceText puts a text in the place of another one within a field, and leaves the rest as it is.
func (d *doing) replaceText(ctx context.Context) (Outcome, error) {
	if d.action.Query == "" {
		return failed("replace_text needs query, the text to replace, and text, what to put there"), nil
	}
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	seen, _, err := d.aimPatiently(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	if sentence := untypable(e, seen); sentence != "" {
		return failed(sentence), nil
	}
	var out Outcome
	e.trace(ctx, &out, seen.Target)
	if _, err := d.press(ctx, e); err != nil {
		return Outcome{}, err
	}
	var held part
	if err := e.call(ctx, &held, "selectPart", d.action.Query); err != nil {
		return Outcome{}, err
	}
	if held.Count != 1 {
		return failed(fmt.Sprintf("%q is %d times in %s: give a text that is there just once, with some of what is around it", clip(d.action.Query, 100), held.Count, e.shown())), nil
	}
	text := fieldText(d.action.Text, seen)
	if text == "" {
		err = d.stroke(ctx, named["Delete"], 0)
	} else {
		err = d.paste(ctx, e, text)
	}
	if err != nil {
		return Outcome{}, err
	}
	wanted := strings.Replace(held.Text, d.action.Query, text, 1)
	return d.afterwards(ctx, func() (Outcome, error) {
		h, err := d.held(ctx, e, wanted)
		if h.judge(e, &out, wanted, false); out.Error == "" {
			out.Content = fmt.Sprintf("Replaced %q by %q in %s.", clip(d.action.Query, 100), clip(text, 100), e.shown())
		}
		return out, err
	})
}
