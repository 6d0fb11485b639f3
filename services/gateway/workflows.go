package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

type versionsOutput struct {
	Body struct {
		Workflows []event.WorkflowVersion `json:"workflows" nullable:"false"`
	}
}

// workflowVersions lists the versions of a task's cached workflow, newest first.
func (a *api) workflowVersions(ctx context.Context, in *taskInput) (*versionsOutput, error) {
	noted(ctx).task = in.TaskID
	t, err := a.task(ctx, in.TaskID)
	if err != nil {
		return nil, err
	}
	out := &versionsOutput{}
	out.Body.Workflows = []event.WorkflowVersion{}
	for _, v := range slices.Backward(t.Workflows) {
		v.Object = ""
		out.Body.Workflows = append(out.Body.Workflows, v)
	}
	return out, nil
}

type versionInput struct {
	TaskID  event.TaskID `path:"task_id" doc:"The ID of the task"`
	Version int          `path:"version" minimum:"1"`
}

type workflowOutput struct {
	Body workflow.Workflow
}

// workflowVersion answers with one version whole.
func (a *api) workflowVersion(ctx context.Context, in *versionInput) (*workflowOutput, error) {
	noted(ctx).task = in.TaskID
	t, err := a.task(ctx, in.TaskID)
	if err != nil {
		return nil, err
	}
	v := workflow.Find(t, in.Version)
	if v == nil {
		return nil, in.unknown()
	}
	w, err := a.workflow(ctx, *v)
	if err != nil {
		return nil, err
	}
	return &workflowOutput{w}, nil
}

// restoreWorkflow makes an older version current again, as a new one.
func (a *api) restoreWorkflow(ctx context.Context, in *versionInput) (*taskOutput, error) {
	t, err := a.edit(ctx, in.TaskID, func(t event.Task) (event.Task, error) {
		t, known := workflow.Restore(t, in.Version, a.bus.Now(ctx))
		if !known {
			return t, in.unknown()
		}
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, t)
}

func (in versionInput) unknown() error {
	return huma.Error404NotFound(fmt.Sprintf("version %d of the cached workflow of task %s does not exist: "+
		"GET /api/tasks/%s/workflows lists those that do", in.Version, in.TaskID, in.TaskID))
}

// workflow reads a version's workflow. What is stored was checked when it was made, perhaps by other rules than
// today's: it is not checked again.
func (a *api) workflow(ctx context.Context, v event.WorkflowVersion) (workflow.Workflow, error) {
	var w workflow.Workflow
	data, err := a.bus.Object(ctx, v.Object)
	if err != nil {
		return w, stored(err, v)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // numbers come back as they were written
	if err := d.Decode(&w); err != nil {
		return w, stored(err, v)
	}
	w.Version = v.Version
	return w, nil
}

// stored is the error of a workflow that cannot be read. One that is not there is no 404: its task says that it is.
func stored(err error, v event.WorkflowVersion) error {
	what := fmt.Sprintf("version %d of the cached workflow", v.Version)
	var status huma.StatusError
	if p := problem(err, what); errors.As(p, &status) && status.GetStatus() == http.StatusServiceUnavailable {
		return p
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// keep stores a workflow and makes a version of it, which the task that it is added to will number. The number is no
// part of what is stored: the same workflow is the same object.
func (a *api) keep(ctx context.Context, w workflow.Workflow) (event.WorkflowVersion, error) {
	v := event.WorkflowVersion{NeedsModel: needsModel(w), CreatedAt: a.bus.Now(ctx)}
	data, err := plain(w)
	if err != nil {
		return v, err
	}
	if v.Object, err = a.bus.PutObject(ctx, data); err != nil {
		return v, problem(err, "the cached workflow")
	}
	return v, nil
}

func needsModel(w workflow.Workflow) []string {
	if w.Result == nil {
		return []string{}
	}
	return append([]string{}, w.Result.NeedsModel...)
}

// plain is a workflow as it is stored: without its number.
func plain(w workflow.Workflow) ([]byte, error) {
	w.Version = 0
	return w.JSON()
}

// workflow is the workflow that a task's body gives, nil where it gives none.
func (b taskBody) workflow(ctx context.Context) (*workflow.Workflow, error) {
	if n := len(noted(ctx).body) - len(b.CachedWorkflow); n > maxBody {
		return nil, huma.NewError(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the body is larger than %d bytes without its cached_workflow", maxBody))
	}
	if !given(b.CachedWorkflow) {
		return nil, nil
	}
	w, err := workflow.Parse(b.CachedWorkflow)
	return &w, misplaced("body.cached_workflow", err)
}

// misplaced is the 422 that names the places of mistakes below a place of the body.
func misplaced(below string, err error) error {
	wrong, ok := errors.AsType[*workflow.InvalidError](err)
	if !ok {
		return err
	}
	var errs []error
	for _, p := range wrong.Problems {
		errs = append(errs, &huma.ErrorDetail{Location: strings.TrimSuffix(below+"."+p.Place, "."), Message: p.Message})
	}
	return huma.Error422UnprocessableEntity("validation failed", errs...)
}

// values are the caller's values for the parameters of the workflow that a run of t replays, as JSON; nil: the prompt
// says them. An empty object is not nil: it stands for a prompt that says none.
func (a *api) values(ctx context.Context, t event.Task, p parameters) (json.RawMessage, error) {
	v := workflow.ToReplay(t)
	switch {
	case p == nil || t.UseCachedWorkflow && v == nil: // request says that there is no workflow
		return nil, nil
	case !t.UseCachedWorkflow:
		return nil, invalid("parameters", "expected use_cached_workflow true: parameters are values for the cached workflow")
	}
	w, err := a.workflow(ctx, *v)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode parameters: %w", err)
	}
	_, err = w.CheckParameters(raw)
	return raw, misplaced("body", err)
}

// none refuses parameters where there can be no workflow that takes them.
func (p parameters) none() error {
	if p == nil {
		return nil
	}
	return invalid("parameters", "expected no parameters: they belong to runs of a task that has a cached workflow, see POST /api/tasks/{task_id}/runs")
}

// workflowChange is what a body does to the workflow of its task: a workflow is a new current version, null none, and
// without the field all stays as it is.
func (a *api) workflowChange(ctx context.Context, b taskBody) (func(event.Task) (event.Task, error), error) {
	w, err := b.workflow(ctx)
	switch {
	case err != nil:
		return nil, err
	case b.CachedWorkflow == nil:
		return func(t event.Task) (event.Task, error) { return t, nil }, nil
	case w == nil:
		return func(t event.Task) (event.Task, error) { return withoutWorkflow(t), nil }, nil
	}
	v, err := a.keep(ctx, *w)
	return func(t event.Task) (event.Task, error) { return a.edited(ctx, t, *w, v) }, err
}

// edited is a task with w, whose version is v, as its current workflow. Where that is what it has, nothing changes.
func (a *api) edited(ctx context.Context, t event.Task, w workflow.Workflow, v event.WorkflowVersion) (event.Task, error) {
	v.Origin = event.WorkflowEdited
	current := workflow.Current(t)
	if current == nil {
		return workflow.Add(t, v), nil
	}
	same, err := a.same(ctx, *current, w)
	if err != nil || same {
		return t, err
	}
	v.Base = current.Version
	return workflow.Add(t, v), nil
}

// same reports whether a version holds the workflow w. They are compared as keep would store them: what an executor
// has stored may be written otherwise.
func (a *api) same(ctx context.Context, v event.WorkflowVersion, w workflow.Workflow) (bool, error) {
	have, err := a.workflow(ctx, v)
	if err != nil {
		return false, err
	}
	one, err := plain(have)
	if err != nil {
		return false, err
	}
	other, err := plain(w)
	return bytes.Equal(one, other), err
}

// withoutWorkflow is a task that replays nothing. The versions stay, to be restored.
func withoutWorkflow(t event.Task) event.Task {
	t.Workflows = slices.Clone(t.Workflows)
	for i := range t.Workflows {
		if v := &t.Workflows[i]; v.State == event.WorkflowCurrent || v.State == event.WorkflowCandidate {
			v.State = event.WorkflowSuperseded
		}
	}
	return t
}
