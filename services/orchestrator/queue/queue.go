// Package queue decides which of the queued runs goes to the executors next. It is pure: it learns of every event of
// every open run, of the executors and of the time, and has nothing that the log does not have.
//
// Runs wait in turn by task: each task gives one run in a round, so that a task with ten thousand queued runs delays the
// one run of another by no more than the run that is at work. Within a task the higher priority goes first, then the
// older run. Runs whose tasks were made for them alone take turns as one task.
package queue

import (
	"container/heap"
	"container/list"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// Run is an open run at its last event.
type Run struct {
	event.RunEvent
	Sequence uint64 // of the event
}

// Limits are how many runs of a provider may be at work at once; a provider that is missing has no limit.
type Limits map[string]int

// Capacity is what the executors can do at once.
type Capacity struct {
	Executors int
	Slots     int
}

// blind is how many runs lie ready for executors that have not told of themselves.
const blind = 4

// stage is where an open run stands.
type stage int

const (
	waiting stage = iota // in a lane
	resting              // until its provider may serve it again
	given                // dispatched, or about to be, and not begun
	held                 // an executor has it
	between              // lost by one executor and not begun by the next: it keeps its place
)

// entry is an open run.
type entry struct {
	run     Run // while it waits: what its dispatch follows; otherwise only its sequence
	key     event.Key
	first   uint64 // sequence of the first event that was seen
	created time.Time
	until   time.Time // of a resting run
	expires time.Time // by queue_timeout, zero: never
	stage   stage
	bounds  bounds
	group   event.TaskID
	index   int // in its lane
}

// bounds are what a run needs before it may go. Runs that need the same wait in one lane.
type bounds struct {
	task       event.TaskID
	maxRunning int // of the task, 0: no limit
	provider   string
	key        string
	limit      int // of the key
}

// Queue is every open run. The zero value is not usable: see New. It is not safe for concurrent use.
type Queue struct {
	limits   Limits
	capacity Capacity

	runs   map[event.RunID]*entry
	groups map[event.TaskID]*group // those with runs that wait
	ring   *list.List              // of the groups, the next to give a run first
	last   *group                  // that gave one

	tasks     map[event.TaskID]int // runs that are given, held or between, by task
	providers map[string]int
	keys      map[string]int
	stages    [between + 1]int
	alarms    alarms
}

// New is an empty queue.
func New(limits Limits) *Queue {
	return &Queue{
		limits: limits, runs: map[event.RunID]*entry{}, groups: map[event.TaskID]*group{}, ring: list.New(),
		tasks: map[event.TaskID]int{}, providers: map[string]int{}, keys: map[string]int{},
	}
}

// SetCapacity says what the executors can do.
func (q *Queue) SetCapacity(c Capacity) { q.capacity = c }

// Last is the sequence of the last event that was seen of an open run; ok is false for any other run.
func (q *Queue) Last(id event.RunID) (sequence uint64, ok bool) {
	e, ok := q.runs[id]
	if !ok {
		return 0, false
	}
	return e.run.Sequence, true
}

// First is the lowest sequence of a first event that was seen of an open run, 0: no run is open.
func (q *Queue) First() (sequence uint64) {
	for _, e := range q.runs {
		if sequence == 0 || e.first < sequence {
			sequence = e.first
		}
	}
	return sequence
}

// See takes an event of a run that follows those before it. One that is not newer than the last seen changes nothing.
func (q *Queue) See(r Run) {
	s := r.Data.Run
	e, known := q.runs[s.Run]
	if known && r.Sequence <= e.run.Sequence {
		return
	}
	if known {
		q.leave(e)
	} else {
		e = &entry{key: s.Key(), first: r.Sequence, created: s.CreatedAt, bounds: boundsOf(s), group: s.Task}
		if s.OneOff {
			e.group = 0
		}
	}
	t := event.Kind(r.RunEvent)
	if t.Terminal() {
		delete(q.runs, s.Run)
		return
	}
	q.runs[s.Run] = e
	e.until, e.expires = time.Time{}, time.Time{}
	e.run = Run{Sequence: r.Sequence}
	stage := stageOf(t, s)
	if stage == waiting || stage == resting {
		e.run = r
	}
	if stage == resting {
		e.until = s.Waiting.Until
		q.alarms.add(e.until, s.Run)
	}
	if at, ok := s.QueueDeadline(); ok && stage != between {
		e.expires = at
		q.alarms.add(at, s.Run)
	}
	q.enter(e, stage)
}

func stageOf(t event.Type, s event.Snapshot) stage {
	switch {
	case t == event.Dispatched:
		return given
	case t == event.Retrying && s.StartedAt != nil:
		return between
	case t == event.Retrying && s.Waiting != nil:
		return resting
	case t == event.Created, t == event.Retrying:
		return waiting
	}
	return held
}

func boundsOf(s event.Snapshot) bounds {
	b := bounds{provider: s.Provider, key: s.ConcurrencyKey, maxRunning: s.MaxRunning}
	if b.maxRunning > 0 {
		b.task = s.Task
	}
	if b.key != "" {
		b.limit = max(s.ConcurrencyLimit, 1)
	}
	return b
}

// enter puts a run into a stage.
func (q *Queue) enter(e *entry, s stage) {
	e.stage = s
	q.stages[s]++
	if s == waiting {
		q.join(e)
	} else if s.placed() {
		q.count(e, 1)
	}
}

// leave takes a run out of its stage.
func (q *Queue) leave(e *entry) {
	q.stages[e.stage]--
	if e.stage == waiting {
		q.quit(e)
	} else if e.stage.placed() {
		q.count(e, -1)
	}
}

// placed reports whether runs of the stage count for the limits.
func (s stage) placed() bool { return s == given || s == held || s == between }

func (q *Queue) count(e *entry, n int) {
	add(q.tasks, e.key.Task, n)
	add(q.providers, e.bounds.provider, n)
	if e.bounds.key != "" {
		add(q.keys, e.bounds.key, n)
	}
}

func add[K comparable](counts map[K]int, k K, n int) {
	if counts[k] += n; counts[k] == 0 {
		delete(counts, k)
	}
}

// Next is the run that is to be dispatched now, counted as given from now on; ok is false if none may go.
func (q *Queue) Next() (r Run, ok bool) {
	if q.free() <= 0 {
		return r, false
	}
	for at := q.ring.Front(); at != nil; at = at.Next() {
		g := at.Value.(*group)
		lane := q.best(g)
		if lane == nil {
			continue
		}
		e := lane.runs[0]
		r = e.run
		q.leave(e)
		e.run = Run{Sequence: r.Sequence}
		q.enter(e, given)
		q.ring.MoveToBack(at) // of a group that has left the ring, nothing
		q.last = g
		return r, true
	}
	return r, false
}

// free is how many more runs may be given: one for each free slot, and a few more, so that no slot waits for us.
func (q *Queue) free() int {
	if q.capacity.Slots == 0 {
		return blind - q.stages[given]
	}
	return max(q.capacity.Slots-q.stages[held], 0) + q.capacity.Slots/4 - q.stages[given]
}

// Due brings back the runs that have rested until now, and returns those that queue_timeout ends now.
func (q *Queue) Due(now time.Time) (expired []event.Key) {
	for len(q.alarms) > 0 && !q.alarms[0].at.After(now) {
		e, open := q.runs[heap.Pop(&q.alarms).(alarm).run]
		switch {
		case !open:
		case !e.expires.IsZero() && !e.expires.After(now):
			e.expires = time.Time{} // once
			expired = append(expired, e.key)
		case e.stage == resting && !e.until.After(now):
			q.leave(e)
			q.enter(e, waiting)
		}
	}
	return expired
}

// Alarm is when Due is to be called next; ok is false if nothing is ahead.
func (q *Queue) Alarm() (at time.Time, ok bool) {
	if len(q.alarms) == 0 {
		return at, false
	}
	return q.alarms[0].at, true
}
