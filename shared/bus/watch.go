package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// Seen is one stored event of the log, without its body.
type Seen struct {
	event.SubjectInfo
	Sequence uint64
	StoredAt time.Time
	After    uint64 // the last event before it, by the guard that the server has checked
	Guarded  bool   // it was written with a guard; what was not does not follow
	Erased   bool   // no event: the run is being erased, and there is no such run any more
	Record   Record // of Follow: the event. It is the zero value for what is none, whatever its subject says
}

// Watch calls handle for every lifecycle event of every run, and for every run that is erased, in the order of the log, from its beginning, until
// ctx ends; caughtUp is called once when all that was stored at the start has been handled. It reads headers
// only and costs the server one consumer: one watch serves a whole process. It goes on over lost connections
// without a gap and returns nil.
func (b *Bus) Watch(ctx context.Context, handle func(Seen), caughtUp func()) error {
	return b.watch(ctx, watching{from: 1, headersOnly: true}, handle, caughtUp)
}

// Follow is Watch with the events themselves, from the sequence from on.
func (b *Bus) Follow(ctx context.Context, from uint64, handle func(Seen), caughtUp func()) error {
	return b.watch(ctx, watching{from: max(from, 1)}, handle, caughtUp)
}

// watching is how the log is watched.
type watching struct {
	from        uint64 // the first sequence
	headersOnly bool
}

func (b *Bus) watch(ctx context.Context, w watching, handle func(Seen), caughtUp func()) error {
	ready := func() {
		if caughtUp != nil {
			caughtUp()
			caughtUp = nil
		}
	}
	for n := 0; ctx.Err() == nil; n++ {
		err := b.watchOnce(ctx, w, func(s Seen, pending uint64) {
			w.from, n = s.Sequence+1, 0
			handle(s)
			if pending == 0 {
				ready()
			}
		}, ready)
		if ctx.Err() != nil {
			break
		}
		b.log.Log(ctx, b.level(n), "watch interrupted, opening it again", "from", w.from, "error", err)
		wait(ctx, redelivery(n))
	}
	return nil
}

func (b *Bus) watchOnce(ctx context.Context, w watching, handle func(s Seen, pending uint64), empty func()) error {
	s, err := b.stream(ctx, streamRuns)
	if err != nil {
		return err
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"run.v1.evt.>", eraseFilter}, HeadersOnly: w.headersOnly,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: w.from,
	})
	if err != nil {
		return fmt.Errorf("open ordered consumer: %w", err)
	}
	if c.CachedInfo().NumPending == 0 {
		empty()
	}
	messages, err := c.Messages()
	if err != nil {
		return fmt.Errorf("read ordered consumer: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		m, err := messages.Next()
		if err != nil {
			return fmt.Errorf("read ordered consumer: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read metadata of %s: %w", m.Subject(), err)
		}
		if seen, ok := see(m, meta); ok {
			if !w.headersOnly {
				seen.Record = eventOf(m, meta)
			}
			handle(seen, meta.NumPending)
		}
	}
}

func see(m jetstream.Msg, meta *jetstream.MsgMetadata) (Seen, bool) {
	info, ok := event.ParseSubject(m.Subject())
	if !ok {
		return Seen{}, false
	}
	after, guarded := guardOf(m.Headers(), event.LifecycleFilter(info.Key))
	_, erased := event.ParseErase(m.Subject())
	return Seen{
		SubjectInfo: info, Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, After: after, Guarded: guarded, Erased: erased,
	}, true
}

// eventOf reads a message as a lifecycle event, whatever came before it. It is the zero value if the message is none.
func eventOf(m jetstream.Msg, meta *jetstream.MsgMetadata) Record {
	raw := &jetstream.RawStreamMsg{Subject: m.Subject(), Sequence: meta.Sequence.Stream, Header: m.Headers(), Data: m.Data(), Time: meta.Timestamp}
	info, _ := event.ParseSubject(raw.Subject)
	r, err := record(raw.Sequence, raw.Time, raw.Data)
	if err == nil {
		_, err = lifecycleLink(info.Key, raw, r)
	}
	if err != nil {
		return Record{}
	}
	return r
}
