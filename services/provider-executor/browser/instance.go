package browser

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/services/provider-executor/egress"
)

// instance is one running browser, ours or a remote one, and the sessions in it.
// A nil instance is one that is not there: it is never gone and needs no kill.
type instance struct {
	log     *slog.Logger
	conn    *cdp.Conn
	process *process // nil: remote
	network *egress.Egress
	serving sync.WaitGroup

	unrouted  bool      // the browser cannot reach our proxies
	downloads downloads // used by handle

	mu       sync.Mutex
	sessions map[string]*Session // by browser context id
	use      use
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

func (b *instance) gone() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.conn.Done()
}

func (b *instance) isGone() bool {
	select {
	case <-b.gone():
		return true
	default:
		return false
	}
}

func (b *instance) kill() {
	if b == nil {
		return
	}
	if b.process != nil {
		b.process.kill()
	}
	b.conn.Close()
	b.serving.Wait()
}

// prepare has every new tab stop before its first request until it is adopted.
func (b *instance) prepare(ctx context.Context) error {
	b.serving.Go(func() { b.conn.Root.Serve(b.handle) })
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
	switch e.Method {
	case "Target.attachedToTarget":
		b.meet(e)
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

// newSession opens a session that was counted by enter; its Close counts it out.
func (b *instance) newSession(ctx context.Context, o SessionOptions) (*Session, error) {
	proxy, err := b.route(ctx, o)
	if err != nil {
		b.leave(false)
		return nil, err
	}
	var created struct {
		ContextID string `json:"browserContextId"`
	}
	// A caller who leaves meanwhile must not leave a context that nobody knows.
	if err := b.conn.Root.Call(context.WithoutCancel(ctx), "Target.createBrowserContext", b.proxied(proxy), &created); err != nil {
		closeProxy(proxy)
		b.leave(true)
		return nil, err
	}
	s := newSession(b, created.ContextID, o)
	s.proxy = proxy
	s.folder, err = b.newFolder(o)
	b.mu.Lock()
	b.sessions[s.contextID] = s
	b.mu.Unlock()
	if err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		_ = s.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("open first tab: %w", err)
	}
	return s, nil
}

func (b *instance) forget(s *Session) {
	b.mu.Lock()
	delete(b.sessions, s.contextID)
	b.mu.Unlock()
}
