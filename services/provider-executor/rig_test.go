package executor_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	executor "github.com/errand-run/errand/services/provider-executor"
	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

// rig is an executor on a real log, with a simulated model behind the provider's real SDK. The test plays the
// orchestrator.
type rig struct {
	*testing.T
	bus *bus.Bus
	sim *modelsim.Server
	cfg executor.Config
	// browser, if it is set, is shared with other tests; otherwise the executor runs its own from cfg.
	browser *browser.Engine
	log     *slog.Logger // nil: none
}

// newRig lets script answer for openai. A rig without a browser has a Chromium that does not exist, so that a run
// that should need none fails if it asks for one.
func newRig(t *testing.T, script modelsim.Script) *rig {
	t.Helper()
	sim := modelsim.New(script)
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	cfg, err := executor.LoadConfig(func(key string) string {
		return map[string]string{
			"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": srv.URL + "/v1", "ERRAND_CHROMIUM": "/nonexistent/chromium",
			"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8,::1/128", "ERRAND_BROWSER": "shared", // which costs less
		}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.ReplayPatience = 2 * time.Second // the pages here are on this machine
	cfg.Grace = 0                        // a test that needs one sets it
	return &rig{T: t, bus: natstest.Bus(t), sim: sim, cfg: cfg}
}

// withBrowser lets the rig use the Chromium that all tests share.
func (r *rig) withBrowser() *rig {
	r.withOwnBrowser()
	cfg := r.cfg.Browser
	cfg.Chromium = cmp.Or(os.Getenv("ERRAND_TEST_CHROMIUM"), cfg.Chromium)
	r.browser = sharedBrowser(cfg)
	return r
}

// withOwnBrowser lets the rig start the machine's Chromium, as cfg.Browser says.
func (r *rig) withOwnBrowser() *rig {
	r.Helper()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		r.Skip("ERRAND_NO_BROWSER=1")
	}
	r.cfg.Browser.Chromium = os.Getenv("ERRAND_CHROMIUM")
	return r
}

// shared is the browser of all tests that need none of their own. TestMain ends it.
var shared struct {
	once   sync.Once
	engine *browser.Engine
	stop   context.CancelFunc
	done   chan error
}

func sharedBrowser(cfg browser.Config) *browser.Engine {
	shared.once.Do(func() {
		var ctx context.Context
		ctx, shared.stop = context.WithCancel(context.Background())
		cfg.Log = natstest.Quiet()
		shared.engine, shared.done = browser.New(cfg), make(chan error, 1)
		go func() { shared.done <- shared.engine.Run(ctx) }()
	})
	return shared.engine
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
		if err := <-shared.done; err != nil {
			fmt.Fprintln(os.Stderr, "the shared browser:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// serve runs an executor until the test ends, or stop is called.
func (r *rig) serve() (stop func()) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	if r.log == nil {
		r.log = natstest.Quiet()
	}
	s := &executor.Service{
		Config: r.cfg, Browser: r.browser,
		Frame: service.Frame{Bus: r.bus, Log: r.log, Metrics: prometheus.NewRegistry(), Instance: service.Instance()},
	}
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				r.Errorf("executor: %v", err)
			}
		case <-time.After(20 * time.Second):
			r.Error("the executor has not stopped after 20 s")
		}
	}
	r.Cleanup(stop)
	return stop
}

// dispatch stores a request and makes its run a job.
func (r *rig) dispatch(req event.Request) event.Key {
	r.Helper()
	req.Task = 7
	if req.CreatedAt.IsZero() {
		req.CreatedAt = time.Now().UTC()
	}
	if req.Provider == "" {
		req.Provider = "openai"
	}
	if req.MaxSteps == 0 {
		req.MaxSteps = 20
	}
	if req.Model == "" {
		req.Model = "m"
	}
	if req.SessionTimeout == 0 {
		req.SessionTimeout = 900
	}
	id, _, err := r.bus.AcceptRun(r.Context(), uuid.NewString(), req)
	if err != nil {
		r.Fatal(err)
	}
	s := event.Queued(id, req)
	created := r.append(event.Created, s, 0, nil)
	s.Attempt = 1
	r.append(event.Dispatched, s, created, nil)
	return s.Key()
}

// append writes a lifecycle event as an orchestrator would.
func (r *rig) append(t event.Type, s event.Snapshot, after uint64, last *event.StepRef) uint64 {
	r.Helper()
	s.State = t.State()
	w := event.Writer{Service: "orchestrator", Instance: "test"}
	seq, err := r.bus.Append(r.Context(), w.Run(t, event.NotBefore(r.bus.Now(r.Context()), s.CreatedAt), event.RunData{Run: s, Previous: after, LastStep: last}), after)
	if err != nil {
		r.Fatalf("append %s: %v", t, err)
	}
	return seq
}

// reaches waits for the run's last event to be of type want.
func (r *rig) reaches(k event.Key, want event.Type) bus.Record {
	r.Helper()
	var last bus.Record
	natstest.EventuallyWithin(r.T, time.Minute, func() (err error) {
		if last, err = r.bus.Last(r.Context(), k); err != nil {
			return err
		}
		if got := event.Kind(last.RunEvent); got != want {
			return fmt.Errorf("last event is %s (%+v), want %s", got, last.Data.Run.Error, want)
		}
		return nil
	})
	return last
}

// run waits for the run's end and gives it as callers see it.
func (r *rig) run(k event.Key) event.Run {
	r.Helper()
	natstest.EventuallyWithin(r.T, 3*time.Minute, func() error {
		last, err := r.bus.Last(r.Context(), k)
		if err == nil && !event.Kind(last.RunEvent).State().Terminal() {
			err = fmt.Errorf("the last event is %s", event.Kind(last.RunEvent))
		}
		return err
	})
	run, err := r.bus.Run(r.Context(), k.Run)
	if err != nil {
		r.Fatal(err)
	}
	return run
}

func wantCode(t *testing.T, run event.Run, code string) {
	t.Helper()
	if run.State != event.StateFailed || run.Error == nil || run.Error.Code != code {
		t.Fatalf("run %s, error %+v; want failed with %s", run.State, run.Error, code)
	}
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
