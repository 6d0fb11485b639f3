package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// menu is what a select or a list of options offers.
type menu struct {
	Native  bool `json:"native"`
	Options []struct {
		Text     string `json:"text"`
		Value    string `json:"value"`
		Selected bool   `json:"selected"`
		Off      bool   `json:"off"`
	} `json:"options"`
}

const shownOptions = 100

func (m menu) String() string {
	var lines []string
	for i, o := range m.Options {
		if i == shownOptions {
			lines = append(lines, fmt.Sprintf("(%d more)", len(m.Options)-i))
			break
		}
		line := fmt.Sprintf("%q", o.Text)
		if o.Value != "" && o.Value != o.Text {
			line += fmt.Sprintf(" (value %q)", o.Value)
		}
		if o.Selected {
			line += " selected"
		}
		if o.Off {
			line += " off"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func (d *doing) dropdownOptions(ctx context.Context) (Outcome, error) {
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var m menu
	if err := e.call(ctx, &m, "options"); err != nil {
		return Outcome{}, err
	}
	if len(m.Options) == 0 {
		return failed(fmt.Sprintf("[%d] %s shows no options; click it first and look again", e.index, e.what())), nil
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("Options of %s: %s", e.what(), m)}, nil
}

func (d *doing) selectDropdown(ctx context.Context) (Outcome, error) {
	e, err := d.element(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.gate(); err != nil {
		return Outcome{}, err
	}
	var chosen struct {
		Foreign bool            `json:"foreign"` // no native select
		Missing bool            `json:"missing"`
		Index   int             `json:"index"`
		Target  json.RawMessage `json:"target"`
	}
	if err := e.call(ctx, &chosen, "choose", d.action.Text, d.action.SkipFingerprint, or(d.action.Clear, false)); err != nil {
		return Outcome{}, err
	}
	if chosen.Foreign {
		return failed(fmt.Sprintf("[%d] %s is not a native select: click it, then click the option that appears", e.index, e.what())), nil
	}
	if chosen.Missing {
		var m menu
		if err := e.call(ctx, &m, "options"); err != nil {
			return Outcome{}, err
		}
		return failed(fmt.Sprintf("%s has no option %q; its options are %s", e.what(), d.action.Text, m)), nil
	}
	var out Outcome
	e.trace(ctx, &out, chosen.Target)
	return d.afterwards(ctx, func() (Outcome, error) { return d.judgeChoice(ctx, e, chosen.Index, out) })
}

// judgeChoice looks whether the page let the choice stand.
func (d *doing) judgeChoice(ctx context.Context, e element, index int, out Outcome) (Outcome, error) {
	var now struct {
		Gone  bool   `json:"gone"`
		Stuck bool   `json:"stuck"`
		Now   string `json:"now"`
	}
	err := e.frame.call(ctx, &now, "chosen", []int{e.token, e.key}, index)
	if ending(ctx, err) != nil {
		return out, err
	}
	off := or(d.action.Clear, false)
	switch {
	case err != nil || now.Gone:
		out.Content = fmt.Sprintf("Chose %q in %s; the page then replaced the field.", d.action.Text, e.what())
	case now.Stuck != off:
		out.Success = new(true)
		out.Content = fmt.Sprintf("%s is %q now.", e.shown(), now.Now)
	default:
		out.Success = new(false)
		out.Error = fmt.Sprintf("the page did not keep the choice: %s is %q again; try clicking it and using the keyboard", e.what(), now.Now)
	}
	return out, nil
}
