package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/egress"
)

// One Chromium serves every test of pages. Tests of the browser itself, its processes and its network start their own.
var shared struct {
	once   sync.Once
	engine *browser.Engine
	cancel context.CancelFunc
	done   chan error
}

func TestMain(m *testing.M) {
	if os.Getenv(executorRole) != "" {
		beExecutor()
		return
	}
	code := m.Run()
	if shared.cancel != nil {
		shared.cancel()
		<-shared.done
	}
	os.Exit(code)
}

// local is a configuration whose sessions may visit this machine. They share a Chromium, which costs less where their
// isolation is not what is tested.
func local() browser.Config {
	return browser.Config{Shared: true, Egress: egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
}

func needBrowser(t testing.TB) {
	t.Helper()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
}

func sharedEngine(t testing.TB) *browser.Engine {
	t.Helper()
	needBrowser(t)
	shared.once.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cfg := local()
		cfg.Chromium = os.Getenv("ERRAND_TEST_CHROMIUM")
		shared.engine, shared.cancel, shared.done = browser.New(cfg), cancel, make(chan error, 1)
		shared.engine.Hurry()
		go func() { shared.done <- shared.engine.Run(ctx) }()
	})
	return shared.engine
}

// separate is a configuration of which each session has a Chromium of its own.
func separate() browser.Config {
	cfg := local()
	cfg.Shared = false
	return cfg
}

// ownEngine runs a browser for one test and ends it with the test.
func ownEngine(t testing.TB) *browser.Engine {
	t.Helper()
	needBrowser(t)
	return runEngine(t, local())
}

func runEngine(t testing.TB, cfg browser.Config) *browser.Engine {
	t.Helper()
	e := browser.New(cfg)
	e.Hurry()
	run(t, e)
	return e
}

func run(t testing.TB, e *browser.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// user drives one session as an agent does and fails the test where it cannot.
type user struct {
	testing.TB
	*browser.Session
	seen browser.Observation
}

func newUser(t testing.TB) *user { return userOf(t, sharedEngine(t), browser.SessionOptions{}) }

func userOf(t testing.TB, e *browser.Engine, o browser.SessionOptions) *user {
	t.Helper()
	s, err := e.NewSession(t.Context(), o)
	if err != nil {
		t.Fatalf("NewSession: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &user{TB: t, Session: s}
}

func (u *user) look() string {
	u.Helper()
	var err error
	if u.seen, err = u.Observe(u.Context()); err != nil {
		u.Fatalf("Observe: %v", err)
	}
	return u.seen.Text
}

// act carries out an action that must not end the step.
func (u *user) act(a browser.Action) browser.Outcome {
	u.Helper()
	out, err := u.Do(u.Context(), a)
	if err != nil {
		u.Fatalf("Do %s: %v", a.Name, err)
	}
	return out
}

// must carries out an action that must not fail.
func (u *user) must(a browser.Action) browser.Outcome {
	u.Helper()
	out := u.act(a)
	if out.Error != "" {
		u.Fatalf("Do %s: %s", a.Name, out.Error)
	}
	return out
}

func (u *user) visit(url string) string {
	u.Helper()
	u.must(browser.Action{Name: "navigate", URL: url})
	return u.look()
}

// index finds a control in the newest observation by how its line reads after the number.
func (u *user) index(control string) *int {
	u.Helper()
	m := regexp.MustCompile(`\[(\d+)\]` + regexp.QuoteMeta(control)).FindStringSubmatch(u.seen.Text)
	if m == nil {
		u.Fatalf("no control %q in:\n%s", control, u.seen.Text)
	}
	n, _ := strconv.Atoi(m[1])
	return &n
}

func (u *user) click(control string) browser.Outcome {
	u.Helper()
	return u.must(browser.Action{Name: "click", Index: u.index(control)})
}

func (u *user) sees(parts ...string) {
	u.Helper()
	text := u.look()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			u.Errorf("page lacks %q:\n%s", p, text)
		}
	}
}

// site serves pages by path and keeps the forms that were posted to it.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	posts []string
}

func serve(t testing.TB, pages map[string]string) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_ = r.ParseForm()
			s.mu.Lock()
			s.posts = append(s.posts, r.URL.Path+"?"+r.PostForm.Encode())
			s.mu.Unlock()
		}
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Server.Close)
	return s
}

func (s *site) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.posts...)
}

// elsewhere is the site's address under another host name, which is another site.
func (s *site) elsewhere(path string) string {
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + path
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
