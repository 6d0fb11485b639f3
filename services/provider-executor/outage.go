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
