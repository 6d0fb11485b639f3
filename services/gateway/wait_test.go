package gateway_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// crowd has n callers wait, each for a run of its own, and then ends all runs. It returns the longest time from a
// run's end to its answer.
func crowd(tb testing.TB, s *server, n int) time.Duration {
	tb.Helper()
	task := s.task(tb, hello)
	ended, answered := make([]time.Time, n+1), make([]time.Time, n+1)
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			r, err := s.try("POST", fmt.Sprintf("/api/tasks/%s/runs", task), "")
			if err != nil || r.status != 200 || into[event.Run](tb, r).Status != event.StatusSuccess {
				tb.Errorf("%v %d %s", err, r.status, r.body)
				return
			}
			answered[*into[event.Run](tb, r).TaskRunID] = time.Now()
		})
	}
	natstest.EventuallyWithin(tb, time.Minute, func() error { return s.hasWaiters(n) })
	var executors sync.WaitGroup
	for e := range 16 {
		executors.Go(func() {
			for id := e + 1; id <= n; id += 16 {
				if err := tell(tb.Context(), s.bus, event.RunID(id), event.Succeeded); err != nil {
					tb.Errorf("end run %d: %v", id, err)
				}
				ended[id] = time.Now()
			}
		})
	}
	executors.Wait()
	callers.Wait()
	var slowest time.Duration
	for id := 1; id <= n; id++ {
		slowest = max(slowest, answered[id].Sub(ended[id]))
	}
	return slowest
}

// crowdOfOne has n callers wait for one run, ends it, and returns the time to the last answer.
func crowdOfOne(tb testing.TB, s *server, n int) time.Duration {
	tb.Helper()
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			r, err := s.try("POST", "/api/runs", hello, "Idempotency-Key: k")
			if err != nil || into[event.Run](tb, r).Status != event.StatusSuccess {
				tb.Errorf("%v %d %s", err, r.status, r.body)
			}
		})
	}
	natstest.EventuallyWithin(tb, time.Minute, func() error { return s.hasWaiters(n) })
	ended := time.Now()
	end(tb, s.bus, 1, event.Succeeded)
	callers.Wait()
	return time.Since(ended)
}

func TestHundredsOfWaitersAreAllAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	t.Logf("the slowest answer came %s after its event", crowd(t, s, 300))
	natstest.Eventually(t, func() error { return s.hasWaiters(0) })
}

func TestManyWaitForOneRun(t *testing.T) {
	t.Parallel()
	crowdOfOne(t, start(t, natstest.Bus(t)), 100)
}

func TestWaitingCostsTheServerNoConsumer(t *testing.T) {
	t.Parallel()
	srv := natstest.Server(t, t.TempDir())
	s := start(t, natstest.On(t, natstest.Dial(t, srv)))
	natstest.Eventually(t, func() error { // the watch has begun
		_, err := s.try("GET", "/api/runs", "")
		return err
	})
	before := srv.NumSubscriptions()
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() { _, _ = s.try("POST", "/api/runs", hello) })
	}
	natstest.Eventually(t, func() error { return s.hasWaiters(200) })
	if during := srv.NumSubscriptions(); during > before+20 {
		t.Errorf("200 waiters added %d subscriptions", during-before)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	callers.Wait()
}

func TestARestartedGatewayFindsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := natstest.Server(t, dir)
	s := start(t, natstest.On(t, natstest.Dial(t, srv)))
	task := s.task(t, hello)
	for range 3 {
		s.background(t, task)
	}
	end(t, s.bus, 2, event.Succeeded)
	list, run := s.send(t, "GET", "/api/runs", ""), s.send(t, "GET", "/api/runs/2", "")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	again := start(t, natstest.On(t, natstest.Dial(t, natstest.Server(t, dir))))
	if r := again.send(t, "GET", "/api/runs", ""); string(r.body) != string(list.body) {
		t.Errorf("the list was %s\nand is %s", list.body, r.body)
	}
	if r := again.send(t, "GET", "/api/runs/2", ""); string(r.body) != string(run.body) {
		t.Errorf("run 2 was %s\nand is %s", run.body, r.body)
	}
	if next := again.background(t, task); *next.TaskRunID != 4 {
		t.Errorf("the next run is %d", *next.TaskRunID)
	}
	answered := make(chan reply, 1)
	go func() {
		r, err := again.try("POST", fmt.Sprintf("/api/tasks/%s/runs", task), "")
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	natstest.Eventually(t, func() error { return again.hasWaiters(1) })
	end(t, again.bus, 5, event.Succeeded)
	if r := <-answered; into[event.Run](t, r).Status != event.StatusSuccess {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestACancelAnswersWithTheCanceledRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	run := s.background(t, s.task(t, hello))
	path := fmt.Sprintf("/api/runs/%d/cancel", *run.TaskRunID)
	answered := make(chan reply, 1)
	go func() {
		r, err := s.try("POST", path, "")
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	commands := make(chan struct{}, 1)
	go func() {
		_ = s.bus.Consume(t.Context(), bus.ConsumerControl, 1, func(context.Context, bus.Message) error {
			commands <- struct{}{}
			return nil
		})
	}()
	<-commands
	end(t, s.bus, *run.TaskRunID, event.Canceled)
	for range 2 {
		r := <-answered
		got := into[event.Run](t, r)
		if r.status != 200 || got.State != event.StateCanceled || got.Status != event.StatusFailure || !*got.IsDone || *got.IsSuccessful {
			t.Errorf("%d %s", r.status, r.body)
		}
		answered <- s.send(t, "POST", path, "{}")
	}
}

// BenchmarkWaitersOfOneRun compares what one of ten times as many who wait for one run costs with one of the fewer: 1 is
// linear. With ERRAND_BENCH_WAITERS=10000 it needs `ulimit -n 32768`.
func BenchmarkWaitersOfOneRun(b *testing.B) {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("ERRAND_BENCH_WAITERS")); err == nil {
		n = v
	}
	for b.Loop() {
		few := crowdOfOne(b, start(b, natstest.Bus(b)), n/10)
		many := crowdOfOne(b, start(b, natstest.Bus(b)), n)
		b.ReportMetric(many.Seconds()/few.Seconds()/10, "x-each-of-10-times-as-many")
		b.ReportMetric(many.Seconds(), "s-to-the-last-answer")
		b.ReportMetric(float64(n), "waiters")
	}
}

// BenchmarkWaiters has ERRAND_BENCH_WAITERS callers (2000 unless set) wait at once, and reports the slowest answer after
// its event. Callers and NATS share the process: two descriptors for each caller, and the memory is that of all.
func BenchmarkWaiters(b *testing.B) {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("ERRAND_BENCH_WAITERS")); err == nil {
		n = v
	}
	for name, wait := range map[string]func(testing.TB, *server, int) time.Duration{"own runs": crowd, "one run": crowdOfOne} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(wait(b, start(b, natstest.Bus(b)), n).Seconds(), "s-slowest-answer")
			}
			b.ReportMetric(float64(n), "waiters")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/1e6, "MB")
		})
	}
}
