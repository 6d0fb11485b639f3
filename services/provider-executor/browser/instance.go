package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/shared/panics"
)

// instance is one running browser, ours or a remote one, and the sessions in it.
type instance struct {
	log        *slog.Logger
	conn       *cdp.Conn
	process    *process // nil: remote
	network    *egress.Egress
	limits     limits
	pageMemory int64 // bytes
	serving    sync.WaitGroup
	maimed     atomic.Bool // a process that it cannot do without was killed

	unrouted  bool      // the browser cannot reach our proxies
	downloads downloads // used by handle

	mu       sync.Mutex
	sessions map[string]*Session // by browser context id
	use      use
	felled   time.Time // when a process that had grown too large was last killed
}

type targetInfo struct {
	TargetID  string `json:"targetId"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	URL       string `json:"url"`
	OpenerID  string `json:"openerId"`
	ContextID string `json:"browserContextId"`
	// ParentFrameID is the frame that a frame's target stands in.
	ParentFrameID string `json:"parentFrameId"`
}

type attached struct {
	SessionID string     `json:"sessionId"`
	Target    targetInfo `json:"targetInfo"`
	Waiting   bool       `json:"waitingForDebugger"`
}

func (b *instance) isGone() bool {
	select {
	case <-b.conn.Done():
		return true
	default:
		return false
	}
}

// kill ends what is left of the browser. It is called once, and waits.
func (b *instance) kill() {
	if b.process != nil {
		b.process.kill()
	}
	b.conn.Close()
	b.serving.Wait()
}

// said is the last of what Chromium wrote, for an error.
func (b *instance) said() string {
	if b.process == nil {
		return ""
	}
	return b.process.stderr.said()
}

// prepare has every new tab stop before its first request until it is adopted, and the browser
// looked after.
func (b *instance) prepare(ctx context.Context) error {
	b.serving.Go(func() { b.conn.Root.Serve(b.handle) })
	b.serving.Go(b.watchHealth)
	if b.process != nil {
		b.serving.Go(b.watchProcesses)
	}
	return b.conn.Root.Call(ctx, "Target.setAutoAttach", autoAttach("page"), nil)
}

// autoAttach meets targets of some types, held until they are told to run.
func autoAttach(targetTypes ...string) map[string]any {
	var filter []map[string]any
	for _, t := range targetTypes {
		filter = append(filter, map[string]any{"type": t})
	}
	return map[string]any{
		"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true,
		"filter": append(filter, map[string]any{"exclude": true}),
	}
}

func (b *instance) handle(e cdp.Event) {
	if err := panics.Catch(func() { b.handleEvent(e) }); err != nil {
		b.logPanic(err) // of one session's target: the others go on
	}
}

// logPanic writes the *panics.Error of a goroutine of the browser's.
func (b *instance) logPanic(err error) {
	var p *panics.Error
	if errors.As(err, &p) {
		b.log.Error("panic in the browser's session", "error", p, "stack", string(p.Stack))
	}
}

func (b *instance) handleEvent(e cdp.Event) {
	switch e.Method {
	case "Target.attachedToTarget":
		b.meet(e)
	case "Fetch.requestPaused":
		b.pausedAtRoot(e)
	case "Browser.downloadWillBegin", "Browser.downloadProgress":
		b.downloads.handle(b, e)
	}
}

// meet takes in a new tab.
func (b *instance) meet(e cdp.Event) {
	var a attached
	if err := e.Decode(&a); err != nil {
		return
	}
	target := b.conn.Session(a.SessionID)
	if target == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock() // a session that was forgotten adopts nothing more
	if s := b.sessions[a.Target.ContextID]; s != nil {
		s.adopt(target, a.Target)
		return
	}
	b.release(a)
}

// release lets a target go that belongs to none of our sessions.
func (b *instance) release(a attached) {
	if target := b.conn.Session(a.SessionID); target != nil {
		target.Start("Runtime.runIfWaitingForDebugger", nil).Forget()
	}
	b.conn.Root.Start("Target.detachFromTarget", map[string]any{"sessionId": a.SessionID}).Forget()
}

// newSession prepares a session that was counted by enter: its context, its proxy and one tab. It has no
// options before begin. Its Close counts it out.
func (b *instance) newSession(ctx context.Context) (*Session, error) {
	proxy, err := b.route(ctx)
	if err != nil {
		b.leave(false)
		return nil, err
	}
	var created struct {
		ContextID string `json:"browserContextId"`
	}
	if err := b.conn.Root.Call(ctx, "Target.createBrowserContext", b.proxied(proxy), &created); err != nil {
		closeProxy(proxy)
		b.leave(true)
		return nil, err
	}
	s := newSession(b, created.ContextID)
	s.proxy = proxy
	b.mu.Lock()
	b.sessions[s.contextID] = s
	b.mu.Unlock()
	if err = s.open(ctx); err != nil {
		_ = s.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("open first tab: %w", err)
	}
	return s, nil
}

// dispose ends a session's context, or the whole browser if it was for that session alone.
func (b *instance) dispose(ctx context.Context, contextID string) error {
	if b.limits.sessions == 1 {
		b.leave(true)
		return nil
	}
	params := map[string]any{"browserContextId": contextID}
	err := b.conn.Root.Call(ctx, "Target.disposeBrowserContext", params, nil)
	b.leave(err != nil)
	return err
}

func (b *instance) forget(s *Session) {
	b.mu.Lock()
	delete(b.sessions, s.contextID)
	b.mu.Unlock()
}
