package agent

import (
	"context"
	"fmt"
	"slices"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// begun says what of the recording an earlier attempt may have sent already; empty: nothing, and the recording can be
// played from its beginning.
func (p *player) begun() string {
	for _, step := range p.task.History {
		for _, a := range step.Actions {
			if a.Sends || len(a.Sent) > 0 || p.maySend(step, a) {
				return fmt.Sprintf("step %d (%s) of an earlier attempt has sent something, or may have", step.Number, step.Description)
			}
		}
	}
	return ""
}

// maySend reports whether an action of an earlier attempt may have sent something of which nobody was told.
func (p *player) maySend(step event.StepData, a event.Action) bool {
	unknown := step.Interrupted || a.MayHaveHappened()
	if !unknown && a.Error != nil {
		return false
	}
	recorded := false
	for _, s := range p.filled.Steps {
		if s.Description != step.Description {
			continue
		}
		recorded = true
		if slices.ContainsFunc(s.Actions, func(r workflow.Action) bool { return r.Name == a.Name && sends(r, unknown) }) {
			return true
		}
	}
	return unknown && !recorded && action.Effectful(a.Name) // a model chose it
}

// sends reports whether a recorded action sends something. One that was written by hand may not say so: where its
// outcome is unknown, a click is taken for one.
func sends(a workflow.Action, unknown bool) bool {
	return a.Sends || unknown && clicks(a.Name) && a.Params["target"] == nil
}

// takeOver leaves the rest to a model, which looks before it acts.
func (p *player) takeOver(ctx context.Context, why string) (*Result, error) {
	if len(p.Models) == 0 {
		return failure(codeWorkflowFailed, "The run was interrupted, and "+why+": nothing is sent twice without a model that looks first. "+
			"Check what was done, and run the task again if it is safe."), nil
	}
	p.execution = event.ExecutionHealed
	if err := p.goOn(ctx); err != nil { // the task's prompt has this run's values now
		return nil, err
	}
	return p.loop(ctx)
}
