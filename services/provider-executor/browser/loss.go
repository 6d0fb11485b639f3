package browser

import "time"

// loss is a browser that ended while sessions were in it, and without our wish.
type loss struct {
	at time.Time
	// blameless counts the sessions that cannot be told to have ended it.
	blameless int
}

// stormWindow is how near to each other losses have to be to have one cause.
const (
	stormWindow = 10 * time.Second
	maxLosses   = 100 // that are remembered
)

// Storm reports whether several sessions have just lost their browsers to what no single
// page did: their processes were killed, as the kernel does when memory runs out, or they
// shared one. A Chromium that crashed or hung with one session in it is that session's own
// doing, however often it happens.
func (e *Engine) Storm() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	blameless := 0
	for _, l := range e.losses {
		if time.Since(l.at) < stormWindow {
			blameless += l.blameless
		}
	}
	return blameless > 1
}

// bury waits for a browser's end, clears away what is left of it, and notes a loss.
func (e *Engine) bury(b *instance) {
	<-b.conn.Done()
	asked, sessions := b.end()
	outside := !asked && b.killedFromOutside()
	b.kill()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.browsers, b)
	if asked {
		return
	}
	l := loss{at: time.Now(), blameless: sessions}
	if sessions == 1 && !outside {
		l.blameless = 0
	}
	e.losses = append(e.losses[max(0, len(e.losses)-maxLosses):], l)
	e.cfg.Log.Error("the browser is gone", "cause", b.conn.Root.Err(), "sessions", sessions, "killed", outside)
}

// killedFromOutside reports whether somebody killed Chromium, or one of the processes that it cannot do without.
func (b *instance) killedFromOutside() bool {
	if b.process == nil || b.maimed.Load() {
		return true // of a remote browser nobody knows
	}
	return b.process.endedByItself() && b.process.killed()
}
