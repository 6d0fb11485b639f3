package gateway

import (
	"sync"

	"github.com/errand-run/errand/shared/event"
)

// crowd is everybody who waits for the end of one run. They share its answer: it is read and encoded once, however
// many they are.
type crowd struct {
	ended chan struct{} // closed when the hub has seen the run's end
	size  int           // of those who have not left; guarded by the hub's lock

	once sync.Once
	run  event.Run
	err  error
}

// join registers a caller who waits for a run's end. leave must be called.
func (h *hub) join(id event.RunID) (c *crowd, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c = h.crowds[id]
	if c == nil {
		c = &crowd{ended: make(chan struct{})}
		h.crowds[id] = c
	}
	c.size++
	if r, known := h.runs.get(id); known && r.state.Terminal() {
		h.disperse(id)
	}
	return c, func() { h.part(id, c) }
}

func (h *hub) part(id event.RunID, c *crowd) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.size--; c.size == 0 && h.crowds[id] == c {
		delete(h.crowds, id)
	}
}

// disperse tells those who wait for a run that it is over. h.mu is held.
func (h *hub) disperse(id event.RunID) {
	if c := h.crowds[id]; c != nil {
		close(c.ended)
		delete(h.crowds, id)
	}
}

// answer is the ended run, read by the first who asks for it.
func (c *crowd) answer(read func() (event.Run, error)) (event.Run, error) {
	c.once.Do(func() {
		if c.run, c.err = read(); c.err == nil {
			c.run, c.err = c.run.Encoded()
		}
	})
	return c.run, c.err
}
