package queue

import (
	"container/heap"
	"container/list"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// group is a task with runs that wait, or all tasks that were made for one run each.
type group struct {
	lanes map[bounds]*lane
	place *list.Element // in the ring
}

// lane holds the runs of a group that need the same, as a heap: the one that goes first is at 0.
type lane struct {
	bounds bounds
	runs   []*entry
}

// join puts a run into its lane. A task that had none waiting comes before the one that gave a run last: it has waited
// longer for its next.
func (q *Queue) join(e *entry) {
	g := q.groups[e.group]
	if g == nil {
		g = &group{lanes: map[bounds]*lane{}}
		q.groups[e.group] = g
		if back := q.ring.Back(); back != nil && back.Value.(*group) == q.last {
			g.place = q.ring.InsertBefore(g, back)
		} else {
			g.place = q.ring.PushBack(g)
		}
	}
	l := g.lanes[e.bounds]
	if l == nil {
		l = &lane{bounds: e.bounds}
		g.lanes[e.bounds] = l
	}
	heap.Push(l, e)
}

// quit takes a run out of its lane.
func (q *Queue) quit(e *entry) {
	g := q.groups[e.group]
	l := g.lanes[e.bounds]
	heap.Remove(l, e.index)
	if len(l.runs) == 0 {
		delete(g.lanes, e.bounds)
	}
	if len(g.lanes) == 0 {
		delete(q.groups, e.group)
		q.ring.Remove(g.place)
	}
}

// best is the lane of a group whose first run goes before those of the others, of the lanes that may give one now.
func (q *Queue) best(g *group) (best *lane) {
	for _, l := range g.lanes {
		if best != nil && !l.runs[0].before(best.runs[0]) {
			continue
		}
		if _, by := q.full(l.bounds); by == "" {
			best = l
		}
	}
	return best
}

func (e *entry) before(other *entry) bool {
	p, o := e.run.Data.Run.Priority, other.run.Data.Run.Priority
	return p > o || p == o && e.key.Run < other.key.Run
}

// Len, Less, Swap, Push and Pop are those of container/heap.
func (l *lane) Len() int           { return len(l.runs) }
func (l *lane) Less(i, j int) bool { return l.runs[i].before(l.runs[j]) }
func (l *lane) Swap(i, j int) {
	l.runs[i], l.runs[j] = l.runs[j], l.runs[i]
	l.runs[i].index, l.runs[j].index = i, j
}
func (l *lane) Push(x any) {
	e := x.(*entry)
	e.index = len(l.runs)
	l.runs = append(l.runs, e)
}
func (l *lane) Pop() any {
	last := len(l.runs) - 1
	e := l.runs[last]
	l.runs[last] = nil
	l.runs = l.runs[:last]
	return e
}

// alarm is a time at which a run is to be looked at. It stays when the run has gone on.
type alarm struct {
	at  time.Time
	run event.RunID
}

// alarms is a heap, the nearest at 0.
type alarms []alarm

func (a *alarms) add(at time.Time, run event.RunID) { heap.Push(a, alarm{at, run}) }

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}
