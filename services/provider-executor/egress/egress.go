// Package egress is the network policy of runs, below the browser: one HTTP proxy for each run, through which all of
// its traffic goes. It knows hosts, ports and addresses; what is inside of TLS it neither sees nor needs to.
//
// A host must be one of the run's allowed domains. Each address that it resolves to is checked as it is dialled, so
// that neither a redirect nor a name that changes its address leads into the private network, to cloud metadata or to
// the platform's own listeners.
package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/errand-run/errand/shared/netguard"
)

// Config is what the proxies of all runs share. The zero value is usable.
type Config struct {
	// Allow are ranges that may be reached although they are private.
	Allow []netip.Prefix
	// Own are the host:port of the platform's own listeners, which no run ever reaches. Names are resolved anew for
	// each run. The proxies themselves need not be named.
	Own []string
	// Listen is the host on whose free ports the runs' proxies listen; empty: 127.0.0.1.
	Listen string
	// Resolver finds the addresses of hosts; nil: net.DefaultResolver.
	Resolver *net.Resolver
	// Counted is told of each request that got no connection, by why; nil: nobody is told.
	Counted func(class string)
	// Log gets one line for each refusal that a run has not had before, unless its Policy has a log; nil: slog.Default().
	Log *slog.Logger
}

const (
	loopback = "127.0.0.1"
)

// ErrEnded is the error of an Egress whose Run has returned.
var ErrEnded = errors.New("the egress proxy has ended")

// Egress opens the proxies of runs. Its methods may be called concurrently.
type Egress struct {
	cfg  Config
	deny net.Listener

	mu      sync.Mutex
	ended   bool
	proxies map[*Proxy]netip.AddrPort
}

// New checks the configuration and takes the port of the proxy that refuses everything. Run must be called, once, and
// gives the port back.
func New(cfg Config) (*Egress, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Counted == nil {
		cfg.Counted = func(string) {}
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Listen == "" {
		cfg.Listen = loopback
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	deny, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy that refuses everything: %w", err)
	}
	return &Egress{cfg: cfg, deny: deny, proxies: map[*Proxy]netip.AddrPort{}}, nil
}

func (c Config) check() error {
	if err := netguard.Listeners(c.Own).Check(); err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(c.Listen); err == nil && addr.IsUnspecified() {
		return fmt.Errorf("proxies cannot listen on %s: name one address, at which the browser finds them", c.Listen)
	}
	probe, err := net.Listen("tcp", net.JoinHostPort(c.Listen, "0"))
	if err != nil {
		return fmt.Errorf("listen for proxies on %s, which ERRAND_PROXY_LISTEN names: %w", c.Listen, err)
	}
	return probe.Close()
}

// DenyAll is the host:port of a proxy that refuses everything: for all traffic that belongs to no run.
func (e *Egress) DenyAll() string { return e.deny.Addr().String() }

// Run refuses what comes to DenyAll until ctx ends; then it closes every proxy and returns nil.
func (e *Egress) Run(ctx context.Context) error {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.cfg.Log.Debug("refused traffic of no run", "host", r.Host)
		http.Error(w, "This traffic belongs to no run.", http.StatusForbidden)
	})
	server := &http.Server{Handler: refuse, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err := server.Serve(e.deny)
	e.end()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the proxy that refuses everything: %w", err)
	}
	return nil
}

func (e *Egress) end() {
	e.mu.Lock()
	e.ended = true
	var open []*Proxy
	for p := range e.proxies {
		open = append(open, p)
	}
	e.mu.Unlock()
	for _, p := range open {
		p.Close()
	}
}

// Policy is what one run may reach.
type Policy struct {
	Domains netguard.Domains // empty: every public host
	Log     *slog.Logger     // names the run; nil: Config.Log
}

// Open takes a port for the proxy of a run. Connections to it get no answer before Admit. The caller closes the proxy. Errors: ErrEnded, or that there is no port.
func (e *Egress) Open(ctx context.Context) (*Proxy, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(e.cfg.Listen, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the run's proxy: %w", err)
	}
	p := newProxy(e, ln)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		_ = ln.Close()
		return nil, ErrEnded
	}
	e.proxies[p] = addrPort(ln)
	return p, nil
}

func (e *Egress) forget(p *Proxy) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.proxies, p)
}

// listeners are those of this package.
func (e *Egress) listeners() []netip.AddrPort {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []netip.AddrPort{addrPort(e.deny)}
	for _, at := range e.proxies {
		all = append(all, at)
	}
	return all
}

func addrPort(ln net.Listener) netip.AddrPort { return ln.Addr().(*net.TCPAddr).AddrPort() }

// resolveOwn finds the addresses of the platform's listeners. One whose name has none now cannot be reached either.
func (e *Egress) resolveOwn(ctx context.Context) []netip.AddrPort {
	all, err := netguard.Listeners(e.cfg.Own).Resolve(ctx, e.cfg.Resolver)
	if err != nil {
		e.cfg.Log.Warn("resolve the platform's listeners", "error", err)
	}
	return all
}
