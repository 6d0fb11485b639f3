package browser_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/egress"
)

func TestEveryWayOutOfAPageIsTheProxys(t *testing.T) {
	t.Parallel()
	open, shut := setTrap(t, "127.0.0.1"), setTrap(t, "127.0.0.1")
	allowed, denied := leaks(t, open), leaks(t, shut)
	e := ownEngine(t)
	u := userOf(t, e, browser.SessionOptions{AllowedDomains: domains(t, strings.TrimPrefix(allowed, "http://"), open.addr)})
	u.must(browser.Action{Name: "navigate", URL: allowed})
	kinds := []string{
		"favicon", "stylesheet", "preload", "prefetch", "modulepreload", "font", "background", "image", "script", "iframe", "video", "object", "embed",
		"form", "refresh", "redirect", "ping", "download", "fetch", "keepalive", "xhr", "beacon", "websocket", "eventsource", "window",
		"worker", "import", "serviceworker",
	}
	for _, kind := range kinds { // without the policy each of them arrives: the page does what it says
		eventually(t, kind+" arrives where it is allowed", func() bool { return open.caught(kind) })
	}

	d := userOf(t, e, browser.SessionOptions{AllowedDomains: domains(t, strings.TrimPrefix(denied, "http://"))})
	d.act(browser.Action{Name: "navigate", URL: denied}) // and the window that it opens is an error page
	for range 3 {
		d.must(browser.Action{Name: "wait", Seconds: new(1.0)})
	}
	d.sees("no connection: " + shut.addr + " is not in the run's allowed_domains")
	if c, n := shut.conns.Load(), shut.datagrams.Load(); c+n != 0 {
		t.Errorf("%d connections and %d datagrams came through: %v", c, n, shut.paths)
	}
	if n := open.datagrams.Load(); n != 0 {
		t.Errorf("%d datagrams went past the proxy", n)
	}
}

func TestWhatIsNotPublicCannotBeOpened(t *testing.T) {
	t.Parallel()
	tr := setTrap(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(tr.addr)
	needBrowser(t)
	u := userOf(t, runEngine(t, browser.Config{}), browser.SessionOptions{})
	for host, class := range map[string]string{
		"127.0.0.1": "loopback", "localhost": "loopback", "x.localhost": "loopback", "[::1]": "loopback", "2130706433": "loopback", "0x7f.1": "loopback",
		"0177.0.0.1": "loopback", "127.1": "loopback", "[::ffff:127.0.0.1]": "loopback", "0": "reserved",
		"10.0.0.1": "private", "192.168.1.1": "private", "169.254.1.1": "link-local", "169.254.169.254": "cloud metadata",
		"[fd00:ec2::254]": "cloud metadata", "168.63.129.16": "cloud metadata", "100.100.100.200": "cloud metadata",
	} {
		schemes := []string{"http"}
		if class == "loopback" || class == "cloud metadata" {
			schemes = append(schemes, "https")
		}
		for _, scheme := range schemes {
			out := u.act(browser.Action{Name: "navigate", URL: scheme + "://" + host + ":" + port + "/"})
			if !strings.Contains(out.Error, "is at a "+class+" address, which is blocked") {
				t.Errorf("%s://%s: %q %q", scheme, host, out.Error, out.Content)
			}
		}
	}
	for _, address := range []string{"file:///etc/passwd", "chrome://version", "view-source:http://127.0.0.1", "devtools://x", "ftp://127.0.0.1"} {
		refused(t, u.act(browser.Action{Name: "navigate", URL: address}), "only http:// and https://")
	}
	if n := tr.conns.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}

func TestARedirectIntoThePrivateNetworkIsRefused(t *testing.T) {
	t.Parallel()
	tr := setTrap(t, "127.0.0.2")
	s := serve(t, map[string]string{
		"/": `<h1>Shop</h1><a href="/go">Go</a>`, "/go": `<script>location = 'http://` + tr.addr + `/script'</script>`,
	})
	redirect := httptest.NewServer(http.RedirectHandler("http://"+tr.addr+"/redirect", http.StatusMovedPermanently))
	t.Cleanup(redirect.Close)
	needBrowser(t)
	u := userOf(t, runEngine(t, browser.Config{Egress: egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}), browser.SessionOptions{})
	out := u.act(browser.Action{Name: "navigate", URL: redirect.URL})
	if want := "http://" + tr.addr + "/redirect could not be opened: " + tr.addr + " is at a loopback address"; !strings.HasPrefix(out.Error, want) {
		t.Errorf("error %q, want %q", out.Error, want)
	}
	u.visit(s.URL)
	u.click("link Go")
	u.sees("NOTE no connection: "+tr.addr+" is at a loopback address", "Errand did not connect")
	if n := tr.conns.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}

func TestOnlyTheAllowedDomainsOpen(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": "<h1>Shop</h1>"})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	u := userOf(t, sharedEngine(t), browser.SessionOptions{AllowedDomains: domains(t, "*.localhost:"+port)})
	u.visit("http://shop.localhost:" + port)
	u.sees("Shop")
	for _, scheme := range []string{"http", "https"} {
		for _, host := range []string{"localhost", "127.0.0.1", "shop.localhost.evil.test"} {
			out := u.act(browser.Action{Name: "navigate", URL: scheme + "://" + host + ":" + port})
			if want := host + ":" + port + " is not in the run's allowed_domains"; !strings.Contains(out.Error, want) {
				t.Errorf("%s://%s: %q", scheme, host, out.Error)
			}
		}
	}
	newUser(t).visit(s.URL) // another session has its own policy
}

func TestThePlatformIsOutOfReachWhateverIsAllowed(t *testing.T) {
	t.Parallel()
	tr := setTrap(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(tr.addr)
	cfg := local()
	cfg.Egress.Own = []string{tr.addr}
	cfg.Egress.Allow = append(cfg.Egress.Allow, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
	needBrowser(t)
	u := userOf(t, runEngine(t, cfg), browser.SessionOptions{})
	for _, host := range []string{"127.0.0.1", "localhost", "a.localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.5"} {
		refused(t, u.act(browser.Action{Name: "navigate", URL: "http://" + host + ":" + port}), "a listener of Errand itself")
	}
	if n := tr.conns.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}

// process is one of Chromium's.
type process struct {
	pid  int
	kind string // empty: Chromium itself
}

// processesOf lists the process group that Chromium leads.
func processesOf(leader int) []process {
	var all []process
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		stat, _ := os.ReadFile(f)
		_, rest, ok := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); !ok || fields[2] != strconv.Itoa(leader) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		line, _ := os.ReadFile(filepath.Dir(f) + "/cmdline")
		p := process{pid: pid}
		for arg := range strings.FieldsFuncSeq(string(line), func(r rune) bool { return r == 0 || r == ' ' }) {
			if kind, ok := strings.CutPrefix(arg, "--utility-sub-type="); ok || p.kind == "" && strings.HasPrefix(arg, "--type=") {
				p.kind = strings.TrimPrefix(kind, "--type=")
			}
		}
		all = append(all, p)
	}
	return all
}

// The network service must not end without Chromium, which would forget the proxies of its contexts: it is no process
// of its own. Whatever else of Chromium is killed, nothing goes past the proxy.
func TestNothingGoesPastTheProxyWhenProcessesOfChromiumAreKilled(t *testing.T) {
	tr := setTrap(t, "127.0.0.1")
	hammer := `<script>setInterval(() => { fetch('http://` + tr.addr + `/' + Math.random(), {mode: 'no-cors'}).catch(() => {}); new WebSocket('ws://` + tr.addr + `') }, 10)</script>`
	s := serve(t, map[string]string{"/": "<h1>Site</h1>" + hammer})
	before := children()
	e := ownEngine(t)
	o := browser.SessionOptions{AllowedDomains: domains(t, strings.TrimPrefix(s.URL, "http://"))}
	u := userOf(t, e, o)
	u.visit(s.URL)
	leader := newest(t, before)
	for _, p := range processesOf(leader) {
		if strings.Contains(p.kind, "NetworkService") {
			t.Errorf("the network service is process %d", p.pid)
		}
		if p.kind == "gpu-process" || strings.Contains(p.kind, ".mojom.") {
			t.Logf("kill %s", p.kind)
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	u.visit(s.URL)
	u.sees("Site")
	_ = syscall.Kill(leader, syscall.SIGKILL)
	eventually(t, "the session ends with its browser", func() bool {
		_, err := u.Observe(t.Context())
		return errors.Is(err, browser.ErrBrowserGone)
	})
	next := userOf(t, e, o)
	next.visit(s.URL)
	next.sees("Site")
	if n := tr.conns.Load(); n != 0 {
		t.Errorf("%d connections went past the proxy", n)
	}
}

// newest is the child that was not there before: Chromium, which leads its process group.
func newest(t testing.TB, before []int) int {
	t.Helper()
	old := map[int]bool{}
	for _, pid := range before {
		old[pid] = true
	}
	for _, pid := range children() {
		if !old[pid] && len(processesOf(pid)) > 1 {
			return pid
		}
	}
	t.Fatal("no new Chromium")
	return 0
}

func TestARemoteBrowserCannotEnforceDomainsWithoutAProxyThatItReaches(t *testing.T) {
	t.Parallel()
	e := runEngine(t, browser.Config{CDPURL: "ws://127.0.0.1:1"})
	_, err := e.NewSession(t.Context(), browser.SessionOptions{AllowedDomains: domains(t, "shop.test")})
	if !errors.Is(err, browser.ErrUnenforceable) {
		t.Errorf("NewSession: %v", err)
	}
}

func TestARemoteBrowserGoesThroughTheProxyThatItReaches(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.CDPURL, cfg.Egress.Listen = "http://"+remoteBrowser(t), "127.0.0.1"
	tr := setTrap(t, "127.0.0.1")
	s := serve(t, map[string]string{"/": `<h1>Site</h1><img src="http://` + tr.addr + `/image">`})
	u := userOf(t, runEngine(t, cfg), browser.SessionOptions{AllowedDomains: domains(t, strings.TrimPrefix(s.URL, "http://"))})
	u.must(browser.Action{Name: "navigate", URL: s.URL})
	u.sees("Site", "no connection: "+tr.addr)
	if n := tr.conns.Load(); n != 0 {
		t.Errorf("%d connections came through", n)
	}
}
