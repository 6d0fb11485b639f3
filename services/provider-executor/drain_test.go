package executor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAShutdownLetsTheStepThatActsEndAndNoFurtherOneBegin(t *testing.T) {
	for name, c := range map[string]struct {
		acting, ends bool
		waits        time.Duration
	}{
		"the model thinks":               {false, false, 0},
		"the step ends within the grace": {true, true, 3 * time.Second},
		"the step does not end":          {true, false, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				working, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				l := &lease{stop: stop}
				if c.acting && !l.beginStep() {
					t.Fatal("no step may act, though nothing shuts down")
				}
				began := time.Now()
				go l.drain(working, 20*time.Second)
				synctest.Wait()
				if l.beginStep() && !c.acting {
					t.Error("another step may act")
				}
				l.mu.Lock()
				l.acting = c.acting
				l.mu.Unlock()
				if c.ends {
					time.Sleep(c.waits)
					l.endStep()
				}
				<-working.Done()
				if waited := time.Since(began); waited != c.waits || !errors.Is(context.Cause(working), errShutdown) {
					t.Errorf("stopped after %s by %v, want after %s", waited, context.Cause(working), c.waits)
				}
			})
		})
	}
}
