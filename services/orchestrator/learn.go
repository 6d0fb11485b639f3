package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// learn handles the end of a run: what its replay teaches about the versions of the cached workflow is written to its
// task, and the end is counted. That is idempotent, so that the message may come again; it is settled, and counted, only
// when the task has learned.
func (s *Service) learn(ctx context.Context, m bus.Message) error {
	var e event.RunEvent
	if err := json.Unmarshal(m.Data, &e); err != nil {
		return bus.Terminal(fmt.Errorf("decode event %d: %w", m.Sequence, err))
	}
	last, err := s.Frame.Bus.Last(ctx, e.Data.Run.Key())
	if errors.Is(err, bus.ErrNotFound) || err == nil && last.Sequence != m.Sequence {
		return bus.Terminal(fmt.Errorf("the event at %d does not follow the log of its run", m.Sequence))
	}
	for err == nil && e.Data.Run.Workflow != nil {
		if err = s.teach(ctx, e.Data.Run); !errors.Is(err, bus.ErrConflict) {
			break
		}
		err = nil
	}
	if err == nil {
		s.count(m.Subject, e.Data.Run.Error)
	}
	return err
}

// count notes the end of a run in the figures.
func (s *Service) count(subject string, why *event.Error) {
	code := ""
	if why != nil {
		code = event.KnownCode(why.Code)
	}
	if info, ok := event.ParseSubject(subject); ok {
		s.ended.WithLabelValues(string(info.Type.State()), code).Inc()
	}
}

// teach applies what a run teaches to its task, if that is still there. ErrConflict: the task was edited meanwhile.
func (s *Service) teach(ctx context.Context, run event.Snapshot) error {
	task, revision, err := s.Frame.Bus.Task(ctx, run.Task)
	if errors.Is(err, bus.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	task, changed := workflow.Learn(task, run, s.Frame.Bus.Now(ctx))
	if !changed {
		return nil
	}
	if err := s.Frame.Bus.UpdateTask(ctx, task, revision); err != nil {
		return err
	}
	s.Frame.Log.Info("cached workflow learned", "task_id", run.Task, "run_id", run.Run, "replayed", run.Workflow.Version)
	return nil
}
