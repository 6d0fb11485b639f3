package orchestrator

import (
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// maxFailures is how many attempts in a row a run may lose to infrastructure without a step done. The third such loss
// is no accident: the run itself kills what runs it.
const maxFailures = 3

// After an absence of NATS the leases of all runs have run out, and their executors extend them when they have reconnected.
const (
	lateAfter  = 3 * time.Second  // a timer fires within a quarter of a second
	returnTime = 10 * time.Second // an executor tries to reconnect each second, and to extend its lease each second
)

// cancelAnswer is how long an executor may take to extend its lease when it is asked to stop. One that lives does so at
// once, and again and again until its last action is over; of one that has died the run is canceled then.
const cancelAnswer = 600 * time.Millisecond

// retryDelay is the wait after the n-th counted failure, from 1, before the run is dispatched again: a lost
// executor costs its lease already, a browser that does not start wants a moment.
func retryDelay(failures int) time.Duration {
	return time.Second << (failures - 1)
}

// State is a run as its log has it. The zero Last is a run of which only the request is stored.
type State struct {
	Last event.Type
	Run  event.Snapshot
	// Progressed says that the attempt at work has finished a step: whatever takes attempts away, the run gets on.
	Progressed bool
}

// Input is what happened to a run. Exactly one of the fields is set.
type Input struct {
	Requested bool         // its request is stored
	Refused   *event.Error // its request is stored, and cannot be carried out
	Cancel    bool         // somebody asked for its cancel
	Timer     *bus.Timer   // its timer fired
	Turn      bool         // it is its turn to go to the executors
	Overdue   bool         // queue_timeout may be over
}

// Decision is what follows: the events to append in order, then the timer to arm. Later brings the input back,
// with nothing appended.
type Decision struct {
	Append []Transition
	Arm    *bus.Timer
	Later  bool
}

// Transition is one event to append and the state it leads to.
type Transition struct {
	Type event.Type
	Run  event.Snapshot
}

// Next decides what the orchestrator writes for a run in state s at time now when in has happened. It is pure:
// the same input on the same state may be repeated, and leads to nothing where it has had its effect.
func Next(s State, in Input, now time.Time) Decision {
	switch {
	case s.Last.Terminal():
		return Decision{}
	case in.Refused != nil:
		return refused(s, in.Refused, now)
	case in.Requested:
		return requested(s, now)
	case in.Cancel:
		return cancel(s, now)
	case in.Timer != nil:
		return timer(s, *in.Timer, now)
	case in.Turn:
		return turn(s, now)
	case in.Overdue:
		return overdue(s, now)
	}
	return Decision{}
}

// requested puts a run into the queue. Its turn comes by Input.Turn.
func requested(s State, now time.Time) Decision {
	if s.Last == "" {
		return Decision{Append: []Transition{s.to(event.Created, now)}}
	}
	return Decision{}
}

// turn makes a queued run a job. One that has begun before is dispatched again without waiting for a turn.
func turn(s State, now time.Time) Decision {
	if s.Last == event.Created || s.Last == event.Retrying && s.Run.StartedAt == nil {
		return s.redispatch(nil, now)
	}
	return Decision{}
}

func overdue(s State, now time.Time) Decision {
	if deadline, limited := s.Run.QueueDeadline(); !limited || now.Before(deadline) || s.held() {
		return Decision{}
	}
	return Decision{Append: []Transition{s.neverBegan(now)}}
}

// refused fails a run whose request no executor could carry out: it shows, and is not queued for ever.
func refused(s State, why *event.Error, now time.Time) Decision {
	failed := s.to(event.Failed, now)
	failed.Run.Error = why
	if s.Last == "" {
		return Decision{Append: []Transition{s.to(event.Created, now), failed}}
	}
	return Decision{Append: []Transition{failed}}
}

// cancel ends a run that nobody works on. A run that an executor holds is asked to stop: only the executor knows
// when its last action is over.
func cancel(s State, now time.Time) Decision {
	switch s.Last {
	case "":
		return Decision{Later: true}
	case event.Started, event.Suspended, event.Resumed:
		t := s.to(event.CancelRequested, now)
		t.Run.CancelAt = &now
		return Decision{Append: []Transition{t}, Arm: &bus.Timer{
			Task: s.Run.Task, Run: s.Run.Run, Kind: bus.TimerLease, Attempt: s.Run.Attempt, Due: now.Add(cancelAnswer),
		}}
	case event.CancelRequested:
		return Decision{}
	}
	return Decision{Append: []Transition{s.to(event.Canceled, now)}}
}

func timer(s State, t bus.Timer, now time.Time) Decision {
	deadline, begun := s.Run.Deadline()
	switch {
	case t.Attempt != s.Run.Attempt:
		return Decision{} // of an attempt that is over
	case s.Last == event.CancelRequested:
		return Decision{Append: []Transition{s.to(event.Canceled, now)}}
	case begun && !now.Before(deadline):
		return Decision{Append: []Transition{s.timedOut(now)}}
	case t.Kind == bus.TimerSession:
		return Decision{Arm: s.sessionTimer()} // fired early: the deadline is the log's
	case s.Last == event.Retrying && !begun:
		return Decision{} // it waits for its turn
	case s.Last == event.Retrying:
		return s.redispatch(nil, now)
	case s.held() && t.Kind == bus.TimerLease && late(t, now):
		t.Due = now.Add(returnTime)
		return Decision{Arm: &t}
	case s.held():
		return lost(s, t, now)
	}
	// Dispatched: the job is in its queue, and comes back by itself where the executor that took it has died.
	return Decision{Arm: s.sessionTimer()}
}

// held reports whether an executor has the run.
func (s State) held() bool {
	return s.Last == event.Started || s.Last == event.Suspended || s.Last == event.Resumed
}

// late reports whether a timer has fired so long after it was due that NATS must have been away: to the executor too,
// which could not extend its lease.
func late(t bus.Timer, now time.Time) bool { return !t.Due.IsZero() && now.Sub(t.Due) > lateAfter }

// lost ends an attempt whose executor has gone or has given the run back.
func lost(s State, t bus.Timer, now time.Time) Decision {
	retrying := s.to(event.Retrying, now)
	retrying.Run.Executor, retrying.Run.RetryReason = "", t.Reason
	if t.Kind == bus.TimerLease {
		retrying.Run.RetryReason = "the executor stopped answering"
	}
	if t.Waiting != nil {
		return postponed(retrying, t.Waiting)
	}
	after := State{Last: event.Retrying, Run: retrying.Run}
	if t.Kind == bus.TimerRelease && !t.Counts {
		return after.redispatch(&retrying, now)
	}
	if s.Progressed {
		after.Run.Failures = 0
	}
	after.Run.Failures++
	retrying.Run.Failures = after.Run.Failures
	if after.Run.Failures >= maxFailures {
		return Decision{Append: []Transition{s.exhausted(retrying.Run, now)}}
	}
	if t.Kind == bus.TimerLease {
		return after.redispatch(&retrying, now)
	}
	return Decision{
		Append: []Transition{retrying},
		Arm: &bus.Timer{
			Task: s.Run.Task, Run: s.Run.Run, Kind: bus.TimerRetry, Attempt: s.Run.Attempt,
			Due: now.Add(retryDelay(after.Run.Failures)),
		},
	}
}

// postponed puts a run that has done nothing yet back into the queue for a while. Its session has not begun.
func postponed(retrying Transition, why *event.Waiting) Decision {
	retrying.Run.Waiting, retrying.Run.StartedAt = why, nil
	return Decision{Append: []Transition{retrying}}
}

// redispatch makes the run a job again, behind the event before it where that is still to be written. A run that
// has begun keeps its session deadline also while nobody works on it.
func (s State) redispatch(before *Transition, now time.Time) Decision {
	var d Decision
	if before != nil {
		d.Append = append(d.Append, *before)
	}
	next := s.dispatch(now)
	d.Append = append(d.Append, next)
	d.Arm = State{Last: event.Dispatched, Run: next.Run}.sessionTimer()
	return d
}

func (s State) sessionTimer() *bus.Timer {
	deadline, begun := s.Run.Deadline()
	if !begun {
		return nil
	}
	return &bus.Timer{Task: s.Run.Task, Run: s.Run.Run, Kind: bus.TimerSession, Attempt: s.Run.Attempt, Due: deadline}
}

func (s State) dispatch(now time.Time) Transition {
	t := s.to(event.Dispatched, now)
	t.Run.Attempt++
	return t
}

func (s State) timedOut(now time.Time) Transition {
	t := s.to(event.TimedOut, now)
	t.Run.Error = &event.Error{Code: "session_timeout", Message: fmt.Sprintf(
		"The run was not over %d seconds after its start. Give it more with session_timeout, or a smaller task.", s.Run.SessionTimeout)}
	return t
}

func (s State) neverBegan(now time.Time) Transition {
	t := s.to(event.TimedOut, now)
	t.Run.Error = &event.Error{Code: "queue_timeout", Message: fmt.Sprintf(
		"The run had not begun %d seconds after it was accepted. Give it more with queue_timeout, or start more executors.", s.Run.QueueTimeout)}
	return t
}

func (s State) exhausted(run event.Snapshot, now time.Time) Transition {
	t := State{Run: run}.to(event.Failed, now)
	t.Run.Error = &event.Error{Code: "attempts_exhausted", Message: fmt.Sprintf(
		"The run was lost %d times, the last time because %s. See the executor's log; start the run again when the cause is mended.",
		run.Failures, run.RetryReason)}
	return t
}

func (s State) to(t event.Type, now time.Time) Transition {
	run := s.Run
	run.State = t.State()
	if s.Run.State == event.StateWaiting {
		run.Waiting = nil
	}
	if t.Terminal() {
		run.FinishedAt, run.Waiting = &now, nil
	}
	return Transition{Type: t, Run: run}
}
