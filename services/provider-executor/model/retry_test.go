package model

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRepeatsAreSpacedAndEndAfterFourCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		err := standard.do(t.Context(), time.Now(), func() *Error {
			at = append(at, time.Since(start))
			return &Error{Code: CodeUnavailable, repeat: true}
		})
		if !hasCode(err, CodeUnavailable) || len(at) != 4 {
			t.Fatalf("%d calls, then %v", len(at), err)
		}
		for n, backoff := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
			if wait := at[n+1] - at[n]; wait < backoff/2 || wait > backoff {
				t.Errorf("wait %d was %s, want between half and all of %s", n+1, wait, backoff)
			}
		}
	})
}

func TestRetryAfterIsNeverCutShort(t *testing.T) {
	for _, asked := range []time.Duration{time.Millisecond, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			start, calls := time.Now(), 0
			err := standard.do(t.Context(), time.Now(), func() *Error {
				if calls++; calls == 1 {
					return &Error{repeat: true, RetryAfter: asked}
				}
				return nil
			})
			if waited := time.Since(start); err != nil || waited < asked || waited > asked*12/10+time.Millisecond {
				t.Errorf("waited %s of %s, then %v", waited, asked, err)
			}
		})
	}
}

func TestAWaitThatWouldOutlastTheCallerIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := standard.do(ctx, time.Now(), func() *Error { return &Error{Code: CodeRateLimited, repeat: true, RetryAfter: 30 * time.Second} })
		if !errors.Is(err, context.DeadlineExceeded) || !hasCode(err, CodeRateLimited) || time.Since(start) != 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestACancelEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := standard.do(ctx, time.Now(), func() *Error { return &Error{repeat: true, RetryAfter: time.Minute} })
		if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestTheWaitsOfOneCallHaveATotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since, calls := time.Now(), 0
		err := standard.do(t.Context(), since, func() *Error {
			calls++
			time.Sleep(time.Second) // of the bubble's clock
			return &Error{Code: CodeRateLimited, repeat: true, RetryAfter: standard.patience}
		})
		if took := time.Since(since); !hasCode(err, CodeRateLimited) || calls != 2 || took > standard.total {
			t.Errorf("%d calls in %s, then %v", calls, took, err)
		}
		calls = 0
		err = standard.do(t.Context(), since, func() *Error {
			calls++
			return &Error{Code: CodeUnavailable, repeat: true, RetryAfter: 30 * time.Second}
		})
		if !hasCode(err, CodeUnavailable) || calls != 1 {
			t.Errorf("%d calls after %s were spent before, then %v", calls, time.Since(since), err)
		}
	})
}

func hasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
