package browser

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// How long an action's consequences are waited for. Settling ends as soon as the
// requests that the action started are answered and the DOM holds still.
const (
	settleLimit   = 4 * time.Second  // after a click, a key, a choice
	navigateLimit = 15 * time.Second // after a navigation, until its DOM is complete
	loadLimit     = 5 * time.Second  // then, for what its scripts fetch
	quietWindow   = 60               // ms without a mutation: three frames and a little
	quietLimit    = 600              // ms; an animated page never holds still
)

// networkEvents are asked for only while an action is on its way: a page that floods
// the network in between costs nobody anything.
var networkEvents = order{"Network.enable", map[string]any{
	"maxTotalBufferSize": 0, "maxResourceBufferSize": 0, "maxPostDataSize": 0,
}}

// watch follows the requests that are started from now on, until its result is called.
func (s *Session) watch(ctx context.Context, t *tab) (stop func()) {
	var targets []*cdp.Session
	s.change(func() {
		s.watching, s.sent, s.expected = true, false, 0
		clear(t.requests)
	})
	if s.options.Eager {
		return func() {} // its tabs tell of their requests all the time
	}
	targets, _ = t.frameSessions()
	var sent []*cdp.Pending
	for _, target := range targets {
		sent = append(sent, target.Start(networkEvents.method, networkEvents.params))
	}
	for _, p := range sent {
		_ = p.Wait(ctx, nil) // a target that is gone is met again by the action
	}
	return s.unwatch
}

func (s *Session) unwatch() {
	s.mu.Lock()
	s.watching = false
	tabs := slices.Clone(s.tabs)
	s.mu.Unlock()
	for _, t := range tabs {
		targets, _ := t.frameSessions()
		for _, target := range targets {
			target.Start("Network.disable", nil).Forget()
		}
	}
}

// worthWaiting are the requests whose answers change what the page says.
var worthWaiting = map[string]bool{
	"Document": true, "Script": true, "Stylesheet": true, "XHR": true, "Fetch": true,
}

// harmlessMethods are those of requests that change nothing at the other end.
var harmlessMethods = map[string]bool{"": true, "GET": true, "HEAD": true, "OPTIONS": true}

// reports are requests about the visit itself, which pages send with every click.
var reports = map[string]bool{"Ping": true, "CSPViolationReport": true}

// sends reports whether the page has sent something since the action began, as far as the browser has told.
func (s *Session) sends(ctx context.Context) bool {
	s.catchUp(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// catchUp waits until the events that have come are handled.
func (s *Session) catchUp(ctx context.Context) {
	s.mu.Lock()
	targets := slices.Collect(maps.Keys(s.targets))
	s.mu.Unlock()
	for _, target := range targets {
		target.CaughtUp(ctx)
	}
}

// track follows the requests of a page and of its cross-site frames. A frame's
// document is asked for in its parent's session and answered in its own.
func (t *tab) track(e cdp.Event) {
	var p struct {
		RequestID string `json:"requestId"`
		LoaderID  string `json:"loaderId"`
		FrameID   string `json:"frameId"`
		Type      string `json:"type"`
		Request   struct {
			Method string `json:"method"`
		} `json:"request"`
		Redirected *struct {
			Status int `json:"status"`
		} `json:"redirectResponse"`
		Response struct {
			Status   int    `json:"status"`
			MIMEType string `json:"mimeType"`
		} `json:"response"`
	}
	if e.Decode(&p) != nil {
		return
	}
	switch e.Method {
	case "Network.requestWillBeSent":
		if p.Redirected != nil {
			t.session.answered(p.RequestID, p.Redirected.Status)
		}
		if !harmlessMethods[p.Request.Method] && !reports[p.Type] {
			t.session.change(func() { t.session.sent = true })
		}
		if p.Type == "Document" && p.FrameID == t.targetID {
			t.asksBy(p.Request.Method, p.LoaderID)
		}
		if worthWaiting[p.Type] {
			t.session.change(func() { t.requests[p.RequestID] = p.Type == "Document" && p.FrameID == t.targetID })
		}
	case "Network.responseReceived":
		t.session.answered(p.RequestID, p.Response.Status)
		t.session.change(func() {
			if p.Type == "Document" && p.FrameID == t.targetID {
				t.reply = reply{p.LoaderID, p.Response.Status}
			}
			if p.Response.MIMEType == "text/event-stream" {
				delete(t.requests, p.RequestID) // never finishes
			}
		})
	case "Network.loadingFinished", "Network.loadingFailed":
		t.session.change(func() { delete(t.requests, p.RequestID) })
	}
}

// asksBy notes by which method the tab's next document is asked for; after a redirection, by which in the end.
func (t *tab) asksBy(method, loader string) {
	t.session.change(func() {
		switch {
		case !harmlessMethods[method]:
			t.posted = loader
		case t.posted == loader:
			t.posted = ""
		}
	})
}

// settle waits until the requests of the watched action are answered and the active
// page's DOM holds still, or until limit; where the page is being left for another
// one, a slow answer gets the time of a navigation. It never fails: the next call to
// the page tells what is wrong with it.
func (s *Session) settle(ctx context.Context, limit time.Duration) {
	if s.options.Eager {
		if t := s.activeTab(); t != nil {
			_ = t.target.Call(ctx, "Runtime.evaluate", map[string]any{"expression": "0"}, nil) // the page has taken the input
		}
		s.follow(ctx)
		return
	}
	s.settleWholly(ctx, limit)
}

// Settle waits for the active page to be at rest, where the session is eager: for who wants to look at it.
// Errors: ErrBrowserGone, ErrPageCrashed, ctx's.
func (s *Session) Settle(ctx context.Context) error {
	return s.using(ctx, func(*tab) error {
		s.settleWholly(ctx, settleLimit)
		return ctx.Err()
	})
}

func (s *Session) settleWholly(ctx context.Context, limit time.Duration) {
	s.settleOnce(ctx, limit)
	if !s.leaves() {
		return
	}
	limited, cancel := context.WithTimeout(ctx, navigateLimit)
	defer cancel()
	_ = s.await(limited, func() bool { return !s.leaving() })
	s.settleOnce(ctx, limit)
}

// follow waits for what the action has certainly begun: another document, until its DOM is complete, or another tab.
// What the page was asked last must have been answered: it tells of these things before.
func (s *Session) follow(ctx context.Context) {
	s.catchUp(ctx)
	for _, stage := range []struct {
		limit time.Duration
		over  func() bool
	}{
		{settleLimit, func() bool { return s.expected == 0 && (s.active == nil || !s.active.asked) }},
		{navigateLimit, func() bool { return !s.leaving() }},
		{navigateLimit, func() bool { return s.opening == 0 && (s.active == nil || s.active.doc.ready) }},
	} {
		limited, cancel := context.WithTimeout(ctx, stage.limit)
		_ = s.await(limited, stage.over)
		cancel()
	}
}

// afterwards judges an action once its consequences are there; eagerly: at once, and once more where that was too soon.
func (d *doing) afterwards(ctx context.Context, judge func() (Outcome, error)) (Outcome, error) {
	if d.options.Eager {
		out, err := judge()
		if d.follow(ctx); err != nil || out.Error == "" {
			return out, err
		}
		d.settleOnce(ctx, settleLimit)
		return judge()
	}
	d.settlePatiently(ctx)
	return judge()
}

func (s *Session) settleOnce(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ctx.Err() == nil {
		if t := s.activeTab(); t != nil {
			_ = t.quiet(ctx)
		}
		s.mu.Lock()
		settled := s.idle()
		s.mu.Unlock()
		if settled || s.await(ctx, s.idle) != nil {
			return
		}
	}
}

func (s *Session) leaves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving()
}

// leaving is asked under the session's lock: another document was asked for.
func (s *Session) leaving() bool {
	if s.active == nil {
		return false
	}
	for _, document := range s.active.requests {
		if document {
			return true
		}
	}
	return false
}

// idle is asked under the session's lock.
func (s *Session) idle() bool {
	if s.opening > 0 {
		return false
	}
	return s.active == nil || s.active.doc.ready && len(s.active.requests) == 0
}

func (s *Session) activeTab() *tab {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// quiet returns when the main frame had no mutation for a while.
func (t *tab) quiet(ctx context.Context) error {
	f := frame{target: t.target, id: t.targetID}
	if err := f.enter(ctx); err != nil {
		return err
	}
	return f.call(ctx, nil, "quiet", quietWindow, quietLimit)
}
