package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestTheLogSaysThatARunAtWorkWaitsAndGoesOn(t *testing.T) {
	b := natstest.Bus(t)
	stopped, stop := context.WithCancelCause(t.Context())
	l := &lease{
		bus: b, writer: event.Writer{Service: "test", Instance: "1"}, log: slog.New(slog.DiscardHandler), key: event.Key{Task: 7, Run: 9}, stop: stop,
		secrets: secret.NewSet(time.Now), run: event.Snapshot{Task: 7, Run: 9, Provider: "openai", State: event.StateRunning, Attempt: 1},
	}
	if err := l.append(t.Context(), event.Started); err != nil {
		t.Fatal(err)
	}
	var since time.Time
	for n, wait := range []bool{true, true, false} {
		until := l.now(t.Context()).Add(time.Minute)
		var err error
		if wait {
			err = l.Waits(t.Context(), until, fmt.Sprintf("openai answered 503 (%d)", n))
		} else {
			err = l.Resumed(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		last, err := b.Last(t.Context(), l.key)
		if err != nil {
			t.Fatal(err)
		}
		run := last.Data.Run
		if w := run.Waiting; wait != (run.State == event.StateWaiting) || wait != (w != nil) || last.Sequence != l.token {
			t.Fatalf("after %d: state %s, waits for %+v", n, run.State, w)
		} else if wait && (w.Reason != event.WaitingProvider || !w.Until.Equal(until) || n > 0 && !w.Since.Equal(since)) {
			t.Errorf("the %d. wait is told as %+v", n+1, w)
		} else if wait {
			since = w.Since
		}
	}
	l.canceled = true
	if err := l.Waits(t.Context(), time.Now(), "down"); !errors.Is(err, errCanceled) {
		t.Errorf("a canceled run may wait: %v", err)
	}
	if stopped.Err() != nil {
		t.Errorf("the attempt is stopped: %v", context.Cause(stopped))
	}
}
