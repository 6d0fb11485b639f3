package gateway

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// hub is what this process has seen of the log: the state of every run, and who follows which. One watch feeds it.
// It is an index and an alarm clock, never an answer: what callers get is read from the log.
type hub struct {
	bus      *bus.Bus
	erased   func(event.RunID) // called for a run that is being erased; nil: nothing
	caughtUp chan struct{}     // closed once all that was stored at the start has been seen

	mu        sync.Mutex
	runs      index
	open      map[event.State]int // how many runs are queued, how many at work
	followers map[event.RunID]map[chan struct{}]struct{}
	crowds    map[event.RunID]*crowd

	looking sync.Mutex  // held while requests are looked through
	looked  event.RunID // every request up to here is in runs, or is gone
}

func newHub(b *bus.Bus) *hub {
	return &hub{
		bus: b, caughtUp: make(chan struct{}), open: map[event.State]int{},
		followers: map[event.RunID]map[chan struct{}]struct{}{}, crowds: map[event.RunID]*crowd{},
	}
}

// watch follows the log until ctx ends. Steps come by the live feed: one that is missed there is not missed by who
// reads the log, only read later.
func (h *hub) watch(ctx context.Context) error {
	stop, err := h.bus.LiveSteps(func(s event.SubjectInfo) { h.wake(s.Key.Run) })
	if err != nil {
		return err
	}
	defer stop()
	return h.bus.Watch(ctx, func(s bus.Seen) { h.see(ctx, s) }, func() { close(h.caughtUp) })
}

// see takes one lifecycle event of the log.
func (h *hub) see(ctx context.Context, s bus.Seen) {
	if s.Erased {
		h.mu.Lock()
		h.forget(s.Key.Run)
		h.mu.Unlock()
		h.wake(s.Key.Run)
		if h.erased != nil {
			h.erased(s.Key.Run)
		}
		return
	}
	next := seenRun{s.Key.Task, s.Type.State(), s.Sequence}
	if !h.follows(s) {
		var ok bool
		if next, ok = h.read(ctx, s.Key.Run); !ok {
			return
		}
	}
	h.mu.Lock()
	h.set(s.Key.Run, next)
	if next.state.Terminal() {
		h.disperse(s.Key.Run)
	}
	h.mu.Unlock()
	h.wake(s.Key.Run)
}

// set notes where a run stands. h.mu is held.
func (h *hub) set(id event.RunID, now seenRun) {
	r := h.runs.at(id)
	if r.task != 0 && !r.state.Terminal() {
		h.open[r.state]--
	}
	if !now.state.Terminal() {
		h.open[now.state]++
	}
	*r = now
}

// forget takes a run out of the index: it is being erased. h.mu is held.
func (h *hub) forget(id event.RunID) {
	if r, known := h.runs.get(id); known && r.state.Terminal() {
		*h.runs.at(id) = seenRun{}
	}
}

// accepted notes a run that no service has touched yet.
func (h *hub) accepted(k event.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.runs.get(k.Run); !known {
		h.set(k.Run, seenRun{k.Task, event.StateQueued, 0})
	}
}

// inState is how many runs are queued, or at work, as far as the hub has seen the log.
func (h *hub) inState(state event.State) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return float64(h.open[state])
}

// follows reports whether an event follows the last one that the hub has seen of its run.
func (h *hub) follows(s bus.Seen) bool {
	r, known := h.get(s.Key.Run)
	return s.Guarded && s.Type.Known() && s.After == r.last && !(known && (r.state.Terminal() || r.task != s.Key.Task))
}

// read is a run as the log has it, where an event does not follow: the log tells which of them count. ok is false for
// a run that does not exist.
func (h *hub) read(ctx context.Context, id event.RunID) (r seenRun, ok bool) {
	request, err := h.bus.Request(ctx, id)
	if err != nil {
		return r, false
	}
	last, err := h.bus.Last(ctx, event.Key{Task: request.Task, Run: id})
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return seenRun{request.Task, event.StateQueued, 0}, true
	case err != nil:
		return r, false
	}
	return seenRun{request.Task, last.Data.Run.State, last.Sequence}, true
}

// wake tells the followers of a run that its log has grown.
func (h *hub) wake(id event.RunID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers[id] {
		select {
		case f <- struct{}{}:
		default: // told already
		}
	}
}

// follow registers a caller: grown has a value whenever the run's log has grown since it was last read. leave must
// be called.
func (h *hub) follow(id event.RunID) (grown <-chan struct{}, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := make(chan struct{}, 1)
	if h.followers[id] == nil {
		h.followers[id] = map[chan struct{}]struct{}{}
	}
	h.followers[id][f] = struct{}{}
	return f, func() { h.leave(id, f) }
}

func (h *hub) leave(id event.RunID, f chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers[id], f)
	if len(h.followers[id]) == 0 {
		delete(h.followers, id)
	}
}

// complete brings the index up to every run that is accepted now. It first waits, as long as ctx lasts, until the
// log has been seen; runs that no service has touched yet are read from their requests.
func (h *hub) complete(ctx context.Context) error {
	select {
	case <-h.caughtUp:
	case <-ctx.Done():
		return fmt.Errorf("wait for the log to be read: %w", bus.ErrUnavailable)
	}
	newest, err := h.bus.NewestRun(ctx)
	if err != nil {
		return err
	}
	h.looking.Lock()
	defer h.looking.Unlock()
	for id := h.looked + 1; id <= newest; id++ {
		if err := h.look(ctx, id); err != nil {
			return err
		}
		h.looked = id
	}
	return nil
}

// look reads the request of a run that the log has not told of.
func (h *hub) look(ctx context.Context, id event.RunID) error {
	if _, known := h.get(id); known {
		return nil
	}
	request, err := h.bus.Request(ctx, id)
	if errors.Is(err, bus.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h.accepted(event.Key{Task: request.Task, Run: id})
	return nil
}

func (h *hub) get(id event.RunID) (seenRun, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runs.get(id)
}

// filter selects runs of a list. Zero values select all.
type filter struct {
	task   event.TaskID
	state  event.State
	before event.RunID // only runs with a lower id
}

func (f filter) matches(task event.TaskID, state event.State) bool {
	return (f.task == 0 || f.task == task) && (f.state == "" || f.state == state)
}

// newest gives the keys of the runs that match, newest first.
func (h *hub) newest(f filter) iter.Seq[event.Key] {
	return func(yield func(event.Key) bool) {
		for id, r := h.below(f.before); id > 0; id, r = h.below(id) {
			if f.matches(r.task, r.state) && !yield(event.Key{Task: r.task, Run: id}) {
				return
			}
		}
	}
}

func (h *hub) below(before event.RunID) (event.RunID, seenRun) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.runs.below(before)
	r, _ := h.runs.get(id)
	return id, r
}
