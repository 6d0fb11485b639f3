package executor_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// The request was accepted by a gateway whose idea of the server's clock is an hour ahead of everybody else's.
func TestTheTimesOfARunNeverGoBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, answer("42"))
	r.serve()
	k := r.dispatch(event.Request{Prompt: "what is 6 times 7", CreatedAt: time.Now().UTC().Add(time.Hour)})
	run := r.run(k)
	if run.StartedAt.Before(run.CreatedAt) || run.FinishedAt.Before(*run.StartedAt) {
		t.Errorf("created %s, started %s, finished %s", run.CreatedAt, run.StartedAt, run.FinishedAt)
	}
	before := run.CreatedAt
	for after := uint64(0); ; {
		e, err := r.bus.Next(t.Context(), k, after)
		if err != nil {
			t.Fatal(err)
		}
		var written struct {
			Time time.Time
			Data struct {
				StartedAt  *time.Time `json:"started_at"` // of a step
				FinishedAt *time.Time `json:"finished_at"`
			}
		}
		if err := json.Unmarshal(e.Data, &written); err != nil {
			t.Fatal(err)
		}
		for _, at := range []*time.Time{written.Data.StartedAt, written.Data.FinishedAt, &written.Time} {
			if at == nil {
				continue
			}
			if at.Before(before) {
				t.Errorf("%s of event %d is before %s", at, e.Sequence, before)
			}
			before = *at
		}
		after = e.Sequence
		if e.Type.Terminal() {
			return
		}
	}
}

func TestASessionShorterThanTheLeaseEndsOnTime(t *testing.T) {
	t.Parallel()
	asked, answered := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(modelsim.Call) modelsim.Reply {
		close(asked)
		<-answered
		return modelsim.Decide("answer", modelsim.Done("late", nil, true))
	})
	r.cfg.Lease = time.Hour
	r.serve()
	t.Cleanup(func() { close(answered) })
	k := r.dispatch(event.Request{Prompt: "think", SessionTimeout: 1})
	<-asked
	started := r.reaches(k, event.Started)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var fired bus.Timer
	_ = r.bus.Consume(ctx, bus.ConsumerControl, 1, func(_ context.Context, m bus.Message) error {
		defer stop()
		return json.Unmarshal(m.Data, &fired)
	})
	if want := started.Data.Run.StartedAt.Add(time.Second); fired.Kind != bus.TimerSession || !fired.Due.Equal(want) {
		t.Errorf("the timer that fired is %+v, want the session's at %s", fired, want)
	}
}
