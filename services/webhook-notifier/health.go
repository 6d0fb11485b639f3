package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// When an endpoint that answers is given up. It takes time, never a number of failures: a short outage can fail any
// number of deliveries.
const (
	failingFor   = 5 * 24 * time.Hour // nothing has succeeded for so long,
	failingAgain = 12 * time.Hour     // and a failure so long after the first has shown that it was no single incident
)

// health is the state of an endpoint after a POST; changed is false if it is the one before.
func health(e event.EndpointData, a event.DeliveryAttempt) (next event.EndpointData, changed bool) {
	next = e
	next.Last = &event.EndpointAttempt{At: a.At, DurationMS: a.DurationMS, StatusCode: a.StatusCode, Class: a.Class}
	switch {
	case e.Type == event.EndpointDisabled:
		return e, false // only somebody's word ends it
	case a.Class == "":
		next.Type, next.FailingSince, next.FailingAgain = event.EndpointRecovered, nil, nil
		return next, e.Type == event.EndpointFailing
	case a.StatusCode == http.StatusGone:
		return disabled(next, a.At, event.ReasonGone), true
	case e.FailingSince == nil:
		next.Type, next.FailingSince = event.EndpointFailing, &a.At
		return next, true
	case e.FailingAgain != nil && a.At.Sub(*e.FailingSince) >= failingFor:
		return disabled(next, a.At, event.ReasonFailing), true
	case e.FailingAgain == nil && a.At.Sub(*e.FailingSince) >= failingAgain:
		next.FailingAgain = &a.At
		return next, true
	}
	return e, false
}

func disabled(e event.EndpointData, at time.Time, why event.EndpointReason) event.EndpointData {
	e.Type, e.DisabledAt, e.Reason = event.EndpointDisabled, &at, why
	return e
}

// examine writes what a POST says of its endpoint, which was at before when the POST began.
func (c *courier) examine(ctx context.Context, before bus.EndpointRecord, a event.DeliveryAttempt) error {
	for now := before; ; {
		next, changed := health(now.Data, a)
		if !changed {
			return nil
		}
		next.Previous = now.Sequence
		_, err := c.Bus.PutEndpoint(ctx, c.writer.Endpoint(event.NotBefore(c.Bus.Now(ctx), a.At), next), now.Sequence)
		if err == nil && next.Type == event.EndpointDisabled {
			c.Log.Error("a webhook endpoint is disabled: deliveries to it are held until it is enabled", "endpoint_id", next.ID,
				"host", next.HostPort(), "reason", next.Reason, "failing_since", next.FailingSince, "status", a.StatusCode)
		}
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
		if now, err = c.Bus.EndpointOf(ctx, next.Address); err != nil {
			return err
		}
	}
}

// hold writes that a delivery waits for its endpoint to be enabled.
func (c *courier) hold(ctx context.Context, last bus.DeliveryRecord) error {
	d := last.Data
	d.Type, d.NextAt, d.Previous = event.DeliveryHeld, nil, last.Sequence
	_, err := c.Bus.AppendDelivery(ctx, c.writer.Delivery(event.NotBefore(c.Bus.Now(ctx), last.Time), d), last.Sequence)
	if errors.Is(err, bus.ErrConflict) {
		return nil // it was requested, or held by another
	}
	if err != nil {
		return fmt.Errorf("hold delivery %s: %w", d.ID, err)
	}
	c.Log.Warn("webhook held: its endpoint is disabled", "task_id", d.Task, "run_id", d.Run, "delivery_id", d.ID, "host", host(d.URL))
	return nil
}
