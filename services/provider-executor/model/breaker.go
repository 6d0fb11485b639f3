package model

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// When a provider counts as dead, and for how long.
const (
	deadAfter = 3                // calls in a row, each of which has used up its own repeats or hung to its deadline: no hiccup
	firstRest = 15 * time.Second // then nobody asks for this long; a restart or a failover takes about as much. Doubles with each vain trial
	longRest  = 4 * time.Minute  // and no longer, also where the provider asks for more: one that is back must be found
)

// ErrResting is wrapped by the *Error of a call that was not made, since the provider had not answered the ones before
// or has asked not to be called yet. Such a call has cost nothing.
var ErrResting = errors.New("provider is not asked for now")

// breaker keeps calls from a provider that does not answer: after deadAfter failures it lets none through for a while,
// then one to try, and all again once any call is answered. It is shared by all runs of the process; its zero value is
// ready.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row; the provider rests from deadAfter on
	rests    int       // rests begun since the provider last answered
	trying   bool      // a trial is under way
	until    time.Time // when the rest ends
	last     string    // what the last failure said
	passing  bool      // and whether it may pass
}

// enter lets a call through, which must leave, or says why not. trial marks the one call after a rest.
func (b *breaker) enter() (trial bool, refused *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < deadAfter {
		return false, nil
	}
	wait := time.Until(b.until)
	if wait <= 0 && !b.trying {
		b.trying = true
		return true, nil
	}
	when := "is being tried again just now"
	if wait > 0 {
		when = fmt.Sprintf("will be tried again in %s, at %s", wait.Round(time.Second), b.until.UTC().Format("15:04:05 MST"))
	}
	return false, &Error{Code: CodeUnavailable, RetryAfter: max(wait, time.Second), Err: ErrResting, Passing: b.passing, Message: fmt.Sprintf(
		"is not asked for now, since its last %d calls failed, and %s. Name fallbacks, which take over meanwhile. The last failure: %s", b.failures, when, b.last)}
}

// leave notes how a call ended that enter has let through. Only what shows that nobody answers counts as a failure: a
// limit, a refused key or an unusable answer comes from a provider that lives, and a caller's cancel says nothing.
func (b *breaker) leave(trial bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		b.trying = false
	}
	var e *Error
	switch known := errors.As(err, &e); {
	case err != nil && !known, errors.Is(err, ErrResting):
	case known && (e.Code == CodeUnavailable || e.Code == CodeTimeout):
		b.fail(trial, e)
	default:
		b.failures, b.rests = 0, 0
	}
}

// fail begins a rest at the failure that is one too many and at each vain trial; calls that began before and end in
// between do not prolong it.
func (b *breaker) fail(trial bool, e *Error) {
	b.failures++
	b.last, b.passing = e.Message, e.Passing
	if b.failures != deadAfter && !trial {
		return
	}
	rest := min(firstRest<<min(b.rests, 8), longRest)
	b.until = time.Now().Add(min(max(rest, e.RetryAfter), longRest))
	b.rests++
}
