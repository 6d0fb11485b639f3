package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

type recordedOutput struct {
	Body struct {
		Success  bool              `json:"success"`
		Workflow workflow.Workflow `json:"workflow"`
		Message  string            `json:"message" doc:"The outcome, and the parts of the result that need a model"`
		TaskID   event.TaskID      `json:"task_id"`
	}
}

// recordWorkflow makes the task of a run replay what the run has done. Repeated, it gives the same version again.
func (a *api) recordWorkflow(ctx context.Context, in *RunInput) (*recordedOutput, error) {
	run, err := a.over(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	v, notes, err := a.recording(ctx, run)
	if err != nil {
		return nil, err
	}
	t, err := a.editOwn(ctx, run, func(t event.Task) (event.Task, error) {
		t = adopt(t, v)
		t.UseCachedWorkflow, t.OneOff = true, false // from now on it is there to be run again
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	current := workflow.Current(t)
	out := &recordedOutput{}
	out.Body.Success, out.Body.TaskID, out.Body.Message = true, t.ID, message(t.ID, *current, notes)
	out.Body.Workflow, err = a.workflow(ctx, *current)
	return out, err
}

// recording makes a version of what a run has done: of the steps that an agent took, or of the workflow that a replay
// has healed.
func (a *api) recording(ctx context.Context, run ending) (v event.WorkflowVersion, notes []string, err error) {
	switch use := run.Workflow; {
	case use != nil && run.Execution == event.ExecutionHealed:
		return a.healed(ctx, run)
	case use != nil:
		return v, nil, huma.Error409Conflict(fmt.Sprintf("run %s needs no recording: it already replays version %d", run.Run, use.Version))
	}
	w, notes, err := a.record(ctx, run)
	if err != nil {
		return v, nil, err
	}
	v, err = a.keep(ctx, w)
	v.Origin, v.Run = event.WorkflowRecorded, run.Run
	return v, notes, err
}

// healed is the workflow that a run has healed, as a version.
func (a *api) healed(ctx context.Context, run ending) (v event.WorkflowVersion, notes []string, err error) {
	if run.Workflow.Healed == "" {
		return v, nil, huma.Error409Conflict(fmt.Sprintf("run %s was finished by a model, but not on the page that the workflow leads to: "+
			"there is nothing to keep; run the task with use_cached_workflow false and record that run", run.Run))
	}
	v = event.WorkflowVersion{Object: run.Workflow.Healed, Origin: event.WorkflowHealed, Base: run.Workflow.Version, Run: run.Run, CreatedAt: a.bus.Now(ctx)}
	w, err := a.workflow(ctx, v)
	v.NeedsModel = needsModel(w)
	if len(v.NeedsModel) > 0 {
		notes = append(notes, fmt.Sprintf("A replay needs a model for these parts of the result, as JSON pointers: %q.", v.NeedsModel))
	}
	return v, notes, err
}

// record makes a workflow of the steps of a run.
func (a *api) record(ctx context.Context, run ending) (workflow.Workflow, []string, error) {
	r := workflow.Recording{
		Prompt: run.request.Prompt, InitialURL: run.request.InitialURL, JSON: run.request.ResponseFormat == "json",
	}
	var err error
	if r.Result, err = a.bus.Result(ctx, run.Snapshot); err != nil {
		return workflow.Workflow{}, nil, problem(err, "the result of run "+run.Run.String())
	}
	steps, err := a.bus.Steps(ctx, run.Key())
	if err != nil {
		return workflow.Workflow{}, nil, problem(err, "the steps of run "+run.Run.String())
	}
	for _, s := range steps {
		if s.Phase == event.Done {
			r.Steps = append(r.Steps, s.Data)
		}
	}
	w, notes, err := workflow.Record(r)
	if err != nil {
		return w, nil, huma.Error409Conflict(fmt.Sprintf("run %s cannot be made a workflow: %v", run.Run, err))
	}
	return w, notes, nil
}

// adopt makes v the current version of a task: the one that it has of the same workflow, or a new one.
func adopt(t event.Task, v event.WorkflowVersion) event.Task {
	i := slices.IndexFunc(t.Workflows, func(have event.WorkflowVersion) bool {
		return have.Object == v.Object && (have.State == event.WorkflowCurrent || have.State == event.WorkflowCandidate)
	})
	if i < 0 {
		return workflow.Add(t, v)
	}
	t = withoutWorkflow(t)
	t.Workflows[i].State = event.WorkflowCurrent
	return t
}

// message says what a recording has led to. The notes tell what a replay needs a model for.
func message(task event.TaskID, v event.WorkflowVersion, notes []string) string {
	said := []string{fmt.Sprintf("Task %s replays version %d of its cached workflow from now on.", task, v.Version)}
	if len(v.NeedsModel) == 0 {
		said = append(said, "Its result needs no model while the site stays as it is.")
	}
	return strings.Join(append(said, notes...), " ")
}
