package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestATaskGivesBackWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	r := s.send(t, "POST", "/api/tasks", `{"prompt": "say hello", "name": "Greeter", "json_schema": "{\"type\": \"object\"}", "max_steps": 3}`)
	if r.status != 201 || r.header.Get("Location") != "/api/tasks/1" {
		t.Errorf("%d, Location %s", r.status, r.header.Get("Location"))
	}
	var task map[string]any
	if err := json.Unmarshal(r.body, &task); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"id": 1.0, "name": "Greeter", "prompt": "say hello", "provider": "openai", "model": nil, "webhook_url": nil,
		"wait_for_completion": nil, "response_format": nil, "max_steps": 3.0, "session_timeout": 900.0,
		"use_cached_workflow": false, "cached_workflow": nil, "initial_url": nil, "user_agent": nil,
	} {
		if got, ok := task[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if fmt.Sprint(task["json_schema"]) != "map[type:object]" {
		t.Errorf("a schema in a string came back as %v", task["json_schema"])
	}
	if got := s.send(t, "GET", "/api/tasks/1", ""); string(got.body) != string(r.body) {
		t.Errorf("GET gives %s\nPOST gave %s", got.body, r.body)
	}
}

func TestATaskThatWasReadCanBePutBack(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, `{"prompt": "say hello", "webhook_url": "https://hooks.test/hook", "model": "m", "json_schema": {"type": "object"}}`)
	var task map[string]any
	if err := json.Unmarshal(s.send(t, "GET", "/api/tasks/1", "").body, &task); err != nil {
		t.Fatal(err)
	}
	task["prompt"], task["webhook_url"] = "say good bye", nil
	body, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	r := s.send(t, "PUT", "/api/tasks/1", string(body))
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	got := into[struct {
		Prompt, Model, CreatedAt string
		WebhookURL               *string `json:"webhook_url"`
	}](t, s.send(t, "GET", "/api/tasks/1", ""))
	if got.Prompt != "say good bye" || got.Model != "m" || got.WebhookURL != nil {
		t.Errorf("the task is %+v", got)
	}
	s.send(t, "PUT", "/api/tasks/1", hello)
	run := s.background(t, 1)
	if run.Model != event.DefaultModel("openai") || run.Prompt != "say hello" {
		t.Errorf("a field that was left out of PUT is still there: model %s, prompt %s", run.Model, run.Prompt)
	}
}

func TestConcurrentEditsAllHappen(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, hello)
	var editors sync.WaitGroup
	for i := range 5 {
		editors.Go(func() {
			r, err := s.try("PUT", "/api/tasks/1", fmt.Sprintf(`{"prompt": "say hello %d"}`, i))
			if err != nil || r.status != 200 {
				t.Errorf("%v %d %s", err, r.status, r.body)
			}
		})
	}
	editors.Wait()
}

func TestADeletedTaskIsGoneAndItsRunsStay(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, hello)
	s.background(t, 1)
	if r := s.send(t, "DELETE", "/api/tasks/1", ""); r.status != 204 || len(r.body) > 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, gone := range [][2]string{{"GET", ""}, {"PUT", hello}, {"DELETE", ""}} {
		refuses(t, s.send(t, gone[0], "/api/tasks/1", gone[1]), 404, "")
	}
	refuses(t, s.send(t, "POST", "/api/tasks/1/runs", "{}"), 404, "")
	if r := s.send(t, "GET", "/api/runs/1", ""); r.status != 200 {
		t.Errorf("its run: %d %s", r.status, r.body)
	}
	if next := s.task(t, hello); next != 2 {
		t.Errorf("the next task is %d", next)
	}
}

func TestTasksAreListedNewestFirstInPages(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for range 5 {
		s.task(t, hello)
	}
	s.send(t, "DELETE", "/api/tasks/4", "")
	var got [][]int
	for path := "/api/tasks?limit=2"; path != ""; {
		page := into[struct {
			Tasks      []struct{ ID int }
			NextCursor *string `json:"next_cursor"`
		}](t, s.send(t, "GET", path, ""))
		path = ""
		if page.NextCursor != nil {
			path = "/api/tasks?limit=2&cursor=" + *page.NextCursor
		}
		var ids []int
		for _, task := range page.Tasks {
			ids = append(ids, task.ID)
		}
		got = append(got, ids)
	}
	if fmt.Sprint(got) != "[[5 3] [2 1]]" {
		t.Errorf("the pages are %v", got)
	}
}

func TestARunIsItsTaskWithTheOverrides(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, `{"prompt": "say hello", "provider": "groq", "model": "m", "webhook_url": "https://hooks.test/a",
		"response_format": "json", "json_schema": {"type": "object"}, "max_steps": 7, "session_timeout": 60,
		"initial_url": "https://shop.test", "user_agent": "ua", "wait_for_completion": false, "allowed_domains": ["shop.test"]}`)
	for body, want := range map[string]event.Request{
		`{}`: {
			Prompt: "say hello", Provider: "groq", Model: "m", WebhookURL: "https://hooks.test/a", ResponseFormat: "json",
			JSONSchema: []byte(`{"type":"object"}`), MaxSteps: 7, SessionTimeout: 60, InitialURL: "https://shop.test", UserAgent: "ua",
			Means: event.Means{AllowedDomains: []string{"shop.test"}},
		},
		`{"prompt": "say good bye", "provider": "google", "model": "n", "webhook_url": "https://hooks.test/b", "response_format": "text",
		  "json_schema": {"type": "array"}, "max_steps": 8, "session_timeout": 61, "initial_url": "https://b.test", "user_agent": "ub",
		  "allowed_domains": ["*.b.test", "b.test:8443"]}`: {
			Prompt: "say good bye", Provider: "google", Model: "n", WebhookURL: "https://hooks.test/b", ResponseFormat: "text",
			JSONSchema: []byte(`{"type":"array"}`), MaxSteps: 8, SessionTimeout: 61, InitialURL: "https://b.test", UserAgent: "ub",
			Means: event.Means{AllowedDomains: []string{"*.b.test", "b.test:8443"}},
		},
	} {
		run := into[event.Run](t, s.send(t, "POST", "/api/tasks/1/runs", body))
		got, err := s.bus.Request(t.Context(), *run.TaskRunID)
		if err != nil || got.BodyHash == "" || got.CreatedAt.IsZero() {
			t.Fatalf("request %+v, %v", got, err)
		}
		want.Task, want.BodyHash, want.CreatedAt = 1, got.BodyHash, got.CreatedAt
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s makes %+v\nwant %+v", body, got, want)
		}
	}
}

func TestTheAllowedDomainsOfATaskAreShownAndTheWrongOnesNamed(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, `{"prompt": "say hello"}`)
	s.task(t, `{"prompt": "say hello", "allowed_domains": ["Shop.test", "*.bücher.test:8443"]}`)
	for path, want := range map[string]string{"/api/tasks/1": `"allowed_domains":[]`, "/api/tasks/2": `"allowed_domains":["Shop.test","*.bücher.test:8443"]`} {
		if body := string(s.send(t, "GET", path, "").body); !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
	}
	r := s.send(t, "POST", "/api/runs", `{"prompt": "say hello", "allowed_domains": ["good.test", "a b", "https://c.test"]}`)
	for _, bad := range []string{"a b", "https://c.test"} {
		if r.status != 422 || !strings.Contains(string(r.body), bad) {
			t.Errorf("%d %s, want 422 and %q named", r.status, r.body, bad)
		}
	}
}
