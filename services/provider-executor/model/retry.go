package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// policy says how often and after which waits a call is repeated.
type policy struct {
	attempts int
	first    time.Duration
	longest  time.Duration
	patience time.Duration
	total    time.Duration
}

// standard is the policy of all providers.
var standard = policy{
	attempts: 4,                      // a fourth failure in a row is an outage, not a hiccup: the run's owner should know
	first:    500 * time.Millisecond, // doubles each time; overloaded providers recover within seconds
	longest:  8 * time.Second,        // of a wait that we choose ourselves
	patience: 60 * time.Second,       // of a wait that the provider asks for: limits count per minute. Longer ones end the call, as it holds a slot
	total:    90 * time.Second,       // from the first call to the beginning of the last: one wait of a minute and its hiccups, not three of them
}

// do calls until it succeeds, fails for good or has used up the policy, whose total counts from since. It never waits
// less than Retry-After says. A call that hangs to its deadline is repeated once, however long that took.
func (p policy) do(ctx context.Context, since time.Time, call func() *Error) error {
	hung := false
	for n := 1; ; n++ {
		failure := call()
		switch {
		case failure == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case failure.hung && !hung: // once, at once: it has waited long enough
			hung = true
			continue
		case failure.hung:
			return failure
		case !failure.repeat || n == p.attempts || failure.RetryAfter > p.patience:
			return failure
		}
		wait := p.wait(n, failure.RetryAfter)
		if time.Since(since)+wait > p.total {
			return failure
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("wait to ask again: %w after %w", err, failure)
		}
	}
}

// wait is the pause after the n-th failure: half fixed, half by chance, so that executors do not come back in step.
func (p policy) wait(n int, asked time.Duration) time.Duration {
	backoff := min(p.first<<(n-1), p.longest)
	if asked > 0 {
		return asked + rand.N(max(asked/10, time.Millisecond))
	}
	return backoff/2 + rand.N(backoff/2)
}

// pause waits, unless ctx ends before: then it says so at once.
func pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
