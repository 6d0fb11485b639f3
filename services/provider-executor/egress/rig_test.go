package egress_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/shared/netguard"
	"golang.org/x/net/dns/dnsmessage"
)

func prefixes(t testing.TB, value string) []netip.Prefix {
	t.Helper()
	p, err := netguard.ParsePrefixes(value)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	thisMachine = "127.0.0.0/8,::1/128"
	everywhere  = "0.0.0.0/0,::/0"
)

// run starts an egress that ends with the test.
func run(t testing.TB, cfg egress.Config) *egress.Egress {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e, err := egress.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return e
}

// open starts the proxy of a run that may reach the domains, all if none is given.
func open(t testing.TB, e *egress.Egress, domains ...string) *egress.Proxy {
	t.Helper()
	d, err := netguard.ParseDomains(domains)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Admit(t.Context(), egress.Policy{Domains: d})
	t.Cleanup(p.Close)
	return p
}

// sink is a server that counts what arrives, down to the connection.
type sink struct {
	*httptest.Server
	port  string
	conns atomic.Int64
}

func listen(t testing.TB, addr string, h http.Handler) *sink {
	t.Helper()
	s := &sink{Server: httptest.NewUnstartedServer(h)}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Listener.Close()
	s.Listener = ln
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(ln.Addr().String())
	return s
}

func hello(t testing.TB) *sink {
	return listen(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
}

// client uses the proxy for every request, loopback too, and follows no redirect.
func client(t testing.TB, p *egress.Proxy) *http.Client {
	t.Helper()
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addr()})}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks the proxy for url, as written.
func get(t testing.TB, p *egress.Proxy, url string) (status int, body string) {
	t.Helper()
	return ask(t, p, "GET "+url+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

func connect(t testing.TB, p *egress.Proxy, to string) (status int, body string) {
	t.Helper()
	return ask(t, p, "CONNECT "+to+" HTTP/1.1\r\nHost: "+to+"\r\n\r\n")
}

func ask(t testing.TB, p *egress.Proxy, request string) (status int, body string) {
	t.Helper()
	c := dial(t, p.Addr())
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	if resp.StatusCode == http.StatusOK && resp.ContentLength < 0 {
		return resp.StatusCode, "" // a tunnel
	}
	text, _ := io.ReadAll(resp.Body)
	_ = c.Close()
	return resp.StatusCode, string(text)
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// resolver answers from a DNS server of the test's: answer gets the name, without its final dot, and the number of
// questions before this one.
func resolver(t testing.TB, answer func(name string, n int) []string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for n := 0; ; n++ {
			size, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			reply(&m, answer, n)
			packed, _ := m.Pack()
			_, _ = server.WriteTo(packed, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func reply(m *dnsmessage.Message, answer func(string, int) []string, n int) {
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	name := q.Name.String()
	for _, a := range answer(name[:len(name)-1], n) {
		addr := netip.MustParseAddr(a)
		if q.Type == dnsmessage.TypeA && addr.Is4() {
			header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		}
	}
}
