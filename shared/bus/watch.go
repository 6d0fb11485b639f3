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
}

// Watch calls handle for every lifecycle event of every run, and for every run that is erased, in the order of the log, from its beginning, until
// ctx ends; caughtUp is called once when all that was stored at the start has been handled. It reads headers
// only and costs the server one consumer: one watch serves a whole process. It goes on over lost connections
// without a gap and returns nil.
func (b *Bus) Watch(ctx context.Context, handle func(Seen), caughtUp func()) error {
	var after uint64
	ready := func() {
		if caughtUp != nil {
			caughtUp()
			caughtUp = nil
		}
	}
	for n := 0; ctx.Err() == nil; n++ {
		err := b.watchOnce(ctx, after+1, func(s Seen, pending uint64) {
			after, n = s.Sequence, 0
			handle(s)
			if pending == 0 {
				ready()
			}
		}, ready)
		if ctx.Err() != nil {
			break
		}
		b.log.Log(ctx, b.level(n), "watch interrupted, opening it again", "after", after, "error", err)
		wait(ctx, redelivery(n))
	}
	return nil
}

func (b *Bus) watchOnce(ctx context.Context, from uint64, handle func(s Seen, pending uint64), empty func()) error {
	s, err := b.stream(ctx, streamRuns)
	if err != nil {
		return err
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"run.v1.evt.>", eraseFilter}, HeadersOnly: true,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
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
		info, ok := event.ParseSubject(m.Subject())
		if !ok {
			continue
		}
		after, guarded := guardOf(m.Headers(), event.LifecycleFilter(info.Key))
		_, erased := event.ParseErase(m.Subject())
		handle(Seen{info, meta.Sequence.Stream, meta.Timestamp, after, guarded, erased}, meta.NumPending)
	}
}
