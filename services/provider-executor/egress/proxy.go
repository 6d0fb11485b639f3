package egress

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/shared/netguard"
)

// Bounds of one run's proxy.
const (
	maxConns      = 512              // both sides: Chromium opens 32 to a proxy, and up to 255 for WebSockets
	maxHeader     = 256 << 10        // bytes of a header, as much as Chromium takes
	maxIdleConns  = 32               // kept open to plain HTTP servers
	bufferSize    = 32 << 10         // of one direction of a tunnel
	dialTimeout   = 15 * time.Second // name, connection and all
	headerTimeout = 30 * time.Second // of a request that has begun
	idleTimeout   = 90 * time.Second // between two requests on a connection
	tunnelTimeout = 5 * time.Minute  // without a byte in either direction
)

// Proxy is the way out of one run. Its methods may be called concurrently, but for Admit.
type Proxy struct {
	egress   *Egress
	listener net.Listener
	work     sync.WaitGroup
	base     context.Context // of every request
	stop     context.CancelFunc

	// From here on: set by Admit.
	policy Policy
	dialer net.Dialer
	direct *httputil.ReverseProxy // for what is not tunnelled
	notes  notes

	mu     sync.Mutex
	server *http.Server // nil before Admit
	closed bool
	conns  map[*conn]bool
}

func newProxy(e *Egress, ln net.Listener) *Proxy {
	p := &Proxy{egress: e, listener: ln, conns: map[*conn]bool{}}
	p.base, p.stop = context.WithCancel(context.Background())
	return p
}

// Admit lets through what policy allows, from now on. It is called at most once, before the run's first request.
func (p *Proxy) Admit(ctx context.Context, policy Policy) {
	if policy.Log == nil {
		policy.Log = p.egress.cfg.Log
	}
	own := p.egress.resolveOwn(ctx)
	guard := netguard.New(p.egress.cfg.Allow, func() []netip.AddrPort { return slices.Concat(own, p.egress.listeners()) })
	p.policy = policy
	p.notes.counted, p.notes.log = p.egress.cfg.Counted, policy.Log
	p.dialer = net.Dialer{Timeout: dialTimeout, Resolver: p.egress.cfg.Resolver, ControlContext: guard.Control}
	p.direct = p.newDirect()
	server := &http.Server{
		Handler: p, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return p.base },
		ErrorLog:    slog.NewLogLogger(policy.Log.Handler(), slog.LevelDebug),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.server = server
	p.work.Go(func() {
		if err := server.Serve(listener{p.listener, p}); !errors.Is(err, http.ErrServerClosed) {
			p.policy.Log.Error("serve the run's proxy", "error", err)
		}
	})
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Refused returns what got no connection since the last call, each host once.
func (p *Proxy) Refused() []Refusal { return p.notes.drain() }

// Close ends every connection of the run at once and waits until nobody works on one. It is idempotent.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	conns, server := p.conns, p.server
	p.conns = nil
	p.mu.Unlock()
	p.stop()
	if server != nil {
		_ = server.Close()
	}
	_ = p.listener.Close()
	for c := range conns {
		_ = c.Close()
	}
	p.work.Wait()
	p.egress.forget(p)
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		http.Error(w, "The run has ended.", http.StatusServiceUnavailable)
		return
	}
	defer p.work.Done()
	to, err := destination(r)
	if err != nil {
		http.Error(w, "This is no request for a proxy: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !p.policy.Domains.Allow(to.host, to.port) {
		p.refuse(w, to, errDomain)
		return
	}
	if r.Method == http.MethodConnect {
		p.connect(w, r, to)
		return
	}
	p.direct.ServeHTTP(w, r)
}

func (p *Proxy) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

// endpoint is where a request wants to go, its host canonical.
type endpoint struct {
	host string
	port uint16
}

func (e endpoint) String() string {
	return net.JoinHostPort(e.host, strconv.Itoa(int(e.port)))
}

func destination(r *http.Request) (endpoint, error) {
	u := *r.URL
	fallback := "80"
	switch {
	case r.Method == http.MethodConnect:
		fallback = "" // CONNECT names the port
	case u.Scheme != "http":
		return endpoint{}, errors.New("only CONNECT and http:// addresses are taken")
	}
	name, service := u.Hostname(), u.Port()
	if strings.HasPrefix(u.Host, "[") {
		name = "[" + name + "]"
	}
	if service == "" {
		service = fallback
	}
	host, err := netguard.CanonicalHost(name)
	if err != nil {
		return endpoint{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return endpoint{}, errors.New("the port is none")
	}
	return endpoint{host, uint16(port)}, nil
}

// dial connects to an endpoint at an address that the guard lets through.
func (p *Proxy) dial(ctx context.Context, to endpoint) (net.Conn, error) {
	if strings.HasSuffix(to.host, ".localhost") {
		to.host = "localhost" // as browsers have it, whatever DNS says
	}
	c, err := p.dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return p.track(c)
}
