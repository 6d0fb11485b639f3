package gateway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// listPatience is how long a list waits for the hub to have read the log after the start of the process.
const listPatience = 5 * time.Second

// Page selects a part of a list.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" pattern:"^[1-9][0-9]{0,17}$" doc:"next_cursor of the page before, or the id of its last entry: entries with a lower id"`
}

// before is the id that the page lies below, 0 for the first page.
func (p Page) before() int64 {
	id, _ := strconv.ParseInt(p.Cursor, 10, 64) // the pattern has let digits through only
	return id
}

type listRunsInput struct {
	Page
	TaskID event.TaskID `query:"task_id" minimum:"1" doc:"Only runs of this task"`
	State  event.State  `query:"state" enum:"queued,running,waiting,succeeded,failed,canceled,timed_out" doc:"Only runs in this state"`
}

type listRunsOutput struct {
	Body struct {
		Runs       []runSummary `json:"runs" nullable:"false"`
		NextCursor *string      `json:"next_cursor" nullable:"true"`
	}
}

// listRuns lists runs, newest first.
func (a *api) listRuns(ctx context.Context, in *listRunsInput) (*listRunsOutput, error) {
	out := &listRunsOutput{}
	out.Body.Runs = []runSummary{}
	f := filter{task: in.TaskID, state: in.State, before: event.RunID(in.before())}
	runs, more, err := a.list(ctx, f, in.Limit)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		out.Body.Runs = append(out.Body.Runs, runSummary{
			TaskID: r.TaskID, TaskRunID: r.TaskRunID, Prompt: r.Prompt, Provider: r.Provider, Model: r.Model,
			IsDone: r.IsDone, IsSuccessful: r.IsSuccessful, Status: r.Status, State: r.State, Error: r.Error, Waiting: r.Waiting,
			Attempt: r.Attempt, Execution: r.Execution, CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		})
	}
	if more {
		next := runs[len(runs)-1].TaskRunID.String()
		out.Body.NextCursor = &next
	}
	return out, nil
}

type taskRunsInput struct {
	TaskID event.TaskID `path:"task_id" doc:"The ID of the task"`
	Page
}

type taskRunsOutput struct {
	Link string    `header:"Link" doc:"rel=next is the page that follows; there is none after the last"`
	Body []taskRun `nullable:"false"`
}

// taskRuns lists the runs of a task, newest first. A page's cursor is the last id of the page before.
func (a *api) taskRuns(ctx context.Context, in *taskRunsInput) (*taskRunsOutput, error) {
	noted(ctx).task = in.TaskID
	if _, err := a.task(ctx, in.TaskID); err != nil {
		return nil, err
	}
	runs, more, err := a.list(ctx, filter{task: in.TaskID, before: event.RunID(in.before())}, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &taskRunsOutput{Body: []taskRun{}}
	for _, r := range runs {
		out.Body = append(out.Body, taskRun{
			ID: r.TaskRunID, Description: r.Prompt, IsDone: r.IsDone, IsSuccessful: r.IsSuccessful,
			Status: r.Status, State: r.State, CreatedAt: r.CreatedAt,
		})
	}
	if more {
		out.Link = fmt.Sprintf(`</api/tasks/%s/runs?limit=%d&cursor=%s>; rel="next"`, in.TaskID, in.Limit, runs[len(runs)-1].TaskRunID)
	}
	return out, nil
}

// list finds runs in the hub and reads each from the log, without its steps. more tells that others follow.
func (a *api) list(ctx context.Context, f filter, limit int) (runs []event.Run, more bool, err error) {
	runs, more, err = a.page(ctx, f, limit)
	queued := make([]*event.Run, len(runs))
	for i := range runs {
		queued[i] = &runs[i]
	}
	a.explain(ctx, queued...)
	return runs, more, err
}

// page is list without why runs wait.
func (a *api) page(ctx context.Context, f filter, limit int) (runs []event.Run, more bool, err error) {
	patient, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	if err := a.hub.complete(patient); err != nil {
		return nil, false, problem(err, "the list")
	}
	for k := range a.hub.newest(f) {
		if len(runs) == limit {
			return runs, true, nil
		}
		run, err := a.summary(ctx, k)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, false, problem(err, "run "+k.Run.String())
		}
		if f.matches(k.Task, run.State) { // the log may be ahead of the hub
			runs = append(runs, run)
		}
	}
	return runs, false, nil
}

// summary is a run without its steps.
func (a *api) summary(ctx context.Context, k event.Key) (event.Run, error) {
	request, err := a.bus.Request(ctx, k.Run)
	if err != nil {
		return event.Run{}, err
	}
	if request.Task != k.Task {
		return event.Run{}, fmt.Errorf("run %s is not of task %s: %w", k.Run, k.Task, bus.ErrNotFound)
	}
	last, err := a.bus.Last(ctx, k)
	if errors.Is(err, bus.ErrNotFound) {
		return event.Present(k.Run, request, event.Queued(k.Run, request), nil), nil
	}
	if err != nil {
		return event.Run{}, err
	}
	return bus.WithFault(event.Present(k.Run, request, last.Data.Run, nil), last), nil
}
