package gateway

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// receivers is what this process has seen of the log of webhooks: the state of every delivery, endpoint and redrive.
// One watch feeds it. It is an index, never an answer: deliveries that callers get are read from the log.
type receivers struct {
	bus      *bus.Bus
	caughtUp chan struct{} // closed once all that was stored at the start has been seen

	mu         sync.Mutex
	seen       uint64        // the last message
	grown      chan struct{} // closed with the next one
	order      []event.RunID // of the deliveries, ascending
	deliveries map[event.RunID]*seenDelivery
	endpoints  map[event.EndpointID]*seenEndpoint
	redrives   map[string]event.Redrive // those at work
}

// seenDelivery is where a delivery stands.
type seenDelivery struct {
	run      event.RunID
	task     event.TaskID
	state    event.WebhookState
	asked    bool // it was requested, and no POST has been made since
	endpoint *seenEndpoint
	last     uint64 // the sequence of its last event
	made     time.Time
}

// seenEndpoint is where an endpoint stands.
type seenEndpoint struct {
	event.EndpointData
	sequence uint64
	counts   map[event.WebhookState]int // of its deliveries
	asked    int                        // of its deliveries
}

func newReceivers(b *bus.Bus) *receivers {
	return &receivers{
		bus: b, caughtUp: make(chan struct{}), grown: make(chan struct{}), deliveries: map[event.RunID]*seenDelivery{},
		endpoints: map[event.EndpointID]*seenEndpoint{}, redrives: map[string]event.Redrive{},
	}
}

// watch follows the log until ctx ends.
func (x *receivers) watch(ctx context.Context) error {
	return x.bus.WatchWebhooks(ctx, func(s bus.SeenWebhook) { x.see(ctx, s) }, func() { close(x.caughtUp) })
}

// see takes one message of the log.
func (x *receivers) see(ctx context.Context, s bus.SeenWebhook) {
	last, ok := bus.DeliveryRecord{Sequence: s.Sequence}, s.Delivery != nil
	if ok {
		last.DeliveryEvent = *s.Delivery
		last, ok = x.following(ctx, last)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if ok {
		x.setDelivery(last)
	}
	if s.Endpoint != nil {
		e := x.endpoint(s.Endpoint.Data.Address)
		e.EndpointData, e.sequence = s.Endpoint.Data, s.Sequence
	}
	if s.Redrive != nil {
		r := s.Redrive.Data
		delete(x.redrives, r.ID)
		if r.State == event.RedriveRunning {
			x.redrives[r.ID] = r
		}
	}
	x.seen = s.Sequence
	close(x.grown)
	x.grown = make(chan struct{})
}

// following is the event if it follows what was seen of its delivery, or else the last event that the log has.
func (x *receivers) following(ctx context.Context, r bus.DeliveryRecord) (bus.DeliveryRecord, bool) {
	x.mu.Lock()
	d := x.deliveries[r.Data.Run]
	follows := d == nil && r.Data.Previous == 0 || d != nil && r.Data.Previous == d.last
	x.mu.Unlock()
	if !follows || r.Data.ID != event.DeliveryOf(r.Data.Run) {
		run, ok := event.DeliveryRun(r.Data.ID)
		if !ok {
			return r, false
		}
		last, err := x.bus.LastDelivery(ctx, event.DeliveryOf(run))
		return last, err == nil
	}
	return r, true
}

// setDelivery notes where a delivery stands. x.mu is held.
func (x *receivers) setDelivery(r bus.DeliveryRecord) {
	d := x.deliveries[r.Data.Run]
	if d == nil {
		address, _ := event.AddressOf(r.Data.URL)
		d = &seenDelivery{run: r.Data.Run, task: r.Data.Task, endpoint: x.endpoint(address), made: r.Time}
		x.deliveries[d.run] = d
		at, _ := slices.BinarySearch(x.order, d.run)
		x.order = slices.Insert(x.order, at, d.run)
	} else {
		d.count(-1)
	}
	d.state, d.asked, d.last = r.Data.State(), r.Data.Type == event.DeliveryRequested, r.Sequence
	d.count(1)
}

// count adds the delivery to the figures of its endpoint, or takes it out.
func (d *seenDelivery) count(n int) {
	d.endpoint.counts[d.state] += n
	if d.asked {
		d.endpoint.asked += n
	}
}

// endpoint is the entry of an endpoint, made if there is none. x.mu is held.
func (x *receivers) endpoint(a event.Address) *seenEndpoint {
	e := x.endpoints[a.ID()]
	if e == nil {
		e = &seenEndpoint{EndpointData: event.EndpointData{ID: a.ID(), Address: a}, counts: map[event.WebhookState]int{}}
		x.endpoints[a.ID()] = e
	}
	return e
}

// forget takes the delivery of a run out: the run is being erased. An endpoint that has never failed goes with its last
// delivery.
func (x *receivers) forget(run event.RunID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.deliveries[run]
	if d == nil {
		return
	}
	d.count(-1)
	delete(x.deliveries, run)
	if at, found := slices.BinarySearch(x.order, run); found {
		x.order = slices.Delete(x.order, at, at+1)
	}
	for _, n := range d.endpoint.counts {
		if n > 0 {
			return
		}
	}
	if d.endpoint.sequence == 0 {
		delete(x.endpoints, d.endpoint.ID)
	}
}

// lookAgain is when complete asks anew what is stored: what it waits for may have been erased meanwhile.
const lookAgain = time.Second

// complete waits until everything has been seen that is stored now, as long as ctx lasts.
func (x *receivers) complete(ctx context.Context) error {
	select {
	case <-x.caughtUp:
	case <-ctx.Done():
		return errNotRead
	}
	for {
		newest, err := x.bus.NewestWebhook(ctx)
		if err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, lookAgain)
		err = x.await(soon, newest)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

var errNotRead = fmt.Errorf("wait for the log of webhooks to be read: %w", bus.ErrUnavailable)

// await waits until the message at the sequence has been seen, as long as ctx lasts.
func (x *receivers) await(ctx context.Context, sequence uint64) error {
	for {
		x.mu.Lock()
		seen, grown := x.seen, x.grown
		x.mu.Unlock()
		if seen >= sequence {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return errNotRead
		}
	}
}

// deliveryFilter selects deliveries. Zero values select all.
type deliveryFilter struct {
	event.Selection
	task   event.TaskID
	before event.RunID // only those of runs with a lower id
}

func (f deliveryFilter) matches(d seenDelivery) bool {
	return (f.task == 0 || d.task == f.task) && (len(f.State) == 0 || slices.Contains(f.State, d.state)) &&
		(f.Host == "" || strings.EqualFold(f.Host, d.endpoint.Host) || strings.EqualFold(f.Host, d.endpoint.HostPort())) &&
		!d.made.Before(f.Since)
}

// newest gives the runs whose deliveries match, newest first.
func (x *receivers) newest(f deliveryFilter) iter.Seq[event.RunID] {
	return func(yield func(event.RunID) bool) {
		for run, matches := x.below(f.before, f); run > 0; run, matches = x.below(run, f) {
			if matches && !yield(run) {
				return
			}
		}
	}
}

// below is the highest run below before that has a delivery, 0 for none, and whether that matches. before 0 is no bound.
func (x *receivers) below(before event.RunID, f deliveryFilter) (run event.RunID, matches bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := len(x.order)
	if before > 0 {
		at, _ = slices.BinarySearch(x.order, before)
	}
	if at == 0 {
		return 0, false
	}
	run = x.order[at-1]
	return run, f.matches(*x.deliveries[run])
}
