package browser

import (
	"context"
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
		s.watching = true
		clear(t.requests)
	})
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

// track follows the requests of a page and of its cross-site frames. A frame's
// document is asked for in its parent's session and answered in its own.
func (t *tab) track(e cdp.Event) {
	var p struct {
		RequestID string `json:"requestId"`
		LoaderID  string `json:"loaderId"`
		FrameID   string `json:"frameId"`
		Type      string `json:"type"`
		Response  struct {
			Status   int    `json:"status"`
			MIMEType string `json:"mimeType"`
		} `json:"response"`
	}
	if e.Decode(&p) != nil {
		return
	}
	switch e.Method {
	case "Network.requestWillBeSent":
		if worthWaiting[p.Type] {
			t.session.change(func() { t.requests[p.RequestID] = p.Type == "Document" && p.FrameID == t.targetID })
		}
	case "Network.responseReceived":
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

// settle waits until the requests of the watched action are answered and the active
// page's DOM holds still, or until limit; where the page is being left for another
// one, a slow answer gets the time of a navigation. It never fails: the next call to
// the page tells what is wrong with it.
func (s *Session) settle(ctx context.Context, limit time.Duration) {
	s.settleOnce(ctx, limit)
	if !s.leaves() {
		return
	}
	limited, cancel := context.WithTimeout(ctx, navigateLimit)
	defer cancel()
	_ = s.await(limited, func() bool { return !s.leaving() })
	s.settleOnce(ctx, limit)
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
