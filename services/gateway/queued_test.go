package gateway_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// dispatches plays the orchestrator that knows why runs wait, until the test ends.
func dispatches(t *testing.T, b *bus.Bus, w event.Waiting) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.AnswerWhy(ctx, func(id event.RunID) (event.Waiting, bool) { return w, id == 1 })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	natstest.Eventually(t, func() error { _, err := b.Why(t.Context(), nil); return err })
}

func TestAQueuedRunSaysWhyItWaitsWhereverItIsShown(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	get := func() *event.Waiting { return into[event.Run](t, s.send(t, "GET", "/api/runs/1", "")).Waiting }
	if w := get(); w == nil || w.Reason != event.WaitingNoOrchestrator {
		t.Errorf("without an orchestrator: %+v", w)
	}
	since := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	dispatches(t, s.bus, event.Waiting{Reason: event.WaitingCapacity, Since: since, Text: "max_running of task 1 lets 1 run at once"})
	if err := tell(t.Context(), s.bus, 1, event.Created); err != nil {
		t.Fatal(err)
	}
	if w := get(); w == nil || w.Reason != event.WaitingCapacity || !w.Since.Equal(since) {
		t.Errorf("GET: %+v", w)
	}
	list := into[struct {
		Runs []struct {
			Waiting *event.Waiting `json:"waiting"`
		} `json:"runs"`
	}](t, s.send(t, "GET", "/api/runs?state=queued", ""))
	if len(list.Runs) != 1 || list.Runs[0].Waiting == nil || list.Runs[0].Waiting.Reason != event.WaitingCapacity {
		t.Errorf("list: %+v", list)
	}
	if page := s.send(t, "GET", "/runs/1", ""); !strings.Contains(string(page.body), "max_running of task 1") {
		t.Error("the page does not say it")
	}
	_, events := s.stream(t, "/api/runs/1/events")
	for _, want := range []string{"ping", "created", "queued"} {
		e := <-events
		var w event.Waiting
		if e.name != want || want == "queued" && (json.Unmarshal([]byte(e.data), &w) != nil || w.Reason != event.WaitingCapacity || e.id != "") {
			t.Errorf("the stream has %+v, want %s", e, want)
		}
	}
	for _, typ := range []event.Type{event.Dispatched, event.Started} {
		if err := tell(t.Context(), s.bus, 1, typ); err != nil {
			t.Fatal(err)
		}
	}
	if w := get(); w != nil {
		t.Errorf("at work: %+v", w)
	}
}

func TestAConcurrencyKeyTakesItsValuesFromTheRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, `{"prompt": "say hello", "initial_url": "https://Shop.test:8443/a", "concurrency_key": "site {{ host }}"}`))
	r, err := s.bus.Request(t.Context(), 1)
	if err != nil || r.ConcurrencyKey != "site shop.test" {
		t.Errorf("the key is %q, %v", r.ConcurrencyKey, err)
	}
	refused := s.send(t, "POST", "/api/runs", `{"prompt": "say hello", "concurrency_key": "{{ host }}-{{ who }}"}`)
	if refused.status != 422 || !strings.Contains(string(refused.body), "{{ host }}") && !strings.Contains(string(refused.body), "{{ who }}") {
		t.Errorf("%d %s", refused.status, refused.body)
	}
	if task, _, err := s.bus.Task(t.Context(), 2); err == nil {
		t.Errorf("the refused request made task %+v", task)
	}
}
