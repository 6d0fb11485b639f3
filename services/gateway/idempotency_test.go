package gateway_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

const inBackground = `{"prompt": "say hello", "wait_for_completion": false}`

func TestFiftyRequestsWithOneKeyMakeOneRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	for _, path := range []string{"/api/runs", fmt.Sprintf("/api/tasks/%s/runs", task)} {
		var senders sync.WaitGroup
		ids := make([]event.RunID, 50)
		for i := range ids {
			senders.Go(func() {
				r, err := s.try("POST", path, inBackground, `Idempotency-Key: "order-7"`)
				if err != nil || r.status != 200 {
					t.Errorf("%v %d %s", err, r.status, r.body)
					return
				}
				ids[i] = *into[event.Run](t, r).TaskRunID
			})
		}
		senders.Wait()
		for _, id := range ids {
			if id != ids[0] || id == 0 {
				t.Fatalf("%s: one key made the runs %v", path, ids)
			}
		}
	}
	if newest, err := s.bus.NewestRun(t.Context()); err != nil || newest != 2 {
		t.Errorf("%d runs were made, %v; want one for each endpoint", newest, err)
	}
}

func TestAKeyIsTheSameWithAndWithoutQuotes(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	first := into[event.Run](t, s.send(t, "POST", "/api/runs", inBackground, `Idempotency-Key: "k"`))
	end(t, s.bus, *first.TaskRunID, event.Succeeded)
	again := into[event.Run](t, s.send(t, "POST", "/api/runs", inBackground, `Idempotency-Key: k`))
	if *again.TaskRunID != *first.TaskRunID || again.Status != event.StatusSuccess {
		t.Errorf("the run %d, %s came back for the key of run %d", *again.TaskRunID, again.Status, *first.TaskRunID)
	}
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	for _, path := range []string{"/api/runs", fmt.Sprintf("/api/tasks/%s/runs", task), "/api/tasks"} {
		if r := s.send(t, "POST", path, inBackground, "Idempotency-Key: k"); r.status >= 300 {
			t.Fatalf("%s: %d %s", path, r.status, r.body)
		}
		other := `{"prompt": "say good bye", "wait_for_completion": false}`
		refuses(t, s.send(t, "POST", path, other, "Idempotency-Key: k"), 422, "header.Idempotency-Key")
	}
	if newest, err := s.bus.NewestRun(t.Context()); err != nil || newest != 2 {
		t.Errorf("%d runs were made, %v; want 2", newest, err)
	}
}

func TestAKeyOfOneTaskIsFreeForAnother(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for range 2 {
		task := s.task(t, hello)
		s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), inBackground, "Idempotency-Key: a key, with * and > and spaces")
	}
	if newest, err := s.bus.NewestRun(t.Context()); err != nil || newest != 2 {
		t.Errorf("%d runs were made, %v; want 2", newest, err)
	}
}

func TestIdsAreDenseFromOne(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	var senders sync.WaitGroup
	var mu sync.Mutex
	seen := map[event.RunID]bool{}
	for range 100 {
		senders.Go(func() {
			id := *s.background(t, task).TaskRunID
			mu.Lock()
			defer mu.Unlock()
			seen[id] = true
		})
	}
	senders.Wait()
	for id := event.RunID(1); id <= 100; id++ {
		if !seen[id] {
			t.Errorf("no run has the id %d", id)
		}
	}
}
