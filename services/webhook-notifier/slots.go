package notifier

import "sync"

// slots counts who is at work under each key, up to a limit. It is safe for concurrent use.
type slots struct {
	mu    sync.Mutex
	limit int
	taken map[string]int
}

func newSlots(limit int) *slots { return &slots{limit: limit, taken: map[string]int{}} }

// enter takes a slot of the key until leave is called; ok is false where none is free.
func (s *slots) enter(key string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key] == s.limit {
		return nil, false
	}
	s.taken[key]++
	return func() { s.leave(key) }, true
}

func (s *slots) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key]--; s.taken[key] == 0 {
		delete(s.taken, key)
	}
}
