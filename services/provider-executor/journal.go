package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/panics"
)

// Planned stores a step before it acts. It is the agent's Journal on the run's log.
func (l *lease) Planned(ctx context.Context, step event.StepData) error {
	if !l.beginStep() {
		return errShutdown
	}
	l.mu.Lock()
	l.planned = step.Number
	l.mu.Unlock()
	l.ledger.Begin()
	return l.step(ctx, event.Planned, step)
}

// Done stores a step's outcome. The screenshot is stored first, then the event that names it.
func (l *lease) Done(ctx context.Context, step event.StepData, screenshot []byte) error {
	defer l.endStep()
	if len(screenshot) > 0 {
		var err error
		if step.Screenshot, step.Thumbnail, err = l.keepPicture(ctx, screenshot); err != nil {
			l.log.Warn("store screenshot", "step", step.Number, "error", err)
		}
	}
	step.Files = append(step.Files, l.files.take()...)
	return l.step(ctx, event.Done, step)
}

func (l *lease) step(ctx context.Context, p event.Phase, step event.StepData) error {
	step, err := secret.Masked(l.secrets, step)
	if err != nil {
		return fmt.Errorf("mask step %d: %w", step.Number, err)
	}
	return l.guarded(ctx, func(token uint64) error {
		l.mu.Lock()
		step.Task, step.Run, step.Attempt = l.run.Task, l.run.Run, l.run.Attempt
		step.Lifecycle, step.Previous = token, l.before(step.Number)
		l.mu.Unlock()
		seq, err := l.bus.AppendStep(ctx, p, l.writer.Step(p, l.now(ctx), step))
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if p == event.Done {
			l.last = &event.StepRef{Number: step.Number, Sequence: seq}
			l.metrics.steps.Inc()
			l.log.Info("step done", "step", step.Number, "description", step.Description, "sequence", seq)
		}
		return nil
	})
}

// before is the step that a step numbered n follows: the last one done.
func (l *lease) before(n int) *event.StepRef {
	if l.last == nil || l.last.Number >= n {
		return nil
	}
	return l.last
}

// resume reads what earlier attempts did. A step that was planned and has no outcome may have had effects: it is
// closed as interrupted before anything else is done, so that the log says what is known and the agent looks before
// it repeats.
func (l *lease) resume(ctx context.Context) ([]event.StepData, error) {
	if l.run.Attempt == 1 {
		return nil, nil
	}
	records, err := l.bus.Steps(ctx, l.key)
	if err != nil {
		return nil, err
	}
	var history []event.StepData
	for _, r := range records {
		l.files.add(r.Data.Files)
		if err := l.addSent(ctx, &r.Data); err != nil {
			return nil, err
		}
		if r.Phase == event.Done {
			history = append(history, r.Data)
			l.last = &event.StepRef{Number: r.Data.Number, Sequence: r.Sequence}
			continue
		}
		closed := interrupted(r, l.now(ctx))
		if err := l.Done(ctx, closed, nil); err != nil {
			return nil, fmt.Errorf("close the interrupted step %d: %w", r.Data.Number, err)
		}
		history = append(history, closed)
	}
	return history, nil
}

func interrupted(r bus.StepRecord, now time.Time) event.StepData {
	step := r.Data
	step.Interrupted, step.FinishedAt = true, &now
	why := "interrupted: it may have happened or not"
	for i := range step.Actions {
		step.Actions[i].Success, step.Actions[i].Error = nil, &why
	}
	return step
}

// stopped reports whether err only says that the attempt was ended from outside, and by what.
func stopped(ctx context.Context, err error) error {
	var panicked *panics.Error
	if errors.As(context.Cause(ctx), &panicked) || errors.As(err, &panicked) {
		return panicked
	}
	for _, cause := range []error{errCanceled, errLost, errShutdown, errExpired} {
		if errors.Is(err, cause) || errors.Is(context.Cause(ctx), cause) {
			return cause
		}
	}
	return nil
}
