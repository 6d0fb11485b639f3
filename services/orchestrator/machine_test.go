package orchestrator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// in is a run whose last event was t, in its first attempt, begun a minute ago where it has begun.
func in(t event.Type) State {
	s := State{Last: t, Run: event.Snapshot{Task: 7, Run: 9, SessionTimeout: 900, State: t.State()}}
	if t != event.Created && t != "" {
		s.Run.Attempt = 1
	}
	if slices.Contains([]event.Type{event.Started, event.Suspended, event.Resumed, event.CancelRequested, event.Retrying}, t) {
		began := noon.Add(-time.Minute)
		s.Run.StartedAt = &began
	}
	return s
}

// impatient is a run like those of in that was accepted a minute ago, and could be queued for a minute.
func impatient(t event.Type) State {
	s := in(t)
	s.Run.CreatedAt, s.Run.QueueTimeout = noon.Add(-time.Minute), 60
	return s
}

func fired(kind bus.TimerKind, attempt int) Input {
	return Input{Timer: &bus.Timer{Task: 7, Run: 9, Kind: kind, Attempt: attempt}}
}

func TestEveryInputInEveryStateHasItsDecision(t *testing.T) {
	released := fired(bus.TimerRelease, 1)
	crashed := fired(bus.TimerRelease, 1)
	crashed.Timer.Counts = true
	thirdTime := in(event.Started)
	thirdTime.Run.Failures = 2
	gotOn := thirdTime
	gotOn.Progressed = true
	afterAbsence := fired(bus.TimerLease, 1)
	afterAbsence.Timer.Due = noon.Add(-time.Minute)
	inTime := fired(bus.TimerLease, 1)
	inTime.Timer.Due = noon.Add(-time.Second)
	resting := fired(bus.TimerRelease, 1)
	resting.Timer.Waiting = &event.Waiting{Reason: event.WaitingProvider, Since: noon, Until: noon.Add(time.Minute)}
	late := in(event.Started)
	late.Run.SessionTimeout = 30
	lateQueued, lateWaiting := late, late
	lateWaiting.Last = event.Suspended
	lateQueued.Last = event.Dispatched
	postponedRun := in(event.Retrying)
	postponedRun.Run.StartedAt = nil
	soonImpatient := impatient(event.Created)
	soonImpatient.Run.QueueTimeout = 61
	for _, c := range []struct {
		name  string
		state State
		input Input
		want  string // the events, then the timer
	}{
		{"a request is queued", in(""), Input{Requested: true}, "created"},
		{"a request seen again", in(event.Created), Input{Requested: true}, ""},
		{"a request seen again after its turn", in(event.Dispatched), Input{Requested: true}, ""},
		{"the turn of a queued run makes a job", in(event.Created), Input{Turn: true}, "dispatched"},
		{"the turn of a run that was postponed", postponedRun, Input{Turn: true}, "dispatched"},
		{"a turn that comes twice", in(event.Dispatched), Input{Turn: true}, ""},
		{"a turn of a run that was lost in its work", in(event.Retrying), Input{Turn: true}, ""},
		{"a turn of a canceled run", in(event.Canceled), Input{Turn: true}, ""},
		{"the timer of a run that was postponed", postponedRun, fired(bus.TimerRetry, 1), ""},
		{"queued too long", impatient(event.Created), Input{Overdue: true}, "timed_out"},
		{"a job that nobody took for too long", impatient(event.Dispatched), Input{Overdue: true}, "timed_out"},
		{"queued, and not yet too long", soonImpatient, Input{Overdue: true}, ""},
		{"queued without a limit", in(event.Created), Input{Overdue: true}, ""},
		{"begun in time", impatient(event.Started), Input{Overdue: true}, ""},
		{"begun in time, and lost", impatient(event.Retrying), Input{Overdue: true}, ""},
		{"a request seen again after the end", in(event.Succeeded), Input{Requested: true}, ""},
		{"a cancel before created comes back", in(""), Input{Cancel: true}, "later"},
		{"a cancel of a created run", in(event.Created), Input{Cancel: true}, "canceled"},
		{"a cancel of a queued run", in(event.Dispatched), Input{Cancel: true}, "canceled"},
		{"a cancel between attempts", in(event.Retrying), Input{Cancel: true}, "canceled"},
		{"a cancel of a running run asks its executor", in(event.Started), Input{Cancel: true}, "cancel_requested lease"},
		{"a second cancel", in(event.CancelRequested), Input{Cancel: true}, ""},
		{"a cancel after the end", in(event.Failed), Input{Cancel: true}, ""},
		{"a lease that expires", in(event.Started), fired(bus.TimerLease, 1), "retrying dispatched session"},
		{"a lease that expires with a cancel pending", in(event.CancelRequested), fired(bus.TimerLease, 1), "canceled"},
		{"a lease of another attempt", in(event.Started), fired(bus.TimerLease, 2), ""},
		{"a lease that was armed and never claimed", in(event.Dispatched), fired(bus.TimerLease, 1), ""},
		{"a lease that expires after the end", in(event.Succeeded), fired(bus.TimerLease, 1), ""},
		{"a lease lost for the third time", thirdTime, fired(bus.TimerLease, 1), "failed"},
		{"a lease that could not be extended since NATS was away", in(event.Started), afterAbsence, "lease"},
		{"a lease that expires when it is due", in(event.Started), inTime, "retrying dispatched session"},
		{"a lease lost for the third time by a run that gets on", gotOn, fired(bus.TimerLease, 1), "retrying dispatched session"},
		{"a lease given back at a shutdown", in(event.Started), released, "retrying dispatched session"},
		{"a shutdown never exhausts a run", thirdTime, released, "retrying dispatched session"},
		{"an attempt lost to its browser waits", in(event.Started), crashed, "retrying retry"},
		{"an attempt lost to its browser for the third time", thirdTime, crashed, "failed"},
		{"a run whose provider is down waits in the queue", in(event.Started), resting, "retrying"},
		{"a run whose provider is down is canceled", in(event.CancelRequested), resting, "canceled"},
		{"the wait is over", in(event.Retrying), fired(bus.TimerRetry, 1), "dispatched session"},
		{"the session is over", late, fired(bus.TimerSession, 1), "timed_out"},
		{"the session is over while queued again", lateQueued, fired(bus.TimerSession, 1), "timed_out"},
		{"the session is over when the lease expires", late, fired(bus.TimerLease, 1), "timed_out"},
		{"a session timer ahead of the log's deadline", in(event.Started), fired(bus.TimerSession, 1), "session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Next(c.state, c.input, noon)
			if got := describe(d); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, e := range d.Append {
				if e.Type.Terminal() != (e.Run.FinishedAt != nil) || e.Run.State != e.Type.State() {
					t.Errorf("%s: state %s, finished at %v", e.Type, e.Run.State, e.Run.FinishedAt)
				}
			}
		})
	}
}

func TestARunThatWaitsForItsProviderSaysWhyAndItsSessionHasNotBegun(t *testing.T) {
	why := &event.Waiting{Reason: event.WaitingProvider, Since: noon, Until: noon.Add(time.Minute), Text: "openai answered 503"}
	release := fired(bus.TimerRelease, 1)
	release.Timer.Waiting = why
	d := Next(in(event.Started), release, noon)
	run := d.Append[0].Run
	if run.State != event.StateQueued || run.Waiting != why || run.StartedAt != nil || run.Failures != 0 || d.Arm != nil {
		t.Errorf("run %+v, timer %+v", run, d.Arm)
	}
	again := Next(State{Last: event.Retrying, Run: run}, Input{Turn: true}, noon.Add(20*time.Hour))
	if len(again.Append) != 1 || again.Append[0].Type != event.Dispatched || again.Append[0].Run.Waiting != why {
		t.Errorf("after the wait: %+v", again)
	}
	end := Next(State{Last: event.Retrying, Run: run}, Input{Cancel: true}, noon)
	if end.Append[0].Run.Waiting != nil {
		t.Error("a run that is over waits for nothing")
	}
}

func TestARunThatStoodStillIsNotSaidToWaitAfterwards(t *testing.T) {
	s := in(event.Suspended)
	s.Run.Waiting = &event.Waiting{Reason: event.WaitingProvider, Since: noon, Until: noon.Add(time.Minute), Text: "openai answered 503"}
	for name, input := range map[string]Input{"a cancel": {Cancel: true}, "a lost lease": fired(bus.TimerLease, 1)} {
		for _, e := range Next(s, input, noon).Append {
			if e.Run.Waiting != nil {
				t.Errorf("%s: %s says that the run waits for %+v", name, e.Type, e.Run.Waiting)
			}
		}
	}
}

func describe(d Decision) string {
	var s []string
	for _, e := range d.Append {
		s = append(s, string(e.Type))
	}
	if d.Arm != nil {
		s = append(s, string(d.Arm.Kind))
	}
	if d.Later {
		s = append(s, "later")
	}
	out := ""
	for i, w := range s {
		if i > 0 {
			out += " "
		}
		out += w
	}
	return out
}

// history is a log in memory: whatever is appended passes the guard, as the server would have it.
type history struct {
	state  State
	events []event.Type
}

func (h *history) apply(d Decision) {
	for _, e := range d.Append {
		h.state = State{Last: e.Type, Run: e.Run}
		h.events = append(h.events, e.Type)
	}
}

// executor does what an executor may do to the run in its present state.
func (h *history) executor(r *rand.Rand, now time.Time) {
	s := h.state
	switch {
	case s.Last == event.Dispatched:
		t := s.to(event.Started, now)
		if t.Run.StartedAt == nil {
			t.Run.StartedAt = &now
		}
		h.apply(Decision{Append: []Transition{t}})
	case s.Last == event.Started && r.IntN(3) == 0:
		h.apply(Decision{Append: []Transition{s.to([]event.Type{event.Succeeded, event.Failed}[r.IntN(2)], now)}})
	case s.Last == event.CancelRequested && r.IntN(2) == 0:
		h.apply(Decision{Append: []Transition{s.to(event.Canceled, now)}})
	}
}

func TestInAnyOrderOfEventsARunEndsOnceAndNothingFollows(t *testing.T) {
	kinds := []bus.TimerKind{bus.TimerLease, bus.TimerRelease, bus.TimerRetry, bus.TimerSession}
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := &history{state: in("")}
		h.state.Run.CreatedAt, h.state.Run.QueueTimeout = noon, 60*r.IntN(2)*r.IntN(20)
		now := noon
		for range 60 {
			now = now.Add(time.Duration(r.IntN(40)) * time.Second)
			switch r.IntN(6) {
			case 0, 1:
				h.apply(Next(h.state, Input{Requested: true}, now))
				h.apply(Next(h.state, Input{Turn: r.IntN(2) == 0, Overdue: true}, now))
			case 2:
				h.executor(r, now)
			case 3:
				if r.IntN(4) == 0 {
					h.apply(Next(h.state, Input{Cancel: true}, now))
				}
			default:
				f := fired(kinds[r.IntN(len(kinds))], h.state.Run.Attempt-r.IntN(2))
				f.Timer.Counts = r.IntN(2) == 0
				h.apply(Next(h.state, f, now))
			}
		}
		if err := sound(h.events); err != nil {
			t.Fatalf("seed %d: %v: %v", seed, err, h.events)
		}
	}
}

// sound holds a run's events against the state diagram in ARCHITECTURE.md.
func sound(events []event.Type) error {
	after := map[event.Type][]event.Type{
		"":                    {event.Created},
		event.Created:         {event.Dispatched, event.Canceled, event.TimedOut},
		event.Dispatched:      {event.Started, event.Canceled, event.TimedOut},
		event.Started:         {event.Retrying, event.CancelRequested, event.Succeeded, event.Failed, event.TimedOut},
		event.CancelRequested: {event.Canceled},
		event.Retrying:        {event.Dispatched, event.Canceled, event.TimedOut},
	}
	last := event.Type("")
	for _, e := range events {
		if !slices.Contains(after[last], e) {
			return fmt.Errorf("%s after %q", e, last)
		}
		last = e
	}
	return nil
}
