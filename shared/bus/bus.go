// Package bus is Errand's broker policy: the streams and buckets as data, the guarded publish, acceptance of
// requests, timers, consumers and objects, on NATS JetStream. It is the only package that speaks JetStream; a
// publish without a guard exists only for what may be repeated (a cancel, an object).
//
// The rules behind it (docs/adr has the evidence): the log RUNS is the truth and the buckets runs and history
// are projections that the server makes from it; of two rival writes the server accepts one; acks commit
// nothing; due times are the server's clock.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Deadlines of single requests to the server.
const (
	requestTimeout = 5 * time.Second         // one request and its answer; a healthy server takes milliseconds
	writeTimeout   = 20 * time.Second        // one guarded write with its repetitions, e.g. over a leader election (8 s seen)
	acceptTimeout  = 3500 * time.Millisecond // a write that a caller waits for, who can repeat it with the same key
)

// Sentinels of the package. Errors wrap them.
var (
	ErrConflict    = errors.New("conflict: another write came first")
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = errors.New("NATS is not reachable, nothing was stored")
	ErrUnknown     = errors.New("NATS did not answer in time, the write may have been stored")
	ErrMalformed   = errors.New("what is stored there is not what belongs there") // no repetition mends it
)

// Bus reads and writes what the services share. It is safe for concurrent use; the caller owns the connection.
type Bus struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	clock     *clock
	metrics   metrics
	positions *positions // of the logs that were read
	handles   sync.Map   // streams, buckets and consumers by name, opened once
	reading   sync.Map   // names of the consumers that Consume reads
	log       *slog.Logger
}

// Connect opens a connection that never gives up and never stores a publish for later: what is refused while
// NATS is away stays refused. options are added last. The caller closes the connection.
func Connect(servers, name string, log *slog.Logger, options ...nats.Option) (*nats.Conn, error) {
	base := []nats.Option{
		nats.Name(name),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.PingInterval(1600 * time.Millisecond), // with the next line: a dead connection is noticed within 5 s
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("nats reconnected", "url", nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("nats async error", "subject", subject, "error", err)
		}),
	}
	nc, err := nats.Connect(servers, append(base, options...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", Redacted(servers), discreet(err))
	}
	return nc, nil
}

// discreet spares the log a URL that could not be read: it may hold a password.
func discreet(err error) error {
	var wrong *url.Error
	if errors.As(err, &wrong) {
		return errors.New("this is not the URL of a NATS server, such as nats://user:password@host:4222; a / in a password is written %2F")
	}
	return err
}

// Redacted is the URL of one or several NATS servers, comma separated, as it may be shown: without passwords and tokens.
func Redacted(servers string) string {
	var shown []string
	for server := range strings.SplitSeq(servers, ",") {
		scheme, rest, found := strings.Cut(server, "://")
		if !found {
			scheme, rest = "", server
		}
		if i := strings.LastIndexByte(rest, '@'); i >= 0 { // also of what url.Parse refuses
			rest = "xxxxx" + rest[i:]
		}
		if found {
			rest = scheme + "://" + rest
		}
		shown = append(shown, strings.TrimSpace(rest))
	}
	return strings.Join(shown, ",")
}

// New speaks JetStream over nc. Setup must have run once, by any service, before the first write.
func New(nc *nats.Conn, log *slog.Logger) (*Bus, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout))
	if err != nil {
		return nil, fmt.Errorf("open jetstream: %w", err)
	}
	return &Bus{nc: nc, js: js, clock: &clock{}, metrics: newMetrics(), positions: newPositions(), log: log}, nil
}

// Away reports whether the connection is lost. It says so in the log by itself, once, and comes back by itself.
func (b *Bus) Away() bool { return !b.nc.IsConnected() }

// Close closes the connection.
func (b *Bus) Close() { b.nc.Close() }

// guard is the condition of a write: the last sequence on the filter, and who we are.
type guard struct {
	filter string
	after  uint64
	id     string // event id, also Nats-Msg-Id
}

// retryPause is the wait before the n-th repetition of a write that the server could not decide on: short, since
// a rival in flight on a replicated stream (10164) is settled within milliseconds, growing for a lost leader.
func retryPause(n int) time.Duration {
	d := min(time.Millisecond<<min(n, 9), 500*time.Millisecond)
	return d/2 + rand.N(d)
}

// write publishes msg under g until the server has decided. Repeating is safe: the guard and the id are the same.
// It returns the stored sequence; a conflict with our own earlier try counts as success.
func (b *Bus) write(ctx context.Context, stream string, msg *nats.Msg, g guard) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout) // a shorter deadline of ctx stays
	defer cancel()
	msg.Header.Set(jetstream.MsgIDHeader, g.id)
	tried := false
	for n := 0; ; n++ {
		seq, err := b.publishOnce(ctx, stream, msg, g)
		switch {
		case err == nil:
			return seq, nil
		case hasCode(err, codeWrongLastSequence):
			return b.ownWrite(ctx, stream, msg.Subject, g, err)
		case !undecided(err):
			return 0, fmt.Errorf("write %s: %w", msg.Subject, err)
		}
		tried = tried || !neverSent(err)
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("write %s: %w: %w", msg.Subject, unknownUnless(!tried), err)
		case <-time.After(retryPause(n)):
		}
		if !tried && !b.nc.IsConnected() {
			return 0, fmt.Errorf("write %s: %w", msg.Subject, ErrUnavailable)
		}
	}
}

func (b *Bus) publishOnce(ctx context.Context, stream string, msg *nats.Msg, g guard) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ack, err := b.js.PublishMsg(ctx, msg,
		jetstream.WithExpectStream(stream),
		jetstream.WithExpectLastSequenceForSubject(g.after, g.filter))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// ownWrite tells a lost race from a lost ack: if the last message on the subject carries our id, we won.
func (b *Bus) ownWrite(ctx context.Context, stream, subject string, g guard, conflict error) (uint64, error) {
	raw, err := b.lastMsg(ctx, stream, subject)
	switch {
	case err == nil && raw.Header.Get(jetstream.MsgIDHeader) == g.id:
		return raw.Sequence, nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return 0, fmt.Errorf("write %s: %w: %w", subject, ErrUnknown, err)
	}
	return 0, fmt.Errorf("write %s: %w (%w)", subject, ErrConflict, conflict)
}

func unknownUnless(certain bool) error {
	if certain {
		return ErrUnavailable
	}
	return ErrUnknown
}

// Server error codes that the package decides on (nats-server/server/errors.json).
const (
	codeWrongLastSequence jetstream.ErrorCode = 10071 // the guard's sequence is not the last
	codeRivalInFlight     jetstream.ErrorCode = 10164 // a rival write is being replicated
	codeSameIDInFlight    jetstream.ErrorCode = 10158 // our own earlier try is being replicated
	codeInsufficient      jetstream.ErrorCode = 10023 // no resources left
	codeStorageFull       jetstream.ErrorCode = 10047 // the store is full
	codeStoreFailed       jetstream.ErrorCode = 10077 // the store refused, e.g. a maximum was reached
	codeNoPeers           jetstream.ErrorCode = 10005 // too few servers of the cluster are up
)

func hasCode(err error, codes ...jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode == c {
			return true
		}
	}
	return false
}

// undecided reports whether repeating the same write may end differently.
func undecided(err error) bool {
	if hasCode(err, codeRivalInFlight, codeSameIDInFlight) {
		return true
	}
	var api *jetstream.APIError
	return !errors.As(err, &api)
}

// neverSent reports whether the message cannot have reached the server.
func neverSent(err error) bool {
	return errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrConnectionClosed) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, nats.ErrDisconnected)
}

// Full reports whether a write was refused because the store has no room left.
func Full(err error) bool { return hasCode(err, codeInsufficient, codeStorageFull, codeStoreFailed) }

// lastMsg is the last message on a subject or filter, from the log itself and never from a replica's copy.
func (b *Bus) lastMsg(ctx context.Context, stream, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	raw, err := s.GetLastMsgForSubject(ctx, subject)
	return raw, readErr("read "+subject, err)
}

// msgAt is the message at a sequence. There is none at 0.
func (b *Bus) msgAt(ctx context.Context, stream string, seq uint64) (*jetstream.RawStreamMsg, error) {
	if seq == 0 {
		return nil, fmt.Errorf("read %s at 0: %w", stream, ErrNotFound)
	}
	s, err := b.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	raw, err := s.GetMsg(ctx, seq)
	return raw, readErr(fmt.Sprintf("read %s at %d", stream, seq), err)
}

func readErr(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrObjectNotFound):
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	case undecided(err) && !errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Now is the bus server's clock, UTC: all due times and all times on the log are read from it, so that a
// service whose own clock is wrong does no harm. Before the first reading it is the local clock.
func (b *Bus) Now(ctx context.Context) time.Time { return b.clock.now(ctx, b.js) }

// Live calls handle for each lifecycle event of a run as it is stored, until stop is called. It may miss events while
// the connection is away: a reader that must not miss one reads the log as well.
func (b *Bus) Live(k event.Key, handle func(event.SubjectInfo)) (stop func(), err error) {
	return b.live(event.LifecycleFilter(k), handle)
}

// LiveSteps is Live for the steps of all runs.
func (b *Bus) LiveSteps(handle func(event.SubjectInfo)) (stop func(), err error) {
	return b.live("run.v1.step.>", handle)
}

func (b *Bus) live(filter string, handle func(event.SubjectInfo)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(event.LiveSubject(filter), func(m *nats.Msg) {
		if info, ok := event.ParseSubject(m.Subject); ok {
			handle(info)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", event.LiveSubject(filter), err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
