package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/panics"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is what a handler gets.
type Message struct {
	Subject   string
	Data      []byte
	Sequence  uint64 // in its stream
	StoredAt  time.Time
	Delivered int // how often it was delivered, from 1
}

// Handler decides a message's fate by its error: nil settles it, Terminal ends it with a line in the log and an
// advisory, Later brings it back after a delay of its own, anything else brings it back after a growing one.
type Handler func(context.Context, Message) error

// Terminal marks an error that no repetition can mend, such as a message that cannot be decoded.
func Terminal(err error) error { return terminalError{err} }

type terminalError struct{ error }

func (e terminalError) Unwrap() error { return e.error }

// Later is the error of a handler that wants its message back after d, without a line in the log.
func Later(d time.Duration) error { return laterError(d) }

type laterError time.Duration

func (e laterError) Error() string { return "again in " + time.Duration(e).String() }

func isLater(err error) bool {
	var later laterError
	return errors.As(err, &later)
}

// redelivery is the delay before the n-th delivery of a message whose handler failed: quick at first, since most
// failures are a broker that changes its leader, then slow enough not to burn a core on a broken one.
func redelivery(delivered int) time.Duration {
	d := min(100*time.Millisecond<<min(delivered, 9), 30*time.Second)
	return d/2 + rand.N(d)
}

// Consume hands the messages of a durable consumer to handle, at most parallel at once, until ctx ends; then it
// waits for the handlers at work. It goes on over lost connections and returns nil.
func (b *Bus) Consume(ctx context.Context, consumer string, parallel int, handle Handler) error {
	var work sync.WaitGroup
	defer work.Wait()
	b.reading.Store(consumer, true)
	defer b.reading.Delete(consumer)
	slots := make(chan struct{}, parallel)
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		err := b.consumeOnce(ctx, consumer, slots, &work, handle)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > 30*time.Second {
			n = 0
		}
		b.log.Log(ctx, b.level(n), "consumer interrupted, opening it again", "consumer", consumer, "error", err)
		wait(ctx, redelivery(n))
	}
	return nil
}

func (b *Bus) consumeOnce(ctx context.Context, consumer string, slots chan struct{}, work *sync.WaitGroup, handle Handler) error {
	c, err := b.consumer(ctx, consumer)
	if err != nil {
		return err
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(cap(slots)))
	if err != nil {
		return fmt.Errorf("read consumer: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Drain)()
	for {
		m, err := messages.Next()
		if err != nil {
			return fmt.Errorf("read consumer: %w", err)
		}
		if ctx.Err() != nil {
			_ = m.Nak() // fetched ahead, not begun: the next process has it at once
			continue
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			b.settle(ctx, m, handle)
		})
	}
}

// settle runs the handler while telling the server that it is at work, and then says what becomes of the message.
func (b *Bus) settle(ctx context.Context, m jetstream.Msg, handle Handler) {
	msg, err := message(m)
	if err == nil {
		err = b.beating(m, func() (err error) {
			if panicked := panics.Catch(func() { err = handle(ctx, msg) }); panicked != nil {
				return Terminal(panicked)
			}
			return err
		})
	} else {
		err = Terminal(err)
	}
	var terminal terminalError
	var later laterError
	switch {
	case err == nil:
		err = m.Ack()
	case ctx.Err() != nil:
		err = m.Nak()
	case errors.As(err, &terminal), errors.Is(err, ErrMalformed):
		err = b.giveUp(m, msg.Sequence, err)
	case errors.As(err, &later):
		err = m.NakWithDelay(time.Duration(later))
	default:
		b.log.Log(ctx, b.level(0), "message comes back", "subject", m.Subject(), "sequence", msg.Sequence, "delivered", msg.Delivered, "error", err)
		err = m.NakWithDelay(redelivery(msg.Delivered))
	}
	if err != nil {
		b.log.Log(ctx, b.level(0), "settle message", "subject", m.Subject(), "error", err)
	}
}

// giveUp ends a message for good: with one line in the log, in the metric, and as an advisory in the stream ADVISORIES,
// which names the stream, the sequence, the consumer that gave it up, and the reason.
func (b *Bus) giveUp(m jetstream.Msg, sequence uint64, why error) error {
	consumer := ""
	if meta, err := m.Metadata(); err == nil {
		consumer = meta.Consumer
	}
	line := b.log.With("subject", m.Subject(), "sequence", sequence, "consumer", consumer)
	var panicked *panics.Error
	if errors.As(why, &panicked) {
		line = line.With("stack", string(panicked.Stack))
	}
	line.Error("message given up", "error", why)
	b.metrics.deadLetters.WithLabelValues(consumer).Inc()
	return m.TermWithReason(m.Subject() + ": " + why.Error())
}

// beating tells the server, while do runs, that the message is still at work.
func (b *Bus) beating(m jetstream.Msg, do func() error) error {
	done := make(chan struct{})
	var beat sync.WaitGroup
	defer beat.Wait()
	defer close(done)
	beat.Go(func() {
		ticker := time.NewTicker(ackWait / 3)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				_ = m.InProgress()
			}
		}
	})
	return do()
}

// Fetch waits up to patience for one message of a durable consumer and gives it with its fate in the caller's hands.
// ok is false where none came.
func (b *Bus) Fetch(ctx context.Context, consumer string, patience time.Duration) (job Job, ok bool, err error) {
	c, err := b.consumer(ctx, consumer)
	if err != nil {
		return Job{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	batch, err := c.Fetch(1, jetstream.FetchContext(ctx))
	if err != nil {
		return Job{}, false, readErr("fetch from "+consumer, err)
	}
	if m, ok := <-batch.Messages(); ok {
		msg, err := message(m)
		if err != nil {
			return Job{}, false, errors.Join(err, m.Term())
		}
		return Job{Message: msg, msg: m, bus: b}, true, nil
	}
	if err := batch.Error(); err != nil && ctx.Err() == nil {
		return Job{}, false, readErr("fetch from "+consumer, err)
	}
	return Job{}, false, nil
}

// Job is a message that its fetcher settles.
type Job struct {
	Message
	msg jetstream.Msg
	bus *Bus
}

// Ack settles the job for good.
func (j Job) Ack() error { return j.msg.Ack() }

// Return gives the job to the next who fetches.
func (j Job) Return() error { return j.msg.Nak() }

// ReturnLater gives the job back after a delay that grows with its deliveries: what failed is likely to fail again.
func (j Job) ReturnLater() error { return j.msg.NakWithDelay(redelivery(j.Delivered)) }

// GiveUp ends a job that no repetition can mend, as Terminal ends a message.
func (j Job) GiveUp(why error) error { return j.bus.giveUp(j.msg, j.Sequence, why) }

func message(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("read metadata of %s: %w", m.Subject(), err)
	}
	return Message{
		Subject: m.Subject(), Data: m.Data(), Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp,
		Delivered: int(meta.NumDelivered),
	}, nil
}

// consumer gives the handle of a durable consumer, looked up once.
func (b *Bus) consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	if c, ok := b.handles.Load("consumer " + name); ok {
		return c.(jetstream.Consumer), nil
	}
	c, err := b.js.Consumer(ctx, consumerStream(name), name)
	if err != nil {
		return nil, readErr("open consumer "+name, err)
	}
	b.handles.Store("consumer "+name, c)
	return c, nil
}

// level is that of the nth failure, from 0, of one that lasts: the first is a warning, what follows says nothing new.
// Neither does what fails while the connection is away, which has its own line.
func (b *Bus) level(n int) slog.Level {
	if n == 0 && !b.Away() {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
