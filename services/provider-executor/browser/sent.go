package browser

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// writeDownTime is how long a request is held at most until it is written down. Then it is given up: what nobody knows of
// could be sent twice.
const writeDownTime = 5 * time.Second

// held are the requests that are held while an action is on its way: those that may change something, and documents.
// Nothing else is, since holding costs each some milliseconds.
var held = map[string]any{"patterns": []map[string]any{{"resourceType": "Document"}, {"resourceType": "XHR"}, {"resourceType": "Fetch"}}}

// paused is a request that the browser holds.
type paused struct {
	RequestID    string `json:"requestId"`
	NetworkID    string `json:"networkId"`
	ResourceType string `json:"resourceType"`
	Request      struct {
		URL     string            `json:"url"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
		Entries []struct {
			Bytes string `json:"bytes"`
		} `json:"postDataEntries"`
	} `json:"request"`
}

// sent describes the request; ok is false if it changes nothing.
func (p paused) sent(s *Session) (event.Sent, bool) {
	if reports[p.ResourceType] {
		return event.Sent{}, false
	}
	r := effects.Request{Method: p.Request.Method, URL: p.Request.URL, Script: p.ResourceType != "Document"}
	for name, value := range p.Request.Headers {
		if strings.EqualFold(name, "content-type") {
			r.ContentType = value
		}
	}
	for _, e := range p.Request.Entries {
		part, _ := base64.StdEncoding.DecodeString(e.Bytes)
		r.Body = append(r.Body, part...)
	}
	sent, ok := r.Sent(s.options.Digest)
	sent.URL = s.options.Secrets.Mask(sent.URL)
	return sent, ok
}

// notesSends reports whether an action's requests are written down before they leave. What a page sends when it is
// opened is the page's own doing.
func (s *Session) notesSends(name string) bool {
	switch name {
	case "navigate", "go_back", "go_forward", "reload":
		return false
	}
	return s.options.Ledger != nil && action.Effectful(name)
}

// holdSends has the targets hold their requests. The returned function ends that when all that are held have been let
// go: what is held when it ends would be sent.
func (s *Session) holdSends(ctx context.Context, name string, t *tab) (release func()) {
	s.change(func() { s.outgoing, s.stops = nil, nil })
	if !s.notesSends(name) {
		return func() {}
	}
	s.change(func() { s.holding = true })
	var sent []*cdp.Pending
	targets, _ := t.frameSessions()
	for _, target := range targets {
		sent = append(sent, target.Start("Fetch.enable", held))
	}
	for _, p := range sent {
		_ = p.Wait(ctx, nil)
	}
	return func() {
		s.catchUp(ctx)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeDownTime)
		defer cancel()
		_ = s.await(limited, func() bool { return s.writing == 0 })
		s.mu.Lock()
		s.holding = false
		tabs := append([]*tab(nil), s.tabs...)
		s.mu.Unlock()
		for _, t := range tabs {
			targets, _ := t.frameSessions()
			for _, target := range targets {
				target.Start("Fetch.disable", nil).Forget()
			}
		}
	}
}

// pauses handles a request that a page's own target, or a frame's, holds.
func (t *tab) pauses(from *cdp.Session, e cdp.Event) {
	var p paused
	if e.Decode(&p) != nil {
		return
	}
	s := t.session
	s.mu.Lock()
	blank := t.blank
	s.mu.Unlock()
	if blank {
		fulfil(from, p.RequestID)
		return
	}
	sent, changes := p.sent(s)
	if !changes {
		proceed(from, p.RequestID)
		return
	}
	if s.stop(from, p, sent) {
		return
	}
	s.change(func() {
		s.outgoing = append(s.outgoing, outgoing{sent, p.NetworkID})
		s.writing++
	})
	s.start(func() {
		ctx, cancel := context.WithTimeout(context.Background(), writeDownTime)
		defer cancel()
		if err := s.options.Ledger.Sending(ctx, sent); err != nil {
			s.browser.log.Warn("a request could not be written down and was not sent", "url", sent.URL, "error", err)
			abort(from, p.RequestID)
			s.change(func() { s.stops = append(s.stops, "it could not be written down: the log does not answer") })
		} else {
			proceed(from, p.RequestID)
		}
		s.change(func() { s.writing-- })
	})
}

// outgoing is what was sent in the action at work.
type outgoing struct {
	event.Sent
	network string // the browser's id of the request
}

// stop fails a request that an earlier attempt has sent or may have sent. A request that is failed as aborted leaves the
// page and what was typed in it as they are.
func (s *Session) stop(from *cdp.Session, p paused, sent event.Sent) bool {
	why, stop := s.options.Ledger.Stops(sent)
	if !stop {
		return false
	}
	abort(from, p.RequestID)
	s.change(func() { s.stops = append(s.stops, why) })
	return true
}

func abort(target *cdp.Session, request string) {
	target.Start("Fetch.failRequest", map[string]any{"requestId": request, "errorReason": "Aborted"}).Forget()
}

func proceed(target *cdp.Session, request string) {
	target.Start("Fetch.continueRequest", map[string]any{"requestId": request}).Forget()
}

// guard has the whole browser hold what an earlier attempt has sent: also workers, and pages that nobody has met yet. It
// is for a session that is alone in its browser.
func (s *Session) guard(ctx context.Context) error {
	patterns := []map[string]any{}
	for _, p := range s.options.Ledger.Patterns() {
		patterns = append(patterns, map[string]any{"urlPattern": p})
	}
	if len(patterns) == 0 || s.browser.process == nil || s.browser.limits.sessions != 1 {
		return nil
	}
	return s.browser.conn.Root.Call(ctx, "Fetch.enable", map[string]any{"patterns": patterns}, nil)
}

// pausedAtRoot handles a request that the whole browser holds.
func (b *instance) pausedAtRoot(e cdp.Event) {
	var p paused
	if e.Decode(&p) != nil {
		return
	}
	b.mu.Lock()
	var s *Session
	for _, only := range b.sessions {
		s = only
	}
	b.mu.Unlock()
	if s != nil {
		if sent, changes := p.sent(s); changes && s.stop(b.conn.Root, p, sent) {
			return
		}
	}
	proceed(b.conn.Root, p.RequestID)
}

// answered notes the status of what was sent.
func (s *Session) answered(network string, status int) {
	s.change(func() {
		for i := range s.outgoing {
			if s.outgoing[i].network == network && s.outgoing[i].Status == 0 {
				s.outgoing[i].Status = status
			}
		}
	})
}

// account puts what an action has sent into its outcome, and what was stopped of it.
func (s *Session) account(out *Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.outgoing {
		out.Sent = append(out.Sent, x.Sent)
	}
	if len(s.stops) > 0 {
		out.Success, out.Error = new(false), strings.TrimSpace(out.Error+" stopped: "+strings.Join(unique(s.stops), "; "))
	}
}

func unique(lines []string) (all []string) {
	seen := map[string]bool{}
	for _, l := range lines {
		if !seen[l] {
			all = append(all, l)
		}
		seen[l] = true
	}
	return all
}
