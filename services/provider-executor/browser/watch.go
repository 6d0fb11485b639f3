package browser

import (
	"context"
	"slices"
	"syscall"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// limits say how a browser is looked after, and how many sessions it is for.
type limits struct {
	ahead    bool          // a session is prepared before one is asked for
	sessions int           // that one browser serves in its life; it ends with the last of them
	age      time.Duration // after which a browser takes no further session
	every    time.Duration // between two looks at whether it answers
	answer   time.Duration // that a living browser tells its version in
	misses   int           // in a row, after which it counts as hung
	memory   time.Duration // between two looks at its processes
	effect   time.Duration // that an action may take to show an effect after the page has come to rest
}

// ordinary are the limits of a Chromium that sessions share.
var ordinary = limits{
	sessions: 200,                    // Chromium keeps some 100 KB of each context for good
	age:      6 * time.Hour,          // so that a browser updated on disk comes into use
	every:    15 * time.Second,       // a run loses no more than a step to a browser that hangs
	answer:   2 * time.Second,        // a healthy one needs less than 1 ms
	misses:   3,                      // on a loaded machine a flooding page has delayed one answer for longer
	memory:   250 * time.Millisecond, // a page that fills memory as fast as it can is stopped at about twice its bound
	effect:   time.Second,            // menus by a timer, suggestions that wait for a pause in typing
}

// use is how much a browser was used; guarded by the instance's lock.
type use struct {
	since   time.Time
	now     int  // sessions open, or about to be
	ever    int  // sessions since its start
	worn    bool // it takes no further session
	retired bool // we have ended it
}

// enter counts a session that is about to be opened; leave must follow. False: the
// browser takes no further one.
func (b *instance) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.room() || b.isGone() {
		return false
	}
	b.use.now++
	b.use.ever++
	return true
}

// leave counts a session out, and ends a browser that is for no other one. A session
// that could not be disposed of has worn the browser.
func (b *instance) leave(worn bool) {
	b.mu.Lock()
	b.use.now--
	b.use.worn = b.use.worn || worn
	b.mu.Unlock()
	b.retireIfSpent()
}

// wear has the browser take no further session.
func (b *instance) wear() {
	b.mu.Lock()
	b.use.worn = true
	b.mu.Unlock()
	b.retireIfSpent()
}

func (b *instance) room() bool {
	u := b.use
	return !u.worn && !u.retired && u.ever < b.limits.sessions && time.Since(u.since) < b.limits.age
}

func (b *instance) old() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.use.since) >= b.limits.age
}

// retireIfSpent ends a browser that is idle and takes no further session.
func (b *instance) retireIfSpent() {
	b.mu.Lock()
	spent := b.use.now == 0 && !b.room()
	b.use.retired = b.use.retired || spent
	b.mu.Unlock()
	if spent {
		b.conn.Close()
	}
}

// retire ends the browser, whoever is in it.
func (b *instance) retire() {
	b.mu.Lock()
	b.use.retired = true
	b.mu.Unlock()
	b.conn.Close()
}

// end reports whether the browser's end was our wish, and how many sessions were in it.
func (b *instance) end() (asked bool, sessions int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.use.retired, b.use.now
}

// watchHealth cuts off a browser that hangs, and so gives it up for all its sessions; and
// ends an idle one that has grown old.
func (b *instance) watchHealth() {
	missed := 0
	for b.pause(b.limits.every) {
		b.retireIfSpent()
		ctx, cancel := context.WithTimeout(context.Background(), b.limits.answer)
		err := b.conn.Root.Call(ctx, "Browser.getVersion", nil, nil)
		cancel()
		missed++
		if err == nil {
			missed = 0
		}
		if missed >= b.limits.misses {
			b.log.Error("the browser does not answer", "error", cdp.ErrTimeout)
			b.conn.Close()
		}
	}
}

// pause waits, and reports whether the browser is still there.
func (b *instance) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-b.conn.Done():
		return false
	}
}

// watchProcesses bounds the memory of pages, and finds out when Chromium has lost its zygotes:
// without them it lives, and opens no tab.
func (b *instance) watchProcesses() {
	pid := b.process.cmd.Process.Pid
	var needed []int
	for b.pause(b.limits.memory) {
		all := processesOf(pid)
		for _, z := range zygotes(all) {
			if !slices.Contains(needed, z) {
				needed = append(needed, z)
			}
		}
		if slices.ContainsFunc(needed, ended) && !ended(pid) && !b.isGone() {
			b.log.Error("a process that the browser cannot do without was killed")
			b.maimed.Store(true)
			b.conn.Close()
			return
		}
		if large, ok := tooLarge(all, b.pageMemory, b.limits.sessions == 1); ok {
			b.fell(large)
		}
	}
}

// fell kills a process of the browser that has grown too large. The crash of the pages in it
// is told by the browser.
func (b *instance) fell(p osProcess) {
	b.mu.Lock()
	b.felled = time.Now()
	b.mu.Unlock()
	b.log.Warn("a page used too much memory", "bytes", p.resident, "allowed", b.pageMemory)
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
}

// felledAt is when a process of the browser was last killed for its memory.
func (b *instance) felledAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.felled
}
