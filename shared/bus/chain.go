package bus

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Whoever may publish to a stream can store anything at any subject of it. What a guarded write stored can be told from
// that: the server has kept the guard in the message's headers, and stored the message only because the guard held. So
// an event follows another if its guard names the last message before it, its data names the last event before it that
// follows, and that one ended nothing. All else is a stray: readers ignore it, and count it.

// guardHeaders are those of a guarded write that the server has checked.
const (
	headerGuard  = "Nats-Expected-Last-Subject-Sequence"
	headerFilter = "Nats-Expected-Last-Subject-Sequence-Subject"
)

// guardOf is the sequence that a message was guarded by on filter; ok is false for one that was not.
func guardOf(h nats.Header, filter string) (after uint64, ok bool) {
	if h.Get(headerFilter) != filter {
		return 0, false
	}
	after, err := strconv.ParseUint(h.Get(headerGuard), 10, 64)
	return after, err == nil
}

// log is one chain of events: the lifecycle of a run, or a delivery.
type log struct {
	stream, filter string
	// read checks that a message is an event of this log, whatever came before it.
	read func(raw *jetstream.RawStreamMsg) (link, error)
}

// link is what an event says of its place.
type link struct {
	first    bool   // an event of this kind comes first or not at all
	final    bool   // nothing follows it
	previous uint64 // the sequence of the event before it, 0 for none
}

// Fault is the latest stray in a run's log: a message that does not follow and was ignored.
type Fault struct {
	Sequence uint64
	Reason   string
}

// position is how far a log was read.
type position struct {
	last  uint64 // the last event that follows, 0 for none
	final bool   // it ended the log
	tip   uint64 // the last message, which the guard of the next write must name
	fault *Fault // the last stray
}

// accept decides whether a message follows.
func (p *position) accept(l log, raw *jetstream.RawStreamMsg) error {
	tip := p.tip
	p.tip = raw.Sequence
	place, err := l.read(raw)
	if err != nil {
		return err
	}
	after, guarded := guardOf(raw.Header, l.filter)
	switch {
	case !guarded || after != tip:
		return errors.New("it was written without the guard of this log")
	case p.final:
		return fmt.Errorf("the log has ended at %d", p.last)
	case place.previous != p.last || place.first && p.last > 0:
		return fmt.Errorf("it says that it follows %d, and the last event is %d", place.previous, p.last)
	}
	p.last, p.final = raw.Sequence, place.final
	return nil
}

// find reads the log to its end. raw is the last event that follows, nil for none.
func (b *Bus) find(ctx context.Context, l log) (raw *jetstream.RawStreamMsg, p position, err error) {
	tip, err := b.lastMsg(ctx, l.stream, l.filter)
	if err != nil {
		return nil, p, err
	}
	p, known := b.positions.get(l.filter)
	switch {
	case known && p.tip == tip.Sequence:
	case b.unbroken(ctx, l, tip, p):
		place, _ := l.read(tip)
		p = position{last: tip.Sequence, final: place.final, tip: tip.Sequence, fault: p.fault}
		b.positions.put(l.filter, p)
	default:
		if p, err = b.readOn(ctx, l, p, tip.Sequence); err != nil {
			return nil, p, err
		}
	}
	switch p.last {
	case 0:
		return nil, p, nil
	case tip.Sequence:
		return tip, p, nil
	}
	raw, err = b.msgAt(ctx, l.stream, p.last)
	return raw, p, err
}

// unbroken reports whether the events from tip back to the first one, or to where the log was read before, follow
// each other with no stray between them: the usual case, without a search.
func (b *Bus) unbroken(ctx context.Context, l log, tip *jetstream.RawStreamMsg, known position) bool {
	for raw := tip; ; {
		place, err := l.read(raw)
		after, guarded := guardOf(raw.Header, l.filter)
		if err != nil || !guarded || after != place.previous || place.first && after > 0 || place.final && raw != tip {
			return false
		}
		if after == known.tip && known.tip == known.last && !known.final {
			return true
		}
		if after == 0 || after <= known.tip {
			return after == 0 && known.tip == 0
		}
		if raw, err = b.msgAt(ctx, l.stream, after); err != nil {
			return false
		}
	}
}

// readOn reads the messages of the log after p one by one, up to the one at end.
func (b *Bus) readOn(ctx context.Context, l log, p position, end uint64) (position, error) {
	s, err := b.stream(ctx, l.stream)
	if err != nil {
		return p, err
	}
	for p.tip < end {
		raw, err := s.GetMsg(ctx, p.tip+1, jetstream.WithGetMsgSubject(l.filter))
		if err != nil {
			return p, readErr("read "+l.filter, err)
		}
		if err := p.accept(l, raw); err != nil {
			p.fault = &Fault{raw.Sequence, err.Error()}
			b.metrics.strays.WithLabelValues(l.stream).Inc()
			b.log.Warn("an event that does not follow is ignored", "subject", raw.Subject, "sequence", raw.Sequence, "reason", err)
		}
		b.positions.put(l.filter, p)
	}
	return p, nil
}

// writeNext is write for the log of the guard: where strays came after the event that g names, it writes behind them.
func (b *Bus) writeNext(ctx context.Context, l log, msg *nats.Msg, g guard) (uint64, error) {
	expected := g.after
	for range 10 {
		seq, err := b.write(ctx, l.stream, msg, g)
		if !errors.Is(err, ErrConflict) {
			return seq, err
		}
		_, p, findErr := b.find(ctx, l)
		if findErr != nil || p.last != expected || p.tip == g.after {
			return 0, err
		}
		g.after = p.tip
	}
	return 0, fmt.Errorf("write %s: too many strange messages: %w", msg.Subject, ErrConflict)
}

// lifecycle is the log of a run's lifecycle events.
func lifecycle(k event.Key) log {
	return log{streamRuns, event.LifecycleFilter(k), func(raw *jetstream.RawStreamMsg) (link, error) {
		r, err := record(raw.Sequence, raw.Time, raw.Data)
		if err != nil {
			return link{}, err
		}
		return lifecycleLink(k, raw, r)
	}}
}

func lifecycleLink(k event.Key, raw *jetstream.RawStreamMsg, r Record) (link, error) {
	t, s := event.Kind(r.RunEvent), r.Data.Run
	switch {
	case !t.Known():
		return link{}, fmt.Errorf("its type %q is unknown", r.Type)
	case s.Key() != k || raw.Subject != event.LifecycleSubject(k, t, s.Provider):
		return link{}, errors.New("it speaks of another event than its subject")
	case s.State != t.State():
		return link{}, fmt.Errorf("it is %s, and its state %q", t, s.State)
	case raw.Header.Get(jetstream.MsgIDHeader) != r.ID:
		return link{}, errors.New("its id is not the one that it was written by")
	}
	return link{t == event.Created, t.Terminal(), r.Data.Previous}, nil
}

// positions remembers how far logs were read, the latest used of them.
type positions struct {
	mu     sync.Mutex
	byName map[string]*list.Element
	order  *list.List // of named positions, the latest used first
}

type namedPosition struct {
	name string
	position
}

// maxPositions is how many logs are remembered: one that was forgotten is read from its beginning.
const maxPositions = 10_000

func newPositions() *positions {
	return &positions{byName: map[string]*list.Element{}, order: list.New()}
}

func (ps *positions) get(name string) (position, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	e, ok := ps.byName[name]
	if !ok {
		return position{}, false
	}
	ps.order.MoveToFront(e)
	return e.Value.(*namedPosition).position, true
}

// put remembers p unless more of the log is known already.
func (ps *positions) put(name string, p position) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if e, ok := ps.byName[name]; ok {
		if known := e.Value.(*namedPosition); known.tip <= p.tip {
			known.position = p
		}
		return
	}
	ps.byName[name] = ps.order.PushFront(&namedPosition{name, p})
	if ps.order.Len() > maxPositions {
		last := ps.order.Back()
		ps.order.Remove(last)
		delete(ps.byName, last.Value.(*namedPosition).name)
	}
}
