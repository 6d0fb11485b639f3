package notifier

import (
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
)

func TestAnEndpointIsDisabledByTimeAndNeverByANumberOfFailures(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	type post struct {
		after  time.Duration // since the first
		status int
	}
	many := func(n int, every time.Duration) (posts []post) {
		for i := range n {
			posts = append(posts, post{time.Duration(i) * every, 500})
		}
		return posts
	}
	for name, test := range map[string]struct {
		posts  []post
		want   event.EndpointType
		reason event.EndpointReason
	}{
		"one failure":                           {[]post{{0, 500}}, "failing", ""},
		"a success":                             {[]post{{0, 200}}, "", ""},
		"a short outage":                        {many(10_000, time.Second), "failing", ""},
		"an outage of almost five days":         {many(119, hour), "failing", ""},
		"an outage of five days":                {many(121, hour), "disabled", "failing"},
		"an outage of six days, few POSTs":      {[]post{{0, 500}, {12 * hour, 0}, {6 * day, 503}}, "disabled", "failing"},
		"two incidents five days apart":         {[]post{{0, 500}, {11 * hour, 500}, {5 * day, 500}}, "failing", ""},
		"and a third":                           {[]post{{0, 500}, {11 * hour, 500}, {5 * day, 500}, {5*day + hour, 500}}, "disabled", "failing"},
		"a success within":                      {[]post{{0, 500}, {day, 500}, {4 * day, 200}, {5 * day, 500}, {6 * day, 500}}, "failing", ""},
		"a success at last":                     {[]post{{0, 500}, {day, 500}, {4 * day, 200}}, "recovered", ""},
		"gone":                                  {[]post{{0, 410}}, "disabled", "gone"},
		"gone after failures":                   {[]post{{0, 500}, {hour, 410}}, "disabled", "gone"},
		"a POST under way when it was given up": {[]post{{0, 410}, {1, 200}}, "disabled", "gone"},
	} {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		var e event.EndpointData
		for _, p := range test.posts {
			if next, changed := health(e, event.DeliveryAttempt{At: begin.Add(p.after), StatusCode: p.status, Class: classOf(p.status)}); changed {
				e = next
			}
		}
		if e.Type != test.want || e.Reason != test.reason || (e.DisabledAt != nil) != (test.want == "disabled") {
			t.Errorf("%s: %s because %q at %v, want %s because %q", name, e.Type, e.Reason, e.DisabledAt, test.want, test.reason)
		}
	}
}

func TestAnEndpointThatWasEnabledBeginsItsFiveDaysAnew(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := event.EndpointData{Type: event.EndpointEnabled}
	for _, days := range []int{0, 1, 4} {
		if next, changed := health(e, event.DeliveryAttempt{At: begin.AddDate(0, 0, days), Class: event.ClassTimeout}); changed {
			e = next
		}
	}
	if e.Type != event.EndpointFailing || !e.FailingSince.Equal(begin) {
		t.Errorf("after four days it is %s since %v", e.Type, e.FailingSince)
	}
}
