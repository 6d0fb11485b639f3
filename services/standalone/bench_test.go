package standalone

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// The load of the benchmark.
const (
	benchTime    = 5 * time.Second // of each of its phases
	benchCallers = 64              // callers that each wait for their run before they ask for the next
	benchRate    = 100             // runs per second where latency is measured
)

// BenchmarkRuns measures runs of one step without a browser, through HTTP, with a model that answers at once: how many
// there are in a second, what they write, and which part of the embedded server's own speed that is. Then, at a
// steady rate, what Errand adds to the model's time.
func BenchmarkRuns(b *testing.B) {
	models := httptest.NewServer(modelsim.New(func(modelsim.Call) modelsim.Reply {
		return modelsim.Decide("Answer", modelsim.Done("ok", nil, true))
	}))
	defer models.Close()
	r := newRig(b, models.URL)
	for b.Loop() {
		before := alone(b)
		first := r.written(b)
		runs := r.flatOut(b)
		// The last events of the last runs are on the log when their callers are answered; projections follow.
		natstest.Eventually(b, r.settled)
		made := r.written(b).since(first)
		delays := r.steady(b)
		after := alone(b)

		perSecond, n := float64(runs)/benchTime.Seconds(), float64(runs)
		guarded := (before + after) / 2
		b.ReportMetric(perSecond, "runs/s")
		b.ReportMetric(float64(made.log)/n, "writes/run")
		b.ReportMetric(float64(made.timers)/n, "timers/run")
		b.ReportMetric(float64(made.projections)/n, "projections/run")
		b.ReportMetric(guarded, "guarded/s")
		b.ReportMetric(float64(made.log)/benchTime.Seconds()/guarded, "share")
		b.ReportMetric(ms(percentile(delays, 50)), "p50-ms")
		b.ReportMetric(ms(percentile(delays, 99)), "p99-ms")
		b.ReportMetric(0, "ns/op") // says nothing here
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }

// rig is a running Errand with one task, and its server at hand.
type rig struct {
	broker *broker
	url    string // runs the task
	client http.Client
	events atomic.Int64 // stored events of runs, as the server republishes them
}

func newRig(b *testing.B, models string) *rig {
	cfg, err := LoadConfig(benchEnv(b, models))
	if err != nil {
		b.Fatal(err)
	}
	s := &Service{Config: cfg, Logger: quiet}
	dir, err := openData(cfg.DataDir)
	if err != nil {
		b.Fatal(err)
	}
	parts, err := s.parts(dir)
	if err != nil {
		b.Fatal(err)
	}
	r := &rig{client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * benchCallers}}}
	if r.broker, err = startBroker(b.Context(), cfg, dir.natsDir(), quiet("nats")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.broker.stop() })
	ln, err := service.Listen(b.Context(), cfg.Process.Addr)
	if err != nil {
		b.Fatal(err)
	}
	process := cfg.Process
	process.Options = []nats.Option{nats.InProcessServer(r.broker)}
	ready := make(chan struct{})
	s.Ready = func(Address) { close(ready) }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.runAll(ctx, parts, frame{process: process, listener: ln, at: func() Address { return Address{} }})
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("stop: %v", err)
		}
	})
	<-ready
	r.connect(b, "http://"+ln.Addr().String())
	return r
}

func benchEnv(b *testing.B, models string) func(string) string {
	env := map[string]string{
		"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_LISTEN": "off", "ERRAND_DATA_DIR": b.TempDir(),
		"OPENAI_API_KEY": "bench", "OPENAI_BASE_URL": models + "/openai/v1", "ERRAND_EXECUTOR_SLOTS": "64",
	}
	return func(name string) string { return env[name] }
}

// connect counts the events of runs from now on, and saves the task.
func (r *rig) connect(b *testing.B, api string) {
	nc := natstest.Dial(b, r.broker.Server)
	if _, err := nc.Subscribe("live.run.v1.>", func(*nats.Msg) { r.events.Add(1) }); err != nil {
		b.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := r.post(api+"/api/tasks", `{"prompt": "Say ok"}`); err != nil {
		b.Fatal(err)
	}
	r.url = api + "/api/tasks/1/runs"
}

func (r *rig) post(url, body string) error {
	resp, err := r.client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("POST %s: %s: %s", url, resp.Status, answer)
	}
	return nil
}

// flatOut runs the task from all callers at once, and returns how many runs were answered.
func (r *rig) flatOut(b *testing.B) int64 {
	var done atomic.Int64
	each(benchCallers, func() {
		if err := r.post(r.url, "{}"); err != nil {
			b.Error(err)
			return
		}
		done.Add(1)
	})
	return done.Load()
}

// each calls do again and again, from n goroutines, for benchTime.
func each(n int, do func()) {
	var work sync.WaitGroup
	for end := time.Now().Add(benchTime); n > 0; n-- {
		work.Go(func() {
			for time.Now().Before(end) {
				do()
			}
		})
	}
	work.Wait()
}

// steady runs the task at benchRate, whether the runs before have ended or not, and returns how long each took, sorted.
func (r *rig) steady(b *testing.B) []time.Duration {
	var mu sync.Mutex
	var delays []time.Duration
	var work sync.WaitGroup
	tick := time.NewTicker(time.Second / benchRate)
	defer tick.Stop()
	for range int(benchTime.Seconds() * benchRate) {
		began := <-tick.C
		work.Go(func() {
			if err := r.post(r.url, "{}"); err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			delays = append(delays, time.Since(began))
		})
	}
	work.Wait()
	slices.Sort(delays)
	return delays
}

// alone is how many guarded publishes per second such a server does when nothing else is asked of it: requests of runs
// that nobody takes up, on a server of its own.
func alone(b *testing.B) float64 {
	broker, err := startBroker(b.Context(), Config{}, b.TempDir(), quiet("nats"))
	if err != nil {
		b.Fatal(err)
	}
	defer broker.stop()
	nc, err := bus.Connect("", "bench", natstest.Quiet(), nats.InProcessServer(broker))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	on := natstest.On(b, nc)
	var done, next atomic.Int64
	each(benchCallers, func() {
		request := event.Request{Task: 1, Prompt: "Say ok", Provider: "openai", Model: "any", CreatedAt: time.Now()}
		if _, _, err := on.AcceptRun(b.Context(), strconv.FormatInt(next.Add(1), 10), request); err != nil {
			b.Error(err)
			return
		}
		done.Add(1)
	})
	return float64(done.Load()) / benchTime.Seconds()
}

// writes are messages stored so far.
type writes struct {
	log         uint64 // requests, and events of runs
	timers      uint64 // armed and fired timers, and commands
	projections uint64 // made by the server from the log
}

func (w writes) since(v writes) writes {
	return writes{w.log - v.log, w.timers - v.timers, w.projections - v.projections}
}

func (r *rig) written(b *testing.B) writes {
	last, err := sequences(r.broker)
	if err != nil {
		b.Fatal(err)
	}
	events := uint64(r.events.Load())
	return writes{log: last["RUN_REQ"] + events, timers: last["RUNS"] - events, projections: last["KV_runs"] + last["KV_history"]}
}

// sequences are the last sequences of the streams: how much was ever stored in each.
func sequences(broker *broker) (map[string]uint64, error) {
	z, err := broker.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil, err
	}
	last := map[string]uint64{}
	for _, account := range z.AccountDetails {
		for _, s := range account.Streams {
			last[s.Name] = s.State.LastSeq
		}
	}
	return last, nil
}

// settled says whether the projections have caught up: each event of a run has one.
func (r *rig) settled() error {
	last, err := sequences(r.broker)
	if err != nil {
		return err
	}
	if events, projected := uint64(r.events.Load()), last["KV_runs"]+last["KV_history"]; projected < events {
		return fmt.Errorf("%d events, %d projected", events, projected)
	}
	return nil
}
