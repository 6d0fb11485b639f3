package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
)

// DeliveryRecord is a delivery event as stored.
type DeliveryRecord struct {
	event.DeliveryEvent
	Sequence uint64
}

// AppendDelivery stores a delivery's event, guarded by after, the sequence of the delivery's last event (0: none).
// An event that ends the delivery disarms its schedule in the same write. ErrConflict: another came first.
func (b *Bus) AppendDelivery(ctx context.Context, e event.DeliveryEvent, after uint64) (uint64, error) {
	d := e.Data
	msg, err := encode(event.DeliverySubject(d.ID, d.Type), e)
	if err != nil {
		return 0, err
	}
	if d.Type == event.DeliveryDelivered || d.Type == event.DeliveryExhausted {
		msg.Header.Set("Nats-Schedule-Next", "purge")
		msg.Header.Set("Nats-Scheduler", event.DeliveryScheduleSubject(d.ID))
	}
	return b.write(ctx, streamWebhooks, msg, guard{event.DeliveryFilter(d.ID), after, e.ID})
}

// LastDelivery is a delivery's last event, from its stream. ErrNotFound: no such delivery.
func (b *Bus) LastDelivery(ctx context.Context, id event.DeliveryID) (DeliveryRecord, error) {
	raw, err := b.lastMsg(ctx, streamWebhooks, event.DeliveryFilter(id))
	if err != nil {
		return DeliveryRecord{}, err
	}
	r := DeliveryRecord{Sequence: raw.Sequence}
	if err := json.Unmarshal(raw.Data, &r.DeliveryEvent); err != nil {
		return DeliveryRecord{}, fmt.Errorf("decode delivery %s: %w", id, err)
	}
	return r, nil
}

// ArmDelivery schedules a delivery's next attempt, in place of any other, guarded by the delivery's last event.
func (b *Bus) ArmDelivery(ctx context.Context, id event.DeliveryID, due time.Time, after uint64) error {
	msg, err := scheduled(event.DeliveryScheduleSubject(id), event.DeliveryDueSubject(id), due, map[string]any{"delivery_id": id})
	if err != nil {
		return err
	}
	_, err = b.write(ctx, streamWebhooks, msg, guard{event.DeliveryFilter(id), after, uuid.NewString()})
	return err
}
