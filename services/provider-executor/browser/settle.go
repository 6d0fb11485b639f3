package browser

import (
	"context"
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

// worthWaiting are the requests whose answers change what the page says.
var worthWaiting = map[string]bool{
	"Document": true, "Script": true, "Stylesheet": true, "XHR": true, "Fetch": true,
}

// track follows the requests of a page and of its cross-site frames.
func (t *tab) track(from *cdp.Session, e cdp.Event) {
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
	key := from.ID + p.RequestID
	switch e.Method {
	case "Network.requestWillBeSent":
		if worthWaiting[p.Type] {
			t.session.change(func() {
				t.session.requests++
				t.requests[key] = t.session.requests
			})
		}
	case "Network.responseReceived":
		t.session.change(func() {
			if p.Type == "Document" && p.FrameID == t.targetID {
				t.reply = reply{p.LoaderID, p.Response.Status}
			}
			if p.Response.MIMEType == "text/event-stream" {
				delete(t.requests, key) // never finishes
			}
		})
	case "Network.loadingFinished", "Network.loadingFailed":
		t.session.change(func() { delete(t.requests, key) })
	}
}

// requestMark tells requests that are started from now on from earlier ones.
func (s *Session) requestMark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// settle waits until what was started after mark is over and the active page's DOM
// holds still, or until limit. It never fails: the next call to the page tells what
// is wrong with it.
func (s *Session) settle(ctx context.Context, mark int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	idle := func() bool { return s.idle(mark) }
	for ctx.Err() == nil {
		if t := s.activeTab(); t != nil {
			_ = t.quiet(ctx)
		}
		s.mu.Lock()
		settled := idle()
		s.mu.Unlock()
		if settled || s.await(ctx, idle) != nil {
			return
		}
	}
}

// idle is asked under the session's lock.
func (s *Session) idle(mark int) bool {
	if s.opening > 0 {
		return false
	}
	t := s.active
	if t == nil {
		return true
	}
	for _, started := range t.requests {
		if started > mark {
			return false
		}
	}
	return t.doc.ready
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
