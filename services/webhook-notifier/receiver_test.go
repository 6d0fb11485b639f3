package notifier_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
)

// whsec makes a secret of 32 times the byte.
func whsec(b byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

func secret(t *testing.T, b byte) notifier.Secret {
	t.Helper()
	s, err := notifier.ParseSecret(whsec(b))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// config lets loopback be reached and retries twice, after waits that the server's schedules can tell apart.
func config(t *testing.T) notifier.Config {
	return notifier.Config{
		Secrets: []notifier.Secret{secret(t, 'a')}, Deadline: 5 * time.Second, Grace: 5 * time.Second,
		Schedule:     []time.Duration{300 * time.Millisecond, 600 * time.Millisecond},
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
}

// process is a notifier at work.
type process struct {
	metrics *prometheus.Registry
	signal  context.CancelFunc // tells it to stop
	stop    func()             // and waits until it has
}

// start runs a notifier, which belongs to a process with those listeners, until it is stopped or the test ends.
func start(t *testing.T, b *bus.Bus, c notifier.Config, own ...string) process {
	t.Helper()
	p := process{metrics: prometheus.NewRegistry()}
	s := notifier.Service{
		Frame:  service.Frame{Bus: b, Log: natstest.Quiet(), Metrics: p.metrics, Instance: service.Instance()},
		Config: c, Own: own,
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	p.signal = cancel
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

// post is a request as a receiver got it.
type post struct {
	header http.Header
	body   []byte
}

// receiver is an HTTP server that answers its n-th POST, from 0, and keeps them all.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	posts []post
}

func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the webhook: %v", err)
		}
		rec.mu.Lock()
		n := len(rec.posts)
		rec.posts = append(rec.posts, post{r.Header.Clone(), body})
		rec.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

// got is what the receiver has been sent so far.
func (r *receiver) got() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]post(nil), r.posts...)
}

// answers gives the statuses in turn, and the last of them from then on.
func answers(status ...int) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status[min(n, len(status)-1)])
		fmt.Fprintf(w, "answer %d", n)
	}
}

var writer = event.Writer{Service: "test", Instance: "a"}

// finish makes a run with one step that has succeeded and is to be told to url.
func finish(t *testing.T, b *bus.Bus, url string) event.RunID {
	t.Helper()
	req := event.Request{
		Task: 7, Prompt: "find <the> kettle", Provider: "openai", Model: "m", ResponseFormat: "json",
		WebhookURL: url, SessionTimeout: 900, CreatedAt: b.Now(t.Context()),
	}
	id, _, err := b.AcceptRun(t.Context(), service.Instance(), req)
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	s := event.Queued(id, req)
	s.State = event.StateSucceeded
	s.Result = []byte(`{"kettle": "€39.00"}`)
	step := event.StepData{
		Task: 7, Run: id, Attempt: 1, Number: 1, Description: "look around",
		Actions: []event.Action{{Name: "scroll", Params: map[string]any{"pages": 1.5, "down": true}}},
	}
	seq, err := b.AppendStep(t.Context(), event.Done, writer.Step(event.Done, b.Now(t.Context()), step))
	if err != nil {
		t.Fatalf("append step: %v", err)
	}
	end := event.RunData{Run: s, Request: uint64(id), LastStep: &event.StepRef{Number: 1, Sequence: seq}}
	if _, err := b.Append(t.Context(), writer.Run(event.Succeeded, b.Now(t.Context()), end), 0); err != nil {
		t.Fatalf("append succeeded: %v", err)
	}
	return id
}

// reaches waits until the run's delivery is in the state, and returns it.
func reaches(t *testing.T, b *bus.Bus, run event.RunID, state event.DeliveryType) event.DeliveryData {
	t.Helper()
	var last bus.DeliveryRecord
	natstest.Eventually(t, func() (err error) {
		last, err = b.LastDelivery(t.Context(), event.DeliveryOf(run))
		if err == nil && last.Data.Type != state {
			err = fmt.Errorf("delivery of run %s is %s, want %s", run, last.Data.Type, state)
		}
		return err
	})
	return last.Data
}
