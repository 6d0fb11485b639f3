package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
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
	return b.watchRuns(ctx, watching{from: 1, headersOnly: true}, handle, caughtUp)
}

// Follow is Watch with the events themselves, from the sequence from on.
func (b *Bus) Follow(ctx context.Context, from uint64, handle func(Seen), caughtUp func()) error {
	return b.watchRuns(ctx, watching{from: max(from, 1)}, handle, caughtUp)
}

func (b *Bus) watchRuns(ctx context.Context, w watching, handle func(Seen), caughtUp func()) error {
	w.stream, w.filters = streamRuns, []string{"run.v1.evt.>", eraseFilter}
	return b.watch(ctx, w, caughtUp, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		if seen, ok := see(m, meta); ok {
			if !w.headersOnly {
				seen.Record = eventOf(m, meta)
			}
			handle(seen)
		}
	})
}

// watching is what is watched, and how.
type watching struct {
	stream      string
	filters     []string
	from        uint64 // the first sequence
	headersOnly bool
}

// watch calls visit for every message, in order and without a gap, until ctx ends, and caughtUp (nil: nothing) once when
// all that was stored at the start has been visited.
func (b *Bus) watch(ctx context.Context, w watching, caughtUp func(), visit func(jetstream.Msg, *jetstream.MsgMetadata)) error {
	ready := sync.OnceFunc(func() {
		if caughtUp != nil {
			caughtUp()
		}
	})
	for n := 0; ctx.Err() == nil; n++ {
		err := b.watchOnce(ctx, w, ready, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
			w.from, n = meta.Sequence.Stream+1, 0
			visit(m, meta)
		})
		if ctx.Err() != nil {
			break
		}
		b.log.Log(ctx, b.level(n), "watch interrupted, opening it again", "stream", w.stream, "from", w.from, "error", err)
		wait(ctx, redelivery(n))
	}
	return nil
}

func (b *Bus) watchOnce(ctx context.Context, w watching, ready func(), visit func(jetstream.Msg, *jetstream.MsgMetadata)) error {
	s, err := b.stream(ctx, w.stream)
	if err != nil {
		return err
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: w.filters, HeadersOnly: w.headersOnly,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: w.from,
	})
	if err != nil {
		return fmt.Errorf("open ordered consumer: %w", err)
	}
	if c.CachedInfo().NumPending == 0 {
		ready()
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
		visit(m, meta)
		if meta.NumPending == 0 {
			ready()
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

// SeenWebhook is a message about webhooks: an event of a delivery, of an endpoint or of a redrive. The others are nil;
// all three are if no service wrote it.
type SeenWebhook struct {
	Sequence uint64
	Delivery *event.DeliveryEvent
	Endpoint *event.EndpointEvent
	Redrive  *event.RedriveEvent
}

// webhookFilters are the subjects of WEBHOOKS that tell of something.
func webhookFilters() []string {
	return []string{event.DeliveryFilter("*"), event.EndpointSubject("*"), event.RedriveSubject("*")}
}

// WatchWebhooks is Watch for what the stream WEBHOOKS holds. An event may be one that does not follow: LastDelivery is
// the one that does.
func (b *Bus) WatchWebhooks(ctx context.Context, handle func(SeenWebhook), caughtUp func()) error {
	return b.watch(ctx, watching{stream: streamWebhooks, filters: webhookFilters(), from: 1}, caughtUp, func(m jetstream.Msg, meta *jetstream.MsgMetadata) {
		s := SeenWebhook{Sequence: meta.Sequence.Stream}
		target := map[string]any{"evt": &s.Delivery, "endpoint": &s.Endpoint, "redrive": &s.Redrive}[strings.Split(m.Subject(), ".")[2]]
		if m.Headers().Get(headerGuard) == "" || json.Unmarshal(m.Data(), target) != nil {
			s = SeenWebhook{Sequence: meta.Sequence.Stream}
		}
		handle(s)
	})
}

// NewestWebhook is the sequence of the last message that WatchWebhooks tells of, or will. 0: there is none.
func (b *Bus) NewestWebhook(ctx context.Context) (newest uint64, err error) {
	for _, filter := range webhookFilters() {
		raw, err := b.lastMsg(ctx, streamWebhooks, filter)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		newest = max(newest, raw.Sequence)
	}
	return newest, nil
}
