package executor

import (
	"context"
	"time"
)

// drain ends the attempt because the executor is shutting down: at once while the model thinks, which another executor
// can ask it again; and once the step is over, or grace has passed, where the step is acting on a website. working ends
// with the attempt.
func (l *lease) drain(working context.Context, grace time.Duration) {
	l.mu.Lock()
	l.draining = true
	acting := l.acting
	l.mu.Unlock()
	if acting {
		pause(working, grace)
	}
	l.stop(errShutdown)
}

// beginStep reports whether a step may act. The executor's shutdown waits for it from now on.
func (l *lease) beginStep() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acting = !l.draining
	return l.acting
}

// endStep ends an attempt whose executor has waited for the step.
func (l *lease) endStep() {
	l.mu.Lock()
	drained := l.acting && l.draining
	l.acting = false
	l.mu.Unlock()
	if drained {
		l.stop(errShutdown)
	}
}
