package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/workflow"
	"golang.org/x/sync/errgroup"
)

// editTries is how often an edit is tried again after another one came between its read and its write.
const editTries = 10

// parallelViews is how many cached workflows a list reads at once.
const parallelViews = 8

type taskInput struct {
	TaskID event.TaskID `path:"task_id" doc:"The ID of the task"`
}

type taskOutput struct {
	ETag string `header:"ETag" doc:"Names this state of the task, for If-Match"`
	Body taskView
}

// Matching is the condition of an edit.
type Matching struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the state that is to be replaced: 412 if somebody else has edited the task meanwhile"`
}

// etag names a state of a task.
func etag(t event.Task) string {
	data, err := json.Marshal(t)
	if err != nil {
		panic("gateway: encode a task: " + err.Error()) // it came from JSON
	}
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// check returns a 412 unless t is in a state that the condition names.
func (m Matching) check(t event.Task) error {
	if m.IfMatch == "" {
		return nil
	}
	for given := range strings.SplitSeq(m.IfMatch, ",") {
		if given = strings.TrimSpace(given); given == "*" || given == etag(t) {
			return nil
		}
	}
	return huma.Error412PreconditionFailed("task " + t.ID.String() + " was edited since: read it again, and repeat the edit with its new ETag")
}

// task reads a task. A task that is unknown or deleted is a 404.
func (a *api) task(ctx context.Context, id event.TaskID) (event.Task, error) {
	t, _, err := a.bus.Task(ctx, id)
	if err != nil {
		return t, problem(err, "task "+id.String())
	}
	return t, nil
}

func (a *api) getTask(ctx context.Context, in *taskInput) (*taskOutput, error) {
	noted(ctx).task = in.TaskID
	t, err := a.task(ctx, in.TaskID)
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, t)
}

// shown is the answer that gives a task.
func (a *api) shown(ctx context.Context, t event.Task) (*taskOutput, error) {
	v, err := a.view(ctx, t)
	return &taskOutput{etag(t), v}, err
}

// view is the task as callers see it, its cached workflow included.
func (a *api) view(ctx context.Context, t event.Task) (taskView, error) {
	v := view(t)
	current := workflow.Current(t)
	if current == nil {
		return v, nil
	}
	w, err := a.workflow(ctx, *current)
	v.CachedWorkflow = &w
	return v, err
}

type createTaskInput struct {
	Idempotency
	Body taskBody
}

type createTaskOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed" doc:"true: the Idempotency-Key was used before, and this is the task that it made then"`
	Body     taskView
}

func (a *api) createTask(ctx context.Context, in *createTaskInput) (*createTaskOutput, error) {
	t, err := in.Body.task(ctx, a.webhooks)
	if err != nil {
		return nil, err
	}
	w, err := in.Body.workflow(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.attach(ctx, &t, in.Body.Files); err != nil {
		return nil, err
	}
	if w != nil {
		v, err := a.keep(ctx, *w)
		if err != nil {
			return nil, err
		}
		v.Origin = event.WorkflowEdited
		t = workflow.Add(t, v)
	}
	k := in.at("POST /api/tasks")
	if t.Secrets, err = a.sealAll(ctx, k, in.Body.Secrets); err != nil {
		return nil, err
	}
	stored, replayed, err := a.acceptTask(ctx, k, t)
	if err != nil {
		return nil, err
	}
	v, err := a.view(ctx, stored)
	return &createTaskOutput{"/api/tasks/" + stored.ID.String(), etag(stored), whether(replayed), v}, err
}

// task checks the body and makes the task that it defines.
func (b taskBody) task(ctx context.Context, webhooks netguard.Guard) (event.Task, error) {
	body := overrides(b.Definition)
	if err := body.check(ctx, webhooks); err != nil {
		return event.Task{}, err
	}
	if err := body.Parameters.none(); err != nil {
		return event.Task{}, err
	}
	t := Definition(body).task()
	override(&t.Name, b.Name)
	return t, checkEvaluate(t, b.Secrets)
}

type putTaskInput struct {
	TaskID event.TaskID `path:"task_id" doc:"The ID of the task"`
	Matching
	Body taskBody
}

// putTask replaces a task's definition: a field that is absent or null returns to its default, but for the cached
// workflow, which stays where the field is absent.
func (a *api) putTask(ctx context.Context, in *putTaskInput) (*taskOutput, error) {
	replacement, err := in.Body.task(ctx, a.webhooks)
	if err != nil {
		return nil, err
	}
	change, err := a.workflowChange(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	if err := a.attach(ctx, &replacement, in.Body.Files); err != nil {
		return nil, err
	}
	sealed, valueless, err := a.seal(ctx, Idempotency{}.at("PUT /api/tasks"), in.Body.Secrets)
	if err != nil {
		return nil, err
	}
	t, err := a.edit(ctx, in.TaskID, func(t event.Task) (event.Task, error) {
		if err := in.check(t); err != nil {
			return t, err
		}
		r := replacement
		kept, err := keepValues(valueless, t.Secrets)
		if err != nil {
			return t, err
		}
		r.Secrets = event.OverrideSecrets(kept, sealed)
		r.ID, r.Workflows, r.BodyHash, r.CreatedAt = t.ID, t.Workflows, t.BodyHash, t.CreatedAt
		return change(r)
	})
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, t)
}

type deleteTaskInput struct {
	TaskID event.TaskID `path:"task_id" doc:"The ID of the task"`
	Matching
}

// deleteTask deletes a task and erases what it held. Its runs stay, and its id is not given again.
func (a *api) deleteTask(ctx context.Context, in *deleteTaskInput) (*struct{}, error) {
	var asked bus.Erasing
	_, err := a.replace(ctx, in.TaskID, func(t event.Task, revision uint64) (event.Task, error) {
		if err := in.check(t); err != nil {
			return t, err
		}
		var err error
		asked, err = a.bus.EraseTask(ctx, t, revision)
		return t, err
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, erasePatience)
	defer cancel()
	_ = a.bus.AwaitErased(ctx, asked) // nobody finds the task any more, whatever is left of it
	return nil, nil
}

// edit replaces a task by what change makes of it, again if another edit came between.
func (a *api) edit(ctx context.Context, id event.TaskID, change func(event.Task) (event.Task, error)) (event.Task, error) {
	return a.replace(ctx, id, func(t event.Task, revision uint64) (event.Task, error) {
		t, err := change(t)
		if err != nil {
			return t, err
		}
		t.UpdatedAt = a.bus.Now(ctx)
		return t, a.bus.UpdateTask(ctx, t, revision)
	})
}

// replace calls write with a task and its revision, again if another edit came between.
func (a *api) replace(ctx context.Context, id event.TaskID, write func(event.Task, uint64) (event.Task, error)) (event.Task, error) {
	noted(ctx).task = id
	for range editTries {
		t, revision, err := a.bus.Task(ctx, id)
		if err == nil {
			t, err = write(t, revision)
		}
		if err == nil || !errors.Is(err, bus.ErrConflict) {
			return t, taskProblem(err, id)
		}
	}
	return event.Task{}, huma.Error409Conflict("task " + id.String() + " is being edited by others: repeat the request")
}

// taskProblem is the answer to an error, unless it is one already.
func taskProblem(err error, id event.TaskID) error {
	var answer huma.StatusError
	if err == nil || errors.As(err, &answer) {
		return err
	}
	return problem(err, "task "+id.String())
}

type listTasksInput struct {
	Page
	OneOff bool `query:"one_off" doc:"Whether to include the tasks that POST /api/runs has made"`
}

type listTasksOutput struct {
	Body struct {
		Tasks      []taskView `json:"tasks" nullable:"false"`
		NextCursor *string    `json:"next_cursor" nullable:"true"`
	}
}

// listTasks lists tasks, newest first.
func (a *api) listTasks(ctx context.Context, in *listTasksInput) (*listTasksOutput, error) {
	page := bus.TaskPage{Before: event.TaskID(in.before()), Limit: in.Limit, OneOff: in.OneOff}
	tasks, next, err := a.bus.Tasks(ctx, page)
	if err != nil {
		return nil, problem(err, "the list")
	}
	out := &listTasksOutput{}
	if next > 0 {
		cursor := strconv.FormatInt(int64(next), 10)
		out.Body.NextCursor = &cursor
	}
	out.Body.Tasks = make([]taskView, len(tasks))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelViews)
	for i, t := range tasks {
		g.Go(func() (err error) {
			out.Body.Tasks[i], err = a.view(ctx, t)
			return err
		})
	}
	return out, g.Wait()
}
