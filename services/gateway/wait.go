package gateway

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// cancelPatience is how long a cancel waits to see its effect: an executor stops between two actions.
const cancelPatience = 2 * time.Second

// await returns the run as it stands when it is over, when limit has passed, or when the gateway shuts down. It
// registers before it reads the log, so that no end falls between the two. It never fails: a caller that waited gets the
// run as it is.
func (a *api) await(ctx context.Context, id event.RunID, accepted event.Request, limit time.Duration) event.Run {
	c, leave := a.hub.join(id)
	defer leave()
	a.metrics.waiters.Inc()
	defer a.metrics.waiters.Dec()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	last, err := a.bus.Last(ctx, event.Key{Task: accepted.Task, Run: id})
	if err == nil && event.Kind(last.RunEvent).Terminal() {
		return a.current(ctx, id, accepted)
	}
	select {
	case <-c.ended:
		run, err := c.answer(func() (event.Run, error) { return a.read(context.WithoutCancel(ctx), id) })
		return a.orAccepted(run, err, id, accepted)
	case <-timer.C:
	case <-a.closing:
	}
	return a.current(ctx, id, accepted)
}

// preferredWait reads wait=SECONDS from a Prefer header (RFC 7240). ok is false where there is none.
func preferredWait(header string) (wait time.Duration, ok bool) {
	for _, preference := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
		if strings.EqualFold(strings.TrimSpace(name), "wait") && err == nil && seconds >= 0 && seconds <= 86400 {
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// prefersAsync reports whether a Prefer header asks for an answer at once: respond-async without a wait, which would say
// how long the answer may take (RFC 7240, 4.3).
func prefersAsync(header string) bool {
	if _, waits := preferredWait(header); waits {
		return false
	}
	for preference := range strings.SplitSeq(header, ",") {
		name, _, _ := strings.Cut(preference, ";")
		if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
			return true
		}
	}
	return false
}

// current is an accepted run as it stands now. If it cannot be read it is the run as it was accepted: a caller whose run
// exists learns its id, come what may.
func (a *api) current(ctx context.Context, id event.RunID, accepted event.Request) event.Run {
	run, err := a.read(ctx, id)
	return a.orAccepted(run, err, id, accepted)
}

func (a *api) orAccepted(run event.Run, err error, id event.RunID, accepted event.Request) event.Run {
	if err == nil {
		return run
	}
	if !errors.Is(err, bus.ErrUnavailable) {
		a.log.Error("read an accepted run", "run_id", id, "error", err)
	}
	return event.Present(id, accepted, event.Queued(id, accepted), nil)
}
