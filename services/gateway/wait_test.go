package gateway_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// crowd has n callers wait, each for a run of its own, and then ends all runs. It returns how long it took from
// the last end to the last answer.
func crowd(tb testing.TB, s *server, n int) time.Duration {
	tb.Helper()
	task := s.task(tb, hello)
	first, err := s.bus.NewestRun(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			r, err := s.try("POST", fmt.Sprintf("/api/tasks/%s/runs", task), "")
			if err != nil || r.status != 200 || into[event.Run](tb, r).Status != event.StatusSuccess {
				tb.Errorf("%v %d %s", err, r.status, r.body)
			}
		})
	}
	natstest.EventuallyWithin(tb, time.Minute, func() error { return s.hasWaiters(n) })
	var executors sync.WaitGroup
	for e := range 16 {
		executors.Go(func() {
			for id := e + 1; id <= n; id += 16 {
				if err := tell(tb.Context(), s.bus, first+event.RunID(id), event.Succeeded); err != nil {
					tb.Errorf("end run %d: %v", id, err)
				}
			}
		})
	}
	executors.Wait()
	ended := time.Now()
	callers.Wait()
	return time.Since(ended)
}

func TestAThousandWaitersAreAllAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	took := crowd(t, s, 1000)
	t.Logf("the last of 1000 answers came %s after the last end", took)
	if err := s.hasWaiters(0); err != nil {
		t.Error(err)
	}
}

func TestManyWaitForOneRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	var callers sync.WaitGroup
	for range 100 {
		callers.Go(func() {
			r, err := s.try("POST", "/api/runs", hello, "Idempotency-Key: k")
			if err != nil || into[event.Run](t, r).Status != event.StatusFailure {
				t.Errorf("%v %d %s", err, r.status, r.body)
			}
		})
	}
	natstest.Eventually(t, func() error { return s.hasWaiters(100) })
	end(t, s.bus, 1, event.Failed)
	callers.Wait()
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

// BenchmarkWaiters answers ERRAND_BENCH_WAITERS callers (2000 unless set) who wait at once.
func BenchmarkWaiters(b *testing.B) {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("ERRAND_BENCH_WAITERS")); err == nil {
		n = v
	}
	for b.Loop() {
		s := start(b, natstest.Bus(b))
		b.ReportMetric(crowd(b, s, n).Seconds(), "s-last-answer")
		b.ReportMetric(float64(n), "waiters")
	}
}
