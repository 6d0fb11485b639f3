package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

var bareHost = regexp.MustCompile(`^[A-Za-z0-9.-]+\.[A-Za-z]{2,}(:\d+)?([/?#]|$)`)

// address accepts what a run may navigate to. CDP would open file: and chrome: too,
// where no page can go.
func address(given string) (string, error) {
	given = strings.TrimSpace(given)
	if bareHost.MatchString(given) {
		given = "https://" + given
	}
	u, err := url.Parse(given)
	switch {
	case err != nil:
		return "", refusal(fmt.Sprintf("%q is not an address", clip(given, 200)))
	case given == "about:blank", (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return given, nil
	}
	return "", refusal(fmt.Sprintf("%q is not allowed: only http:// and https:// addresses and about:blank can be opened", clip(given, 200)))
}

func (d *doing) navigate(ctx context.Context) (Outcome, error) {
	target, err := address(d.action.URL)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.gate(); err != nil {
		return Outcome{}, err
	}
	if or(d.action.NewTab, false) {
		if d.tab, err = d.openTab(ctx); err != nil {
			return Outcome{}, err
		}
	}
	var answer struct {
		LoaderID   string `json:"loaderId"`
		ErrorText  string `json:"errorText"`
		IsDownload bool   `json:"isDownload"`
	}
	d.change(func() { clear(d.tab.came) })
	err = d.tab.target.Call(ctx, "Page.navigate", map[string]any{"url": target}, &answer)
	if errors.Is(err, cdp.ErrTimeout) {
		d.tab.target.Start("Page.stopLoading", nil).Forget()
		return failed(fmt.Sprintf("%s did not answer within 30 seconds; try again later or go elsewhere", target)), nil
	}
	switch {
	case err != nil:
		return Outcome{}, err
	case answer.IsDownload:
		return d.navigatedToDownload(ctx, target), nil
	case answer.ErrorText != "":
		return failed(fmt.Sprintf("%s could not be opened: %s", target, answer.ErrorText)), nil
	}
	there := func() bool { return answer.LoaderID == "" || d.tab.came[answer.LoaderID] }
	if d.arrive(ctx, there); d.waitsFor(there) {
		return failed(target + " was asked for, and the page before does not make way for it; try again, or open it in a new tab (new_tab)"), nil
	}
	return d.arrived(), nil
}

// waitsFor reports whether the tab lives and the document has not come.
func (d *doing) waitsFor(there func() bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tab.target.Err() == nil && !there()
}

// arrive waits for a document that there condition accepts, and for what it loads.
func (d *doing) arrive(ctx context.Context, there func() bool) {
	limited, cancel := context.WithTimeout(ctx, navigateLimit)
	defer cancel()
	_ = d.await(limited, func() bool { return d.tab.target.Err() != nil || d.keepsPage() || there() && d.tab.doc.ready })
	if d.options.Eager {
		d.follow(ctx)
		return
	}
	d.settle(ctx, loadLimit)
}

// arrived tells where a navigation ended.
func (d *doing) arrived() Outcome {
	d.mu.Lock()
	doc, last := d.tab.doc, d.tab.reply
	d.mu.Unlock()
	if last.loader != doc.loader || last.status == 0 {
		return Outcome{Success: new(true), Content: "Opened " + doc.url + "."}
	}
	if last.status >= 400 {
		return failed(fmt.Sprintf("%s answered with HTTP status %d; the page shown is its error page", doc.url, last.status))
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("Opened %s (HTTP %d).", doc.url, last.status)}
}

func (d *doing) goBack(ctx context.Context) (Outcome, error) { return d.travel(ctx, -1, "back") }

func (d *doing) goForward(ctx context.Context) (Outcome, error) { return d.travel(ctx, 1, "forward") }

// travel goes some entries along the tab's history.
func (d *doing) travel(ctx context.Context, entries int, way string) (Outcome, error) {
	var history struct {
		Current int `json:"currentIndex"`
		Entries []struct {
			ID  int    `json:"id"`
			URL string `json:"url"`
		} `json:"entries"`
	}
	if err := d.tab.target.Call(ctx, "Page.getNavigationHistory", nil, &history); err != nil {
		return Outcome{}, err
	}
	to := history.Current + entries
	if to < 0 || to >= len(history.Entries) {
		return failed("this tab has no page to go " + way + " to"), nil
	}
	entry := history.Entries[to]
	before := d.place()
	if err := d.give(ctx, "Page.navigateToHistoryEntry", map[string]any{"entryId": entry.ID}); err != nil {
		return Outcome{}, err
	}
	d.arrive(ctx, func() bool { return d.tab.doc.loader != before.loader || d.tab.doc.url != before.url })
	return d.arrived(), nil
}

func (d *doing) reload(ctx context.Context) (Outcome, error) {
	before := d.place()
	if err := d.give(ctx, "Page.reload", nil); err != nil {
		return Outcome{}, err
	}
	d.arrive(ctx, func() bool { return d.tab.doc.loader != before.loader })
	return d.arrived(), nil
}

func (d *doing) tabNamed(id string) (*tab, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for _, t := range d.tabs {
		if t.id == id {
			return t, nil
		}
		ids = append(ids, t.id)
	}
	return nil, refusal(fmt.Sprintf("there is no tab %q; the tabs are %s", id, strings.Join(ids, ", ")))
}

func (d *doing) switchTab(ctx context.Context) (Outcome, error) {
	t, err := d.tabNamed(d.action.TabID)
	if err != nil {
		return Outcome{}, err
	}
	if err := d.activate(ctx, t); err != nil {
		return Outcome{}, err
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("Switched to tab %s (%s).", t.id, d.place().url)}, nil
}

func (d *doing) closeTab(ctx context.Context) (Outcome, error) {
	t := d.tab
	if d.action.TabID != "" {
		var err error
		if t, err = d.tabNamed(d.action.TabID); err != nil {
			return Outcome{}, err
		}
	}
	if err := d.gate(); err != nil {
		return Outcome{}, err
	}
	if err := t.target.Call(ctx, "Page.close", nil, nil); err != nil && !errors.Is(err, cdp.ErrDetached) {
		return Outcome{}, err
	}
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if d.await(limited, func() bool { return d.keepsPage() || t.target.Err() != nil && d.active != t }) != nil {
		return failed(fmt.Sprintf("tab %s did not close", t.id)), ctx.Err()
	}
	now, err := d.current(ctx)
	if err != nil || t.target.Err() == nil { // it asked to be stayed on
		return Outcome{}, err
	}
	return Outcome{Success: new(true), Content: fmt.Sprintf("Closed tab %s; tab %s is active.", t.id, now.id)}, d.activate(ctx, now)
}
