package bus

import (
	"context"
	"errors"

	"github.com/errand-run/errand/shared/event"
)

// EndpointRecord is an endpoint's last event as stored.
type EndpointRecord struct {
	event.EndpointEvent
	Sequence uint64
}

// Endpoint is an endpoint's last event, from its stream. ErrNotFound: it has never failed.
func (b *Bus) Endpoint(ctx context.Context, id event.EndpointID) (EndpointRecord, error) {
	subject := event.EndpointSubject(id)
	raw, err := b.lastMsg(ctx, streamWebhooks, subject)
	if err != nil {
		return EndpointRecord{}, err
	}
	r := EndpointRecord{Sequence: raw.Sequence}
	err = decode(raw.Data, raw.Subject, &r.EndpointEvent)
	if _, guarded := guardOf(raw.Header, subject); err != nil || !guarded || r.Data.ID != id {
		b.metrics.strays.WithLabelValues(streamWebhooks).Inc()
		b.log.Warn("an endpoint's state that no service wrote is ignored", "subject", subject, "sequence", raw.Sequence)
		return EndpointRecord{Sequence: raw.Sequence}, nil // the next write takes its place
	}
	return r, nil
}

// PutEndpoint stores an endpoint's event in place of the one at after (0: none). ErrConflict: another came first.
func (b *Bus) PutEndpoint(ctx context.Context, e event.EndpointEvent, after uint64) (uint64, error) {
	return b.replace(ctx, event.EndpointSubject(e.Data.ID), e, guard{event.EndpointSubject(e.Data.ID), after, e.ID})
}

// replace stores the one message of a subject in WEBHOOKS.
func (b *Bus) replace(ctx context.Context, subject string, v any, g guard) (uint64, error) {
	msg, err := encode(subject, v)
	if err != nil {
		return 0, err
	}
	msg.Header.Set("Nats-Rollup", "sub")
	return b.write(ctx, streamWebhooks, msg, g)
}

// EndpointOf is the endpoint at an address: its last event, or none of any type if it has never failed.
func (b *Bus) EndpointOf(ctx context.Context, a event.Address) (EndpointRecord, error) {
	r, err := b.Endpoint(ctx, a.ID())
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if r.Data.ID == "" {
		r.Data.ID, r.Data.Address = a.ID(), a
	}
	return r, err
}
