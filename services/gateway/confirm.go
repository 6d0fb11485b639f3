package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// ending is a run that is over, as its log has it.
type ending struct {
	request event.Request
	event.Snapshot
}

// over reads a run that must have succeeded.
func (a *api) over(ctx context.Context, id event.RunID) (e ending, err error) {
	k, err := a.key(ctx, id)
	if err != nil {
		return e, err
	}
	if e.request, err = a.bus.Request(ctx, id); err != nil {
		return e, problem(err, "run "+id.String())
	}
	last, err := a.bus.Last(ctx, k)
	if errors.Is(err, bus.ErrNotFound) {
		last.Data.Run, err = event.Queued(id, e.request), nil
	}
	if err != nil {
		return e, problem(err, "run "+id.String())
	}
	e.Snapshot = last.Data.Run
	if e.State != event.StateSucceeded {
		return e, huma.Error409Conflict(fmt.Sprintf("run %s is %s: it must have succeeded", id, e.State))
	}
	return e, nil
}

// confirm says that the result of a replay is right. From then on what its version reads is trusted.
func (a *api) confirm(ctx context.Context, in *RunInput) (*runOutput, error) {
	run, err := a.over(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	use := run.Workflow
	switch {
	case use == nil:
		return nil, huma.Error409Conflict(fmt.Sprintf("run %s did not replay a workflow: there is nothing to confirm", run.Run))
	case !use.OtherData:
		return nil, huma.Error409Conflict(fmt.Sprintf("run %s used the values of the recording, which proves nothing: confirm a run with other values", run.Run))
	}
	_, err = a.editOwn(ctx, run, func(t event.Task) (event.Task, error) {
		if workflow.Find(t, use.Version) == nil {
			return t, huma.Error409Conflict(fmt.Sprintf("version %d, which run %s has replayed, is no longer kept", use.Version, run.Run))
		}
		return confirmed(t, run.Snapshot, a.bus.Now(ctx)), nil
	})
	if err != nil {
		return nil, err
	}
	return a.run(ctx, in)
}

// confirmed is a task that has learned from a run whose result somebody has confirmed. What the run has healed is
// confirmed with it, also where the task knew of that before.
func confirmed(t event.Task, run event.Snapshot, now time.Time) event.Task {
	use := *run.Workflow
	use.Confirmed, run.Workflow = true, &use
	t, _ = workflow.Learn(t, run, now)
	for i := range t.Workflows {
		if v := &t.Workflows[i]; v.Origin == event.WorkflowHealed && v.Run == run.Run {
			v.Confirmed = true
		}
	}
	return t
}

// editOwn edits the task of a run.
func (a *api) editOwn(ctx context.Context, run ending, change func(event.Task) (event.Task, error)) (event.Task, error) {
	t, err := a.edit(ctx, run.Task, change)
	if status, ok := errors.AsType[huma.StatusError](err); ok && status.GetStatus() == http.StatusNotFound {
		return t, huma.Error409Conflict(fmt.Sprintf("task %s of run %s was deleted", run.Task, run.Run))
	}
	return t, err
}
