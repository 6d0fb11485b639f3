package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// Times of the lease of the one orchestrator that dispatches. Another takes over leaderTime after the last renewal; the
// holder itself stops at leaderGuard of it.
const (
	leaderTime  = 5 * time.Second
	leaderBeat  = 1500 * time.Millisecond
	leaderGuard = 0.8
)

// leaderSubject is the key of the lease in the bucket setup.
const leaderSubject = "$KV." + bucketSetup + ".dispatcher"

// leadership is the lease as stored. It is the holder's until Until, on the server's clock; then anybody may take it,
// by a write guarded with its sequence.
type leadership struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
	From   uint64    `json:"from"` // every run that is open has its events in RUNS from here on
}

// Lead calls work while this process is the one that dispatches runs, and waits for its turn before that, until ctx
// ends; then it returns nil. The context of work ends when the lease may be another's. from is the sequence in RUNS
// from which on work finds the events of all open runs. mark is asked at each renewal what that is by now; 0: unknown.
func (b *Bus) Lead(ctx context.Context, holder string, mark func() uint64, work func(ctx context.Context, from uint64)) error {
	for n := 0; ctx.Err() == nil; n++ {
		err := b.leadOnce(ctx, holder, mark, work)
		if ctx.Err() == nil && err != nil {
			b.log.Log(ctx, b.level(n), "the lease of the dispatcher", "error", err)
		}
		if err == nil {
			n = 0
		}
		wait(ctx, leaderBeat)
	}
	return nil
}

func (b *Bus) leadOnce(ctx context.Context, holder string, mark func() uint64, work func(ctx context.Context, from uint64)) error {
	l, sequence, err := b.leadership(ctx)
	if err != nil {
		return err
	}
	if l.Holder != holder && b.Now(ctx).Before(l.Until) {
		return nil
	}
	term := &term{bus: b, holder: holder, sequence: sequence, from: l.From}
	if err := term.renew(ctx, leaderTime); err != nil {
		if errors.Is(err, ErrConflict) {
			return nil // another was quicker
		}
		return err
	}
	b.log.Info("this orchestrator dispatches from now on", "from", l.From)
	working, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		work(working, l.From)
	}()
	err = term.keep(working, mark)
	stop()
	<-done
	if err == nil { // ended by ctx: the next one need not wait
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		err = term.renew(leaving, 0)
	}
	return err
}

func (b *Bus) leadership(ctx context.Context) (l leadership, sequence uint64, err error) {
	raw, err := b.lastMsg(ctx, "KV_"+bucketSetup, leaderSubject)
	if errors.Is(err, ErrNotFound) {
		return l, 0, nil
	}
	if err != nil {
		return l, 0, err
	}
	if json.Unmarshal(raw.Data, &l) != nil {
		l = leadership{} // nobody's
	}
	return l, raw.Sequence, nil
}

// term is a lease that this process holds.
type term struct {
	bus      *Bus
	holder   string
	sequence uint64
	from     uint64
	safe     time.Time // until then, on the local monotonic clock, nobody else can have it
}

// renew holds the lease for d from now on. ErrConflict: another has it.
func (t *term) renew(ctx context.Context, d time.Duration) error {
	began := time.Now()
	data, err := json.Marshal(leadership{t.holder, t.bus.Now(ctx).Add(d), t.from})
	if err != nil {
		return fmt.Errorf("encode the lease: %w", err)
	}
	msg := nats.NewMsg(leaderSubject)
	msg.Data = data
	seq, err := t.bus.write(ctx, "KV_"+bucketSetup, msg, guard{leaderSubject, t.sequence, uuid.NewString()})
	if err != nil {
		return err
	}
	t.sequence, t.safe = seq, began.Add(time.Duration(float64(d)*leaderGuard))
	return nil
}

// keep renews the lease until ctx ends, and returns nil then. Errors: the lease may be another's.
func (t *term) keep(ctx context.Context, mark func() uint64) error {
	for {
		wait(ctx, min(leaderBeat, time.Until(t.safe)))
		if ctx.Err() != nil {
			return nil
		}
		if from := mark(); from > 0 {
			t.from = from
		}
		renewing, cancel := context.WithDeadline(ctx, t.safe)
		err := t.renew(renewing, leaderTime)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("renew: %w", err)
		}
	}
}
