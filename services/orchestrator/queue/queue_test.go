package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// world is a queue with the log that it is made of.
type world struct {
	*Queue
	sequence uint64
	runs     map[event.RunID]event.Snapshot
	log      []Run
}

func begin(limits Limits, slots int) *world {
	w := &world{Queue: New(limits), runs: map[event.RunID]event.Snapshot{}}
	w.SetCapacity(Capacity{Executors: 1, Slots: slots})
	return w
}

// write appends an event of a run.
func (w *world) write(id event.RunID, t event.Type) {
	w.sequence++
	s := w.runs[id]
	s.State = t.State()
	switch {
	case t == event.Started && s.StartedAt == nil:
		s.StartedAt = &noon
	case t == event.Dispatched:
		s.Attempt++
	}
	w.runs[id] = s
	e := event.Writer{Service: "test"}.Run(t, noon, event.RunData{Run: s})
	w.log = append(w.log, Run{RunEvent: e, Sequence: w.sequence})
	w.See(w.log[len(w.log)-1])
}

// accept queues a run of a task.
func (w *world) accept(task event.TaskID, with func(*event.Snapshot)) event.RunID {
	id := event.RunID(len(w.runs) + 1)
	s := event.Snapshot{Task: task, Run: id, Provider: "openai", CreatedAt: noon}
	if with != nil {
		with(&s)
	}
	w.runs[id] = s
	w.write(id, event.Created)
	return id
}

// next dispatches the next run and has it begun, 0 if none may go.
func (w *world) next() event.RunID {
	r, ok := w.Next()
	if !ok {
		return 0
	}
	w.write(r.Data.Run.Run, event.Dispatched)
	w.write(r.Data.Run.Run, event.Started)
	return r.Data.Run.Run
}

func TestTheOneRunOfATaskGoesNextWhateverAnotherHasQueued(t *testing.T) {
	t.Parallel()
	w := begin(nil, 1)
	for range 10_000 {
		w.accept(1, nil)
	}
	first := w.next()
	one := w.accept(2, nil)
	if next := w.next(); next != 0 {
		t.Fatalf("run %d goes while the only slot is taken", next)
	}
	w.write(first, event.Succeeded)
	if next := w.next(); next != one {
		t.Errorf("run %d goes next, want %d", next, one)
	}
}

func TestTasksTakeTurnsAndPriorityDecidesWithinATask(t *testing.T) {
	t.Parallel()
	w := begin(nil, 1)
	urgent := func(s *event.Snapshot) { s.Priority = 9 }
	oneOff := func(s *event.Snapshot) { s.OneOff = true }
	for _, r := range []struct {
		task event.TaskID
		with func(*event.Snapshot)
	}{{1, nil}, {1, nil}, {1, urgent}, {2, nil}, {2, nil}, {11, oneOff}, {12, oneOff}, {13, oneOff}} {
		w.accept(r.task, r.with)
	}
	var order []event.TaskID
	var runs []event.RunID
	for id := w.next(); id != 0; id = w.next() {
		order = append(order, w.runs[id].Task)
		runs = append(runs, id)
		w.write(id, event.Failed)
	}
	if want := []event.TaskID{1, 2, 11, 1, 2, 12, 1, 13}; !slices.Equal(order, want) {
		t.Errorf("tasks %v, want %v", order, want)
	}
	if want := []event.RunID{3, 4, 6, 1, 5, 7, 2, 8}; !slices.Equal(runs, want) {
		t.Errorf("runs %v, want %v", runs, want)
	}
}

func TestATaskThatIsDoneAndComesBackAtOnceDoesNotStarveAnother(t *testing.T) {
	t.Parallel()
	w := begin(nil, 1)
	for range 10 {
		w.accept(1, nil)
	}
	w.accept(2, nil)
	turns := map[event.TaskID]int{}
	for range 20 {
		id := w.next()
		turns[w.runs[id].Task]++
		if w.runs[id].Task == 2 {
			w.accept(2, nil) // its caller sends the next while the run is at work
		}
		w.write(id, event.Succeeded)
	}
	if turns[1] != 10 {
		t.Errorf("in 20 turns the tasks had %v", turns)
	}
}

func TestLimitsAreKeptAndSayForWhatARunWaits(t *testing.T) {
	t.Parallel()
	shop := func(s *event.Snapshot) { s.ConcurrencyKey = "shop.example" }
	for _, c := range []struct {
		name   string
		with   func(*event.Snapshot)
		second event.TaskID
		limits Limits
		text   string
	}{
		{"max_running", func(s *event.Snapshot) { s.MaxRunning = 1 }, 1, nil, "max_running of task 1"},
		{"a key of two tasks", shop, 2, nil, `concurrency_key "shop.example"`},
		{"a provider", nil, 2, Limits{"openai": 1}, "ERRAND_MAX_RUNNING_PROVIDER of openai"},
	} {
		w := begin(c.limits, 10)
		first, second := w.accept(1, c.with), w.accept(c.second, c.with)
		other := w.accept(3, func(s *event.Snapshot) { s.Provider = "groq" })
		if a, b, none := w.next(), w.next(), w.next(); a != first || b != other || none != 0 {
			t.Errorf("%s: runs %d, %d, %d went; want %d, %d and none", c.name, a, b, none, first, other)
		}
		why, ok := w.Why(second)
		if !ok || why.Reason != event.WaitingCapacity || !strings.Contains(why.Text, c.text) {
			t.Errorf("%s: waits for %+v", c.name, why)
		}
		w.write(first, event.Retrying) // lost by its executor: it keeps its place
		if next := w.next(); next != 0 {
			t.Errorf("%s: run %d goes in the place of one that comes back", c.name, next)
		}
		w.write(first, event.Canceled)
		if next := w.next(); next != second {
			t.Errorf("%s: run %d goes next, want %d", c.name, next, second)
		}
	}
}

func TestAKeyMayHaveALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	w := begin(nil, 10)
	for range 5 {
		w.accept(1, func(s *event.Snapshot) { s.ConcurrencyKey, s.ConcurrencyLimit = "shop.example", 3 })
	}
	for want := event.RunID(1); want <= 3; want++ {
		if id := w.next(); id != want {
			t.Errorf("run %d goes, want %d", id, want)
		}
	}
	if id := w.next(); id != 0 {
		t.Errorf("run %d goes as the fourth", id)
	}
}

func TestAQueuedRunSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	w := begin(nil, 0)
	w.SetCapacity(Capacity{})
	id := w.accept(1, func(s *event.Snapshot) { s.QueueTimeout = 60 })
	if why, ok := w.Why(id); !ok || why.Reason != event.WaitingNoExecutor || !why.Since.Equal(noon) || !why.Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("without an executor: %+v", why)
	}
	w.SetCapacity(Capacity{Executors: 1, Slots: 1})
	busy := w.next()
	id = w.accept(1, nil)
	if why, ok := w.Why(id); !ok || why.Reason != event.WaitingNoSlot {
		t.Errorf("behind another: %+v", why)
	}
	if why, ok := w.Why(busy); ok {
		t.Errorf("at work: %+v", why)
	}
	if f := w.Count()[Label{"openai", event.WaitingNoSlot}]; f.Queued != 1 || !f.Oldest.Equal(noon) {
		t.Errorf("figures %+v", w.Count())
	}
}

func TestQueueTimeoutFallsDueOnceAndNotForARunThatHasBegun(t *testing.T) {
	t.Parallel()
	w := begin(nil, 1)
	limited := func(s *event.Snapshot) { s.QueueTimeout = 60 }
	begun, queued := w.accept(1, limited), w.accept(1, limited)
	if id := w.next(); id != begun {
		t.Fatalf("run %d goes", id)
	}
	if at, ok := w.Alarm(); !ok || !at.Equal(noon.Add(time.Minute)) {
		t.Errorf("the next alarm is at %s", at)
	}
	if due := w.Due(noon.Add(time.Minute - 1)); len(due) > 0 {
		t.Errorf("due before the time: %v", due)
	}
	if due := w.Due(noon.Add(time.Minute)); len(due) != 1 || due[0].Run != queued {
		t.Errorf("due: %v", due)
	}
	if due := w.Due(noon.Add(time.Hour)); len(due) > 0 {
		t.Errorf("due again: %v", due)
	}
}

func TestARunThatRestsComesBackWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	w := begin(nil, 1)
	id := w.accept(1, func(s *event.Snapshot) { s.QueueTimeout = 3600 })
	w.next()
	s := w.runs[id]
	s.StartedAt, s.Waiting = nil, &event.Waiting{Reason: event.WaitingProvider, Until: noon.Add(time.Minute)}
	w.runs[id] = s
	w.write(id, event.Retrying)
	if next := w.next(); next != 0 {
		t.Error("it goes while its provider is down")
	}
	if due := w.Due(noon.Add(time.Minute)); len(due) > 0 {
		t.Errorf("due: %v", due)
	}
	if next := w.next(); next != id {
		t.Errorf("run %d goes, want %d", next, id)
	}
}

// A queue that is made anew from the log, from First on, is the same, whatever has happened in whatever order.
func TestAQueueMadeAnewFromTheLogIsTheSame(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := begin(Limits{"openai": 5}, 6)
		for range 150 {
			act(w, r)
		}
		again := begin(Limits{"openai": 5}, 6)
		for _, e := range w.log {
			if _, open := again.Last(e.Data.Run.Run); e.Sequence >= w.First() && (open || event.Kind(e.RunEvent) == event.Created) {
				again.See(e)
			}
		}
		state := func(q *world) string { return fmt.Sprint(len(q.Queue.runs), q.stages, q.tasks, q.providers, q.keys) }
		if state(w) != state(again) {
			t.Fatalf("seed %d: %s, and made anew %s", seed, state(w), state(again))
		}
	}
}

func act(w *world, r *rand.Rand) {
	var open []event.RunID
	for id := range w.Queue.runs {
		open = append(open, id)
	}
	slices.Sort(open)
	switch n := r.IntN(6); {
	case n < 2 || len(open) == 0:
		w.accept(event.TaskID(1+r.IntN(3)), func(s *event.Snapshot) {
			s.MaxRunning, s.Priority = r.IntN(3), r.IntN(10)
			s.ConcurrencyKey = []string{"", "a", "b"}[r.IntN(3)]
		})
	case n < 4:
		w.next()
	default:
		id := open[r.IntN(len(open))]
		if w.Queue.runs[id].stage == held && r.IntN(2) == 0 {
			w.write(id, event.Retrying)
		} else {
			w.write(id, event.Canceled)
		}
	}
}
