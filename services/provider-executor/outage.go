package executor

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/errand-run/errand/services/provider-executor/agent"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// How long a run that has done nothing yet waits in the queue for its provider.
const (
	firstPostponement = 5 * time.Second // doubles with each attempt; an outage is rarely over sooner
	longPostponement  = time.Minute     // and no longer, unless the provider asks for more
)

// postpone gives a run that has done nothing yet back to the queue until its provider may serve it again. ok is false
// if it has waited as long as its session may last: then it fails.
func (l *lease) postpone(ctx context.Context, o *agent.Outage) (ok bool, err error) {
	now := l.now(ctx)
	wait := max(min(firstPostponement<<min(l.run.Attempt-1, 8), longPostponement), o.Cause.RetryAfter)
	w := &event.Waiting{
		Reason: event.WaitingProvider, Since: now, Until: now.Add(wait + rand.N(wait/4)), Text: l.secrets.Mask(o.Cause.Message),
	}
	if l.waiting != nil {
		w.Since = l.waiting.Since
	}
	if w.Until.Sub(w.Since) > time.Duration(l.run.SessionTimeout)*time.Second {
		return false, nil
	}
	t := bus.Timer{
		Task: l.run.Task, Run: l.run.Run, Kind: bus.TimerRelease, Attempt: l.run.Attempt, Reason: w.Text, Due: now, Waiting: w,
	}
	return true, l.guarded(ctx, func(token uint64) error { return l.bus.Arm(ctx, t, token) })
}

// Waits stores that the run stands still for its provider, with its lease and its browser. It is part of the agent's
// Journal.
func (l *lease) Waits(ctx context.Context, until time.Time, why string) error {
	now := l.now(ctx)
	return l.moved(ctx, event.Suspended, func(since *event.Waiting) *event.Waiting {
		w := &event.Waiting{Reason: event.WaitingProvider, Since: now, Until: until, Text: l.secrets.Mask(why)}
		if since != nil {
			w.Since = since.Since
		}
		return w
	})
}

// Resumed stores that the run goes on. It is part of the agent's Journal.
func (l *lease) Resumed(ctx context.Context) error {
	return l.moved(ctx, event.Resumed, func(*event.Waiting) *event.Waiting { return nil })
}

// moved writes an event after which the run stands still, or does not any more. A run that is to be canceled ends.
func (l *lease) moved(ctx context.Context, t event.Type, waiting func(before *event.Waiting) *event.Waiting) error {
	return l.guarded(ctx, func(uint64) error {
		l.mu.Lock()
		canceled := l.canceled
		if !canceled {
			l.run.State, l.run.Waiting = t.State(), waiting(l.run.Waiting)
		}
		l.mu.Unlock()
		if canceled {
			return errCanceled
		}
		return l.append(ctx, t)
	})
}
