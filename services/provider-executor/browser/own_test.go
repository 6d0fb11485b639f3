package browser_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// pidsNaming lists the processes of browsers whose profiles are below dir.
func pidsNaming(dir, kind string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(line), dir) || !strings.Contains(string(line), kind) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(f, "/proc/%d/cmdline", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func homes(dir string) int {
	left, _ := filepath.Glob(dir + "/errand-browser-*")
	return len(left)
}

func TestEachSessionHasAChromiumThatWasStartedAheadAndEndsWithIt(t *testing.T) {
	needBrowser(t)
	dir := temporary(t)
	t.Setenv("TMPDIR", dir)
	e := runEngine(t, separate())
	s := serve(t, map[string]string{"/": "hello", "/agent": "<p id=p></p><script>p.textContent = navigator.userAgent</script>"})
	one := userOf(t, e, browser.SessionOptions{UserAgent: "Errand-Test/1", AllowedDomains: domains(t, strings.TrimPrefix(s.URL, "http://"))})
	eventually(t, "the next browser is started ahead", func() bool { return homes(dir) == 2 })
	two := userOf(t, e, browser.SessionOptions{})
	if one.Pid() == two.Pid() {
		t.Error("two sessions share a browser")
	}
	one.visit(s.URL + "/agent")
	one.sees("Errand-Test/1")
	if out := one.act(browser.Action{Name: "navigate", URL: s.elsewhere("/")}); out.Error == "" {
		t.Error("a browser that was started ahead does not know its run's domains")
	}
	two.visit(s.elsewhere("/"))
	two.sees("hello")
	if err := one.Close(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "the browser has ended with its session", func() bool { return gone(one.Pid()) && homes(dir) == 2 })
	two.sees("hello")

	_ = syscall.Kill(two.Pid(), syscall.SIGKILL)
	if _, err := two.Do(t.Context(), browser.Action{Name: "navigate", URL: s.URL}); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("the session of a killed browser: %v", err)
	}
	userOf(t, e, browser.SessionOptions{}).visit(s.URL)
}

func TestAPageThatGrowsTooLargeIsClosedAndTheThirdIsTheLast(t *testing.T) {
	needBrowser(t)
	cfg := separate()
	cfg.PageMemory = 300 << 20
	e := runEngine(t, cfg)
	grow := `<script>const all = []; setInterval(() => all.push(new Uint8Array(16 << 20).fill(1)), 20)</script>`
	s := serve(t, map[string]string{"/": "hello", "/grow": grow})
	u := userOf(t, e, browser.SessionOptions{})
	for n := range 3 {
		_, err := u.Do(t.Context(), browser.Action{Name: "navigate", URL: s.URL + "/grow"})
		if err == nil { // it may have grown too large already
			_, err = u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)})
		}
		if want := []error{browser.ErrPageCrashed, browser.ErrPageCrashed, browser.ErrPageTooHeavy}[n]; !errors.Is(err, want) {
			t.Fatalf("page %d that grows: %v, want %v", n+1, err, want)
		}
		if n == 0 && !strings.Contains(err.Error(), "300 MiB") {
			t.Errorf("the model is not told why: %v", err)
		}
		if n == 1 {
			u.sees("crashed at "+s.URL+"/grow", "300 MiB")
			u.visit(s.URL)
			u.sees("hello")
		}
	}
	if _, err := u.Observe(t.Context()); !errors.Is(err, browser.ErrPageTooHeavy) {
		t.Errorf("afterwards: %v", err)
	}
}

// The kernel kills processes when memory runs out, and not always the one that uses it.
func TestABrowserThatHasLostItsZygotesIsReplaced(t *testing.T) {
	needBrowser(t)
	for name, cfg := range map[string]browser.Config{"own": separate(), "shared": local()} {
		t.Run(name, func(t *testing.T) {
			dir := temporary(t)
			t.Setenv("TMPDIR", dir)
			e := runEngine(t, cfg)
			s := serve(t, map[string]string{"/": "hello"})
			one, two := userOf(t, e, browser.SessionOptions{}), userOf(t, e, browser.SessionOptions{})
			one.visit(s.URL)
			two.visit(s.elsewhere("/"))
			for _, pid := range pidsNaming(dir, "--type=zygote") {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			for _, u := range []*user{one, two} {
				eventually(t, "a session is told that its browser opens no tab any more", func() bool { // its page has crashed first
					_, err := u.Observe(t.Context())
					return errors.Is(err, browser.ErrBrowserGone)
				})
			}
			eventually(t, "it is known that several have lost it", e.Storm)
			next := userOf(t, e, browser.SessionOptions{})
			next.visit(s.URL)
			next.sees("hello")
			if err := e.Ready(); err != nil {
				t.Errorf("not ready: %v", err)
			}
		})
	}
}

func TestABrowserThatOneSessionEndsAgainAndAgainIsNoStorm(t *testing.T) {
	needBrowser(t)
	e := runEngine(t, separate())
	for range 2 {
		u := userOf(t, e, browser.SessionOptions{})
		_ = syscall.Kill(u.Pid(), syscall.SIGSEGV) // as a page does that finds a fault in it
		if _, err := u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)}); !errors.Is(err, browser.ErrBrowserGone) {
			t.Errorf("the session of a crashed browser: %v", err)
		}
	}
	userOf(t, e, browser.SessionOptions{}) // by now both are known to be gone
	if e.Storm() {
		t.Error("two sessions that ended their own browsers are taken for victims")
	}
}

func TestALongPathOfTheProfileIsNoObstacle(t *testing.T) {
	needBrowser(t)
	dir := filepath.Join(temporary(t), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	s := serve(t, map[string]string{"/": "hello"})
	u := userOf(t, runEngine(t, local()), browser.SessionOptions{})
	u.visit(s.URL)
	u.sees("hello")
}

func TestAChromiumThatDoesNotStartSaysWhy(t *testing.T) {
	script := filepath.Join(temporary(t), "chromium")
	said := "[12:12:1128/031322.451064:ERROR:chrome/x.cc:1046] Failed to create socket directory.\n" +
		"[13:13:0100/000000.6:ERROR:content/zygote/zygote_linux.cc:662] write: Broken pipe (32)\n"
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncat >&2 <<'E'\n"+said+"E\nexit 21\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := separate()
	cfg.Chromium = script
	e := runEngine(t, cfg)
	_, err := e.NewSession(t.Context(), browser.SessionOptions{})
	if !errors.Is(err, browser.ErrNotStarted) || !strings.Contains(err.Error(), "Failed to create socket directory.") || !strings.Contains(err.Error(), "21") {
		t.Errorf("error %v", err)
	}
	if strings.Contains(err.Error(), "Broken pipe") || strings.Contains(err.Error(), "1128/") {
		t.Errorf("error with what helps nobody: %v", err)
	}
	if e.Ready() == nil {
		t.Error("an engine without a browser says that it is ready")
	}
}
