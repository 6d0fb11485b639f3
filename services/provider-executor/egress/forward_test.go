package egress_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/errand-run/errand/services/provider-executor/egress"
)

func TestARequestArrivesAsTheBrowserWroteItLessWhatIsForTheProxy(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := listen(t, "127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}))
	status, _ := ask(t, p, "GET http://LocalHost:"+s.port+"/a%2fb|c/%41?q=1;2&%zz HTTP/1.1\r\nHost: other.test\r\nAccept-Encoding: br\r\n"+
		"X-Forwarded-For: 1.2.3.4\r\nProxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\nX-Hop: 1\r\nConnection: close, X-Hop\r\n\r\n")
	if status != 200 {
		t.Fatal(status)
	}
	r := <-got
	if r.RequestURI != "/a%2fb|c/%41?q=1;2&%zz" || !strings.EqualFold(r.Host, "localhost:"+s.port) {
		t.Errorf("%s at %s", r.RequestURI, r.Host)
	}
	if r.Header.Get("X-Forwarded-For") != "1.2.3.4" || r.Header.Get("Accept-Encoding") != "br" || r.Header.Get("User-Agent") != "" {
		t.Errorf("header %v", r.Header)
	}
	for _, name := range []string{"Proxy-Authorization", "Proxy-Connection", "X-Hop", "Via"} {
		if v := r.Header.Get(name); v != "" {
			t.Errorf("%s: %s", name, v)
		}
	}
}

func TestAServerThatAsksForTheProxysPasswordGetsNone(t *testing.T) {
	t.Parallel()
	s := listen(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}))
	if status, body := get(t, p, s.URL); status != http.StatusBadGateway || !strings.Contains(body, "password") {
		t.Errorf("%d %s", status, body)
	}
}

func TestARedirectIsTheBrowsersToFollow(t *testing.T) {
	t.Parallel()
	private := hello(t)
	s := listen(t, "127.0.0.2:0", http.RedirectHandler(private.URL, http.StatusFound))
	p := open(t, run(t, egress.Config{Allow: prefixes(t, "127.0.0.2/32")}))
	if status, _ := get(t, p, s.URL); status != http.StatusFound {
		t.Errorf("redirect: %d", status)
	}
	if status, _ := get(t, p, private.URL); status != 403 || private.conns.Load() != 0 {
		t.Errorf("its target: %d", status)
	}
}

func TestAStreamArrivesAsItIsSent(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	s := listen(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range next {
			fmt.Fprint(w, ".")
			w.(http.Flusher).Flush()
		}
	}))
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}))
	next2 := next
	go func() { next2 <- true }()
	resp, err := client(t, p).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	one := make([]byte, 1)
	for range 3 {
		if _, err := io.ReadFull(resp.Body, one); err != nil {
			t.Fatal(err)
		}
		next <- true
	}
	close(next)
}

func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	for {
		kind, data, err := ws.Read(r.Context())
		if err != nil || ws.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

func TestAWebSocketIsForwardedAndEndsWithTheRun(t *testing.T) {
	t.Parallel()
	s := listen(t, "127.0.0.1:0", http.HandlerFunc(echo))
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}), "127.0.0.1")
	dial := func(host string) (*websocket.Conn, error) {
		ws, _, err := websocket.Dial(t.Context(), "ws://"+host+":"+s.port, &websocket.DialOptions{HTTPClient: client(t, p)})
		return ws, err
	}
	if _, err := dial("localhost"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a WebSocket to another domain: %v", err)
	}
	ws, err := dial("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := ws.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := ws.Read(t.Context()); err != nil || string(data) != "hi" {
		t.Fatalf("%s, %v", data, err)
	}
	p.Close()
	if _, _, err := ws.Read(t.Context()); err == nil {
		t.Error("the WebSocket outlives the run")
	}
}

// talker is a server that sends back each line.
func talker(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return ln
}

func TestATunnelCarriesWhatWasSentBeforeItStood(t *testing.T) {
	t.Parallel()
	ln := talker(t)
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}))
	c := dial(t, p.Addr())
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\nearly\n", ln.Addr())
	r := bufio.NewReader(c)
	for _, want := range []string{"HTTP/1.1 200 Connection established\r\n", "\r\n", "early\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v; want %q", line, err, want)
		}
	}
	big := strings.Repeat("x", 1<<20) + "\n"
	go func() { _, _ = io.WriteString(c, big) }()
	if line, err := r.ReadString('\n'); err != nil || line != big {
		t.Errorf("%d bytes, %v", len(line), err)
	}
}

func TestClosingEndsEveryTunnelAndLeavesNoGoroutine(t *testing.T) {
	ln, s := talker(t), hello(t)
	before := runtime.NumGoroutine()
	e, err := egress.New(egress.Config{Allow: prefixes(t, thisMachine)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	p := open(t, e)
	var tunnels []net.Conn
	for range 100 {
		c := dial(t, p.Addr())
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", ln.Addr())
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatal(line, err)
		}
		tunnels = append(tunnels, c)
		if status, _ := get(t, p, s.URL); status != 200 {
			t.Fatal(status)
		}
	}
	cancel() // Run closes the proxies
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, c := range tunnels {
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("a tunnel lives on: %v", err)
		}
		_ = c.Close()
	}
	p.Close()
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("the proxy still listens")
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

func TestARunHasOnlySoManyConnections(t *testing.T) {
	t.Parallel()
	s := hello(t)
	e := run(t, egress.Config{Allow: prefixes(t, thisMachine)})
	p, other := open(t, e), open(t, e)
	var held []net.Conn
	for range 600 {
		held = append(held, dial(t, p.Addr()))
	}
	if n, err := held[599].Read(make([]byte, 1)); err == nil {
		t.Errorf("the last of 600 connections got %d bytes", n)
	}
	if status, _ := get(t, other, s.URL); status != 200 {
		t.Errorf("another run: %d", status)
	}
	for _, c := range held {
		_ = c.Close()
	}
	eventually(t, "the run may connect again", func() bool {
		c := dial(t, p.Addr())
		fmt.Fprintf(c, "GET %s/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", s.URL)
		answer, _ := io.ReadAll(c)
		return strings.HasSuffix(string(answer), "hello")
	})
}

func TestWhatIsNoProxyRequestIsRefused(t *testing.T) {
	t.Parallel()
	p := open(t, run(t, egress.Config{Allow: prefixes(t, everywhere)}))
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET https://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET ftp://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT example.com HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://a..b/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://example.com:0/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://[fe80::1%25eth0]/ HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT example.com:99999 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		if status, body := ask(t, p, request); status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", request, status, body)
		}
	}
	if status, _ := ask(t, p, "GET http://example.com/ HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 300<<10)+"\r\n\r\n"); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 300 KiB: %d", status)
	}
}
