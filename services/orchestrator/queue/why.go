package queue

import (
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// Why says why a run is queued; ok is false for one that is not, or whose log says it.
func (q *Queue) Why(id event.RunID) (w event.Waiting, ok bool) {
	e, open := q.runs[id]
	if !open || e.stage != waiting && e.stage != given {
		return w, false
	}
	w.Reason, w.Text = q.why(e)
	w.Since, w.Until = e.created, e.expires
	return w, true
}

func (q *Queue) why(e *entry) (reason, text string) {
	switch most, by := q.full(e.bounds); {
	case q.capacity.Executors == 0:
		return event.WaitingNoExecutor, "No executor is connected to NATS: start one."
	case e.stage == waiting && by != "":
		return event.WaitingCapacity, fmt.Sprintf("%s lets %d run at once, and so many are at work.", e.bounds.named(by), most)
	case q.capacity.Slots == 0:
		return event.WaitingNoSlot, "The executors that are connected take no runs now: their /readyz says why."
	}
	return event.WaitingNoSlot, fmt.Sprintf("The executors work on %d at once, and %d runs are queued.",
		q.capacity.Slots, q.stages[waiting]+q.stages[given])
}

// What limits how many runs are at work, by the names that people set it by.
const (
	byTask     = "max_running"
	byKey      = "concurrency_limit"
	byProvider = "ERRAND_MAX_RUNNING_PROVIDER"
)

// full is the limit that keeps the runs of a lane waiting; by is empty if there is none.
func (q *Queue) full(b bounds) (most int, by string) {
	if b.maxRunning > 0 && q.tasks[b.task] >= b.maxRunning {
		return b.maxRunning, byTask
	}
	if b.key != "" && q.keys[b.key] >= b.limit {
		return b.limit, byKey
	}
	if most := q.limits[b.provider]; most > 0 && q.providers[b.provider] >= most {
		return most, byProvider
	}
	return 0, ""
}

// named is a limit with what it applies to.
func (b bounds) named(by string) string {
	switch by {
	case byTask:
		return "max_running of task " + b.task.String()
	case byKey:
		return fmt.Sprintf("concurrency_limit of the concurrency_key %q", b.key)
	}
	return by + " of " + b.provider
}

// Label is what queued runs are counted by.
type Label struct {
	Provider, Reason string
}

// Figures are how many runs are queued, and when the oldest of each was accepted.
type Figures struct {
	Queued int
	Oldest time.Time
}

// Count is the figures of all queued runs.
func (q *Queue) Count() map[Label]Figures {
	all := map[Label]Figures{}
	for _, e := range q.runs {
		l := Label{e.bounds.provider, event.WaitingProvider}
		switch e.stage {
		case waiting, given:
			l.Reason, _ = q.why(e)
		case held, between:
			continue
		}
		f := all[l]
		if f.Queued++; f.Oldest.IsZero() || e.created.Before(f.Oldest) {
			f.Oldest = e.created
		}
		all[l] = f
	}
	return all
}
