package executor_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// panicking is a log that panics at the first step of one run, in the goroutine that works on it.
type panicking struct {
	slog.Handler
	victim event.RunID
	of     event.RunID // whose lines these are
}

func (p panicking) Enabled(context.Context, slog.Level) bool { return true }

func (p panicking) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if id, ok := a.Value.Any().(event.RunID); ok {
			p.of = id
		}
	}
	return p
}

func (p panicking) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "step done" && p.of == p.victim {
		panic("a fault of Errand's")
	}
	return nil
}

func TestARunThatPanicsFailsOnceAndItsNeighbourSucceeds(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(modelsim.Call) modelsim.Reply { return modelsim.Decide("answer", modelsim.Done("42", nil, true)) })
	victim, neighbour := r.dispatch(event.Request{Prompt: "one"}), r.dispatch(event.Request{Prompt: "other"})
	r.log = slog.New(panicking{natstest.Quiet().Handler(), victim.Run, 0})
	r.serve()
	run := r.run(victim)
	wantCode(t, run, "internal_error")
	if run.Attempt != 1 {
		t.Errorf("it was tried %d times", run.Attempt)
	}
	if run := r.run(neighbour); run.State != event.StateSucceeded {
		t.Errorf("its neighbour is %s: %+v", run.State, run.Error)
	}
	after := r.dispatch(event.Request{Prompt: "after"})
	if run := r.run(after); run.State != event.StateSucceeded {
		t.Errorf("the run after it is %s: %+v", run.State, run.Error)
	}
}
