package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// readyTimeout bounds Ready. Who asks has a deadline of a few seconds, too.
const readyTimeout = 3 * time.Second

// subjectProbe is where Ready writes, on RUNS. Nobody reads it, and the server keeps the last one only.
const subjectProbe = "runctl.v1.probe"

// Ready reports what keeps the process from working; nil means nothing does: NATS is connected, the log takes writes
// (it does not without a quorum, with a full disk or at a limit), all streams are there, and the consumers that this
// process reads are read.
func (b *Bus) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if !b.nc.IsConnected() {
		return ErrUnavailable
	}
	if err := b.writable(ctx); err != nil {
		return err
	}
	for _, c := range layout(1) {
		if _, err := b.js.Stream(ctx, c.Name); err != nil {
			return fmt.Errorf("stream %s: %w; a service makes it at its start", c.Name, err)
		}
	}
	var err error
	b.reading.Range(func(name, _ any) bool {
		err = b.beingRead(ctx, name.(string))
		return err == nil
	})
	return err
}

// probe is as large as a usual event, since a store that takes only less is full.
func probe() *nats.Msg {
	msg := nats.NewMsg(subjectProbe)
	msg.Data = make([]byte, 4<<10)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	return msg
}

// writable writes to the log: reading works where writing does not.
func (b *Bus) writable(ctx context.Context) error {
	_, err := b.js.PublishMsg(ctx, probe(), jetstream.WithExpectStream(streamRuns), jetstream.WithRetryAttempts(0))
	switch {
	case err == nil:
		return nil
	case Full(err):
		return fmt.Errorf("the store of NATS is full, nothing is accepted: free space; a NATS server whose disk was full must be restarted (%w)", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("NATS takes no writes: no quorum of its servers is up, or its disk hangs or is full; a server whose disk was full must be restarted (%w)", err)
	}
	return fmt.Errorf("NATS takes no writes: %w", err)
}

// beingRead reports whether any process reads a consumer. Between two requests for messages nobody waits for a moment,
// so it looks again before it says no.
func (b *Bus) beingRead(ctx context.Context, name string) error {
	for {
		c, err := b.js.Consumer(ctx, consumerStream(name), name)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("nobody reads consumer %s", name)
		}
		if err != nil {
			return fmt.Errorf("consumer %s: %w; a service makes it at its start", name, err)
		}
		if info := c.CachedInfo(); info.NumWaiting > 0 || info.NumAckPending > 0 {
			return nil
		}
		wait(ctx, 50*time.Millisecond)
	}
}
