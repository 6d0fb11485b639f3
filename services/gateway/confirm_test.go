package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// ending is how a test ends a run: its steps, and what is changed of the terminal event.
type ending struct {
	how    event.Type
	steps  []event.StepData
	change func(*event.Snapshot)
}

// finish runs a task in the background and plays its executor to the end.
func (s *server) finish(t *testing.T, task event.TaskID, body string, e ending) event.RunID {
	t.Helper()
	r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), body)
	if r.status != 200 {
		t.Fatalf("run task %s: %d %s", task, r.status, r.body)
	}
	id := *into[event.Run](t, r).TaskRunID
	for _, before := range []event.Type{event.Created, event.Dispatched, event.Started} {
		if err := tell(t.Context(), s.bus, id, before); err != nil {
			t.Fatal(err)
		}
	}
	s.terminate(t, event.Key{Task: task, Run: id}, e)
	return id
}

func (s *server) terminate(t *testing.T, k event.Key, e ending) {
	t.Helper()
	last, err := s.bus.Last(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	now, data := s.bus.Now(t.Context()), event.RunData{Run: last.Data.Run, Previous: last.Sequence}
	for i, d := range e.steps {
		d.Task, d.Run, d.Attempt, d.Number, d.Lifecycle, d.Previous = k.Task, k.Run, 1, i+1, last.Sequence, data.LastStep
		at, err := s.bus.AppendStep(t.Context(), event.Done, executor.Step(event.Done, now, d))
		if err != nil {
			t.Fatal(err)
		}
		data.LastStep = &event.StepRef{Number: i + 1, Sequence: at}
	}
	data.Run.State, data.Run.FinishedAt = e.how.State(), &now
	if e.change != nil {
		e.change(&data.Run)
	}
	if _, err := s.bus.Append(t.Context(), executor.Run(e.how, now, data), last.Sequence); err != nil {
		t.Fatal(err)
	}
}

// using is the end of a replay.
func using(use event.WorkflowUse) ending {
	return ending{how: event.Succeeded, change: func(r *event.Snapshot) { r.Workflow = &use }}
}

const inBackgroundOf = `{"wait_for_completion": false}` // a saved task's run

func TestAConfirmedReplayConfirmsItsVersion(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, withWorkflow(byHand))
	id := s.finish(t, task, inBackgroundOf, using(event.WorkflowUse{Version: 1, OtherData: true, Unconfirmed: []string{"/total"}}))
	for range 2 {
		r := s.send(t, "POST", fmt.Sprintf("/api/runs/%s/confirm", id), "")
		if run := into[event.Run](t, r); r.status != 200 || *run.TaskRunID != id || run.Workflow == nil || run.Workflow.Version != 1 {
			t.Errorf("%d %s", r.status, r.body)
		}
		s.hasVersions(t, task, "1 current edited confirmed")
	}
	next := s.background(t, task)
	if request, err := s.bus.Request(t.Context(), *next.TaskRunID); err != nil || !request.Replay.Confirmed {
		t.Errorf("the next run is not told that its workflow is confirmed: %+v, %v", request.Replay, err)
	}
}

func TestAConfirmedHealedRunConfirmsWhatItHasHealed(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for _, learned := range []bool{false, true} {
		task := s.task(t, withWorkflow(byHand))
		id := s.healed(t, task, shopping)
		if learned {
			s.learn(t, id)
		}
		if r := s.send(t, "POST", fmt.Sprintf("/api/runs/%s/confirm", id), ""); r.status != 200 || strings.Contains(string(r.body), "sha256:") {
			t.Errorf("%d %s", r.status, r.body)
		}
		if got := s.versions(t, task); !strings.HasPrefix(got, "2 candidate healed of 1 confirmed, ") {
			t.Errorf("learned before: %v, the versions are %s", learned, got)
		}
	}
}

func TestWhatProvesNothingIsNotConfirmed(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task, gone := s.task(t, withWorkflow(byHand)), s.task(t, withWorkflow(byHand))
	other := event.WorkflowUse{Version: 1, OtherData: true}
	failed := using(other)
	failed.how = event.Failed
	for reason, id := range map[string]event.RunID{
		"is queued":                 *s.background(t, task).TaskRunID,
		"is failed":                 s.finish(t, task, inBackgroundOf, failed),
		"did not replay a workflow": s.finish(t, task, `{"use_cached_workflow": false, "wait_for_completion": false}`, ending{how: event.Succeeded}),
		"proves nothing":            s.finish(t, task, inBackgroundOf, using(event.WorkflowUse{Version: 1})),
		"is no longer kept":         s.finish(t, task, inBackgroundOf, using(event.WorkflowUse{Version: 7, OtherData: true})),
		"was deleted":               s.finish(t, gone, inBackgroundOf, using(other)),
	} {
		s.send(t, "DELETE", fmt.Sprintf("/api/tasks/%s", gone), "")
		r := s.send(t, "POST", fmt.Sprintf("/api/runs/%s/confirm", id), "{}")
		refuses(t, r, 409, "")
		if !strings.Contains(string(r.body), reason) {
			t.Errorf("the answer does not say that the run %s: %s", reason, r.body)
		}
	}
	s.hasVersions(t, task, "1 current edited")
}
