package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/panics"
)

const (
	maxTabs    = 10              // a page that opens more is not let
	maxHeavy   = 3               // pages that grow too large, after which the session is over
	crashDelay = 2 * time.Second // at most, from the end of a renderer to the browser's word of it
)

// SessionOptions shape one session.
type SessionOptions struct {
	// UserAgent replaces Chromium's own; empty keeps it.
	UserAgent string
	// AllowedDomains are the hosts that may be reached; empty: every public one.
	AllowedDomains netguard.Domains
	// Files are what may be uploaded, and take what is downloaded or written; nil:
	// nothing is. A remote browser is given nothing and downloads nothing.
	Files Files
	// AllowEvaluate lets the model run code in pages, as long as there are no Secrets.
	AllowEvaluate bool
	// Gate is asked before each input to the browser. Its error stops the action
	// and is returned, wrapped. nil: always open.
	Gate func() error
	// Log names the run in the lines about what it was refused; nil: the engine's.
	Log *slog.Logger
	// Panicked is given the *panics.Error of a goroutine that works for the session: the
	// session is of no use any more. nil: it is only logged.
	Panicked func(error)
	// Eager is for a replay, which looks for the next element itself until it is there: Do does not wait for requests
	// nor for a quiet DOM, only for a document that the action has asked for.
	Eager bool
	// Alone gives the session a Chromium of its own also where others share one: if it ends again, the culprit is known.
	Alone bool
	// Restore is the state of an earlier session that this one goes on with; nil: it begins with nothing.
	Restore *State
	// Ledger is asked whether what changes something may be sent, and is told before it is; nil: everything may.
	Ledger *effects.Ledger
	// Digest gives the digest of a body for the ledger; nil: it has none.
	Digest func([]byte) string
	// Secrets are put in where an action asks for them, and masked in everything that
	// comes back from the browser. nil: there are none.
	Secrets *secret.Set
}

// Session is one isolated browser context with its tabs. Observe, Do, Screenshot and
// Content take turns; Close may be called at any moment.
type Session struct {
	browser   *instance
	contextID string
	options   SessionOptions
	proxy     *egress.Proxy // nil: a remote browser that goes its own way
	folder    *folder       // nil: no files pass
	patience  time.Duration // see limits.effect
	turn      chan struct{} // full while somebody uses the page
	closed    chan struct{}
	closing   sync.Once
	work      sync.WaitGroup // serves and adopts tabs

	mu       sync.Mutex
	bell     chan struct{} // closed and replaced whenever something below changes
	targets  map[*cdp.Session]bool
	tabs     []*tab
	active   *tab            // nil only between the loss of the last tab and the next use
	opening  int             // tabs met and not yet adopted
	tabCount int             // tabs ever adopted
	expected int             // tabs that the page has opened and that are not met yet
	watching bool            // an action is on its way, and its requests are followed
	sent     bool            // the page has sent something since the action began
	holding  bool            // requests are held until they are written down
	writing  int             // requests that are held for that
	outgoing []outgoing      // what the action at work has sent
	stops    []string        // why something of it was not sent
	acting   bool            // an action was carried out since the last observation
	crashed  *crash          // of the active tab, while nobody was told yet
	fragile  map[string]bool // addresses of pages that have crashed, without their queries
	heavy    int             // pages that had grown too large
	felled   time.Time       // when the last of them was ended
	dialogs  []string
	notices  []string
	told     map[egress.Refusal]bool // was a notice once
	frames   map[string]bool         // ids of tabs ever adopted, and of their cross-site frames
	unsaved  unsaved                 // what became of leaving a page that asks to be stayed on
	down     heldKeys                // keys that are down until they are released
	shot     *shot                   // the last picture that the model was shown; nil: none
	chooser  *chooser                // a file dialog that the page wants, since the action began

	downloads  []*download // not yet collected
	downloaded int         // ever begun

	refs    refs    // used by whoever has the turn
	origins origins // used by whoever has the turn

	restored Restored // does not change after begin
}

func newSession(b *instance, contextID string) *Session {
	return &Session{
		browser:   b,
		contextID: contextID,
		patience:  b.limits.effect,
		turn:      make(chan struct{}, 1),
		closed:    make(chan struct{}),
		bell:      make(chan struct{}),
		told:      map[egress.Refusal]bool{},
		targets:   map[*cdp.Session]bool{},
		fragile:   map[string]bool{},
		frames:    map[string]bool{},
		origins:   origins{known: map[string]OriginState{}, tracked: map[string]bool{}},
		refs:      refs{worlds: map[int]*world{}, elements: map[int]reference{}},
	}
}

// open makes the first tab. Nothing of a run is known yet.
func (s *Session) open(ctx context.Context) error {
	if err := s.allowDownloads(ctx); err != nil {
		return err
	}
	_, err := s.openTab(ctx)
	return err
}

// begin makes a prepared session that of a run.
func (s *Session) begin(ctx context.Context, o SessionOptions) error {
	folder, err := s.browser.newFolder(o)
	if err != nil {
		return err
	}
	s.browser.mu.Lock()
	s.folder = folder // which the browser's downloads look for
	s.browser.mu.Unlock()
	s.change(func() { s.options, s.watching = o, o.Eager })
	if err := s.guard(ctx); err != nil {
		return fmt.Errorf("guard what was sent before: %w", err)
	}
	if o.Restore != nil {
		if err := s.putBack(ctx, o.Restore); err != nil {
			return fmt.Errorf("restore cookies and storage: %w", err)
		}
	}
	if s.proxy != nil {
		s.proxy.Admit(ctx, egress.Policy{Domains: o.AllowedDomains, Log: o.Log})
	}
	if folder != nil {
		if err := s.allowDownloads(ctx); err != nil {
			return err
		}
	}
	t, err := s.current(ctx)
	if err != nil {
		return err
	}
	if err := run(t.target, t.common()); err != nil || o.Restore == nil {
		return err
	}
	return s.reopen(ctx, o.Restore)
}

// Close disposes the context with all its tabs, or ends the Chromium that was for this session
// alone. It is idempotent, and closing the session of a lost browser is no error.
func (s *Session) Close(ctx context.Context) error {
	var err error
	s.closing.Do(func() {
		close(s.closed)
		s.browser.forget(s)
		closeProxy(s.proxy)
		err = s.browser.dispose(context.WithoutCancel(ctx), s.contextID)
	})
	s.hangUp()
	s.work.Wait()
	s.folder.remove()
	if err != nil && !errors.Is(err, cdp.ErrClosed) {
		return fmt.Errorf("dispose browser context: %w", err)
	}
	return nil
}

// hangUp ends the CDP sessions of targets whose end the browser has not told yet.
func (s *Session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for target := range s.targets {
		target.Fail(cdp.ErrDetached)
	}
}

// serve handles a target's events until its end.
func (s *Session) serve(target *cdp.Session, handle func(cdp.Event), ended func()) {
	s.mu.Lock()
	s.targets[target] = true
	s.mu.Unlock()
	s.start(func() {
		target.Serve(handle)
		s.mu.Lock()
		delete(s.targets, target)
		s.mu.Unlock()
		ended()
	})
}

// start runs a goroutine of the session's. Close waits for it.
func (s *Session) start(do func()) {
	s.work.Go(func() {
		err := panics.Catch(do)
		if err == nil {
			return
		}
		s.browser.logPanic(err)
		if s.options.Panicked != nil {
			s.options.Panicked(err)
		}
	})
}

// take waits for the turn; the caller must run what it returns.
func (s *Session) take(ctx context.Context) (func(), error) {
	select {
	case <-s.closed:
		return nil, errClosed
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-s.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// change runs f under the session's lock and wakes whoever waits for a change.
func (s *Session) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.bell)
	s.bell = make(chan struct{})
}

// await returns when condition, which is asked under the session's lock, holds.
func (s *Session) await(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		holds, bell := condition(), s.bell
		s.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-bell:
		case <-s.browser.conn.Done():
			return cdp.ErrClosed
		case <-s.closed:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openTab opens an empty tab and makes it the active one.
func (s *Session) openTab(ctx context.Context) (*tab, error) {
	var created struct {
		TargetID string `json:"targetId"`
	}
	s.mu.Lock()
	first := len(s.tabs) == 0
	s.mu.Unlock()
	params := map[string]any{"url": "about:blank", "browserContextId": s.contextID, "newWindow": first}
	if err := s.browser.conn.Root.Call(ctx, "Target.createTarget", params, &created); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	var opened *tab
	err := s.await(limited, func() bool {
		i := slices.IndexFunc(s.tabs, func(t *tab) bool { return t.targetID == created.TargetID })
		if i < 0 {
			return false
		}
		opened = s.tabs[i]
		return true
	})
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = cdp.ErrTimeout
	}
	if err != nil {
		return nil, fmt.Errorf("adopt tab: %w", err)
	}
	return opened, s.activate(ctx, opened)
}

// adopt takes in a tab that waits for its first request: one that we opened, or one
// that a page did. It returns at once.
func (s *Session) adopt(target *cdp.Session, info targetInfo) {
	t := &tab{session: s, target: target, targetID: info.TargetID, requests: map[string]bool{}, came: map[string]bool{}, frames: map[*cdp.Session]string{}, worlds: map[string]string{}, databases: map[string]bool{}}
	t.doc.url, t.doc.ready = info.URL, true
	if !s.admit() {
		s.discard(t)
		return
	}
	s.change(func() {
		s.frames[info.TargetID] = true
		if info.OpenerID != "" {
			s.expected = max(0, s.expected-1)
		}
	})
	s.serve(target, t.handle, func() { s.lose(t) })
	s.start(func() {
		err := t.prepare()
		s.change(func() {
			s.opening--
			if err != nil {
				return
			}
			s.tabCount++
			t.id = "t" + strconv.Itoa(s.tabCount)
			s.tabs = append(s.tabs, t)
			if info.OpenerID != "" {
				s.active = t
				s.notices = append(s.notices, fmt.Sprintf("the page opened tab %s, which is active now", t.id))
			}
		})
		if err != nil && target.Err() == nil {
			s.browser.log.Warn("a tab could not be adopted", "error", err)
			s.discard(t)
		}
	})
}

// admit counts a tab in, unless a page has opened too many.
func (s *Session) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tabs)+s.opening >= maxTabs {
		if len(s.notices) < maxTabs {
			s.notices = append(s.notices, fmt.Sprintf("a further tab was closed at once: %d are open", maxTabs))
		}
		return false
	}
	s.opening++
	return true
}

// lose takes out a tab that was closed or has crashed.
func (s *Session) lose(t *tab) {
	crashed := errors.Is(t.target.Err(), ErrPageCrashed)
	var why string
	if crashed {
		s.discard(t)
		why = s.outgrown()
	}
	s.change(func() {
		i := slices.Index(s.tabs, t)
		if i < 0 {
			return
		}
		s.tabs = slices.Delete(s.tabs, i, i+1)
		if s.active == t && crashed {
			s.crashed = newCrash(t, why, s.fragile[unasked(t.doc.url)])
		}
		if crashed {
			s.fragile[unasked(t.doc.url)] = true
			s.notices = append(s.notices, fmt.Sprintf("tab %s crashed at %s and was closed%s", t.id, t.doc.url, why))
		}
		if s.active != t {
			return
		}
		s.active = nil
		if len(s.tabs) > 0 {
			s.active = s.tabs[min(i, len(s.tabs)-1)]
		}
	})
}

// crashedAt reports whether the tab shows a page that has crashed in this session.
func (s *Session) crashedAt(t *tab) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fragile[unasked(t.doc.url)]
}

// outgrown adds to the word of a crash that the page had grown too large, if it had, and counts it.
func (s *Session) outgrown() string {
	at := s.browser.felledAt()
	if time.Since(at) > crashDelay {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.Equal(s.felled) { // several tabs may have lived in one process
		s.felled = at
		s.heavy++
	}
	return fmt.Sprintf(": it used more than %d MiB of memory", s.browser.pageMemory>>20)
}

func (s *Session) discard(t *tab) {
	s.browser.conn.Root.Start("Target.closeTarget", map[string]any{"targetId": t.targetID}).Forget()
}

func (s *Session) activate(ctx context.Context, t *tab) error {
	s.change(func() { s.active = t })
	return t.target.Call(ctx, "Page.bringToFront", nil, nil)
}

// gate asks whether input may still be given to the browser.
func (s *Session) gate() error {
	if s.options.Gate == nil {
		return nil
	}
	if err := s.options.Gate(); err != nil {
		return gateError{err}
	}
	return nil
}
