package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxInline is how many bytes of a result or of a step's actions go into an event; more go to the object store,
// so that an event stays under 64 KB.
const maxInline = 24 << 10

// Record is a lifecycle event as stored.
type Record struct {
	event.RunEvent
	Sequence uint64
	StoredAt time.Time // the server's clock
	Fault    *Fault    // of Last: the latest message in the run's log that does not follow; nil: there is none
}

// Append stores a lifecycle event of a run, guarded by after, the sequence of the run's last lifecycle event (0:
// none). A terminal event also disarms the run's timer, in the same write. ErrConflict means that another event
// came first: read Last, then decide again.
func (b *Bus) Append(ctx context.Context, e event.RunEvent, after uint64) (uint64, error) {
	s := &e.Data.Run
	if len(s.Result) > maxInline {
		digest, err := b.PutObject(ctx, s.Result)
		if err != nil {
			return 0, fmt.Errorf("store the result: %w", err)
		}
		s.Result, s.ResultObject = nil, digest
	}
	k, t := s.Key(), event.Kind(e)
	msg, err := encode(event.LifecycleSubject(k, t, s.Provider), e)
	if err != nil {
		return 0, err
	}
	if t.Terminal() {
		msg.Header.Set("Nats-Schedule-Next", "purge")
		msg.Header.Set("Nats-Scheduler", event.ScheduleSubject(k))
	}
	return b.writeNext(ctx, lifecycle(k), msg, guard{event.LifecycleFilter(k), after, e.ID})
}

// Last is the run's last lifecycle event that follows those before it, read from the log and so never behind it.
// ErrNotFound: the request of the run may be stored, but no service has touched it yet.
func (b *Bus) Last(ctx context.Context, k event.Key) (Record, error) {
	raw, p, err := b.find(ctx, lifecycle(k))
	if err != nil {
		return Record{}, err
	}
	if raw == nil {
		return Record{}, fmt.Errorf("read run %s: %w", k, ErrNotFound)
	}
	r, err := record(raw.Sequence, raw.Time, raw.Data)
	r.Fault = p.fault
	return r, err
}

func record(seq uint64, at time.Time, data []byte) (Record, error) {
	r := Record{Sequence: seq, StoredAt: at}
	if err := json.Unmarshal(data, &r.RunEvent); err != nil {
		return Record{}, fmt.Errorf("decode event %d: %w: %w", seq, ErrMalformed, err)
	}
	return r, nil
}

// AppendStep stores a step event guarded by the run's lifecycle event that the writer holds its lease by. ErrConflict
// means that the lifecycle has moved on: a lost lease, a cancel, an end.
func (b *Bus) AppendStep(ctx context.Context, p event.Phase, e event.StepEvent) (uint64, error) {
	d := &e.Data
	body, err := json.Marshal(d.Actions)
	if err != nil {
		return 0, fmt.Errorf("encode actions: %w", err)
	}
	if len(body) > maxInline {
		if d.ActionsObj, err = b.PutObject(ctx, body); err != nil {
			return 0, fmt.Errorf("store the actions: %w", err)
		}
		d.Actions = nil
	}
	msg, err := encode(event.StepSubject(d.Key(), d.Number, p), e)
	if err != nil {
		return 0, err
	}
	return b.writeNext(ctx, lifecycle(d.Key()), msg, guard{event.LifecycleFilter(d.Key()), d.Lifecycle, e.ID})
}

// StepRecord is a step event as stored.
type StepRecord struct {
	event.StepEvent
	Sequence uint64
	Phase    event.Phase
}

// LastStep is the latest step event of a run. ErrNotFound: there is none.
func (b *Bus) LastStep(ctx context.Context, k event.Key) (StepRecord, error) {
	return b.lastStep(ctx, k, event.StepFilter(k))
}

// Step is the latest event of step n of a run. ErrNotFound: there is none.
func (b *Bus) Step(ctx context.Context, k event.Key, n int) (StepRecord, error) {
	return b.lastStep(ctx, k, event.StepSubject(k, n, "*"))
}

// lastStep is the last message on filter that is a step of the run.
func (b *Bus) lastStep(ctx context.Context, k event.Key, filter string) (StepRecord, error) {
	raw, err := b.lastMsg(ctx, streamRuns, filter)
	if err != nil {
		return StepRecord{}, err
	}
	r, err := b.stepRecord(ctx, k, raw)
	if !errors.Is(err, ErrMalformed) {
		return r, err
	}
	return b.searchStep(ctx, k, filter, raw.Sequence)
}

// maxStrays is how many messages are looked through for the last step before a stray.
const maxStrays = 20_000

// searchStep looks through the messages on filter before the stray at end.
func (b *Bus) searchStep(ctx context.Context, k event.Key, filter string, end uint64) (found StepRecord, err error) {
	s, err := b.stream(ctx, streamRuns)
	if err != nil {
		return found, err
	}
	err = fmt.Errorf("read %s: %w", filter, ErrNotFound)
	for at, n := uint64(0), 0; at < end && n < maxStrays; n++ {
		raw, readFailed := s.GetMsg(ctx, at+1, jetstream.WithGetMsgSubject(filter))
		if readFailed != nil {
			return found, readErr("read "+filter, readFailed)
		}
		at = raw.Sequence
		if r, stray := b.stepRecord(ctx, k, raw); stray == nil {
			found, err = r, nil
		} else if !errors.Is(stray, ErrMalformed) {
			return found, stray
		}
	}
	return found, err
}

// Steps are the latest events of all steps of a run in order, from the log: the last one found by subject, those
// before it by the sequence that each step names.
func (b *Bus) Steps(ctx context.Context, k event.Key) ([]StepRecord, error) {
	step, err := b.LastStep(ctx, k)
	return b.stepsTo(ctx, k, step, err)
}

// stepsTo are the steps up to last, in order. err is that of reading it.
func (b *Bus) stepsTo(ctx context.Context, k event.Key, step StepRecord, err error) ([]StepRecord, error) {
	var steps []StepRecord
	for ; err == nil; step, err = b.stepAt(ctx, k, step.Data.Previous.Sequence) {
		steps = append(steps, step)
		if step.Data.Previous == nil || step.Data.Previous.Sequence >= step.Sequence {
			break
		}
	}
	if err != nil && !(errors.Is(err, ErrNotFound) && len(steps) == 0) {
		return nil, fmt.Errorf("read the steps of run %s: %w", k, err)
	}
	slices.Reverse(steps)
	return steps, nil
}

func (b *Bus) stepAt(ctx context.Context, k event.Key, seq uint64) (StepRecord, error) {
	raw, err := b.msgAt(ctx, streamRuns, seq)
	if err != nil {
		return StepRecord{}, err
	}
	return b.stepRecord(ctx, k, raw)
}

// stepRecord reads a message as a step of run k. ErrMalformed: it is none, or was written without the run's guard.
func (b *Bus) stepRecord(ctx context.Context, k event.Key, raw *jetstream.RawStreamMsg) (StepRecord, error) {
	info, ok := event.ParseSubject(raw.Subject)
	if !ok || info.Step == 0 {
		return StepRecord{}, fmt.Errorf("read a step: %s is none: %w", raw.Subject, ErrMalformed)
	}
	r := StepRecord{Sequence: raw.Sequence, Phase: info.Phase}
	if err := json.Unmarshal(raw.Data, &r.StepEvent); err != nil {
		return StepRecord{}, fmt.Errorf("decode step %d: %w: %w", raw.Sequence, ErrMalformed, err)
	}
	after, guarded := guardOf(raw.Header, event.LifecycleFilter(k))
	if !guarded || after < r.Data.Lifecycle || raw.Subject != event.StepSubject(k, r.Data.Number, info.Phase) || r.Data.Key() != k {
		return StepRecord{}, fmt.Errorf("step %d was not written by who holds run %s: %w", raw.Sequence, k, ErrMalformed)
	}
	if r.Data.ActionsObj == "" {
		return r, nil
	}
	body, err := b.Object(ctx, r.Data.ActionsObj)
	if err != nil {
		return StepRecord{}, fmt.Errorf("read the actions of step %d: %w", info.Step, err)
	}
	if err := json.Unmarshal(body, &r.Data.Actions); err != nil {
		return StepRecord{}, fmt.Errorf("decode the actions of step %d: %w", info.Step, err)
	}
	return r, nil
}

// Run is the run as callers see it, assembled from the log: never behind it. ErrNotFound: no such run.
func (b *Bus) Run(ctx context.Context, id event.RunID) (event.Run, error) {
	req, err := b.Request(ctx, id)
	if err != nil {
		return event.Run{}, err
	}
	k := event.Key{Task: req.Task, Run: id}
	last, err := b.Last(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return event.Present(id, req, event.Queued(id, req), nil), nil
	}
	if err != nil {
		return event.Run{}, err
	}
	s := last.Data.Run
	if s.Result, err = b.Result(ctx, s); err != nil {
		return event.Run{}, err
	}
	records, err := b.history(ctx, k, last)
	if err != nil {
		return event.Run{}, err
	}
	var done []event.StepData
	for _, r := range records {
		if r.Phase == event.Done {
			done = append(done, r.Data)
		}
	}
	return WithFault(event.Present(id, req, s, done), last), nil
}

// WithFault shows on a run what was found in its log that does not belong there.
func WithFault(run event.Run, last Record) event.Run {
	if f := last.Fault; f != nil {
		run.LogFault = &event.LogFault{Sequence: f.Sequence, Reason: f.Reason}
	}
	return run
}

// Result is the result of a run, also where it was too large for the event; nil: it has none.
func (b *Bus) Result(ctx context.Context, s event.Snapshot) (json.RawMessage, error) {
	if s.ResultObject == "" {
		return s.Result, nil
	}
	result, err := b.Object(ctx, s.ResultObject)
	if err != nil {
		return nil, fmt.Errorf("read the result of run %s: %w", s.Run, err)
	}
	return result, nil
}

// history spares the search for steps where the terminal event says that there are none.
func (b *Bus) history(ctx context.Context, k event.Key, last Record) ([]StepRecord, error) {
	if !event.Kind(last.RunEvent).Terminal() {
		return b.Steps(ctx, k)
	}
	if last.Data.LastStep == nil {
		return nil, nil
	}
	step, err := b.stepAt(ctx, k, last.Data.LastStep.Sequence)
	return b.stepsTo(ctx, k, step, err)
}

// Entry is one line of a run's log, as stored.
type Entry struct {
	event.SubjectInfo
	Sequence uint64
	Data     []byte // the event, JSON
}

// Next is the first event of a run, lifecycle or step, after a sequence. ErrNotFound: there is none yet.
func (b *Bus) Next(ctx context.Context, k event.Key, after uint64) (Entry, error) {
	s, err := b.stream(ctx, streamRuns)
	if err != nil {
		return Entry{}, err
	}
	raw, err := s.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(event.LogFilter(k)))
	if err != nil {
		return Entry{}, readErr("read the log of run "+k.String(), err)
	}
	info, ok := event.ParseSubject(raw.Subject)
	if !ok {
		return Entry{}, fmt.Errorf("read the log of run %s: %s is no event", k, raw.Subject)
	}
	return Entry{info, raw.Sequence, raw.Data}, nil
}

// Belongs reports whether an entry of a run's log counts: a step that who held the run has written, or a lifecycle event
// that follows those before it.
func (b *Bus) Belongs(ctx context.Context, k event.Key, e Entry) (bool, error) {
	if e.Step > 0 {
		_, err := b.stepAt(ctx, k, e.Sequence)
		if errors.Is(err, ErrMalformed) {
			return false, nil
		}
		return err == nil, err
	}
	r, err := b.Last(ctx, k)
	for ; err == nil && r.Sequence > e.Sequence && r.Data.Previous > 0; r, err = b.recordAt(ctx, r.Data.Previous) {
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && r.Sequence == e.Sequence, err
}

func (b *Bus) recordAt(ctx context.Context, seq uint64) (Record, error) {
	raw, err := b.msgAt(ctx, streamRuns, seq)
	if err != nil {
		return Record{}, err
	}
	return record(raw.Sequence, raw.Time, raw.Data)
}

func encode(subject string, e any) (*nats.Msg, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = data
	msg.Header.Set("content-type", event.ContentType)
	return msg, nil
}
