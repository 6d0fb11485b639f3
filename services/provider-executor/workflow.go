package executor

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/agent"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// codeNoWorkflow is the error of a run whose workflow cannot be read: no other executor could read it.
const codeNoWorkflow = "workflow_unavailable"

// recording reads the workflow that a run is to replay; nil where it is to replay none. failed is why the run cannot go
// on; err, why this attempt cannot.
func (s *Service) recording(ctx context.Context, r *event.Replay) (rec *agent.Recording, failed *event.Error, err error) {
	if r == nil {
		return nil, nil, nil
	}
	unreadable := func(err error) *event.Error {
		return &event.Error{Code: codeNoWorkflow, Message: fmt.Sprintf("Version %d of the cached workflow cannot be read: %s. Restore another version, or record the task again.", r.Version, err)}
	}
	raw, err := s.Frame.Bus.Object(ctx, r.Object)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, unreadable(err), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the cached workflow: %w", err)
	}
	w, err := workflow.Parse(raw)
	if err != nil {
		return nil, unreadable(err), nil
	}
	w.Version = r.Version
	return &agent.Recording{Workflow: w, Parameters: r.Parameters, Confirmed: r.Confirmed, Patience: s.Config.ReplayPatience}, nil, nil
}

// keepHealed stores the workflow that a replay has mended, before the event that names it.
func (l *lease) keepHealed(ctx context.Context, r *agent.Result) error {
	if r.Healed == nil || r.Workflow == nil {
		return nil
	}
	raw, err := r.Healed.JSON()
	if err != nil {
		return fmt.Errorf("encode the healed workflow: %w", err)
	}
	r.Workflow.Healed, err = l.bus.PutObject(ctx, raw)
	return err
}
