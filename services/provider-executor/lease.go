package executor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/agent"
	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// Why an attempt stops before its run has a result. They are causes of the attempt's context.
var (
	errCanceled = errors.New("the run was canceled")
	errLost     = errors.New("the lease is lost: another executor has the run, or it has ended")
	errShutdown = errors.New("the executor is shutting down")
	errExpired  = errors.New("the lease has run out: NATS does not answer")
)

// lease is an executor's hold on a run. Its token is the sequence of the run's last lifecycle event that we know to
// be ours or addressed to us; every write is guarded by it, so that the server refuses us once we have lost it.
type lease struct {
	bus     *bus.Bus
	writer  event.Writer
	log     *slog.Logger
	key     event.Key
	length  time.Duration
	secrets *secret.Set
	files   *files
	metrics *metrics
	stop    context.CancelCauseFunc // ends the attempt

	mu       sync.Mutex
	token    uint64
	run      event.Snapshot
	safe     time.Time // until then, on the local monotonic clock, nobody else can have the run
	canceled bool
	ledger   *effects.Ledger
	planned  int  // number of the step at work
	acting   bool // a step is planned and not done
	draining bool // the executor is shutting down: no further step begins
	last     *event.StepRef
	waiting  *event.Waiting // why the run has waited in the queue before
	latest   time.Time      // on the run's log: what follows is not before it
}

// now is the server's clock, never before what the run's log says already.
func (l *lease) now(ctx context.Context) time.Time {
	now := l.bus.Now(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest = event.NotBefore(now, l.latest)
	return l.latest
}

// claim takes a dispatched run. ok is false where the job is not the run's last event any more: another has taken it,
// or it was canceled. The run's timer is armed before started is written: from its first moment a run that is held
// comes back by itself.
func (s *Service) claim(ctx context.Context, job bus.Job) (l *lease, ok bool, err error) {
	var dispatched event.RunEvent
	if err := json.Unmarshal(job.Data, &dispatched); err != nil {
		return nil, false, fmt.Errorf("decode job %d: %w: %w", job.Sequence, bus.ErrMalformed, err)
	}
	run := dispatched.Data.Run
	if current, err := s.current(ctx, run.Key(), job.Sequence); !current || err != nil {
		return nil, false, err
	}
	if deadline, ok := run.QueueDeadline(); ok && !s.Frame.Bus.Now(ctx).Before(deadline) {
		return nil, false, nil // the orchestrator ends it
	}
	secrets := secret.NewSet(func() time.Time { return s.Frame.Bus.Now(context.WithoutCancel(ctx)) })
	log := slog.New(secrets.Handler(s.logger(run.Key(), run.Attempt).Handler()))
	l = &lease{
		bus: s.Frame.Bus, writer: s.writer, log: log, key: run.Key(), length: s.Config.Lease, secrets: secrets,
		metrics: s.metrics, files: &files{bus: s.Frame.Bus, secrets: secrets, all: run.Files},
		token: job.Sequence, run: run, last: dispatched.Data.LastStep, latest: dispatched.Time,
	}
	err = l.start(ctx, s.Frame.Instance)
	if errors.Is(err, bus.ErrConflict) {
		return nil, false, nil
	}
	return l, err == nil, err
}

// current reports whether the event at sequence is the run's last one. ErrMalformed: it does not follow.
func (s *Service) current(ctx context.Context, k event.Key, sequence uint64) (bool, error) {
	last, err := s.Frame.Bus.Last(ctx, k)
	if err == nil && last.Sequence < sequence || errors.Is(err, bus.ErrNotFound) {
		return false, fmt.Errorf("the job at %d does not follow the log of run %s: %w", sequence, k, bus.ErrMalformed)
	}
	return last.Sequence == sequence, err
}

func (l *lease) start(ctx context.Context, executor string) error {
	again := l.run.StartedAt != nil
	if !again {
		now := l.now(ctx)
		l.run.StartedAt = &now // before the timer is armed: the session may be shorter than the lease
	}
	if err := l.extend(ctx); err != nil {
		return err
	}
	l.run.State, l.run.Executor, l.run.RetryReason = event.StateRunning, executor, ""
	l.waiting, l.run.Waiting = l.run.Waiting, nil
	if err := l.append(ctx, event.Started); err != nil {
		return err
	}
	if again {
		// The orchestrator arms the session's timer after it has dispatched a run again, and may have replaced ours.
		return l.extend(ctx)
	}
	return nil
}

// append writes a lifecycle event with the lease's state of the run, and takes its sequence for the token.
func (l *lease) append(ctx context.Context, t event.Type) error {
	l.mu.Lock()
	data := event.RunData{Run: l.run, Previous: l.token, Request: uint64(l.run.Run), LastStep: l.last}
	l.mu.Unlock()
	seq, err := l.bus.Append(ctx, l.writer.Run(t, l.now(ctx), data), data.Previous)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = seq
	if l.run.Error != nil {
		l.log.Warn("run "+string(t), "sequence", seq, "code", l.run.Error.Code, "error", l.run.Error.Message)
	} else {
		l.log.Info("run "+string(t), "sequence", seq)
	}
	return nil
}

// extend arms the run's timer anew: a lease from now on, or the end of the session where that is nearer.
func (l *lease) extend(ctx context.Context) error {
	l.mu.Lock()
	token, run := l.token, l.run
	l.mu.Unlock()
	began := time.Now()
	t := bus.Timer{Task: run.Task, Run: run.Run, Kind: bus.TimerLease, Attempt: run.Attempt, Due: l.bus.Now(ctx).Add(l.length)}
	if deadline, ok := run.Deadline(); ok && deadline.Before(t.Due) {
		t.Kind, t.Due = bus.TimerSession, deadline
	}
	if err := l.bus.Arm(ctx, t, token); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.safe = began.Add(time.Duration(float64(l.length) * leaseGuard))
	return nil
}

// keep extends the lease until ctx ends, and ends the attempt when the run is canceled or lost.
func (l *lease) keep(ctx context.Context) {
	look := make(chan struct{}, 1)
	look <- struct{}{} // for what came before we listened
	unsubscribe, err := l.bus.Live(l.key, func(event.SubjectInfo) {
		select {
		case look <- struct{}{}:
		default:
		}
	})
	if err == nil {
		defer unsubscribe()
	}
	beat := time.NewTicker(l.length / 3)
	defer beat.Stop()
	away := false // NATS is
	for {
		select {
		case <-ctx.Done():
			return
		case <-look:
			if err = l.check(ctx); l.isCanceled() {
				beat.Reset(cancelBeat) // the orchestrator has given us little time, perhaps only now
				err = errors.Join(err, l.extend(ctx))
			}
		case <-beat.C:
			if err = l.extend(ctx); errors.Is(err, bus.ErrConflict) {
				err = l.check(ctx)
			}
		}
		if err != nil && ctx.Err() == nil {
			l.log.Warn("keep lease", "error", err)
			beat.Reset(beatAway)
			away = true
		} else if away {
			beat.Reset(l.length / 3)
			away = false
		}
	}
}

// beatAway is how often a lease is extended that could not be.
const beatAway = time.Second

// cancelBeat is how often a lease is extended while the last action of a canceled run ends: the orchestrator takes an
// executor that is silent for dead within a second.
const cancelBeat = 200 * time.Millisecond

func (l *lease) isCanceled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.canceled
}

// check reads where the run stands, and ends the attempt where it is no longer ours to go on with.
func (l *lease) check(ctx context.Context) error {
	last, err := l.bus.Last(ctx, l.key)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case last.Sequence <= l.token:
	case event.Kind(last.RunEvent) == event.CancelRequested && last.Data.Previous == l.token:
		l.token, l.run.CancelAt, l.canceled = last.Sequence, last.Data.Run.CancelAt, true
		l.latest = event.NotBefore(last.Time, l.latest)
		l.stop(errCanceled)
	default:
		l.stop(errLost)
	}
	return nil
}

// gate holds an input to the browser while the run may be another's: until the lease is extended, which it cannot be
// once another has had it. Errors: errExpired, after absence; why ctx has ended.
func (l *lease) gate(ctx context.Context) error {
	for began := time.Now(); l.expired() != nil; {
		if time.Since(began) > absence {
			return errExpired
		}
		pause(ctx, retryPause)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// expired is errExpired once the run may be another's.
func (l *lease) expired() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !time.Now().Before(l.safe) {
		return errExpired
	}
	return nil
}

// absence is how long NATS may be away before a run is given up that waits for it.
const absence = time.Minute

// retryPause is the wait before NATS is asked again.
const retryPause = 250 * time.Millisecond

// patiently does a write again while NATS is away. Each write has an id of its own: one that was stored unseen is known.
func patiently(ctx context.Context, write func() error) error {
	for began := time.Now(); ; {
		err := write()
		away := errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrUnknown)
		if !away || ctx.Err() != nil || time.Since(began) > absence {
			return err
		}
		pause(ctx, retryPause)
	}
}

// guarded does a write of the run again at the new token where a cancel came between.
func (l *lease) guarded(ctx context.Context, write func(token uint64) error) error {
	for {
		l.mu.Lock()
		token := l.token
		l.mu.Unlock()
		err := patiently(ctx, func() error { return write(token) })
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
		if checked := patiently(ctx, func() error { return l.check(ctx) }); checked != nil {
			return checked
		}
		l.mu.Lock()
		moved := l.token != token
		l.mu.Unlock()
		if !moved {
			return errLost
		}
	}
}

// finish ends the run. A cancel that came first wins: its caller was told.
func (l *lease) finish(ctx context.Context, t event.Type, r agent.Result) error {
	r = l.masked(r)
	if err := l.keepHealed(ctx, &r); err != nil {
		return err
	}
	return l.guarded(ctx, func(uint64) error {
		now := l.now(ctx)
		l.mu.Lock()
		if l.canceled {
			t, r = event.Canceled, agent.Result{Usage: r.Usage, Execution: r.Execution}
		}
		l.run.State, l.run.FinishedAt, l.run.Waiting = t.State(), &now, nil
		l.run.Files = l.files.list()
		l.run.Result, l.run.Error, l.run.Usage, l.run.Judgement = r.Value, r.Error, r.Usage, r.Judgement
		l.run.Workflow, l.run.Execution = r.Workflow, cmp.Or(r.Execution, l.run.Execution)
		l.mu.Unlock()
		return l.append(ctx, t)
	})
}

// release gives the run back before the lease ends. counts tells a failure of ours from a shutdown.
func (l *lease) release(ctx context.Context, reason string, counts bool) error {
	l.mu.Lock()
	t := bus.Timer{
		Task: l.run.Task, Run: l.run.Run, Kind: bus.TimerRelease, Attempt: l.run.Attempt,
		Reason: l.secrets.Mask(reason), Counts: counts, Due: l.bus.Now(ctx),
	}
	l.mu.Unlock()
	return l.guarded(ctx, func(token uint64) error { return l.bus.Arm(ctx, t, token) })
}
