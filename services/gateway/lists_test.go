package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// runList is a page of GET /api/runs.
type runList struct {
	Runs []struct {
		TaskID     event.TaskID `json:"task_id"`
		ID         event.RunID  `json:"task_run_id"`
		State      event.State
		Status     event.Status
		FinishedAt *string `json:"finished_at"`
	}
	NextCursor *string `json:"next_cursor"`
}

func (l runList) ids() (ids []event.RunID) {
	for _, r := range l.Runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// pages reads a list to its end.
func pages(t *testing.T, s *server, query string) (all [][]event.RunID) {
	t.Helper()
	for path := "/api/runs?" + query; ; {
		page := into[runList](t, s.send(t, "GET", path, ""))
		all = append(all, page.ids())
		if page.NextCursor == nil {
			return all
		}
		path = "/api/runs?" + query + "&cursor=" + *page.NextCursor
	}
}

func TestRunsAreListedNewestFirstInPages(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	kettle, lamp := s.task(t, hello), s.task(t, hello)
	for i := range 10 {
		s.background(t, []event.TaskID{kettle, lamp}[i%2])
	}
	end(t, s.bus, 3, event.Succeeded)
	end(t, s.bus, 4, event.TimedOut)
	end(t, s.bus, 9, event.Succeeded)
	natstest.Eventually(t, func() error { // filters by state follow the log within milliseconds
		if got := fmt.Sprint(pages(t, s, "state=succeeded")); got != "[[9 3]]" {
			return fmt.Errorf("succeeded: %s", got)
		}
		return nil
	})
	for query, want := range map[string]string{
		"":                        "[[10 9 8 7 6 5 4 3 2 1]]",
		"limit=4":                 "[[10 9 8 7] [6 5 4 3] [2 1]]",
		"limit=5":                 "[[10 9 8 7 6] [5 4 3 2 1]]",
		"limit=3&task_id=2":       "[[10 8 6] [4 2]]",
		"state=timed_out":         "[[4]]",
		"state=succeeded&limit=1": "[[9] [3]]",
		"state=running":           "[[]]",
		"task_id=99":              "[[]]",
	} {
		if got := fmt.Sprint(pages(t, s, query)); got != want {
			t.Errorf("?%s gives %s, want %s", query, got, want)
		}
	}
	list := into[runList](t, s.send(t, "GET", "/api/runs?state=timed_out", ""))
	if r := list.Runs[0]; r.TaskID != lamp || r.Status != event.StatusFailure || r.FinishedAt == nil {
		t.Errorf("the run that timed out is listed as %+v", r)
	}
}

func TestARunIsListedAsSoonAsAnyGatewayHasAcceptedIt(t *testing.T) {
	t.Parallel()
	srv := natstest.Server(t, t.TempDir())
	one := start(t, natstest.On(t, natstest.Dial(t, srv)))
	two := start(t, natstest.On(t, natstest.Dial(t, srv)))
	task := one.task(t, hello)
	for n := range 20 {
		run := one.background(t, task)
		list := into[runList](t, two.send(t, "GET", "/api/runs?limit=1", ""))
		if len(list.Runs) != 1 || list.Runs[0].ID != *run.TaskRunID || list.Runs[0].State != event.StateQueued {
			t.Fatalf("after run %d the other gateway lists %+v", n+1, list.Runs)
		}
	}
}

func TestTheRunsOfATaskAreAnArray(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task, other := s.task(t, `{"prompt": "what does the kettle cost?"}`), s.task(t, hello)
	path := fmt.Sprintf("/api/tasks/%s/runs", task)
	if r := s.send(t, "GET", path, ""); string(r.body) != "[]\n" {
		t.Errorf("no runs are %s", r.body)
	}
	for range 3 {
		s.background(t, task)
		s.background(t, other)
	}
	end(t, s.bus, 3, event.Succeeded)
	type run struct {
		ID          int
		Description string
		IsDone      *bool `json:"is_done"`
		IsSuccess   *bool `json:"is_successful"`
		Status      string
		State       string
		CreatedAt   string `json:"created_at"`
	}
	list := into[[]run](t, s.send(t, "GET", path, ""))
	if len(list) != 3 || list[0].ID != 5 || list[1].ID != 3 || list[2].ID != 1 {
		t.Fatalf("the runs are %+v", list)
	}
	r := list[1]
	if r.Description != "what does the kettle cost?" || !*r.IsDone || !*r.IsSuccess || r.Status != "success" || r.State != "succeeded" || r.CreatedAt == "" {
		t.Errorf("run 3 is %+v", r)
	}
	if q := list[0]; *q.IsDone || q.IsSuccess != nil || q.Status != "in_progress" || q.State != "queued" {
		t.Errorf("run 5 is %+v", q)
	}
	if list := into[[]run](t, s.send(t, "GET", path+"?limit=1&cursor=5", "")); len(list) != 1 || list[0].ID != 3 {
		t.Errorf("the page after run 5 is %+v", list)
	}
}

func TestAScreenshotIsServedAsItWasStored(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	run := s.background(t, s.task(t, hello))
	k := event.Key{Task: *run.TaskID, Run: *run.TaskRunID}
	jpeg := "\xff\xd8\xff not much of a picture"
	digest, err := s.bus.PutScreenshot(t.Context(), []byte(jpeg))
	if err != nil {
		t.Fatal(err)
	}
	small, err := s.bus.PutScreenshot(t.Context(), []byte(jpeg+", smaller"))
	if err != nil {
		t.Fatal(err)
	}
	told, err := s.bus.PutObject(t.Context(), []byte("<script>PAGE of a shop"))
	if err != nil {
		t.Fatal(err)
	}
	if err := tell(t.Context(), s.bus, k.Run, event.Created); err != nil {
		t.Fatal(err)
	}
	created, err := s.bus.Last(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	for n, d := range []event.StepData{{Number: 1, Screenshot: digest, Thumbnail: small, Told: told}, {Number: 2}} {
		d.Task, d.Run, d.Lifecycle = k.Task, k.Run, created.Sequence
		if _, err := s.bus.AppendStep(t.Context(), event.Done, executor.Step(event.Done, s.bus.Now(t.Context()), d)); err != nil {
			t.Fatalf("step %d: %v", n+1, err)
		}
	}
	r := s.send(t, "GET", "/api/runs/1/steps/1/screenshot", "")
	if r.status != 200 || r.header.Get("Content-Type") != "image/jpeg" || string(r.body) != jpeg {
		t.Errorf("%d %s %q", r.status, r.header.Get("Content-Type"), r.body)
	}
	r = s.send(t, "GET", "/api/runs/1/steps/1/thumb?digest="+small, "")
	if r.status != 200 || string(r.body) != jpeg+", smaller" || !strings.Contains(r.header.Get("Cache-Control"), "immutable") {
		t.Errorf("thumbnail: %d %s %q", r.status, r.header.Get("Cache-Control"), r.body)
	}
	r = s.send(t, "GET", "/api/runs/1/steps/1/told", "")
	if r.status != 200 || string(r.body) != "<script>PAGE of a shop" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("what the model was told: %d %v %q", r.status, r.header, r.body)
	}
	if r := s.send(t, "GET", "/api/runs/1/steps/1/thumb", ""); strings.Contains(r.header.Get("Cache-Control"), "immutable") {
		t.Error("a thumbnail that is not named by its content is kept for good")
	}
	for _, path := range []string{"/api/runs/1/steps/2/screenshot", "/api/runs/1/steps/3/screenshot", "/api/runs/1/steps/2/thumb", "/api/runs/1/steps/2/told"} {
		refuses(t, s.send(t, "GET", path, ""), 404, "")
	}
	refuses(t, s.send(t, "GET", "/api/runs/1/steps/0/screenshot", ""), 422, "path.n")
}
