package orchestrator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/services/orchestrator"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

// order accepts a run.
func order(t testing.TB, b *bus.Bus, r event.Request) event.Key {
	t.Helper()
	r.Prompt, r.Provider, r.Model, r.SessionTimeout, r.CreatedAt = "say hello", "openai", "m", 900, b.Now(t.Context())
	id, _, err := b.AcceptRun(t.Context(), uuid.NewString(), r)
	if err != nil {
		t.Fatal(err)
	}
	return event.Key{Task: r.Task, Run: id}
}

// works takes jobs into slots as an executor does, and ends each run at once, until the test ends. began gets each run
// that was begun.
func works(t testing.TB, b *bus.Bus, slots int, began func(event.Key)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	t.Cleanup(func() { cancel(); work.Wait() })
	instance := uuid.NewString()
	work.Go(func() {
		_ = b.Announce(ctx, func() bus.Executor { return bus.Executor{Instance: instance, Slots: slots} })
	})
	for range slots {
		work.Go(func() {
			for ctx.Err() == nil {
				job, ok, err := b.Fetch(ctx, bus.ConsumerJobs("openai"), time.Second)
				if err == nil && ok {
					carryOut(ctx, b, instance, job, began)
				}
			}
		})
	}
}

func carryOut(ctx context.Context, b *bus.Bus, instance string, job bus.Job, began func(event.Key)) {
	var e event.RunEvent
	if json.Unmarshal(job.Data, &e) != nil {
		return
	}
	w, run, now := event.Writer{Service: "executor", Instance: instance}, e.Data.Run, event.NotBefore(b.Now(ctx), e.Time)
	run.State, run.StartedAt = event.StateRunning, &now
	token, err := b.Append(ctx, w.Run(event.Started, now, event.RunData{Run: run, Previous: job.Sequence}), job.Sequence)
	_ = job.Ack()
	if err != nil {
		return
	}
	began(run.Key())
	run.State, run.FinishedAt = event.StateSucceeded, &now
	_, _ = b.Append(ctx, w.Run(event.Succeeded, now, event.RunData{Run: run, Previous: token}), token)
}

// tally counts the runs that were begun, by run.
type tally struct {
	mu    sync.Mutex
	order []event.Key
	times map[event.Key]int

	wanted []event.Key
	do     func()
}

func (n *tally) began(k event.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.times == nil {
		n.times = map[event.Key]int{}
	}
	n.order = append(n.order, k)
	n.times[k]++
	n.look()
}

// then calls do when these runs have begun.
func (n *tally) then(runs []event.Key, do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted, n.do = runs, do
	n.look()
}

// look calls do if its time has come. n.mu is held.
func (n *tally) look() {
	if n.do != nil && !slices.ContainsFunc(n.wanted, func(k event.Key) bool { return n.times[k] == 0 }) {
		n.do()
	}
}

func (n *tally) place(k event.Key) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, o := range n.order {
		if o == k {
			return i
		}
	}
	return -1
}

func TestTheOneRunOfATaskDoesNotWaitBehindHundredsOfAnother(t *testing.T) {
	t.Parallel()
	fair(t, 300)
}

// fair queues many runs of one task and then one of another, and returns how many went before that.
func fair(t testing.TB, many int) int {
	const slots = 4
	b := natstest.Bus(t)
	for range many {
		order(t, b, event.Request{Task: 1})
	}
	one := order(t, b, event.Request{Task: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &orchestrator.Service{Frame: service.Frame{Bus: b, Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: "o"}}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	// An executor comes when all of them are queued.
	natstest.EventuallyWithin(t, 5*time.Minute, func() error {
		if _, err := b.Last(t.Context(), one); err != nil {
			return err
		}
		why, err := b.Why(t.Context(), []event.RunID{one.Run})
		if err == nil && why[one.Run].Reason != event.WaitingNoExecutor {
			err = fmt.Errorf("it waits for %+v", why)
		}
		return err
	})
	var n tally
	began := time.Now()
	works(t, b, slots, n.began)
	natstest.Eventually(t, func() error {
		if n.place(one) < 0 {
			return errors.New("it has not begun")
		}
		return nil
	})
	// Before it went: the jobs that lay ready for an executor to come, those at work, and one turn of the other task.
	before := n.place(one)
	if before > 4+slots+2 {
		t.Errorf("%d runs of another task went first", before)
	}
	t.Logf("%d of %d went first, in %s", before, many, time.Since(began).Round(time.Millisecond))
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return before
}

func BenchmarkOneRunBehindTenThousand(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(float64(fair(b, 10_000)), "runs-before")
	}
}

func TestAQueueTimeoutEndsARunAlsoIfTheOrchestratorWasAwayWhenItFellDue(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	stop := serve(t, b)
	soon, later := order(t, b, event.Request{Task: 7, Order: event.Order{QueueTimeout: 1}}), order(t, b, event.Request{Task: 7, Order: event.Order{QueueTimeout: 900}})
	for range 10 { // more than lie ready for an executor
		order(t, b, event.Request{Task: 7})
	}
	waiting := order(t, b, event.Request{Task: 7, Order: event.Order{QueueTimeout: 1}})
	reaches(t, b, soon, event.Dispatched)
	stop()
	serve(t, b)
	for _, k := range []event.Key{soon, waiting} {
		end := reaches(t, b, k, event.TimedOut)
		if e := end.Data.Run.Error; e == nil || e.Code != "queue_timeout" {
			t.Errorf("run %s: error %+v", k, e)
		}
		if waited := end.Time.Sub(end.Data.Run.CreatedAt); waited < time.Second {
			t.Errorf("run %s ended after %s", k, waited)
		}
	}
	reaches(t, b, later, event.Dispatched)
}

func TestOneOrchestratorDispatchesAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	var n tally
	works(t, b, 2, n.began)
	stop := serve(t, b)
	serve(t, b)
	var runs []event.Key
	for i := range 40 {
		runs = append(runs, order(t, b, event.Request{Task: 7, Order: event.Order{MaxRunning: 2}}))
		if i == 20 {
			stop()
		}
	}
	for _, k := range runs {
		if last := reaches(t, b, k, event.Succeeded); last.Data.Run.Attempt != 1 {
			t.Errorf("run %s was dispatched %d times", k, last.Data.Run.Attempt)
		}
	}
}

// An orchestrator dies at each of its writes in turn, again and again, while runs come in; then one lives on.
func TestNothingIsLostAndNothingRunsTwiceWhereverTheOrchestratorDies(t *testing.T) {
	t.Parallel()
	server := natstest.Server(t, t.TempDir())
	b := natstest.On(t, natstest.Dial(t, server))
	var n tally
	works(t, b, 3, n.began)
	var runs []event.Key
	alone := event.Order{ConcurrencyKey: "shop.example"}
	deaths := 0
	for writes := int64(0); ; writes += 3 {
		runs = append(runs, order(t, b, event.Request{Task: 1, Order: alone}), order(t, b, event.Request{Task: 2, Order: alone}), order(t, b, event.Request{Task: 2}))
		ctx, cancel := context.WithCancel(t.Context())
		life := natstest.NewMortal(t, server, writes, cancel)
		n.then(runs[len(runs)-3:], cancel)
		o := &orchestrator.Service{Frame: service.Frame{Bus: life.Bus, Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: "the same"}}
		if err := o.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if !life.Bury(1) {
			break
		}
		deaths++
	}
	t.Logf("%d deaths", deaths)
	serve(t, b)
	end := uint64(0) // of the run before with the key
	attempts := map[event.Key]int{}
	for _, k := range runs {
		attempts[k] = reaches(t, b, k, event.Succeeded).Data.Run.Attempt
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for k, attempt := range attempts {
		if attempt != 1 || n.times[k] != 1 {
			t.Errorf("run %s began %d times, in %d attempts", k, n.times[k], attempt)
		}
	}
	for _, k := range n.order {
		if r, err := b.Request(t.Context(), k.Run); err != nil || r.ConcurrencyKey == "" {
			continue
		}
		given, over := span(t, b, k)
		if given < end {
			t.Errorf("run %s was given to the executors at %d, before the one before it ended at %d", k, given, end)
		}
		end = over
	}
}

// span is the sequences of the events that gave a run to the executors and that ended it.
func span(t *testing.T, b *bus.Bus, k event.Key) (given, over uint64) {
	t.Helper()
	for {
		e, err := b.Next(t.Context(), k, over)
		if errors.Is(err, bus.ErrNotFound) {
			return given, over
		}
		if err != nil {
			t.Fatal(err)
		}
		if over = e.Sequence; e.Type == event.Dispatched {
			given = e.Sequence
		}
	}
}
