package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
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

// serve runs an orchestrator until the test ends, and stop before that.
func serve(t *testing.T, b *bus.Bus) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := &orchestrator.Service{Frame: service.Frame{
		Bus: b, Log: natstest.Quiet(), Metrics: prometheus.NewRegistry(), Instance: service.Instance(),
	}}
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("orchestrator: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func accept(t *testing.T, b *bus.Bus, timeout int) event.Key {
	t.Helper()
	id, _, err := b.AcceptRun(t.Context(), uuid.NewString(), event.Request{
		Task: 7, Prompt: "say hello", Provider: "openai", Model: "m", SessionTimeout: timeout, CreatedAt: time.Now().UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return event.Key{Task: 7, Run: id}
}

// reaches waits until the run's last event is of type want, and returns it.
func reaches(t *testing.T, b *bus.Bus, k event.Key, want event.Type) bus.Record {
	t.Helper()
	var last bus.Record
	natstest.Eventually(t, func() (err error) {
		if last, err = b.Last(t.Context(), k); err != nil {
			return err
		}
		if got := event.Kind(last.RunEvent); got != want {
			return fmt.Errorf("last event of run %s is %s, want %s", k, got, want)
		}
		return nil
	})
	return last
}

// start does what an executor does first: it arms the lease and writes started.
func start(t *testing.T, b *bus.Bus, job bus.Record, lease time.Duration) uint64 {
	t.Helper()
	run, now := job.Data.Run, b.Now(t.Context())
	timer := bus.Timer{Task: run.Task, Run: run.Run, Kind: bus.TimerLease, Attempt: run.Attempt, Due: now.Add(lease)}
	if err := b.Arm(t.Context(), timer, job.Sequence); err != nil {
		t.Fatal(err)
	}
	run.State = event.StateRunning
	if run.StartedAt == nil {
		run.StartedAt = &now
	}
	w := event.Writer{Service: "executor", Instance: uuid.NewString()}
	token, err := b.Append(t.Context(), w.Run(event.Started, now, event.RunData{Run: run, Previous: job.Sequence}), job.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestARequestBecomesAJob(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	job := reaches(t, b, accept(t, b, 900), event.Dispatched)
	if job.Data.Run.Attempt != 1 || job.Data.Run.Provider != "openai" {
		t.Errorf("job %+v", job.Data.Run)
	}
}

func TestRequestsOfADeadOrchestratorAreTakenUpByTheNext(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	staff(t, b, 200)
	var runs []event.Key
	stop := serve(t, b)
	for i := range 200 {
		runs = append(runs, accept(t, b, 900))
		if i == 100 {
			stop()
		}
	}
	serve(t, b)
	for _, k := range runs {
		if job := reaches(t, b, k, event.Dispatched); job.Data.Run.Attempt != 1 {
			t.Errorf("run %s was dispatched %d times", k, job.Data.Run.Attempt)
		}
	}
}

// staff announces an executor until the test ends.
func staff(t *testing.T, b *bus.Bus, slots int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Announce(ctx, func() bus.Executor { return bus.Executor{Instance: "e1", Slots: slots} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("announce: %v", err)
		}
	})
}

func TestACancelOfAQueuedRunEndsItAndACancelBeforeCreatedIsNotLost(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	k := accept(t, b, 900)
	if err := b.Cancel(t.Context(), k); err != nil { // no orchestrator has seen the run yet
		t.Fatal(err)
	}
	serve(t, b)
	last := reaches(t, b, k, event.Canceled)
	if last.Data.Run.FinishedAt == nil {
		t.Error("a canceled run has no end")
	}
	if err := b.Cancel(t.Context(), k); err != nil {
		t.Errorf("second cancel: %v", err)
	}
}

func TestARunningRunIsAskedToStopAndEndsLongBeforeItsLeaseWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	k := accept(t, b, 900)
	start(t, b, reaches(t, b, k, event.Dispatched), time.Hour)
	if err := b.Cancel(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	reaches(t, b, k, event.CancelRequested)
	reaches(t, b, k, event.Canceled)
}

func TestALostRunComesBackThreeTimesAndThenFails(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	k := accept(t, b, 900)
	for attempt := 1; attempt <= 3; attempt++ {
		job := reaches(t, b, k, event.Dispatched)
		if job.Data.Run.Attempt != attempt {
			t.Fatalf("attempt %d, want %d", job.Data.Run.Attempt, attempt)
		}
		token := start(t, b, job, 300*time.Millisecond)
		if attempt < 3 {
			natstest.Eventually(t, func() error {
				last, err := b.Last(t.Context(), k)
				if err == nil && last.Sequence == token {
					err = errors.New("the lease has not expired yet")
				}
				return err
			})
		}
	}
	last := reaches(t, b, k, event.Failed)
	if e := last.Data.Run.Error; e == nil || e.Code != "attempts_exhausted" {
		t.Errorf("error %+v", e)
	}
}

func TestASessionThatIsOverEndsTheRunAlsoWhileItIsQueuedAgain(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	k := accept(t, b, 2)
	start(t, b, reaches(t, b, k, event.Dispatched), 300*time.Millisecond)
	if last := reaches(t, b, k, event.TimedOut); last.Data.Run.Error.Code != "session_timeout" {
		t.Errorf("error %+v", last.Data.Run.Error)
	}
}

// The request was accepted by a gateway whose idea of the server's clock is an hour ahead of everybody else's.
func TestTheTimesOfARunNeverGoBack(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	ahead := time.Now().UTC().Add(time.Hour)
	id, _, err := b.AcceptRun(t.Context(), uuid.NewString(), event.Request{Task: 7, Prompt: "say hello", Provider: "openai", Model: "m", CreatedAt: ahead})
	if err != nil {
		t.Fatal(err)
	}
	k := event.Key{Task: 7, Run: id}
	if job := reaches(t, b, k, event.Dispatched); job.Time.Before(ahead) {
		t.Errorf("created at %s, dispatched at %s", ahead, job.Time)
	}
	if err := b.Cancel(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if end := reaches(t, b, k, event.Canceled); end.Time.Before(ahead) || end.Data.Run.FinishedAt.Before(ahead) {
		t.Errorf("created at %s, canceled at %s, finished at %s", ahead, end.Time, end.Data.Run.FinishedAt)
	}
}

func TestARunThatFinishesAStepInEachAttemptIsNotGivenUp(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	serve(t, b)
	k := accept(t, b, 900)
	w := event.Writer{Service: "executor", Instance: "dies"}
	var previous *event.StepRef
	for attempt := 1; attempt <= 4; attempt++ {
		job := reaches(t, b, k, event.Dispatched)
		if job.Data.Run.Attempt != attempt {
			t.Fatalf("attempt %d, want %d", job.Data.Run.Attempt, attempt)
		}
		token := start(t, b, job, time.Minute) // the timer of the test fires it
		step := event.StepData{Task: k.Task, Run: k.Run, Attempt: attempt, Number: attempt, Lifecycle: token, Previous: previous}
		seq, err := b.AppendStep(t.Context(), event.Done, w.Step(event.Done, b.Now(t.Context()), step))
		if err != nil {
			t.Fatal(err)
		}
		previous = &event.StepRef{Number: attempt, Sequence: seq}
		lost := bus.Timer{Task: k.Task, Run: k.Run, Kind: bus.TimerLease, Attempt: attempt, Due: b.Now(t.Context())}
		if err := b.Arm(t.Context(), lost, token); err != nil {
			t.Fatal(err)
		}
	}
	if last := reaches(t, b, k, event.Dispatched); last.Data.Run.Attempt != 5 || last.Data.Run.Failures != 1 {
		t.Errorf("attempt %d after %d losses in a row", last.Data.Run.Attempt, last.Data.Run.Failures)
	}
}
