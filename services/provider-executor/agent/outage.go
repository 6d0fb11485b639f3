package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
)

// An Outage ends an attempt that has done nothing yet, since its provider serves no call for now. The run loses nothing
// by starting again later.
type Outage struct{ Cause *model.Error }

func (o *Outage) Error() string { return o.Cause.Error() }
func (o *Outage) Unwrap() error { return o.Cause }

// How often a provider that is down is asked by a run at work, if it does not say when it is back.
const (
	firstOutageWait = 5 * time.Second // doubles
	longOutageWait  = time.Minute

	// maxFaults is how often a run waits for a server that answers 500 or 501: it may as well fail at this very question.
	maxFaults = 3
)

// passing is the error of a provider that may serve the same call later; nil for any other.
func passing(ctx context.Context, err error) *model.Error {
	var e *model.Error
	if errors.As(err, &e) && e.Passing && ctx.Err() == nil {
		return e
	}
	return nil
}

// untouched reports whether the run has done nothing yet.
func (r *run) untouched() bool {
	return r.number <= 1 && len(r.task.History) == 0 && r.task.Recording == nil
}

// sitOut waits for a provider that is down, if the run has done something already: it keeps its browser, and its
// session's end is the end of the wait. n counts the waits before. It reports whether to ask again; an error is the
// journal's.
func (r *run) sitOut(ctx context.Context, err error, n int) (again bool, _ error) {
	e := passing(ctx, err)
	if e == nil || r.untouched() {
		return false, nil
	}
	if n == 0 {
		r.faulty = e.Status == http.StatusInternalServerError || e.Status == http.StatusNotImplemented
	}
	if r.faulty && n >= maxFaults {
		return false, nil
	}
	wait := max(e.RetryAfter, min(firstOutageWait<<min(n, 8), longOutageWait))
	r.Log.Warn("the provider does not serve calls, waiting", "error", e, "wait", wait.Round(time.Second))
	if err := r.Journal.Waits(ctx, r.Now().Add(wait), e.Message); err != nil {
		return false, fmt.Errorf("store the wait: %w", err)
	}
	r.waits = true
	return rest(ctx, wait) == nil, nil
}

// waitOver stores that the run goes on, if it has waited for its provider.
func (r *run) waitOver(ctx context.Context) error {
	if !r.waits || ctx.Err() != nil {
		return nil
	}
	r.waits = false
	if err := r.Journal.Resumed(ctx); err != nil {
		return fmt.Errorf("store the end of the wait: %w", err)
	}
	return nil
}
