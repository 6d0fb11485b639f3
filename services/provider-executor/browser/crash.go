package browser

import (
	"context"
	"fmt"
	"slices"
)

// crash is the end of the active tab's renderer, until an action or an observation has told of it.
type crash struct {
	tab, address string
	why          string // behind "crashed", if it is known
	again        bool   // the page has crashed before, or would only grow too large again
	reopened     bool   // its address was opened again
}

func newCrash(t *tab, why string, before bool) *crash {
	_, err := address(t.doc.url)
	return &crash{tab: t.id, address: t.doc.url, why: why, again: before || why != "" || err != nil || t.doc.url == blankPage}
}

const blankPage = "about:blank"

// Error is the same for every action.
func (c *crash) Error() string {
	if c.reopened {
		return fmt.Sprintf("%s%s and was opened again at %s: what was typed there is lost; use the page as it is shown next", ErrPageCrashed, c.why, c.address)
	}
	return fmt.Sprintf("%s%s; it was not opened again: navigate elsewhere", ErrPageCrashed, c.why)
}

func (c *crash) Unwrap() error { return ErrPageCrashed }

// current returns the active tab for an action, opening one if the last was lost. That the active one crashed is told once.
func (s *Session) current(ctx context.Context) (*tab, error) {
	t, err := s.present(ctx)
	if err != nil {
		return nil, err
	}
	if told := s.tellCrash(); told != nil {
		return nil, told
	}
	return t, nil
}

// present returns the active tab for a look. One that crashed is opened again at its address, unless it crashed there before.
func (s *Session) present(ctx context.Context) (*tab, error) {
	s.mu.Lock()
	t, crashed, heavy := s.active, s.crashed, s.heavy
	s.mu.Unlock()
	switch {
	case heavy >= maxHeavy:
		return nil, ErrPageTooHeavy
	case crashed != nil && crashed.again:
		return nil, s.tellCrash()
	case crashed != nil && !crashed.reopened:
		return s.openAgain(ctx, crashed)
	case t != nil:
		return t, nil
	}
	return s.openTab(ctx)
}

// openAgain opens the address of a tab that crashed in a new one.
func (s *Session) openAgain(ctx context.Context, c *crash) (*tab, error) {
	if err := s.gate(); err != nil {
		return nil, err
	}
	t, err := s.openTab(ctx)
	if err != nil {
		return nil, err
	}
	s.change(func() {
		c.reopened = true
		s.notices = append(s.notices, fmt.Sprintf("%s is open again in tab %s; what was typed there is lost", c.address, t.id))
	})
	var answer struct {
		LoaderID string `json:"loaderId"`
	}
	if err := t.target.Call(ctx, "Page.navigate", map[string]any{"url": c.address}, &answer); err != nil {
		return t, nil // the next call to the page tells what is wrong with it
	}
	limited, cancel := context.WithTimeout(ctx, navigateLimit)
	defer cancel()
	_ = s.await(limited, func() bool { return t.target.Err() != nil || t.came[answer.LoaderID] && t.doc.ready })
	return t, nil
}

// tellCrash returns the crash that nobody was told of yet, nil for none.
func (s *Session) tellCrash() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crashed == nil {
		return nil
	}
	told := s.crashed
	s.crashed = nil
	return told
}

// crash waits until a crashed tab is taken out, opens its address again, and tells of it.
func (s *Session) crash(ctx context.Context, t *tab) error {
	if err := s.await(ctx, func() bool { return !slices.Contains(s.tabs, t) }); err != nil {
		return err
	}
	_, err := s.current(ctx)
	if err == nil { // another tab is the active one by now
		return ErrPageCrashed
	}
	return err
}

// crashedUnder is crash for a look: it goes on with the page that was opened again, and the next action tells of it.
func (s *Session) crashedUnder(ctx context.Context, t *tab) error {
	if err := s.await(ctx, func() bool { return !slices.Contains(s.tabs, t) }); err != nil {
		return err
	}
	_, err := s.present(ctx)
	return err
}
