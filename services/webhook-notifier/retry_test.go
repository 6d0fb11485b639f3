package notifier

import (
	"net/http"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
)

func TestTheWaitIsTheSchedulesOrLongerWhereTheReceiverAsks(t *testing.T) {
	c := Config{Schedule: []time.Duration{5 * time.Second, 5 * time.Minute}}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		attempts int
		a        answer
		want     event.DeliveryType
		wait     time.Duration
	}{
		{0, answer{status: 200}, event.DeliveryDelivered, 0},
		{0, answer{status: 299}, event.DeliveryDelivered, 0},
		{0, answer{status: 500}, event.DeliveryAttempted, 5 * time.Second},
		{1, answer{status: 302}, event.DeliveryAttempted, 5 * time.Minute},
		{2, answer{status: 500}, event.DeliveryExhausted, 0},
		{7, answer{status: 500}, event.DeliveryExhausted, 0}, // the schedule was shortened meanwhile
		{0, answer{status: 410}, event.DeliveryExhausted, 0},
		{0, answer{status: 503, retryAfter: time.Second}, event.DeliveryAttempted, 5 * time.Second},
		{0, answer{status: 503, retryAfter: time.Hour}, event.DeliveryAttempted, time.Hour},
		{0, answer{status: 429, retryAfter: 1000 * time.Hour}, event.DeliveryAttempted, 24 * time.Hour},
		{0, answer{status: 429, retryAfter: -time.Hour}, event.DeliveryAttempted, 5 * time.Second},
	} {
		d := c.after(event.DeliveryData{Attempts: test.attempts}, test.a, now)
		if d.Type != test.want || d.Attempts != test.attempts+1 {
			t.Errorf("%+v: %s after %d attempts, want %s", test, d.Type, d.Attempts, test.want)
		}
		if test.wait == 0 {
			if d.NextAt != nil {
				t.Errorf("%+v: a finished delivery has a next attempt", test)
			}
			continue
		}
		if wait := d.NextAt.Sub(now); wait < test.wait || wait > test.wait*6/5 {
			t.Errorf("%+v: next after %s, want %s and up to a fifth more", test, wait, test.wait)
		}
	}
}

func TestRetryAfterIsReadAsSecondsOrAsADate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		status int
		value  string
		want   time.Duration
	}{
		{429, "7", 7 * time.Second},
		{503, "7", 7 * time.Second},
		{500, "7", 0},
		{503, "", 0},
		{503, "-7", 0},
		{503, "soon", 0},
		{503, "99999999999999999999", 0},
		{503, "Fri, 02 Jan 2026 03:05:05 GMT", time.Minute},
	} {
		resp := &http.Response{StatusCode: test.status, Header: http.Header{"Retry-After": {test.value}}}
		if got := retryAfter(resp, now); got != test.want {
			t.Errorf("%d with Retry-After %q: %s, want %s", test.status, test.value, got, test.want)
		}
	}
}
