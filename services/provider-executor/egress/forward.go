package egress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/panics"
)

// connect carries bytes between the browser and a server.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request, to endpoint) {
	server, err := p.dial(r.Context(), to)
	if err != nil {
		p.refuse(w, to, err)
		return
	}
	defer server.Close()
	browser, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.policy.Log.Error("take over a connection", "error", err)
		return
	}
	defer browser.Close()
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what the browser sent without waiting
	if _, err := io.WriteString(browser, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	if _, err := server.Write(early); err != nil {
		return
	}
	tunnel(browser, server)
}

// tunnel copies both ways until either side ends, or nothing has passed for tunnelTimeout.
func tunnel(a, b net.Conn) {
	alive := func() {
		deadline := time.Now().Add(tunnelTimeout)
		_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	}
	relay := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buffer := make([]byte, bufferSize)
		for {
			alive()
			n, err := from.Read(buffer)
			if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	var both panics.Group
	both.Go(func() { relay(a, b) })
	both.Go(func() { relay(b, a) })
	both.Wait() // a panic ends this connection only: the server of the proxy catches it
}

// newDirect forwards plain HTTP requests, WebSocket upgrades included. ReverseProxy removes the hop-by-hop headers,
// those for a proxy among them; all else arrives as the browser sent it.
func (p *Proxy) newDirect() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			Proxy: nil, DisableCompression: true, MaxIdleConns: maxIdleConns, IdleConnTimeout: idleTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				to, err := parseEndpoint(addr)
				if err != nil {
					return nil, err
				}
				return p.dial(ctx, to)
			},
		},
		FlushInterval: -1, // streams arrive as they are sent
		ErrorLog:      slog.NewLogLogger(p.policy.Log.Handler(), slog.LevelDebug),
		Rewrite:       rewrite,
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusProxyAuthRequired {
				return errPosing
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if to, bad := destination(r); bad == nil {
				p.refuse(w, to, err)
			}
		},
	}
}

// errPosing is for a server that pretends to be the proxy, to be given its password.
var errPosing = errors.New("asks for the proxy's password")

func rewrite(r *httputil.ProxyRequest) {
	to, err := destination(r.In)
	if err != nil {
		return // ServeHTTP has refused it
	}
	r.Out.URL.Host = to.String()
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.URL.Opaque = rawPath(r.In.RequestURI)
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = v
		}
	}
}

// rawPath is the path as the browser wrote it: net/url would write some characters otherwise. Where it is empty, or
// would be taken for a host, net/url's own must do.
func rawPath(requestURI string) string {
	_, rest, _ := strings.Cut(requestURI, "://")
	slash := strings.IndexAny(rest, "/?")
	if slash < 0 || rest[slash] == '?' {
		return ""
	}
	path, _, _ := strings.Cut(rest[slash:], "?")
	if strings.HasPrefix(path, "//") {
		return ""
	}
	return path
}

func parseEndpoint(addr string) (endpoint, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return endpoint{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	return endpoint{host, uint16(port)}, err
}
