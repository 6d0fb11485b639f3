package gateway_test

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/nats-io/nats.go"
)

// broker is a NATS server that can go away and come back while connections to it try again.
type broker struct {
	mu     sync.Mutex
	server interface {
		nats.InProcessConnProvider
		Shutdown()
		WaitForShutdown()
	}
	dir string
}

// InProcessConn connects to the server as it is now.
func (b *broker) InProcessConn() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return nil, errors.New("the server is away")
	}
	return b.server.InProcessConn()
}

func (b *broker) away() {
	b.mu.Lock()
	gone := b.server
	b.server = nil
	b.mu.Unlock()
	gone.Shutdown()
	gone.WaitForShutdown()
}

func (b *broker) back(t *testing.T) {
	server := natstest.Server(t, b.dir)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server = server
}

func TestWithoutNATSNothingIsAcceptedAndLaterEverythingWorks(t *testing.T) {
	t.Parallel()
	nc := &broker{dir: t.TempDir()}
	nc.back(t)
	conn, err := bus.Connect("", t.Name(), natstest.Quiet(), nats.InProcessServer(nc))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s := start(t, natstest.On(t, conn))
	task := s.task(t, hello)
	waiting := make(chan reply, 1)
	go func() {
		r, err := s.try("POST", fmt.Sprintf("/api/tasks/%s/runs", task), "")
		if err != nil {
			t.Error(err)
		}
		waiting <- r
	}()
	natstest.Eventually(t, func() error { return s.hasWaiters(1) })

	nc.away()
	natstest.Eventually(t, func() error { return s.answers("GET", "/readyz", "", 503) })
	for _, path := range []string{"/api/runs", "/api/tasks", fmt.Sprintf("/api/tasks/%s/runs", task), "/api/runs/1/cancel"} {
		body := inBackground
		r := s.send(t, "POST", path, body)
		refuses(t, r, 503, "")
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s: a 503 without Retry-After", path)
		}
	}
	for _, path := range []string{"/api/runs", "/api/runs/1", "/api/tasks", "/api/tasks/1", "/api/tasks/1/runs"} {
		refuses(t, s.send(t, "GET", path, ""), 503, "")
	}
	if err := s.answers("GET", "/healthz", "", 200); err != nil {
		t.Error(err)
	}

	nc.back(t)
	natstest.Eventually(t, func() error { return s.answers("GET", "/readyz", "", 200) })
	end(t, s.bus, 1, event.Succeeded)
	if r := <-waiting; into[event.Run](t, r).Status != event.StatusSuccess {
		t.Errorf("who waited over the outage got %d %s", r.status, r.body)
	}
	if run := s.background(t, task); *run.TaskRunID != 2 {
		t.Errorf("the next run is %d: a refused request was stored", *run.TaskRunID)
	}
}

// answers checks the status of an answer.
func (s *server) answers(method, path, body string, status int) error {
	r, err := s.try(method, path, body)
	if err == nil && r.status != status {
		err = fmt.Errorf("%s %s gives %d %s", method, path, r.status, r.body)
	}
	return err
}
