package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// erasing plays the orchestrator that does what a DELETE asks for.
func erasing(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, bus.ConsumerErase, 4, b.Erase) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestADeletedRunIsNowhere(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	erasing(t, b)
	s, second := start(t, b), start(t, b)
	task := s.task(t, hello)
	one, kept := *s.background(t, task).TaskRunID, *s.background(t, task).TaskRunID
	path := fmt.Sprintf("/api/runs/%d", one)
	if r := s.send(t, "DELETE", path, ""); r.status != http.StatusConflict || !strings.Contains(string(r.body), path+"/cancel") {
		t.Errorf("DELETE of a queued run: %d %s", r.status, r.body)
	}
	end(t, b, one, event.Succeeded)
	end(t, b, kept, event.Failed)
	second.send(t, "GET", "/api/runs", "") // its hub knows both
	if r := s.send(t, "DELETE", path, ""); r.status != http.StatusNoContent || len(r.body) > 0 {
		t.Fatalf("DELETE: %d %s", r.status, r.body)
	}
	for _, gateway := range []*server{s, second} {
		for _, what := range []string{"", "/events", "/steps/1/screenshot"} {
			if r := gateway.send(t, "GET", path+what, ""); r.status != http.StatusNotFound {
				t.Errorf("GET %s: %d %s", path+what, r.status, r.body)
			}
		}
		for _, list := range []string{"/api/runs", fmt.Sprintf("/api/tasks/%d/runs", task)} {
			r := gateway.send(t, "GET", list, "")
			if body := string(r.body); r.status != http.StatusOK || strings.Contains(body, "succeeded") || !strings.Contains(body, "failed") {
				t.Errorf("GET %s: %d %s", list, r.status, r.body)
			}
		}
		if r := gateway.send(t, "GET", fmt.Sprintf("/runs/%d", one), ""); r.status != http.StatusNotFound {
			t.Errorf("its page: %d", r.status)
		}
	}
	for method, p := range map[string]string{"DELETE": path, "POST": path + "/cancel"} {
		if r := s.send(t, method, p, ""); r.status != http.StatusNotFound {
			t.Errorf("%s %s: %d %s", method, p, r.status, r.body)
		}
	}
}

func TestAKeyIsFreeAgainWhenItsRunIsDeleted(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	erasing(t, b)
	s := start(t, b)
	const body, key = `{"prompt": "say hello", "wait_for_completion": false}`, "Idempotency-Key: k"
	first := into[event.Run](t, s.send(t, "POST", "/api/runs", body, key))
	end(t, b, *first.TaskRunID, event.Succeeded)
	if r := s.send(t, "DELETE", fmt.Sprintf("/api/runs/%d", *first.TaskRunID), ""); r.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", r.status, r.body)
	}
	if r := s.send(t, "GET", fmt.Sprintf("/api/tasks/%d", *first.TaskID), ""); r.status != http.StatusNotFound {
		t.Errorf("the task that was made for the run: %d %s", r.status, r.body)
	}
	second := into[event.Run](t, s.send(t, "POST", "/api/runs", body, key))
	if *second.TaskRunID <= *first.TaskRunID || *second.TaskID <= *first.TaskID {
		t.Errorf("the ids %d and %d come after %d and %d", *second.TaskID, *second.TaskRunID, *first.TaskID, *first.TaskRunID)
	}
}
