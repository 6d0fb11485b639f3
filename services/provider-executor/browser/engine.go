// Package browser runs Chromium for the agent: it launches and isolates, shows a
// page as the text that the model reads, and carries out the model's actions with
// real input events.
//
// An Engine owns the browsers. Each run gets a Session: a Chromium of its own, which
// was started ahead and ends with it, or, as a setting, a browser context of its own
// in a Chromium that it shares with others. What the page contains is data: the walker
// that reads it lives in an isolated world, and an element is acted on only while it is
// still what the model was shown.
package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/services/provider-executor/egress"
)

// Config says which browser an Engine uses. The zero value is usable.
type Config struct {
	// Chromium is the path of the binary; empty: the usual places are searched.
	Chromium string
	// CDPURL is the ws:// or http:// address of a remote browser, used instead of
	// processes of our own. All sessions share it.
	CDPURL string
	// Shared puts the sessions into one Chromium: less memory and CPU, but a page that
	// floods its browser stops the others in it. False: each session has its own.
	Shared bool
	// PageMemory bounds, in bytes, each process that shows pages, and twice as much all
	// processes of a session's own Chromium; 0: DefaultPageMemory. Linux only.
	PageMemory int64
	// AllowRootNoSandbox permits a Chromium without its sandbox where one with it
	// does not start.
	AllowRootNoSandbox bool
	// Egress is the way to the network. Its Listen is for a remote browser, which has
	// no network policy without it.
	Egress egress.Config
	// Log gets what no caller can be told; nil: slog.Default().
	Log *slog.Logger
}

// DefaultPageMemory is what a page may use where nothing else is said, in bytes.
const DefaultPageMemory = 1 << 30

// own reports whether each session has a Chromium of its own.
func (c Config) own() bool { return c.CDPURL == "" && !c.Shared }

// Engine hands out sessions. It starts browsers, ends them, and replaces those that
// have died. Its methods may be called concurrently.
type Engine struct {
	cfg     Config
	temp    string // the directory of all profiles
	limits  limits
	network *egress.Egress // set by Run
	wanted  chan request
	ended   chan struct{}
	burying sync.WaitGroup // one for each browser until nothing of it is left

	mu       sync.Mutex
	browsers map[*instance]bool
	fault    error // of the last try to prepare a session
	losses   []loss
}

// New returns an Engine; nothing happens before Run.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.PageMemory == 0 {
		cfg.PageMemory = DefaultPageMemory
	}
	e := &Engine{
		cfg: cfg, temp: os.TempDir(), limits: ordinary, wanted: make(chan request), ended: make(chan struct{}),
		browsers: map[*instance]bool{},
	}
	if cfg.own() {
		e.limits.sessions, e.limits.ahead = 1, true
	}
	return e
}

// Run owns the browsers. It returns nil after ctx has ended and everything it started
// is killed; sessions still open then fail with ErrBrowserGone. It is called once.
// Errors: what is wrong with Config.Egress, at once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.ended)
	var err error
	if e.network, err = egress.New(e.egress()); err != nil {
		return fmt.Errorf("open the way to the network: %w", err)
	}
	if e.cfg.unrouted() {
		e.cfg.Log.Warn("no network policy applies to the browser of ERRAND_CDP_URL: its runs reach private addresses and whatever else it reaches; " +
			"set ERRAND_PROXY_LISTEN to an address of this executor that the browser can reach")
	}
	routing, stop := context.WithCancel(context.WithoutCancel(ctx))
	routed := make(chan error, 1)
	go func() { routed <- e.network.Run(routing) }()
	e.prepareAll(ctx)
	e.endAll()
	stop()
	return <-routed
}

// egress is the configuration of the network. A browser of our own always finds the
// proxies on loopback.
func (e *Engine) egress() egress.Config {
	cfg := e.cfg.Egress
	if e.cfg.CDPURL == "" {
		cfg.Listen = ""
	}
	if cfg.Log == nil {
		cfg.Log = e.cfg.Log
	}
	return cfg
}

// Ready reports why the last try to prepare a session has failed, nil if it has not.
// The engine goes on trying.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fault
}

// NewSession gives a session with one tab at about:blank. It waits for Run and, where
// none is prepared, for a browser. The caller closes the session.
// Errors: ErrNoBrowser, ErrNotStarted, ErrBrowserGone, ErrUnenforceable, ctx's, or what
// is wrong with o.
func (e *Engine) NewSession(ctx context.Context, o SessionOptions) (*Session, error) {
	if e.cfg.unrouted() && (len(o.AllowedDomains) > 0 || !o.Secrets.Empty()) {
		return nil, ErrUnenforceable
	}
	for attempt := 1; ; attempt++ {
		s, err := e.prepared(ctx, o.Alone)
		if err != nil {
			return nil, err
		}
		if err = s.begin(ctx, o); err == nil {
			return s, nil
		}
		unusable := errors.Is(err, cdp.ErrTimeout) || errors.Is(err, cdp.ErrClosed)
		if unusable && ctx.Err() == nil {
			s.browser.wear()
		}
		_ = s.Close(context.WithoutCancel(ctx))
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !unusable:
			return nil, fmt.Errorf("open session: %w", err)
		case attempt == 2:
			return nil, fmt.Errorf("%w: open session: %w", ErrBrowserGone, err)
		}
	}
}

// prepared waits for a session that nobody uses yet.
func (e *Engine) prepared(ctx context.Context, alone bool) (*Session, error) {
	answer := make(chan response)
	select {
	case e.wanted <- request{ctx, alone, answer}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.ended:
		return nil, ErrBrowserGone
	}
	select {
	case r := <-answer:
		return r.session, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
