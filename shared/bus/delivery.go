package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// DeliveryRecord is a delivery event as stored.
type DeliveryRecord struct {
	event.DeliveryEvent
	Sequence uint64
}

// AppendDelivery stores a delivery's event, guarded by after, the sequence of the delivery's last event (0: none).
// An event that no scheduled POST follows disarms the delivery's schedule in the same write. ErrConflict: another came
// first.
func (b *Bus) AppendDelivery(ctx context.Context, e event.DeliveryEvent, after uint64) (uint64, error) {
	d := e.Data
	msg, err := encode(event.DeliverySubject(d.ID, d.Type), e)
	if err != nil {
		return 0, err
	}
	if !d.Type.Scheduled() {
		msg.Header.Set("Nats-Schedule-Next", "purge")
		msg.Header.Set("Nats-Scheduler", event.DeliveryScheduleSubject(d.ID))
	}
	return b.writeNext(ctx, delivery(d.ID), msg, guard{event.DeliveryFilter(d.ID), after, e.ID})
}

// delivery is the log of a delivery.
func delivery(id event.DeliveryID) log {
	return log{streamWebhooks, event.DeliveryFilter(id), func(raw *jetstream.RawStreamMsg) (link, error) {
		var e event.DeliveryEvent
		if err := decode(raw.Data, raw.Subject, &e); err != nil {
			return link{}, err
		}
		d := e.Data
		if raw.Subject != event.DeliverySubject(id, d.Type) || d.ID != id {
			return link{}, errors.New("it speaks of another event than its subject")
		}
		return link{first: d.Type == event.DeliveryCreated, previous: d.Previous}, nil // also after its end it may be requested again, nil
	}}
}

// LastDelivery is a delivery's last event, from its stream. ErrNotFound: no such delivery.
func (b *Bus) LastDelivery(ctx context.Context, id event.DeliveryID) (DeliveryRecord, error) {
	raw, _, err := b.find(ctx, delivery(id))
	if err != nil {
		return DeliveryRecord{}, err
	}
	if raw == nil {
		return DeliveryRecord{}, fmt.Errorf("read delivery %s: %w", id, ErrNotFound)
	}
	r := DeliveryRecord{Sequence: raw.Sequence}
	return r, decode(raw.Data, raw.Subject, &r.DeliveryEvent)
}

// maxDeliveryEvents is how many events of a delivery are read: a schedule has ten, and somebody may have it sent again
// as often as they like.
const maxDeliveryEvents = 200

// DeliveryHistory is the events of a delivery in order, the newest of them if there are very many. ErrNotFound: no such
// delivery.
func (b *Bus) DeliveryHistory(ctx context.Context, id event.DeliveryID) ([]DeliveryRecord, error) {
	r, err := b.LastDelivery(ctx, id)
	if err != nil {
		return nil, err
	}
	all := []DeliveryRecord{r}
	for r.Data.Previous > 0 && r.Data.Previous < r.Sequence && len(all) < maxDeliveryEvents {
		raw, err := b.msgAt(ctx, streamWebhooks, r.Data.Previous)
		if err != nil {
			return nil, err // ErrNotFound: it was erased meanwhile
		}
		r = DeliveryRecord{Sequence: raw.Sequence}
		if err := decode(raw.Data, raw.Subject, &r.DeliveryEvent); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.Reverse(all)
	return all, nil
}

// DeliveryDue is what a message of ConsumerDelivery asks for: the POST that follows the delivery's event at After.
// Where another event is the last one by now, that POST has been made.
type DeliveryDue struct {
	ID    event.DeliveryID `json:"delivery_id"`
	After uint64           `json:"after_sequence"`
}

// DueDelivery reads a message of ConsumerDelivery: the created or a requested event of a delivery, or an
// armed retry that is due.
func DueDelivery(m Message) (due DeliveryDue, err error) {
	if event.IsDeliveryDue(m.Subject) {
		return due, decode(m.Data, m.Subject, &due)
	}
	var e event.DeliveryEvent
	err = decode(m.Data, m.Subject, &e)
	return DeliveryDue{e.Data.ID, m.Sequence}, err
}

// ArmDelivery schedules the POST that follows the delivery's event at after, in place of any other, guarded by that
// event. Arming again for the same instant is one write for as long as the server remembers ids (two minutes), so
// that a message delivered twice does not make a second one.
func (b *Bus) ArmDelivery(ctx context.Context, id event.DeliveryID, at time.Time, after uint64) error {
	subject := event.DeliveryScheduleSubject(id)
	msg, err := scheduled(subject, event.DeliveryDueSubject(id), at, DeliveryDue{id, after})
	if err != nil {
		return err
	}
	own := fmt.Sprintf("%s.armed.%d.%d", id, after, at.UnixNano())
	_, err = b.writeNext(ctx, delivery(id), msg, guard{event.DeliveryFilter(id), after, own})
	return err
}
