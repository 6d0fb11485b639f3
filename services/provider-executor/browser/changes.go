package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// changes is what an action has changed that can be seen on its page.
type changes struct {
	Opened    []string `json:"opened"` // titles of dialogs
	Closed    []string `json:"closed"`
	Fresh     int      `json:"fresh"` // controls
	Gone      int      `json:"gone"`
	Otherwise bool     `json:"otherwise"` // something else looks different
}

// tells are the actions whose results say what they have changed.
var tells = map[string]bool{
	"click": true, "double_click": true, "right_click": true, "hover": true, "drag": true, "send_keys": true, "input": true,
	"select_dropdown": true, "replace_text": true, "select_text": true,
}

// tally notes what can be seen before an action. A replay does not need it.
func (d *doing) tally(ctx context.Context) {
	if d.options.Eager || !tells[d.action.Name] {
		return
	}
	if f, err := d.tab.page(ctx); err == nil {
		_ = f.call(ctx, &d.tallied, "tally")
	}
}

// tellChanges says in an action's result what it has changed. What has changed something that can be seen had an effect.
func (d *doing) tellChanges(ctx context.Context, out *Outcome) {
	if d.options.Eager || !tells[d.action.Name] || out.Error != "" {
		return
	}
	lines := d.moved()
	if len(lines) == 0 && d.tallied && d.place() == d.from {
		var seen *changes
		if f, err := d.tab.page(ctx); err == nil && f.call(ctx, &seen, "changes") == nil && seen != nil {
			lines = seen.lines(out.Success == nil)
		}
	}
	if len(lines) == 0 {
		return
	}
	if out.Success == nil {
		out.Success = new(true)
	}
	said := strings.Join(lines, ", ")
	out.Content = strings.TrimSpace(out.Content + " " + strings.ToUpper(said[:1]) + said[1:] + ".")
}

// moved says that another address, or another tab, is shown now.
func (d *doing) moved() []string {
	now := d.place()
	switch {
	case now.tab != d.from.tab && now.tab != nil:
		return []string{"tab " + now.tab.id + " is shown now"}
	case now.url != d.from.url && now.url != "":
		return []string{"address now " + short(now.url, d.from.url)}
	case now.loader != d.from.loader:
		return []string{"the page was loaded anew"}
	}
	return nil
}

// short is an address without the part that it shares with the one before.
func short(address, before string) string {
	now, err := url.Parse(address)
	was, errBefore := url.Parse(before)
	if err == nil && errBefore == nil && now.Host == was.Host && now.Scheme == was.Scheme && now.Host != "" {
		now.Scheme, now.Host, now.User = "", "", nil
		address = now.String()
	}
	return clip(harmless(address), 200)
}

// lines are the changes in words. vague: also that something looks different, if there is no more to say.
func (c changes) lines(vague bool) (lines []string) {
	dialog := func(title, what string) {
		if title != "" {
			title = fmt.Sprintf(" %q", title)
		}
		lines = append(lines, "dialog"+title+" "+what)
	}
	for _, title := range c.Opened {
		dialog(title, "opened")
	}
	for _, title := range c.Closed {
		dialog(title, "closed")
	}
	for _, count := range []struct {
		n    int
		what string
	}{{c.Fresh, "new"}, {c.Gone, "gone"}} {
		if count.n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s %s", count.n, map[bool]string{true: "control", false: "controls"}[count.n == 1], count.what))
		}
	}
	if len(lines) == 0 && vague && c.Otherwise {
		lines = append(lines, "the page looks different now")
	}
	return lines
}
