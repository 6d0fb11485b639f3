package bus

import (
	"context"
	"errors"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// How long the state of something that needs no attention is kept: addresses may be as many as runs.
const (
	settledKept = 7 * 24 * time.Hour  // an endpoint that works, a redrive that has ended
	failingKept = 30 * 24 * time.Hour // an endpoint that fails is disabled long before, unless nothing is sent to it
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

// Redrive is a redrive's last event, and its sequence. ErrNotFound: there is no such redrive, or none any more.
func (b *Bus) Redrive(ctx context.Context, id string) (event.Redrive, uint64, error) {
	raw, err := b.lastMsg(ctx, streamWebhooks, event.RedriveSubject(id))
	if err != nil {
		return event.Redrive{}, 0, err
	}
	var e event.RedriveEvent
	return e.Data, raw.Sequence, decode(raw.Data, raw.Subject, &e)
}

// PutEndpoint stores an endpoint's event in place of the one at after (0: none). ErrConflict: another came first.
func (b *Bus) PutEndpoint(ctx context.Context, e event.EndpointEvent, after uint64) (uint64, error) {
	keep := settledKept // without it the endpoint is one that has never failed
	switch e.Data.Type {
	case event.EndpointFailing:
		keep = failingKept
	case event.EndpointDisabled:
		keep = 0
	}
	return b.replace(ctx, event.EndpointSubject(e.Data.ID), e, keep, guard{event.EndpointSubject(e.Data.ID), after, e.ID})
}

// PutRedrive stores a redrive's event in place of the one at after (0: none). ErrConflict: another came first.
func (b *Bus) PutRedrive(ctx context.Context, e event.RedriveEvent, after uint64) (uint64, error) {
	subject := event.RedriveSubject(e.Data.ID)
	keep := settledKept
	if e.Data.State == event.RedriveRunning {
		keep = 0
	}
	return b.replace(ctx, subject, e, keep, guard{subject, after, e.ID})
}

// replace stores the one message of a subject in WEBHOOKS, which the server removes after keep (0: never).
func (b *Bus) replace(ctx context.Context, subject string, v any, keep time.Duration, g guard) (uint64, error) {
	msg, err := encode(subject, v)
	if err != nil {
		return 0, err
	}
	msg.Header.Set("Nats-Rollup", "sub")
	if keep > 0 {
		msg.Header.Set("Nats-TTL", keep.String())
	}
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
