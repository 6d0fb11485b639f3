package egress_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/egress"
)

func TestWhatIsNotPublicIsRefused(t *testing.T) {
	t.Parallel()
	s := hello(t)
	p := open(t, run(t, egress.Config{}))
	hosts := []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"[::]", "[::1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:0:7f00:1]", "[fe80::1]",
		"[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]",
		"[2001:db8::1]", "[2002:7f00:1::]", "[3fff::1]", "[5f00::1]", "[4000::1]",
		"localhost", "LOCALHOST.", "a.localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0",
	}
	for _, host := range hosts {
		to := host + ":" + s.port
		if status, body := get(t, p, "http://"+to+"/"); status != http.StatusForbidden || !strings.Contains(body, "blocked") {
			t.Errorf("GET %s: %d %s", to, status, body)
		}
		if status, body := connect(t, p, to); status != http.StatusForbidden || !strings.Contains(body, "blocked") {
			t.Errorf("CONNECT %s: %d %s", to, status, body)
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

func TestAnAllowedRangeIsReachedByAllItsNames(t *testing.T) {
	t.Parallel()
	s := hello(t)
	p := open(t, run(t, egress.Config{Allow: prefixes(t, thisMachine)}))
	for _, host := range []string{"127.0.0.1", "localhost", "shop.localhost", "0x7f.1", "[::ffff:127.0.0.1]"} {
		if status, body := get(t, p, "http://"+host+":"+s.port+"/"); status != 200 || body != "hello" {
			t.Errorf("GET %s: %d %s", host, status, body)
		}
		if status, body := connect(t, p, host+":"+s.port); status != 200 {
			t.Errorf("CONNECT %s: %d %s", host, status, body)
		}
	}
	for _, metadata := range []string{"169.254.169.254", "[fd00:ec2::254]"} {
		if status, _ := get(t, open(t, run(t, egress.Config{Allow: prefixes(t, everywhere)})), "http://"+metadata+"/"); status != 403 {
			t.Errorf("%s: %d", metadata, status)
		}
	}
}

func TestANameThatChangesItsAddressReachesOnlyWhatIsAllowed(t *testing.T) {
	t.Parallel()
	secret := hello(t)
	public := listen(t, "127.0.0.2:"+secret.port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "public") }))
	// 127.0.0.2 plays a public address, and 127.0.0.1 the private network.
	e := run(t, egress.Config{
		Allow: prefixes(t, "127.0.0.2/32"),
		Resolver: resolver(t, func(name string, n int) []string {
			switch name {
			case "rebind.test":
				return []string{[]string{"127.0.0.2", "127.0.0.1"}[n/2%2]}
			case "mixed.test":
				return []string{"127.0.0.1", "127.0.0.2"}
			case "private.test":
				return []string{"127.0.0.1"}
			}
			return nil
		}),
	})
	p := open(t, e)
	seen := map[int]int{}
	for range 40 {
		status, body := get(t, p, "http://rebind.test:"+secret.port+"/")
		seen[status]++
		if status == 200 && body != "public" || status == 403 && !strings.Contains(body, "loopback") {
			t.Fatalf("%d %s", status, body)
		}
		tunnel, _ := connect(t, p, "rebind.test:"+secret.port)
		seen[tunnel]++
	}
	if seen[200] == 0 || seen[403] == 0 || seen[200]+seen[403] != 80 {
		t.Errorf("answers by status: %v", seen)
	}
	if status, body := get(t, p, "http://mixed.test:"+secret.port+"/"); status != 200 || body != "public" {
		t.Errorf("a name with two addresses: %d %s", status, body)
	}
	if status, _ := connect(t, p, "private.test:"+secret.port); status != 403 {
		t.Errorf("a name with a private address: %d", status)
	}
	if n := secret.conns.Load(); n != 0 || public.conns.Load() == 0 {
		t.Errorf("%d connections to the private address, %d to the public one", n, public.conns.Load())
	}
}

func TestThePlatformsListenersAreOutOfReach(t *testing.T) {
	t.Parallel()
	named, bound, open1 := hello(t), listen(t, "0.0.0.0:0", http.NotFoundHandler()), hello(t)
	e := run(t, egress.Config{
		Allow: prefixes(t, everywhere), Own: []string{"localhost:" + named.port, "0.0.0.0:" + bound.port, "[::]:1", ":2", "nowhere.invalid:80"},
	})
	p, other := open(t, e), open(t, e)
	targets := map[string]string{"named": named.port, "bound": bound.port}
	for what, addr := range map[string]string{"its own proxy": p.Addr(), "another run's proxy": other.Addr(), "the deny-all proxy": e.DenyAll()} {
		_, targets[what], _ = net.SplitHostPort(addr)
	}
	for what, port := range targets {
		for _, host := range []string{"127.0.0.1", "localhost", "x.localhost", "0.0.0.0", "127.9.9.9", "[::1]", "[::]", "[::ffff:127.0.0.1]", "2130706433"} {
			if status, body := connect(t, p, host+":"+port); status != 403 || !strings.Contains(body, "Errand itself") {
				t.Errorf("%s at %s: %d %s", what, host, status, body)
			}
		}
	}
	if status, _ := get(t, p, "http://127.0.0.1:"+open1.port+"/"); status != 200 {
		t.Errorf("a listener that is not the platform's: %d", status)
	}
	if n := named.conns.Load() + bound.conns.Load(); n != 0 {
		t.Errorf("%d connections to the platform's listeners", n)
	}
}

func TestOnlyTheAllowedDomainsAreReached(t *testing.T) {
	t.Parallel()
	s := hello(t)
	e := run(t, egress.Config{
		Allow:    prefixes(t, thisMachine),
		Resolver: resolver(t, func(string, int) []string { return []string{"127.0.0.1"} }),
	})
	p := open(t, e, "shop.test", "*.cdn.test:"+s.port, "bücher.test")
	for host, want := range map[string]int{
		"shop.test": 200, "SHOP.test.": 200, "a.cdn.test": 200, "a.b.cdn.test": 200, "xn--bcher-kva.test": 200,
		"cdn.test": 403, "evil.test": 403, "shop.test.evil.test": 403, "evilshop.test": 403, "127.0.0.1": 403, "localhost": 403, "2130706433": 403,
	} {
		if status, body := get(t, p, "http://"+host+":"+s.port+"/"); status != want {
			t.Errorf("GET %s: %d %s", host, status, body)
		}
		if status, body := connect(t, p, host+":"+s.port); status != want {
			t.Errorf("CONNECT %s: %d %s", host, status, body)
		}
	}
	if status, _ := connect(t, p, "a.cdn.test:1"); status != 403 {
		t.Errorf("another port: %d", status)
	}
	refused := p.Refused()
	if len(refused) != 7 || p.Refused() != nil {
		t.Errorf("%d refusals: %v", len(refused), refused)
	}
	for _, r := range refused {
		if r.Unreachable || !strings.HasSuffix(r.String(), "is not in the run's allowed_domains") {
			t.Errorf("refusal %q", r)
		}
	}
}

func TestWhatCannotBeReachedIsToldApart(t *testing.T) {
	t.Parallel()
	counts := make(chan string, 100)
	e := run(t, egress.Config{
		Allow: prefixes(t, thisMachine), Resolver: resolver(t, func(string, int) []string { return nil }),
		Counted: func(class string) { counts <- class },
	})
	p := open(t, e)
	for url, want := range map[string]string{
		"http://127.0.0.1:1/":         "127.0.0.1:1 refuses connections",
		"http://nobody.test/":         "nobody.test:80 has no address: the name does not exist",
		"http://169.254.169.254:80/x": "169.254.169.254:80 is at a cloud metadata address",
	} {
		_, body := get(t, p, url)
		got := p.Refused()
		if len(got) != 1 || !strings.HasPrefix(got[0].String(), want) || !strings.Contains(body, want) {
			t.Errorf("%s: %v, page %q", url, got, body)
		}
		if got[0].Unreachable == strings.Contains(want, "metadata") {
			t.Errorf("%s: unreachable %v", url, got[0].Unreachable)
		}
	}
	if len(counts) != 3 {
		t.Errorf("%d counted", len(counts))
	}
}

func TestARefusalIsLoggedOnceAndTheMemoryOfThemIsBounded(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // the handler writes under a lock, and the last request is over when it is read
	e := run(t, egress.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	p := open(t, e, "good.test")
	for range 3 {
		for i := range 300 {
			if status, _ := connect(t, p, fmt.Sprintf("h%d.test:443", i)); status != 403 {
				t.Fatal(status)
			}
		}
	}
	if n := len(p.Refused()); n != 20 {
		t.Errorf("%d refusals are remembered", n)
	}
	if n := strings.Count(log.String(), "refused a connection"); n != 200 || strings.Count(log.String(), "host=h7.test") != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

func TestWhatBelongsToNoRunIsRefused(t *testing.T) {
	t.Parallel()
	s := hello(t)
	e := run(t, egress.Config{Allow: prefixes(t, everywhere)})
	c := dial(t, e.DenyAll())
	fmt.Fprintf(c, "CONNECT 127.0.0.1:%s HTTP/1.1\r\nHost: x\r\n\r\n", s.port)
	answer := make([]byte, 12)
	if _, err := c.Read(answer); err != nil || string(answer) != "HTTP/1.1 403" {
		t.Errorf("%q, %v", answer, err)
	}
	if s.conns.Load() != 0 {
		t.Error("a connection was made")
	}
}

func TestAWrongConfigurationIsAnError(t *testing.T) {
	t.Parallel()
	for _, cfg := range []egress.Config{
		{Own: []string{"localhost"}}, {Own: []string{"localhost:0"}}, {Listen: "0.0.0.0"}, {Listen: "::"}, {Listen: "192.0.2.1"},
	} {
		if e, err := egress.New(cfg); err == nil {
			t.Errorf("%+v was taken: %s", cfg, e.DenyAll())
		}
	}
}

func TestAfterTheEndNothingIsOpened(t *testing.T) {
	t.Parallel()
	var e *egress.Egress
	t.Run("while it runs", func(t *testing.T) { e = run(t, egress.Config{}) })
	if _, err := e.Open(t.Context()); !errors.Is(err, egress.ErrEnded) {
		t.Errorf("Open: %v", err)
	}
}

func TestAProxyThatAwaitsItsRunAnswersNobodyAndIsReachedByNoOther(t *testing.T) {
	t.Parallel()
	e := run(t, egress.Config{Allow: prefixes(t, thisMachine)})
	waiting, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(waiting.Close)
	s := hello(t)
	early := dial(t, waiting.Addr())
	if _, err := fmt.Fprintf(early, "GET %s/ HTTP/1.1\r\nHost: x\r\n\r\n", s.URL); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, open(t, e), "http://"+waiting.Addr()+"/"); status != http.StatusForbidden {
		t.Errorf("another run reaches the proxy: %d", status)
	}
	if s.conns.Load() != 0 {
		t.Error("it was served before its run came")
	}
	waiting.Admit(t.Context(), egress.Policy{})
	resp, err := http.ReadResponse(bufio.NewReader(early), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("after its run has come: %v, %v", resp, err)
	}

	unused, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	if c, err := net.Dial("tcp", unused.Addr()); err == nil {
		_ = c.Close()
		t.Error("a proxy that was closed unused still listens")
	}
}
