package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// erasePatience is how long a DELETE waits for an orchestrator to have erased all.
const erasePatience = 5 * time.Second

type deleteRunOutput struct {
	Status int
}

// deleteRun erases a run that has ended.
func (a *api) deleteRun(ctx context.Context, in *RunInput) (*deleteRunOutput, error) {
	what := "run " + in.RunID.String()
	request, k, err := a.request(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	last, err := a.bus.Last(ctx, k)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return nil, problem(err, what)
	}
	if !event.Kind(last.RunEvent).Terminal() {
		return nil, huma.Error409Conflict(what + " has not ended: cancel it with POST /api/runs/" + in.RunID.String() + "/cancel, then delete it")
	}
	asked, err := a.bus.EraseRun(ctx, k, request)
	if err != nil {
		return nil, problem(err, what)
	}
	ctx, cancel := context.WithTimeout(ctx, erasePatience)
	defer cancel()
	if a.bus.AwaitErased(ctx, asked) != nil {
		return &deleteRunOutput{http.StatusAccepted}, nil
	}
	return &deleteRunOutput{http.StatusNoContent}, nil
}
