package browser

import (
	"context"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// limits say how a browser is looked after, and when a fresh one takes its place: as
// soon as no session is in it.
type limits struct {
	every    time.Duration // between two looks
	answer   time.Duration // that a living browser tells its version in
	misses   int           // in a row, after which it counts as hung
	sessions int           // that one browser serves
	age      time.Duration
	pss      int64 // bytes of all its processes together; those shared are counted once
}

var ordinary = limits{
	every:    15 * time.Second, // a run loses no more than a step to a browser that hangs
	answer:   2 * time.Second,  // a healthy one needs less than 1 ms
	misses:   3,                // on a loaded machine a flooding page has delayed one answer for longer
	sessions: 200,              // Chromium keeps some 100 KB of each context for good
	age:      6 * time.Hour,    // so that a browser updated on disk comes into use
	pss:      2 << 30,          // an idle one has 150 to 300 MB
}

// use is how much a browser was used; guarded by the instance's lock.
type use struct {
	since  time.Time
	now    int // sessions open, or about to be
	ever   int // sessions since its start
	missed int // answers in a row
	worn   bool
}

// enter counts a session that is about to be opened; leave must follow.
func (b *instance) enter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.use.now++
	b.use.ever++
}

// leave counts a session out. One that could not be disposed of has worn the browser.
func (b *instance) leave(worn bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.use.now--
	b.use.worn = b.use.worn || worn
}

// spent reports whether the browser is idle and should be replaced.
func (b *instance) spent(l limits) bool {
	if b == nil || b.process == nil {
		return false // a remote one is not ours to replace
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.use
	return u.now == 0 && (u.worn || u.ever >= l.sessions || time.Since(u.since) > l.age)
}

// tend looks after the browser: one that hangs is cut off, and so given up by all its
// sessions; one that has grown too large counts as worn.
func (b *instance) tend(ctx context.Context, l limits) {
	if b == nil {
		return
	}
	large := b.process != nil && groupPSS(b.process.cmd.Process.Pid) > l.pss
	limited, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	err := b.conn.Root.Call(limited, "Browser.getVersion", nil, nil)
	b.mu.Lock()
	b.use.worn = b.use.worn || large
	b.use.missed++
	if err == nil || ctx.Err() != nil {
		b.use.missed = 0
	}
	hangs := b.use.missed >= l.misses
	b.mu.Unlock()
	if hangs {
		b.log.Error("the browser does not answer", "error", cdp.ErrTimeout)
		b.conn.Close()
	}
}
