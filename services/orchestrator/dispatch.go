package orchestrator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/errand-run/errand/services/orchestrator/queue"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/panics"
	"golang.org/x/sync/errgroup"
)

// retryPause is the wait before a run is read or dispatched again, where NATS did not answer.
const retryPause = time.Second

// dispatcher gives queued runs to the executors, while this orchestrator is the one that does so. What it knows of them
// is made of the log when it begins: nothing is lost with it.
type dispatcher struct {
	*Service
	work sync.WaitGroup // writes at work
	wake chan struct{}  // something may go

	mu       sync.Mutex
	queue    *queue.Queue // nil: another orchestrator dispatches
	seen     uint64       // every event up to this sequence is in the queue
	caughtUp bool         // and so is all that was stored when we began
}

func newDispatcher(s *Service) *dispatcher {
	return &dispatcher{Service: s, wake: make(chan struct{}, 1)}
}

// run dispatches whenever it is this orchestrator's turn, until ctx ends.
func (d *dispatcher) run(ctx context.Context) error {
	return d.Frame.Bus.Lead(ctx, d.Frame.Instance, d.mark, d.lead)
}

// lead dispatches until ctx ends. The events of all open runs come after the sequence from.
func (d *dispatcher) lead(ctx context.Context, from uint64) {
	d.mu.Lock()
	d.queue, d.seen, d.caughtUp = queue.New(d.Config.MaxRunning), max(from, 1)-1, false
	d.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return d.Frame.Bus.Follow(ctx, from, func(s bus.Seen) { d.see(ctx, s) }, d.begin)
	})
	g.Go(func() error { return d.Frame.Bus.Executors(ctx, d.capacity) })
	g.Go(func() error { return d.Frame.Bus.AnswerWhy(ctx, d.why) })
	g.Go(func() error { return d.loop(ctx) })
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		d.Frame.Log.Warn("dispatch", "error", err)
	}
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = nil
}

// mark is the sequence from which on the events of all open runs come, 0 where that is not known.
func (d *dispatcher) mark() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue == nil || !d.caughtUp {
		return 0
	}
	if first := d.queue.First(); first > 0 {
		return min(first, d.seen+1)
	}
	return d.seen + 1
}

// begin lets runs go: all that was stored is known.
func (d *dispatcher) begin() {
	d.mu.Lock()
	d.caughtUp = true
	d.mu.Unlock()
	d.look()
}

// look has the loop look for runs that may go.
func (d *dispatcher) look() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// change does something to the queue, if it is ours.
func (d *dispatcher) change(do func(q *queue.Queue)) {
	d.mu.Lock()
	if d.queue != nil {
		do(d.queue)
	}
	d.mu.Unlock()
	d.look()
}

func (d *dispatcher) capacity(executors, slots int) {
	d.change(func(q *queue.Queue) { q.SetCapacity(queue.Capacity{Executors: executors, Slots: slots}) })
}

func (d *dispatcher) why(id event.RunID) (w event.Waiting, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue == nil {
		return w, false
	}
	return d.queue.Why(id)
}

// created takes a run that this orchestrator has put into the queue, before the log brings it.
func (d *dispatcher) created(e event.RunEvent, sequence uint64) {
	d.change(func(q *queue.Queue) {
		if sequence > d.seen { // otherwise more of it may be known already
			q.See(queue.Run{RunEvent: e, Sequence: sequence})
		}
	})
}

// see takes an event of the log.
func (d *dispatcher) see(ctx context.Context, s bus.Seen) {
	r := s.Record
	if !s.Erased && !d.follows(s) {
		r = d.read(ctx, s)
	}
	d.change(func(q *queue.Queue) {
		if r.Sequence > 0 {
			q.See(queue.Run{RunEvent: r.RunEvent, Sequence: r.Sequence})
		}
		d.seen = s.Sequence
	})
}

// follows reports whether an event follows the last one of its run that is in the queue, or may be ignored: it belongs to
// a run that has ended.
func (d *dispatcher) follows(s bus.Seen) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, open := d.queue.Last(s.Key.Run)
	return open && last >= s.Sequence || s.Record.Sequence > 0 && s.Guarded && s.After == last && s.Record.Data.Previous == last
}

// read is the last event of a run as its log has it, where an event does not follow what is known: that of a run which
// has ended before the log was read, or a message that does not belong there. It is the zero value for a run that is
// not open.
func (d *dispatcher) read(ctx context.Context, s bus.Seen) bus.Record {
	d.mu.Lock()
	_, open := d.queue.Last(s.Key.Run)
	d.mu.Unlock()
	if !open && s.Type != event.Created {
		return bus.Record{}
	}
	for {
		request, err := d.Frame.Bus.Request(ctx, s.Key.Run)
		var last bus.Record
		if err == nil {
			last, err = d.Frame.Bus.Last(ctx, event.Key{Task: request.Task, Run: s.Key.Run})
		}
		switch {
		case err == nil && (open || !event.Kind(last.RunEvent).Terminal()):
			return last
		case err == nil, errors.Is(err, bus.ErrNotFound), errors.Is(err, bus.ErrMalformed), ctx.Err() != nil:
			return bus.Record{}
		}
		d.Frame.Log.Warn("read a run to queue it", "run_id", s.Key.Run, "error", err)
		pause(ctx, retryPause)
	}
}

// loop dispatches what may go, and ends what was queued too long.
func (d *dispatcher) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		if next, ok := d.pass(ctx); ok {
			timer.Reset(next)
		}
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-timer.C:
		}
	}
	return nil
}

// pass lets go what may go now. next is when to look again at the latest.
func (d *dispatcher) pass(ctx context.Context) (next time.Duration, ok bool) {
	now := d.Frame.Bus.Now(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.caughtUp {
		return 0, false
	}
	for _, k := range d.queue.Due(now) {
		d.work.Go(func() { d.until(ctx, k, func() error { return d.decide(ctx, k, Input{Overdue: true}, nil) }) })
	}
	for r, ok := d.queue.Next(); ok; r, ok = d.queue.Next() {
		d.work.Go(func() { d.until(ctx, r.Data.Run.Key(), func() error { return d.dispatch(ctx, r) }) })
	}
	at, ok := d.queue.Alarm()
	return max(at.Sub(now), 0), ok
}

// dispatch makes a run a job.
func (d *dispatcher) dispatch(ctx context.Context, r queue.Run) error {
	p := position{
		State:    State{Last: event.Kind(r.RunEvent), Run: r.Data.Run},
		sequence: r.Sequence, at: r.Time, lastStep: r.Data.LastStep,
	}
	now := event.NotBefore(d.Frame.Bus.Now(ctx), p.at)
	err := d.carryOut(ctx, p, Next(p.State, Input{Turn: true}, now))
	if errors.Is(err, bus.ErrConflict) {
		return d.decide(ctx, r.Data.Run.Key(), Input{Turn: true}, nil)
	}
	return err
}

// until does something to a run until it is done, or ctx ends.
func (d *dispatcher) until(ctx context.Context, k event.Key, do func() error) {
	for n := 0; ; n++ {
		var err error
		if panicked := panics.Catch(func() { err = do() }); panicked != nil {
			d.Frame.Log.Error("dispatch panicked", "run_id", k.Run, "error", panicked, "stack", panics.Stack(panicked))
			return
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		if n == 0 {
			d.Frame.Log.Warn("dispatch, trying again until it works", "task_id", k.Task, "run_id", k.Run, "error", err)
		}
		pause(ctx, retryPause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
