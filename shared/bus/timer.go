package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// TimerKind is why a run's timer was armed.
type TimerKind string

// Why a run's timer was armed. A run has one timer: that of its nearest deadline.
const (
	TimerLease   TimerKind = "lease"   // the executor's lease ends unless it is extended
	TimerRelease TimerKind = "release" // the executor gives its lease back
	TimerRetry   TimerKind = "retry"   // the wait before another attempt is over
	TimerSession TimerKind = "session" // session_timeout is over
)

// Timer is a pending deadline of a run, and the message that fires.
type Timer struct {
	Task    event.TaskID `json:"task_id"`
	Run     event.RunID  `json:"task_run_id"`
	Kind    TimerKind    `json:"kind"`
	Attempt int          `json:"attempt"`          // the attempt that it belongs to
	Reason  string       `json:"reason,omitempty"` // of a release: why
	Counts  bool         `json:"counts"`           // of a release: the attempt counts as an infrastructure failure
	Due     time.Time    `json:"due"`              // on the server's clock

	// Waiting, of a release, is why and until when the run waits in the queue. It has done nothing yet.
	Waiting *event.Waiting `json:"waiting,omitempty"`
}

// Key names the run.
func (t Timer) Key() event.Key { return event.Key{Task: t.Task, Run: t.Run} }

// Arm sets the run's timer, in place of any other, guarded by after like every write of the run: who has lost
// the lease cannot extend it. A timer in the past fires at once; the server looks each 250 ms.
func (b *Bus) Arm(ctx context.Context, t Timer, after uint64) error {
	k := t.Key()
	msg, err := scheduled(event.ScheduleSubject(k), event.TimerSubject(k), t.Due, t)
	if err != nil {
		return err
	}
	_, err = b.writeNext(ctx, lifecycle(k), msg, guard{event.LifecycleFilter(k), after, uuid.NewString()})
	return err
}

// scheduled is a message that the server stores at subject now and at target when it is due.
func scheduled(subject, target string, due time.Time, v any) (*nats.Msg, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = data
	msg.Header.Set("Nats-Schedule", "@at "+due.UTC().Format(time.RFC3339Nano))
	msg.Header.Set("Nats-Schedule-Target", target)
	return msg, nil
}

// Cancel asks for a run's cancel. It may be repeated; the orchestrator decides what comes of it.
func (b *Bus) Cancel(ctx context.Context, k event.Key) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := b.js.Publish(ctx, event.CancelSubject(k), []byte("{}"))
	switch {
	case err == nil:
		return nil
	case neverSent(err):
		return fmt.Errorf("cancel run %s: %w", k, ErrUnavailable)
	case undecided(err):
		return fmt.Errorf("cancel run %s: %w", k, errors.Join(ErrUnknown, err))
	}
	return fmt.Errorf("cancel run %s: %w", k, err)
}
