package browser

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// request asks the pool for a session. The answer is for whoever still waits.
type request struct {
	ctx    context.Context
	alone  bool // in a browser of its own
	answer chan<- response
}

type response struct {
	session *Session
	err     error
}

// pool prepares sessions, one after the other: the processor is what they all wait for.
type pool struct {
	*Engine
	spare *Session // prepared and not given out
	err   error    // why there is none
	tries int      // in a row that have failed
	again <-chan time.Time
}

// Waits before another try to prepare a session, when nobody asks for one meanwhile.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// prepareAll answers requests until ctx ends. If sessions are to be ahead, one is always
// prepared before it is asked for.
func (e *Engine) prepareAll(ctx context.Context) {
	// The kernel kills Chromium when the thread that launched it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if e.cfg.CDPURL == "" {
		sweep(e.temp)
	}
	p := &pool{Engine: e}
	look := time.NewTicker(e.limits.every)
	defer look.Stop()
	for ctx.Err() == nil {
		if e.limits.ahead && p.spare == nil && p.err == nil {
			p.prepare(ctx)
		}
		select {
		case <-ctx.Done():
		case <-p.lost():
			p.bereave()
		case <-p.again:
			p.prepare(ctx)
		case <-look.C:
			p.refresh(ctx)
		case r := <-e.wanted:
			p.answer(ctx, r)
		}
	}
}

// lost is closed when the browser of the spare session has gone.
func (p *pool) lost() <-chan struct{} {
	if p.spare == nil {
		return nil
	}
	return p.spare.browser.conn.Done()
}

// bereave gives the lost spare session up. The next is prepared a little later: a machine
// that kills each browser must not be kept busy with starting them.
func (p *pool) bereave() {
	_ = p.spare.Close(context.Background())
	p.settle(nil, fmt.Errorf("%w: the one that was started ahead", ErrBrowserGone))
}

// refresh gives up a spare session whose browser has grown old.
func (p *pool) refresh(ctx context.Context) {
	if p.spare != nil && p.spare.browser.old() {
		_ = p.spare.Close(ctx)
		p.spare = nil
	}
}

// answer gives out the spare session, or one that is prepared now.
func (p *pool) answer(ctx context.Context, r request) {
	if p.spare == nil || p.spare.browser.isGone() || r.alone && p.limits.sessions > 1 {
		p.drop(ctx)
		p.settle(p.make(ctx, r.alone))
	}
	select {
	case r.answer <- response{p.spare, p.err}:
		p.spare = nil
	case <-r.ctx.Done():
		if !p.limits.ahead {
			p.drop(ctx)
		}
	}
}

func (p *pool) drop(ctx context.Context) {
	if p.spare != nil {
		_ = p.spare.Close(ctx)
		p.spare = nil
	}
}

func (p *pool) prepare(ctx context.Context) { p.settle(p.make(ctx, false)) }

// settle takes what came of a try to prepare a session.
func (p *pool) settle(s *Session, err error) {
	p.spare, p.err, p.again = s, err, nil
	p.mu.Lock()
	before := p.fault
	p.fault = err
	p.mu.Unlock()
	if err == nil {
		p.tries = 0
		if before != nil {
			p.cfg.Log.Info("the browser works again")
		}
		return
	}
	if before == nil && !errors.Is(err, context.Canceled) {
		p.cfg.Log.Error("the browser does not work", "error", err)
	}
	p.again = time.After(min(firstRetry<<min(p.tries, 10), lastRetry))
	p.tries++
}

// make prepares a session, in another browser if one cannot open it.
func (e *Engine) make(ctx context.Context, alone bool) (*Session, error) {
	for try := 1; ; try++ {
		b, err := e.withRoom(ctx, alone)
		if err != nil {
			return nil, err
		}
		s, err := b.newSession(ctx)
		if err == nil {
			return s, nil
		}
		b.wear()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if try == 2 {
			return nil, fmt.Errorf("%w: it opens no tab: %w%s", ErrBrowserGone, err, b.said())
		}
	}
}

// withRoom gives a browser that has counted one more session in: one that is there, or a new one.
func (e *Engine) withRoom(ctx context.Context, alone bool) (*instance, error) {
	e.mu.Lock()
	for b := range e.browsers {
		if !alone && b.enter() {
			e.mu.Unlock()
			return b, nil
		}
	}
	e.mu.Unlock()
	b, err := e.open(ctx, alone)
	if err != nil {
		return nil, err
	}
	b.enter()
	return b, nil
}

// open starts a browser, or connects to the remote one. Its end is waited for by endAll.
func (e *Engine) open(ctx context.Context, alone bool) (*instance, error) {
	b := &instance{
		log: e.cfg.Log, network: e.network, unrouted: e.cfg.unrouted(), limits: e.limits, pageMemory: e.cfg.PageMemory,
		sessions: map[string]*Session{}, downloads: downloads{}, use: use{since: time.Now()},
	}
	if alone {
		b.limits.sessions = 1
	}
	var err error
	if e.cfg.CDPURL != "" {
		if b.conn, err = cdp.Dial(ctx, e.cfg.CDPURL); err != nil {
			return nil, fmt.Errorf("%w: connect to ERRAND_CDP_URL: %w", ErrBrowserGone, err)
		}
	} else {
		if b.process, err = launch(ctx, e.cfg, e.temp, e.network.DenyAll()); err != nil {
			return nil, err
		}
		b.conn = b.process.conn
	}
	if err := b.prepare(ctx); err != nil {
		b.kill()
		return nil, errors.Join(ErrBrowserGone, err)
	}
	e.mu.Lock()
	e.browsers[b] = true
	e.mu.Unlock()
	e.burying.Go(func() { e.bury(b) })
	return b, nil
}

// endAll kills every browser and waits until nothing of them is left.
func (e *Engine) endAll() {
	e.mu.Lock()
	for b := range e.browsers {
		b.retire()
	}
	e.mu.Unlock()
	e.burying.Wait()
}
