package notifier

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// maxRetryAfter bounds what a receiver can ask for: the longest wait of the default schedule.
const maxRetryAfter = 24 * time.Hour

// after is the delivery's state after a POST that was answered with a at the instant now. The wait that follows a
// failure is the schedule's, or longer if the receiver asked for it. A delivery that was requested again begins its
// schedule anew.
func (c Config) after(d event.DeliveryData, a answer, now time.Time) event.DeliveryData {
	d.Attempts++
	d.NextAt = nil
	round := d.Attempts - d.Before
	switch {
	case a.ok():
		d.Type = event.DeliveryDelivered
	case a.status == http.StatusGone || round > len(c.Schedule):
		d.Type = event.DeliveryExhausted
	default:
		d.Type = event.DeliveryAttempted
		wait := max(c.Schedule[round-1], min(a.retryAfter, maxRetryAfter))
		at := now.Add(jittered(wait)).UTC()
		d.NextAt = &at
	}
	return d
}

// jittered is a wait of d to 1.2 d, so that deliveries that failed together do not come back together. It is never
// shorter: a receiver that asked for a wait gets it.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/5+1) }
