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

// Proxy is the way out of one run. Its methods may be called concurrently.
type Proxy struct {
	egress *Egress
	policy Policy
	dialer net.Dialer
	server *http.Server
	direct *httputil.ReverseProxy // for what is not tunnelled
	addr   string
	notes  notes
	stop   context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[*conn]bool
}

func newProxy(e *Egress, policy Policy, own []netip.AddrPort) *Proxy {
	if policy.Log == nil {
		policy.Log = e.cfg.Log
	}
	guard := netguard.New(e.cfg.Allow, func() []netip.AddrPort { return slices.Concat(own, e.listeners()) })
	p := &Proxy{
		egress: e, policy: policy, conns: map[*conn]bool{}, notes: notes{counted: e.cfg.Counted, log: policy.Log},
		dialer: net.Dialer{Timeout: dialTimeout, Resolver: e.cfg.Resolver, ControlContext: guard.Control},
	}
	p.direct = p.newDirect()
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.server = &http.Server{
		Handler: p, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(policy.Log.Handler(), slog.LevelDebug),
	}
	return p
}

func (p *Proxy) serve(ln net.Listener) {
	p.addr = ln.Addr().String()
	p.work.Go(func() {
		if err := p.server.Serve(listener{ln, p}); !errors.Is(err, http.ErrServerClosed) {
			p.policy.Log.Error("serve the run's proxy", "error", err)
		}
	})
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.addr }

// Refused returns what got no connection since the last call, each host once.
func (p *Proxy) Refused() []Refusal { return p.notes.drain() }

// Close ends every connection of the run at once and waits until nobody works on one. It is idempotent.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	p.stop()
	_ = p.server.Close()
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
