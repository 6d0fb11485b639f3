package gateway_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// sse is one server-sent event.
type sse struct{ id, name, data string }

// stream opens the event stream of run 1. The channel is closed when the stream ends.
func (s *server) stream(t *testing.T, path string, headers ...string) (int, <-chan sse) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan sse, 100)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		var e sse
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				events <- e
				e = sse{}
			}
		}
	}()
	return answer.StatusCode, events
}

func TestTheLogOfARunIsStreamedAsItGrowsUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	_, events := s.stream(t, "/api/runs/1/events")
	if first := <-events; first.name != "ping" {
		t.Fatalf("the stream begins with %+v", first)
	}
	var ids []string
	for _, typ := range []event.Type{event.Created, event.Dispatched, event.Started} {
		if err := tell(t.Context(), s.bus, 1, typ); err != nil {
			t.Fatal(err)
		}
		e := <-events // before the next is stored
		if e.name != string(typ) || !strings.Contains(e.data, `"type":"errand.run.`+e.name+`"`) {
			t.Fatalf("after %s came %+v", typ, e)
		}
		ids = append(ids, e.id)
	}
	last, err := s.bus.Last(t.Context(), event.Key{Task: 1, Run: 1})
	if err != nil || fmt.Sprint(last.Sequence) != ids[2] {
		t.Errorf("the id of started is %s, its sequence %d, %v", ids[2], last.Sequence, err)
	}
	if _, err := step(t.Context(), s.bus, event.Key{Task: 1, Run: 1}, last.Sequence); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.name != "step.done" {
		t.Errorf("after the step came %+v", e)
	}
	if err := tell(t.Context(), s.bus, 1, event.Succeeded); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.name != "succeeded" {
		t.Errorf("at the end came %+v", e)
	}
	if e, more := <-events; more {
		t.Errorf("after the end came %+v", e)
	}
	for _, after := range []string{"?after=" + ids[1], ""} {
		_, rest := s.stream(t, "/api/runs/1/events"+after, "Last-Event-ID: "+ids[1])
		var names []string
		for e := range rest {
			names = append(names, e.name)
		}
		if got := strings.Join(names, " "); got != "ping started step.done succeeded" {
			t.Errorf("resumed after dispatched: %s", got)
		}
	}
}

func TestAClientThatHasSeenTheEndIsToldToStop(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	end(t, s.bus, 1, event.Failed)
	last, err := s.bus.Last(t.Context(), event.Key{Task: 1, Run: 1})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := s.stream(t, "/api/runs/1/events", fmt.Sprintf("Last-Event-ID: %d", last.Sequence)); status != 204 {
		t.Errorf("status %d", status)
	}
	refuses(t, s.send(t, "GET", "/api/runs/2/events", ""), 404, "")
	refuses(t, s.send(t, "GET", "/api/runs/x/events", ""), 422, "path.run_id")
	refuses(t, s.send(t, "GET", "/api/runs/1/events?after=x", ""), 422, "header.Last-Event-ID")
}

func TestAShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	_, events := s.stream(t, "/api/runs/1/events")
	<-events
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if e, more := <-events; more {
		t.Errorf("after the shutdown came %+v", e)
	}
}
