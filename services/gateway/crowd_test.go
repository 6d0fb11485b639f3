package gateway

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

func seen(id event.RunID, t event.Type) bus.Seen {
	return bus.Seen{SubjectInfo: event.SubjectInfo{Key: event.Key{Task: 7, Run: id}, Type: t}, Guarded: true}
}

func TestAllWhoWaitForARunShareOneReading(t *testing.T) {
	h := newHub(nil)
	var reads atomic.Int64
	var waiters, joined sync.WaitGroup
	for range 100 {
		joined.Add(1)
		waiters.Go(func() {
			c, leave := h.join(9)
			defer leave()
			joined.Done()
			<-c.ended
			run, err := c.answer(func() (event.Run, error) { reads.Add(1); return event.Run{State: event.StateSucceeded}, nil })
			if err != nil || run.State != event.StateSucceeded {
				t.Errorf("%v, %v", run, err)
			}
		})
	}
	joined.Wait()
	h.see(t.Context(), seen(8, event.Succeeded)) // another run's end
	h.see(t.Context(), seen(9, event.Started))
	h.see(t.Context(), seen(9, event.Succeeded))
	waiters.Wait()
	if n := reads.Load(); n != 1 || len(h.crowds) != 0 {
		t.Errorf("the run was read %d times, and %d crowds are left", n, len(h.crowds))
	}
	late, leave := h.join(9)
	defer leave()
	<-late.ended
}

func TestWhoLeavesBeforeTheEndLeavesNothingBehind(t *testing.T) {
	h := newHub(nil)
	_, leave := h.join(9)
	c, leaveToo := h.join(9)
	leave()
	h.see(t.Context(), seen(9, event.Failed))
	<-c.ended
	if _, err := c.answer(func() (event.Run, error) { return event.Run{}, errors.New("NATS is away") }); err == nil {
		t.Error("a run that could not be read was answered")
	}
	leaveToo()
	_, leave = h.join(10)
	leave()
	if len(h.crowds) != 0 {
		t.Errorf("%d crowds are left", len(h.crowds))
	}
}

func TestOpenRunsAreCountedByState(t *testing.T) {
	h := newHub(nil)
	h.accepted(event.Key{Task: 7, Run: 1})
	h.accepted(event.Key{Task: 7, Run: 1}) // a repeated request
	for _, s := range []bus.Seen{
		seen(1, event.Created), seen(1, event.Dispatched), seen(1, event.Started), seen(2, event.Created), seen(3, event.Created),
		seen(3, event.Canceled), seen(2, event.Dispatched),
	} {
		h.see(t.Context(), s)
	}
	h.accepted(event.Key{Task: 7, Run: 3}) // its end was seen first
	if queued, running := h.inState(event.StateQueued), h.inState(event.StateRunning); queued != 1 || running != 1 {
		t.Errorf("%v queued, %v running; want 1 of each", queued, running)
	}
}
