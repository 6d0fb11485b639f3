package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
)

// server is a gateway that listens on a port of its own, and a client of it.
type server struct {
	url     string
	bus     *bus.Bus
	client  *http.Client
	metrics *prometheus.Registry
	log     *lines
	stop    func() error // shuts the gateway down and gives what Run returned
}

// start runs a gateway on b until the test ends. change may alter its configuration.
func start(tb testing.TB, b *bus.Bus, change ...func(*gateway.Config)) *server {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return startOn(tb, b, ln, change...)
}

// startOn is start with a listener of the test's own.
func startOn(tb testing.TB, b *bus.Bus, ln net.Listener, change ...func(*gateway.Config)) *server {
	tb.Helper()
	config, err := gateway.LoadConfig(func(string) string { return "" })
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range change {
		c(&config)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := &lines{}
	frame := service.Frame{Bus: b, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: prometheus.NewRegistry(), Instance: "test"}
	ended := make(chan error, 1)
	go func() { ended <- (&gateway.Service{Frame: frame, Config: config, Listener: ln}).Run(ctx) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 2000}
	stop := func() error {
		transport.CloseIdleConnections()
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Errorf("the gateway ended with %v", err)
		}
	})
	return &server{"http://" + ln.Addr().String(), b, &http.Client{Transport: transport}, frame.Metrics, log, stop}
}

// reply is an answer, its body read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// into decodes the body.
func into[T any](tb testing.TB, r reply) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		tb.Fatalf("decode %s: %v", r.body, err)
	}
	return v
}

// send makes a request. Headers are given as "Name: value"; a body is sent as application/json unless they say otherwise.
func (s *server) send(tb testing.TB, method, path, body string, headers ...string) reply {
	tb.Helper()
	r, err := s.try(method, path, body, headers...)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (s *server) try(method, path, body string, headers ...string) (reply, error) {
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Content-Type" {
			request.Header.Del(name) // the one above
		}
		request.Header.Add(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, data}, err
}

// task makes a task and gives its id.
func (s *server) task(tb testing.TB, body string) event.TaskID {
	tb.Helper()
	r := s.send(tb, "POST", "/api/tasks", body)
	if r.status != http.StatusCreated {
		tb.Fatalf("create task: %d %s", r.status, r.body)
	}
	return into[struct{ ID event.TaskID }](tb, r).ID
}

// background runs a task without waiting and gives the run.
func (s *server) background(tb testing.TB, task event.TaskID) event.Run {
	tb.Helper()
	r := s.send(tb, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), `{"wait_for_completion": false}`)
	if r.status != http.StatusOK {
		tb.Fatalf("run task: %d %s", r.status, r.body)
	}
	return into[event.Run](tb, r)
}

// end plays orchestrator and executor: it takes a run through one step to its terminal event.
func end(tb testing.TB, b *bus.Bus, id event.RunID, how event.Type) {
	tb.Helper()
	for _, t := range []event.Type{event.Created, event.Dispatched, event.Started, how} {
		if err := tell(tb.Context(), b, id, t); err != nil {
			tb.Fatalf("end run %s: %v", id, err)
		}
	}
}

// tell stores the next event of a run. A terminal one comes after a step, unless it is the first event.
func tell(ctx context.Context, b *bus.Bus, id event.RunID, t event.Type) error {
	request, err := b.Request(ctx, id)
	if err != nil {
		return err
	}
	s := event.Queued(id, request)
	last, err := b.Last(ctx, s.Key())
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return err
	}
	now := b.Now(ctx)
	s.State, s.Attempt = t.State(), 1
	data := event.RunData{Previous: last.Sequence, Request: uint64(id)}
	if t.Terminal() {
		s.FinishedAt = &now
		if data.LastStep, err = step(ctx, b, s.Key(), last.Sequence); err != nil {
			return err
		}
	}
	if t == event.Succeeded {
		s.Result = json.RawMessage(`{"price": 39}`)
	}
	data.Run = s
	_, err = b.Append(ctx, executor.Run(t, now, data), last.Sequence)
	return err
}

var executor = event.Writer{Service: "test", Instance: "executor"}

// step stores a run's only step under its last lifecycle event.
func step(ctx context.Context, b *bus.Bus, k event.Key, lifecycle uint64) (*event.StepRef, error) {
	if lifecycle == 0 {
		return nil, nil
	}
	d := event.StepData{
		Task: k.Task, Run: k.Run, Attempt: 1, Number: 1, Lifecycle: lifecycle, Description: "read the page",
		Actions: []event.Action{{Name: "done", Params: map[string]any{"success": true}}},
	}
	at, err := b.AppendStep(ctx, event.Done, executor.Step(event.Done, b.Now(ctx), d))
	return &event.StepRef{Number: 1, Sequence: at}, err
}

const hello = `{"prompt": "say hello"}`

func TestARunOfATaskIsAnsweredWhenItIsOver(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, `{"prompt": "what does the kettle cost?", "name": "Kettle"}`)
	answered := make(chan reply, 1)
	go func() {
		r, err := s.try("POST", fmt.Sprintf("/api/tasks/%s/runs", task), `{"prompt": null, "model": "m"}`)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	natstest.Eventually(t, func() error { return s.hasWaiters(1) })
	end(t, s.bus, 1, event.Succeeded)
	r := <-answered
	run := into[event.Run](t, r)
	if r.status != 200 || run.Status != event.StatusSuccess || string(run.Result) != `{"price":39}` || len(run.History) != 1 {
		t.Errorf("answer: %d %s", r.status, r.body)
	}
	if run.Prompt != "what does the kettle cost?" || run.Model != "m" || run.Provider != "openai" {
		t.Errorf("the run is not the task with its overrides: %s", r.body)
	}
	got := s.send(t, "GET", "/api/runs/1", "")
	if !bytes.Equal(got.body, r.body) {
		t.Errorf("GET gives %s\nPOST gave %s", got.body, r.body)
	}
}

// hasWaiters reads the gauge errand_waiters.
func (s *server) hasWaiters(n int) error {
	families, err := s.metrics.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if f.GetName() != "errand_waiters" {
			continue
		}
		if got := f.GetMetric()[0].GetGauge().GetValue(); got != float64(n) {
			return fmt.Errorf("%v requests wait, not %d", got, n)
		}
		return nil
	}
	return errors.New("there is no gauge errand_waiters")
}

func TestARunInTheBackgroundIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	r := s.send(t, "POST", "/api/runs", `{"prompt": "say hello", "wait_for_completion": false, "provider": "groq"}`)
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	var fields map[string]any
	if err := json.Unmarshal(r.body, &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"task_id": 1.0, "task_run_id": 1.0, "history": nil, "result": nil, "is_done": false, "is_successful": nil,
		"status": "in_progress", "state": "queued", "error": nil, "webhook_url": nil, "model": event.DefaultModel("groq"),
	} {
		if got, ok := fields[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if _, ok := fields["$schema"]; ok {
		t.Error("the body names a $schema")
	}
	request, err := s.bus.Request(t.Context(), 1)
	if err != nil || request.MaxSteps != 50 || request.SessionTimeout != 900 {
		t.Errorf("request %+v, %v", request, err)
	}
}

func TestTheWaitOfATaskIsItsOwnUnlessOverridden(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, `{"prompt": "say hello", "wait_for_completion": false}`)
	began := time.Now()
	r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), `{"wait_for_completion": null}`)
	if run := into[event.Run](t, r); r.status != 200 || run.Status != event.StatusInProgress || time.Since(began) > 5*time.Second {
		t.Errorf("%d %s after %s", r.status, r.body, time.Since(began))
	}
}

func TestAWaitEndsAtTheClientsLimit(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	r := s.send(t, "POST", "/api/runs", hello, "Prefer: respond-async, wait=1")
	if run := into[event.Run](t, r); r.status != 200 || run.Status != event.StatusInProgress || *run.IsDone {
		t.Errorf("%d %s", r.status, r.body)
	}
	if applied := r.header.Get("Preference-Applied"); applied != "wait=1" {
		t.Errorf("Preference-Applied is %q", applied)
	}
}

func TestAWaitEndsAtTheGatewaysLimit(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t), func(c *gateway.Config) { c.WaitLimit = 50 * time.Millisecond })
	r := s.send(t, "POST", "/api/runs", hello, "Prefer: wait=3600")
	if run := into[event.Run](t, r); r.status != 200 || run.Status != event.StatusInProgress {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestAShutdownAnswersThoseWhoWait(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	answered := make(chan reply, 1)
	go func() {
		r, err := s.try("POST", "/api/runs", hello)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	natstest.Eventually(t, func() error { return s.hasWaiters(1) })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if r := <-answered; r.status != 200 || into[event.Run](t, r).Status != event.StatusInProgress {
		t.Errorf("%d %s", r.status, r.body)
	}
}
