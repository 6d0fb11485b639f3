package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// delivery appends an event of the type to run's delivery and returns its sequence.
func delivery(t *testing.T, b *bus.Bus, run event.RunID, typ event.DeliveryType, after uint64) uint64 {
	t.Helper()
	d := event.DeliveryData{ID: event.DeliveryOf(run), Task: 7, Run: run, Type: typ, URL: "https://shop.test/hook", Previous: after}
	if typ != event.DeliveryCreated {
		d.Attempts = 1
	}
	seq, err := b.AppendDelivery(t.Context(), writer.Delivery(b.Now(t.Context()), d), after)
	if err != nil {
		t.Fatalf("append %s: %v", typ, err)
	}
	return seq
}

func TestOnlyOneOutcomeFollowsADeliverysEvent(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	created := delivery(t, b, 1, event.DeliveryCreated, 0)
	delivered := delivery(t, b, 1, event.DeliveryDelivered, created)
	d := event.DeliveryData{ID: event.DeliveryOf(1), Task: 7, Run: 1, Type: event.DeliveryExhausted, Attempts: 1}
	_, err := b.AppendDelivery(t.Context(), writer.Delivery(b.Now(t.Context()), d), created)
	if !errors.Is(err, bus.ErrConflict) {
		t.Errorf("a second outcome: %v, want a conflict", err)
	}
	if err := b.ArmDelivery(t.Context(), event.DeliveryOf(1), b.Now(t.Context()), created); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("arm a finished delivery: %v, want a conflict", err)
	}
	last, err := b.LastDelivery(t.Context(), event.DeliveryOf(1))
	if err != nil || last.Sequence != delivered || last.Data.Type != event.DeliveryDelivered {
		t.Errorf("last event: %s at %d, %v; want delivered at %d", last.Data.Type, last.Sequence, err, delivered)
	}
	if _, err := b.LastDelivery(t.Context(), event.DeliveryOf(2)); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("a delivery that is not: %v", err)
	}
}

func TestARetryFallsDueOnceAndAnOutcomeDisarmsIt(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	due := make(chan bus.DeliveryDue, 10)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, bus.ConsumerDelivery, 4, func(_ context.Context, m bus.Message) error {
			d, err := bus.DueDelivery(m)
			due <- d
			return err
		})
	}()
	arm := func(run event.RunID, at time.Time, after uint64) {
		t.Helper()
		if err := b.ArmDelivery(t.Context(), event.DeliveryOf(run), at, after); err != nil {
			t.Fatalf("arm: %v", err)
		}
	}
	created := delivery(t, b, 1, event.DeliveryCreated, 0)
	if got := <-due; got != (bus.DeliveryDue{ID: event.DeliveryOf(1), After: created}) {
		t.Errorf("a created delivery asks for %+v", got)
	}
	other := delivery(t, b, 2, event.DeliveryCreated, 0)
	<-due
	at := b.Now(t.Context()).Add(500 * time.Millisecond)
	arm(1, at, created)
	arm(2, at, other)
	delivery(t, b, 2, event.DeliveryExhausted, other) // disarms its retry
	want := bus.DeliveryDue{ID: event.DeliveryOf(1), After: created}
	if got := <-due; got != want {
		t.Errorf("due: %+v, want %+v", got, want)
	}
	arm(1, at, created) // again, after it has fired: the same write, so nothing fires
	arm(1, b.Now(t.Context()).Add(300*time.Millisecond), created)
	if got := <-due; got != want {
		t.Errorf("due: %+v, want %+v", got, want)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(due) != 0 {
		t.Errorf("%d retries more than were armed", len(due))
	}
}
