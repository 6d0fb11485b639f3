package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/errand-run/errand/services/provider-executor/secret"
)

// assigned are the fields whose parts cannot be typed as one text.
var assigned = []string{"date", "time", "datetime-local", "month", "week", "color", "range"}

// untyped are the inputs that hold no text at all.
var untyped = []string{"checkbox", "radio", "button", "submit", "reset", "image", "file", "hidden"}

// holding is what a field holds, compared with what it should.
type holding struct {
	Gone   bool   `json:"gone"`
	Equal  bool   `json:"equal"`
	Alike  bool   `json:"alike"` // the same value in a form of the field's own
	Ends   bool   `json:"ends"`  // with what was typed behind the rest
	More   bool   `json:"more"`  // than what was typed, which is in it
	Value  string `json:"value"`
	Secret bool   `json:"secret"`
	Empty  bool   `json:"empty"`
	Max    int    `json:"max"`    // characters that it takes, if more were typed; else 0
	Number bool   `json:"number"` // it is a number field
}

func (d *doing) input(ctx context.Context) (Outcome, error) {
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	seen, at, err := d.aimPatiently(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	if d.options.Eager {
		d.aimed = &aimed{seen, at}
	}
	if gauges(seen) {
		return d.slide(ctx, e, seen)
	}
	if sentence := untypable(e, seen); sentence != "" {
		return failed(sentence), nil
	}
	var out Outcome
	e.trace(ctx, &out, seen.Target)
	switch {
	case secret.In(d.action.Text):
		err = d.inputSecret(ctx, e, seen)
	case slices.Contains(assigned, seen.Type):
		err = d.assign(ctx, e)
	default:
		err = d.typeInto(ctx, e, seen)
	}
	if err != nil {
		return Outcome{}, err
	}
	return d.afterwards(ctx, func() (Outcome, error) { return d.judgeInput(ctx, e, seen, out) })
}

func untypable(e element, seen look) string {
	switch {
	case seen.Tag == "select":
		return fmt.Sprintf("[%d] is a native select: use select_dropdown with the option's text", e.index)
	case seen.Readonly:
		return fmt.Sprintf("[%d] %s is read-only; click it, it may open a picker", e.index, e.what())
	case seen.Tag == "input" && slices.Contains(untyped, seen.Type), seen.Tag != "input" && seen.Tag != "textarea" && !seen.Editable:
		return fmt.Sprintf("[%d] is a %s and takes no text; click it, or choose a text field", e.index, e.what())
	}
	return ""
}

func (d *doing) assign(ctx context.Context, e element) error {
	if err := d.gate(); err != nil {
		return err
	}
	return e.call(ctx, nil, "assign", d.action.Text)
}

// typeInto clicks into the field as a person would and types over what it holds.
func (d *doing) typeInto(ctx context.Context, e element, seen look) error {
	clearing := or(d.action.Clear, true)
	focused, err := d.enterField(ctx, e, clearing)
	if err != nil {
		return err
	}
	if !focused {
		return refusal(fmt.Sprintf("[%d] %s does not take the focus; click it and look again", e.index, e.what()))
	}
	d.expect(ctx, e, true)
	text := fieldText(d.action.Text, seen)
	if text == "" && clearing {
		return d.stroke(ctx, named["Delete"], 0)
	}
	return d.put(ctx, e, text)
}

// enterField clicks into a field and puts the caret over what it holds, or behind that.
func (d *doing) enterField(ctx context.Context, e element, over bool) (focused bool, err error) {
	if d.options.Eager {
		_, err = d.pressOnce(ctx, e, &focused, "caret", over)
		return focused, err
	}
	if _, err := d.press(ctx, e); err != nil {
		return false, err
	}
	return focused, e.call(ctx, &focused, "select", over)
}

// fieldText is the text as the field can take it: without line ends if it has one line.
func fieldText(text string, seen look) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if !seen.Multiline {
		text = strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", " ")
	}
	return text
}

const typedLimit = 200 // characters typed key by key; a longer text is inserted as if pasted

// put puts a text where the caret is. Keys are pressed only for what is text on every page: Tab would leave the field
// and Enter send it, so that texts with these are pasted, as long ones are.
func (d *doing) put(ctx context.Context, e element, text string) error {
	if utf8.RuneCountInString(text) > typedLimit || strings.ContainsAny(text, "\t\n") {
		return d.paste(ctx, e, text)
	}
	return d.typeText(ctx, text)
}

// paste puts a text where the caret is in one piece. The page gets a paste event, whose default we carry out, and a key
// event behind it: pages look at a field when they come.
func (d *doing) paste(ctx context.Context, e element, text string) error {
	if err := d.gate(); err != nil {
		return err
	}
	var taken bool
	if err := e.call(ctx, &taken, "pasted", text); err != nil {
		return err
	}
	if !taken {
		if err := d.give(ctx, "Input.insertText", map[string]any{"text": text}); err != nil {
			return err
		}
	}
	return d.stroke(ctx, named["Shift"], 0)
}

// typeText presses the keys of a text.
func (d *doing) typeText(ctx context.Context, text string) error {
	if utf8.RuneCountInString(text) > typedLimit {
		return d.give(ctx, "Input.insertText", map[string]any{"text": text})
	}
	if d.options.Eager {
		return d.typeAtOnce(ctx, text)
	}
	for _, r := range text {
		if err := d.stroke(ctx, keyOf(r), 0); err != nil {
			return err
		}
	}
	return nil
}

// judgeInput reads the value back. Where an editor has added to what was typed, such as a closing bracket, the text is
// pasted over it.
func (d *doing) judgeInput(ctx context.Context, e element, seen look, out Outcome) (Outcome, error) {
	wanted := fieldText(d.action.Text, seen)
	h, err := d.held(ctx, e, wanted)
	if err != nil {
		return out, err
	}
	if h.More && !h.Secret && seen.Multiline && or(d.action.Clear, true) {
		if h, err = d.pasteOver(ctx, e, wanted); err != nil {
			return out, err
		}
	}
	h.judge(e, &out, d.action.Text, !or(d.action.Clear, true))
	if out.Error == "" {
		out.Content += seen.redrawn()
	}
	if seen.Suggests && out.Error == "" {
		out.Content += " It may offer suggestions: look at the page and click one."
	}
	return out, nil
}

// held compares what a field holds with what it should. Errors are those that end the step.
func (d *doing) held(ctx context.Context, e element, wanted string) (h holding, err error) {
	if err := e.frame.call(ctx, &h, "holds", []int{e.token, e.key}, wanted); err != nil {
		if ending(ctx, err) != nil {
			return h, err
		}
		h.Gone = true // with its document
	}
	return h, nil
}

func (d *doing) pasteOver(ctx context.Context, e element, text string) (h holding, err error) {
	if err := e.call(ctx, nil, "select", true); err != nil {
		return h, err
	}
	if err := d.paste(ctx, e, text); err != nil {
		return h, err
	}
	d.settle(ctx, settleLimit)
	return d.held(ctx, e, text)
}

// judge says in an outcome whether a field holds what was typed.
func (h holding) judge(e element, out *Outcome, text string, appended bool) {
	switch {
	case h.Gone:
		out.Content = fmt.Sprintf("Typed into %s; the page then replaced the field.", e.shown())
		return
	case h.Equal || appended && h.Ends:
		out.Success, out.Content = new(true), fmt.Sprintf("Typed into %s.", e.shown())
	case h.Alike && !h.Secret && text != "":
		out.Success, out.Content = new(true), fmt.Sprintf("Typed into %s; the page shows it as %q.", e.shown(), h.Value)
	case h.Secret:
		out.Success, out.Error = new(false), fmt.Sprintf("%s does not hold what was typed%s", e.shown(), h.hint(text))
		return
	default:
		out.Success, out.Error = new(false), fmt.Sprintf("%s holds %q instead of %q%s", e.shown(), h.Value, clip(text, 100), h.hint(text))
		return
	}
	if strings.Contains(text, "\n") {
		out.Content += " Line ends are text: Enter was not pressed."
	}
}

// hint says why a field may hold something else.
func (h holding) hint(text string) string {
	switch {
	case h.Max > 0:
		return fmt.Sprintf(": it takes at most %d characters", h.Max)
	case h.Number && strings.ContainsAny(text, ",'’ "):
		return ": it is a number field; write the number with a decimal point and nothing else, such as 1234.5"
	}
	return ""
}
