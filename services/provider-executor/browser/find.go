package browser

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// What a search brings at most.
const (
	maxMatches   = 25
	matchContext = 80 // characters on each side
	maxElements  = 50
)

// searchPage finds a text in all that the page says, also where it is not shown.
func (d *doing) searchPage(ctx context.Context) (Outcome, error) {
	pattern := cleanLine(first(d.action.Query, d.action.Text))
	if pattern == "" {
		return failed("search_page needs the text to look for"), nil
	}
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return Outcome{}, err
	}
	text, err := contentOf(ctx, frames, nil)
	if err != nil {
		return Outcome{}, err
	}
	found, count := matches(text, pattern)
	if count == 0 {
		return Outcome{Success: new(true), Content: fmt.Sprintf("%q is nowhere on the page.", clip(pattern, 100))}, nil
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("%q is on the page %d times:\n%s", clip(pattern, 100), count, strings.Join(found, "\n"))}, nil
}

// matches gives the surroundings of the first occurrences of a text, whatever its case, and counts all.
func matches(text, pattern string) (found []string, count int) {
	runes, wanted := []rune(text), []rune(strings.ToLower(pattern))
	lower := []rune(strings.ToLower(text))
	if len(lower) != len(runes) { // a letter whose lower case is longer
		lower = runes
	}
	for at := 0; at+len(wanted) <= len(lower); at++ {
		if string(lower[at:at+len(wanted)]) != string(wanted) {
			continue
		}
		if count++; count <= maxMatches {
			around := runes[max(0, at-matchContext):min(len(runes), at+len(wanted)+matchContext)]
			found = append(found, "- ..."+cleanLine(string(around))+"...")
		}
		at += len(wanted) - 1
	}
	if count > maxMatches {
		found = append(found, fmt.Sprintf("(%d more)", count-maxMatches))
	}
	return found, count
}

// findElements describes what a CSS selector finds, in all frames.
func (d *doing) findElements(ctx context.Context) (Outcome, error) {
	selector := first(d.action.Query, d.action.Text)
	if selector == "" {
		return failed("find_elements needs a CSS selector"), nil
	}
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var lines []string
	var count int
	for i, f := range frames[:min(len(frames), maxFrames)] {
		var answer struct {
			Count int      `json:"count"`
			Lines []string `json:"lines"`
		}
		var refused refusal
		if err := f.call(ctx, &answer, "elements", selector, maxElements); errors.As(err, &refused) || err != nil && i == 0 {
			return Outcome{}, err
		}
		count += answer.Count
		lines = append(lines, answer.Lines...)
	}
	lines = lines[:min(len(lines), maxElements)]
	return Outcome{Success: new(true), Content: strings.Join(append([]string{fmt.Sprintf("%d elements match.", count)}, lines...), "\n")}, nil
}

// first is the first that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// screenshot only says what the agent will do: the next page is shown with its picture.
func (d *doing) screenshot(context.Context) (Outcome, error) {
	return Outcome{Success: new(true), Content: "The next page comes with its picture."}, nil
}

// wholePage scrolls through the page for what it loads then; the agent shows the next page from its top to its end.
func (d *doing) wholePage(ctx context.Context) (Outcome, error) {
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return Outcome{}, err
	}
	u := unrolling{session: d.Session, screens: RollScreens}
	if err := u.page(ctx, frames); err != nil {
		return Outcome{}, err
	}
	content := "The next page is shown whole."
	if len(u.instead) > 0 {
		content += " A list on it draws only what is in view: extract reads all of it."
	}
	for _, note := range u.notes {
		content += " Not all of it was loaded: " + note + "."
	}
	return Outcome{Success: new(true), Content: content}, nil
}
