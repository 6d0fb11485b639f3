package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
)

// Executors tell of themselves, and the orchestrator tells why runs wait, over core NATS: none of it is stored, and all
// of it is told again.
const (
	announceSubject = "live.executor.v1." // and the executor's instance
	callSubject     = "live.call.v1.executors"
	whySubject      = "live.call.v1.waiting"
)

// announceEvery is how often an executor tells of itself; one that has been silent for announceLost is gone.
const (
	announceEvery = 2 * time.Second
	announceLost  = 7 * time.Second
)

// whyTimeout is how long an answer to Why may take: it is an addition to what the log says.
const whyTimeout = time.Second

// Executor is what an executor tells of itself.
type Executor struct {
	Instance string `json:"instance"`
	Slots    int    `json:"slots"` // runs that it works on at once; 0: it takes none now
	Gone     bool   `json:"gone,omitempty"`
}

// Announce tells of an executor until ctx ends, and then that it is gone. now is asked each time.
func (b *Bus) Announce(ctx context.Context, now func() Executor) error {
	tell := func(e Executor) {
		if data, err := json.Marshal(e); err == nil {
			_ = b.nc.Publish(announceSubject+e.Instance, data) // refused while NATS is away, and told again
		}
	}
	sub, err := b.nc.Subscribe(callSubject, func(*nats.Msg) { tell(now()) })
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", callSubject, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	for {
		tell(now())
		select {
		case <-ctx.Done():
			tell(Executor{Instance: now().Instance, Gone: true})
			return nil
		case <-ticker.C:
		}
	}
}

// Executors calls changed with the executors that there are, whenever that changes, until ctx ends.
func (b *Bus) Executors(ctx context.Context, changed func(executors, slots int)) error {
	c := census{seen: map[string]heard{}, changed: changed}
	sub, err := b.nc.Subscribe(announceSubject+"*", func(m *nats.Msg) {
		var e Executor
		if json.Unmarshal(m.Data, &e) == nil && m.Subject == announceSubject+e.Instance && e.Slots >= 0 {
			c.hear(e)
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to executors: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	_ = b.nc.Publish(callSubject, nil)
	for ctx.Err() == nil {
		wait(ctx, announceEvery)
		c.forget()
	}
	return nil
}

// heard is what an executor told last, and when.
type heard struct {
	Executor
	at time.Time
}

// census is the executors that there are.
type census struct {
	mu      sync.Mutex
	seen    map[string]heard
	changed func(executors, slots int)
}

func (c *census) hear(e Executor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, known := c.seen[e.Instance]
	if e.Gone {
		delete(c.seen, e.Instance)
	} else {
		c.seen[e.Instance] = heard{e, time.Now()}
	}
	if known != !e.Gone || before.Slots != e.Slots {
		c.tell()
	}
}

func (c *census) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := false
	for name, e := range c.seen {
		if time.Since(e.at) > announceLost {
			delete(c.seen, name)
			lost = true
		}
	}
	if lost {
		c.tell()
	}
}

// tell reports the sums. c.mu is held.
func (c *census) tell() {
	slots := 0
	for _, e := range c.seen {
		slots += e.Slots
	}
	c.changed(len(c.seen), slots)
}

// Why is why runs are queued, as the orchestrator that dispatches knows it now; a run that it does not know to be queued
// is missing. ErrNotFound: there is no such orchestrator.
func (b *Bus) Why(ctx context.Context, runs []event.RunID) (map[event.RunID]event.Waiting, error) {
	data, err := json.Marshal(runs)
	if err != nil {
		return nil, fmt.Errorf("encode a question: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, whyTimeout)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, whySubject, data)
	if err != nil && neverSent(err) && b.nc.IsConnected() {
		return nil, fmt.Errorf("ask why runs wait: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("ask why runs wait: %w: %w", ErrUnavailable, err)
	}
	var all map[event.RunID]event.Waiting
	return all, decode(m.Data, "the answer why runs wait", &all)
}

// AnswerWhy answers what Why asks until ctx ends. why is asked for each run; ok is false for one that is not queued.
func (b *Bus) AnswerWhy(ctx context.Context, why func(event.RunID) (w event.Waiting, ok bool)) error {
	sub, err := b.nc.Subscribe(whySubject, func(m *nats.Msg) {
		var runs []event.RunID
		if json.Unmarshal(m.Data, &runs) != nil {
			return
		}
		all := map[event.RunID]event.Waiting{}
		for _, id := range runs {
			if w, ok := why(id); ok {
				all[id] = w
			}
		}
		if data, err := json.Marshal(all); err == nil {
			_ = m.Respond(data)
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", whySubject, err)
	}
	<-ctx.Done()
	return sub.Unsubscribe()
}
