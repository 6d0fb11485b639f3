package model

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// asked is a client whose calls end as the test says, and which counts those that were made.
func asked(calls *int, outcome *error) *client {
	return &client{spec: specs()[0], timeout: time.Minute, retry: policy{attempts: 1}, send: func(context.Context, question) (Response, error) {
		*calls++
		return Response{Text: "fine"}, *outcome
	}}
}

var (
	down     = &Error{Code: CodeUnavailable, Message: "openai answered 503: Down for repairs."}
	anything = Request{Messages: []Message{{Role: User, Text: "?"}}}
)

func TestADeadProviderIsLeftAloneAndTriedOnceARest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		var outcome error = down
		c := asked(&calls, &outcome)
		for range deadAfter {
			if _, err := c.Decide(t.Context(), anything); errors.Is(err, ErrResting) {
				t.Fatal("it rests before its time")
			}
		}
		calls = 0
		for _, rest := range []time.Duration{firstRest, 2 * firstRest, 4 * firstRest, 8 * firstRest, longRest, longRest} {
			_, err := c.Decide(t.Context(), anything)
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrResting) || e.Code != CodeUnavailable || e.RetryAfter != rest {
				t.Fatalf("at rest for %s: %v", rest, err)
			}
			for _, part := range []string{"openai", "in " + rest.String(), "Down for repairs"} {
				if !strings.Contains(e.Message, part) {
					t.Errorf("message lacks %q: %s", part, e.Message)
				}
			}
			time.Sleep(rest - time.Millisecond) // of the bubble's clock
			if _, err := c.Decide(t.Context(), anything); !errors.Is(err, ErrResting) || calls != 0 {
				t.Fatalf("just before the end of %s: %d calls, %v", rest, calls, err)
			}
			time.Sleep(time.Millisecond)
			if _, err := c.Decide(t.Context(), anything); errors.Is(err, ErrResting) || calls != 1 {
				t.Fatalf("after %s: %d calls, %v", rest, calls, err)
			}
			calls = 0
		}
		time.Sleep(longRest)
		outcome = nil
		for range 5 {
			if _, err := c.Decide(t.Context(), anything); err != nil {
				t.Errorf("after it is back: %v", err)
			}
		}
		outcome = down
		for range deadAfter {
			_, _ = c.Decide(t.Context(), anything)
		}
		if _, err := c.Decide(t.Context(), anything); err.(*Error).RetryAfter != firstRest {
			t.Errorf("the rests of a former outage are not forgotten: %v", err)
		}
	})
}

func TestOnlyAProviderThatDoesNotAnswerComesToRest(t *testing.T) {
	for code, rests := range map[string]bool{
		CodeUnavailable: true, CodeTimeout: true, CodeRateLimited: false, CodeAuth: false, CodeModelNotFound: false,
		CodeInvalid: false, CodeInvalidOutput: false,
	} {
		var calls int
		var outcome error = &Error{Code: code}
		c := asked(&calls, &outcome)
		for range 2 * deadAfter {
			_, _ = c.Decide(t.Context(), anything)
		}
		if want := map[bool]int{true: deadAfter, false: 2 * deadAfter}[rests]; calls != want {
			t.Errorf("%s: %d calls were made, want %d", code, calls, want)
		}
	}
}

func TestAnAnswerBetweenFailuresKeepsAProviderAwake(t *testing.T) {
	var calls int
	var outcome error
	c := asked(&calls, &outcome)
	for i := range 5 * deadAfter {
		if outcome = down; i%deadAfter == deadAfter-1 {
			outcome = &Error{Code: CodeRateLimited}
		}
		if _, err := c.Decide(t.Context(), anything); errors.Is(err, ErrResting) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

func TestARestLastsAsLongAsTheProviderAsksForWithinReason(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{time.Second: firstRest, time.Minute: time.Minute, time.Hour: longRest} {
		synctest.Test(t, func(t *testing.T) {
			var b breaker
			for range deadAfter {
				b.leave(false, &Error{Code: CodeUnavailable, RetryAfter: asked})
			}
			if _, refused := b.enter(); refused == nil || refused.RetryAfter != want {
				t.Errorf("asked for %s: %v", asked, refused)
			}
		})
	}
}

func TestOneTrialAtATimeAndACanceledOneIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		for range deadAfter {
			b.leave(false, down)
		}
		time.Sleep(firstRest)
		trial, refused := b.enter()
		if !trial || refused != nil {
			t.Fatalf("trial %v, %v", trial, refused)
		}
		if _, refused := b.enter(); refused == nil || !strings.Contains(refused.Message, "being tried") {
			t.Errorf("beside a trial: %v", refused)
		}
		b.leave(false, context.Canceled) // of a call that began before the rest
		b.leave(false, down)             // likewise
		if _, refused := b.enter(); refused == nil {
			t.Error("two trials at once")
		}
		b.leave(true, context.Canceled)
		if trial, refused := b.enter(); !trial || refused != nil {
			t.Errorf("after a canceled trial: trial %v, %v", trial, refused)
		}
		b.leave(true, nil)
		if trial, refused := b.enter(); trial || refused != nil {
			t.Errorf("after an answer: trial %v, %v", trial, refused)
		}
	})
}
