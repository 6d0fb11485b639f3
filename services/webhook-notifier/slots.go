package notifier

import (
	"context"
	"sync"
	"time"
)

// How enter waits for a place: enough of them wait, and long enough, that a burst of webhooks to a quick receiver
// passes one after the other; few and short enough that those of a slow one leave room for all others.
const (
	patience   = 250 * time.Millisecond
	maxWaiting = 120 // under one key
)

// slots bounds who is at work under the same key. It is safe for concurrent use.
type slots struct {
	mu    sync.Mutex
	limit int
	keys  map[string]*slot
}

// slot is a key that is in use.
type slot struct {
	taken chan struct{}
	users int // who is in or waits
}

func newSlots(limit int) *slots { return &slots{limit: limit, keys: map[string]*slot{}} }

// enter takes a place under the key until leave is called; ok is false where none got free in time, or too many
// wait for one.
func (s *slots) enter(ctx context.Context, key string) (leave func(), ok bool) {
	k := s.use(key)
	if k == nil {
		return nil, false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case k.taken <- struct{}{}:
		return func() { <-k.taken; s.release(key) }, true
	case <-timer.C:
	case <-ctx.Done():
	}
	s.release(key)
	return nil, false
}

// use counts one more user of the key; nil where it has too many.
func (s *slots) use(key string) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil {
		k = &slot{taken: make(chan struct{}, s.limit)}
		s.keys[key] = k
	}
	if k.users == s.limit+maxWaiting {
		return nil
	}
	k.users++
	return k
}

func (s *slots) release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key].users--; s.keys[key].users == 0 {
		delete(s.keys, key)
	}
}
