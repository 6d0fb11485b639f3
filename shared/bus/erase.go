package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// Erasing is one message, and all that follows from it. The message at event.EraseSubject is stored first and removed
// last, so that whoever dies in between leaves the rest to the next who gets it; each step may be repeated. A run's
// request goes before anything else: without it there is no such run for anybody, however much of its log is left.

// erasure is the message: what the request or the definition names, which is removed before all else.
type erasure struct {
	Secrets []string       `json:"secrets,omitempty"` // references
	Files   []event.FileID `json:"files,omitempty"`
	Objects []string       `json:"objects,omitempty"` // digests of workflows
}

func erasureOf(m event.Means) erasure {
	var e erasure
	for _, s := range m.Secrets {
		e.Secrets = append(e.Secrets, s.Ref)
	}
	for _, f := range m.Files {
		e.Files = append(e.Files, f.ID)
	}
	return e
}

func taskErasure(t event.Task) erasure {
	e := erasureOf(t.Means)
	for _, v := range t.Workflows {
		e.Objects = append(e.Objects, v.Object)
	}
	return e
}

// Erasing is an erasing that was asked for. ConsumerErase does it.
type Erasing struct {
	subject  string
	sequence uint64
}

// EraseRun asks for the erasing of a run that has ended: its request, log, files, pictures, delivery, and what the
// server made of them; of what others use too, nothing. A task that was made for this run alone goes with it. When it
// returns, there is no such run any more.
func (b *Bus) EraseRun(ctx context.Context, k event.Key, r event.Request) (Erasing, error) {
	asked, err := b.askErase(ctx, event.EraseSubject(k), erasureOf(r.Means))
	if err != nil {
		return asked, err
	}
	return asked, b.eraseRequest(ctx, k)
}

// EraseTask deletes a task that was read at revision, and asks for the erasing of its definition, its secrets and its
// workflows. Secrets that a run still needs go when that run has ended. ErrConflict: the task was edited meanwhile.
func (b *Bus) EraseTask(ctx context.Context, t event.Task, revision uint64) (Erasing, error) {
	asked, err := b.askErase(ctx, event.EraseTaskSubject(t.ID), taskErasure(t))
	if err != nil {
		return asked, err
	}
	gone := event.Task{ID: t.ID, Deleted: true, CreatedAt: t.CreatedAt, UpdatedAt: b.Now(ctx)}
	return asked, b.UpdateTask(ctx, gone, revision)
}

func (b *Bus) askErase(ctx context.Context, subject string, e erasure) (Erasing, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	data, err := json.Marshal(e)
	if err != nil {
		return Erasing{}, fmt.Errorf("encode %s: %w", subject, err)
	}
	ack, err := b.js.Publish(ctx, subject, data, jetstream.WithExpectStream(streamRuns))
	switch {
	case err == nil:
		return Erasing{subject, ack.Sequence}, nil
	case neverSent(err):
		return Erasing{}, fmt.Errorf("write %s: %w: %w", subject, ErrUnavailable, err)
	case undecided(err):
		return Erasing{}, fmt.Errorf("write %s: %w: %w", subject, ErrUnknown, err)
	}
	return Erasing{}, fmt.Errorf("write %s: %w", subject, err)
}

// AwaitErased waits for the end of an erasing, as long as ctx lasts.
func (b *Bus) AwaitErased(ctx context.Context, e Erasing) error {
	for {
		raw, err := b.lastMsg(ctx, streamRuns, e.subject)
		if errors.Is(err, ErrNotFound) || err == nil && raw.Sequence > e.sequence {
			return nil
		}
		if wait(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("await %s: %w", e.subject, ctx.Err())
		}
	}
}

// heldPause is when a task is looked at again of which a run that has not ended needs something.
const heldPause = 10 * time.Second

// Erase is the Handler of ConsumerErase.
func (b *Bus) Erase(ctx context.Context, m Message) error {
	k, ok := event.ParseErase(m.Subject)
	var e erasure
	if err := decode(m.Data, m.Subject, &e); err != nil || !ok {
		return Terminal(fmt.Errorf("read what is to be erased at %s: %w", m.Subject, errors.Join(err, ErrMalformed)))
	}
	return b.erase(ctx, Erasing{m.Subject, m.Sequence}, k, e)
}

// erase does what was asked for, and removes the message that asked.
func (b *Bus) erase(ctx context.Context, asked Erasing, k event.Key, e erasure) error {
	do := b.eraseRun
	if k.Run == 0 {
		do = b.eraseTask
	}
	if err := do(ctx, k, e); err != nil {
		return err
	}
	return b.purge(ctx, streamRuns, asked.subject, jetstream.WithPurgeSequence(asked.sequence+1))
}

func (b *Bus) eraseRun(ctx context.Context, k event.Key, e erasure) error {
	if err := b.eraseRequest(ctx, k); err != nil {
		return err
	}
	things := thingsOf(e)
	if err := b.collect(ctx, k, things); err != nil {
		return err
	}
	if _, err := b.eraseThings(ctx, k, things); err != nil {
		return err
	}
	if err := b.eraseOneOff(ctx, k.Task); err != nil {
		return err
	}
	return b.eraseLog(ctx, k)
}

// eraseRequest removes the request of a run. A run that has not ended is not erased, whoever asks.
func (b *Bus) eraseRequest(ctx context.Context, k event.Key) error {
	raw, err := b.msgAt(ctx, streamRunReq, uint64(k.Run))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if info, ok := event.ParseSubject(raw.Subject); !ok || info.Key.Task != k.Task {
		return Terminal(fmt.Errorf("erase run %s: its request is of another task", k))
	}
	ended, err := b.ended(ctx, k)
	if err == nil && !ended {
		return Terminal(fmt.Errorf("erase run %s: it has not ended", k))
	}
	if err != nil {
		return err
	}
	return b.purge(ctx, streamRunReq, raw.Subject)
}

// ended reports whether a run has its terminal event.
func (b *Bus) ended(ctx context.Context, k event.Key) (bool, error) {
	last, err := b.Last(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && event.Kind(last.RunEvent).Terminal(), err
}

// eraseOneOff deletes a task that was made for one run, if none is left of it.
func (b *Bus) eraseOneOff(ctx context.Context, id event.TaskID) error {
	_, err := b.lastMsg(ctx, streamRunReq, event.RunRequestSubject(id, "*"))
	if !errors.Is(err, ErrNotFound) {
		return err // nil: another run is left
	}
	t, revision, err := b.Task(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !t.OneOff {
		return nil
	}
	if err != nil {
		return err
	}
	asked, err := b.EraseTask(ctx, t, revision)
	if err != nil {
		return err
	}
	err = b.erase(ctx, asked, event.Key{Task: id}, taskErasure(t))
	if isLater(err) {
		return nil // the message of the task comes back by itself
	}
	return err
}

// eraseLog removes the log of a run, its delivery, and what the server has made of both. It waits for the server to
// have made all of it: what comes later would stay. The lifecycle goes last, so that what is left never looks begun.
func (b *Bus) eraseLog(ctx context.Context, k event.Key) error {
	d := event.DeliveryOf(k.Run)
	b.awaitCopies(ctx, k, d)
	for _, at := range []struct{ stream, subject string }{
		{streamWebhooks, event.DeliveryScheduleSubject(d)},
		{streamWebhooks, event.DeliveryDueSubject(d)},
		{streamWebhooks, event.DeliveryFilter(d)},
		{streamRuns, event.ScheduleSubject(k)},
		{streamRuns, event.TimerSubject(k)},
		{streamRuns, event.CancelSubject(k)},
		{"KV_" + bucketStates, "$KV." + bucketStates + "." + k.String() + ".>"},
		{streamRuns, event.StepFilter(k)},
		{streamRuns, event.LifecycleFilter(k)},
		{"KV_" + bucketDeliveries, "$KV." + bucketDeliveries + "." + string(d)},
		{"KV_" + bucketHistory, "$KV." + bucketHistory + "." + k.String() + ".>"},
		{"KV_" + bucketRuns, "$KV." + bucketRuns + "." + k.String()},
	} {
		if err := b.purge(ctx, at.stream, at.subject); err != nil {
			return err
		}
	}
	return nil
}

// EraseDelivery removes a delivery whose run is gone.
func (b *Bus) EraseDelivery(ctx context.Context, id event.DeliveryID) error {
	return errors.Join(
		b.purge(ctx, streamWebhooks, event.DeliveryScheduleSubject(id)),
		b.purge(ctx, streamWebhooks, event.DeliveryFilter(id)),
		b.purge(ctx, "KV_"+bucketDeliveries, "$KV."+bucketDeliveries+"."+string(id)),
	)
}

// eraseTask removes what a deleted task has left.
func (b *Bus) eraseTask(ctx context.Context, k event.Key, e erasure) error {
	_, _, err := b.Task(ctx, k.Task)
	if err == nil {
		return nil // who asked has met an edit, and has asked again or given up
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	raw, err := b.msgAt(ctx, streamTaskReq, uint64(k.Task))
	if err == nil {
		err = b.purge(ctx, streamTaskReq, raw.Subject)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := b.purge(ctx, "KV_"+bucketTasks, "$KV."+bucketTasks+"."+k.Task.String()); err != nil {
		return err
	}
	held, err := b.eraseThings(ctx, k, thingsOf(e))
	if err == nil && held {
		return Later(heldPause)
	}
	return err
}

// copiesPatience is how long a projection may lag. One that lags longer is broken.
const copiesPatience = 5 * time.Second

// awaitCopies waits until the server has copied the last messages of a run into the buckets.
func (b *Bus) awaitCopies(ctx context.Context, k event.Key, d event.DeliveryID) {
	ctx, cancel := context.WithTimeout(ctx, copiesPatience)
	defer cancel()
	b.awaitCopy(ctx, streamRuns, event.LifecycleFilter(k), bucketRuns, func(string) string { return k.String() })
	b.awaitCopy(ctx, streamRuns, event.StepFilter(k), bucketHistory, func(subject string) string {
		info, _ := event.ParseSubject(subject)
		return fmt.Sprintf("%s.%d", k, info.Step)
	})
	b.awaitCopy(ctx, streamWebhooks, event.DeliveryFilter(d), bucketDeliveries, func(string) string { return string(d) })
}

func (b *Bus) awaitCopy(ctx context.Context, stream, filter, bucket string, key func(subject string) string) {
	last, err := b.lastMsg(ctx, stream, filter)
	for err == nil && ctx.Err() == nil {
		copied, err := b.lastMsg(ctx, "KV_"+bucket, "$KV."+bucket+"."+key(last.Subject))
		if err == nil && string(copied.Data) == string(last.Data) {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

// purge removes all messages at a subject or filter of a stream.
func (b *Bus) purge(ctx context.Context, stream, subject string, more ...jetstream.StreamPurgeOpt) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	s, err := b.stream(ctx, stream)
	if err != nil {
		return err
	}
	return readErr("purge "+subject, s.Purge(ctx, append(more, jetstream.WithPurgeSubject(subject))...))
}
