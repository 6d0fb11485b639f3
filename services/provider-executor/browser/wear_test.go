package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// limited is an engine of its own that looks after its browser in a hurry.
func limited(t *testing.T, sessions int) *browser.Engine {
	needBrowser(t)
	e := browser.New(local())
	e.Limit(50*time.Millisecond, sessions)
	run(t, e)
	return e
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func TestASpentBrowserIsReplacedOnceItIsIdle(t *testing.T) {
	t.Parallel()
	e := limited(t, 2)
	one, two, three := userOf(t, e, browser.SessionOptions{}), userOf(t, e, browser.SessionOptions{}), userOf(t, e, browser.SessionOptions{})
	if one.Pid() != two.Pid() || one.Pid() == three.Pid() {
		t.Errorf("sessions in %d, %d and %d, want two in the first browser and the third in another", one.Pid(), two.Pid(), three.Pid())
	}
	if err := one.Close(t.Context()); err != nil {
		t.Error(err)
	}
	two.visit("about:blank")
	if gone(two.Pid()) {
		t.Error("a browser in use was ended")
	}
	if err := two.Close(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "the idle browser has ended", func() bool { return gone(one.Pid()) })
	next := userOf(t, e, browser.SessionOptions{})
	if next.Pid() != three.Pid() {
		t.Error("the next session is not in the browser that has room")
	}
	next.visit("about:blank")
}

func TestABrowserThatHangsIsReplaced(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits out deadlines")
	}
	e := limited(t, 1000)
	u := userOf(t, e, browser.SessionOptions{})
	u.visit("about:blank")
	if err := syscall.Kill(u.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)}); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("the action in flight got %v", err)
	}
	next := userOf(t, e, browser.SessionOptions{})
	if next.Pid() == u.Pid() {
		t.Error("the next session is in the browser that hangs")
	}
	eventually(t, "the browser that hangs has ended", func() bool { return gone(u.Pid()) })
	next.visit("about:blank")
}

// renderers counts the renderers below a directory of browsers.
func renderers(dir string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(line), "--type=renderer") && strings.Contains(string(line), dir) {
			n++
		}
	}
	return n
}

func TestNothingOfARunIsLeftHoweverItEnds(t *testing.T) {
	needBrowser(t)
	dir := temporary(t)
	t.Setenv("TMPDIR", dir)
	e := ownEngine(t)
	pages := map[string]string{
		"/":       `<button>Go</button>`,
		"/hang":   `<button onclick="for (;;);">Hang</button>`,
		"/leave":  `<button>Go</button><script>onbeforeunload = e => e.preventDefault()</script>`,
		"/popups": `<button onclick="open('/'); open('/')">Open</button>`,
		"/alert":  `<button onclick="setInterval(() => alert('again'), 1)">Alert</button>`,
	}
	s := serve(t, pages)
	pages["/frames"] = strings.Repeat(fmt.Sprintf(`<iframe src="%s"></iframe>`, s.elsewhere("/")), 3)
	watcher := userOf(t, e, browser.SessionOptions{})
	contexts, tabs, err := watcher.Contexts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := renderers(dir)
	if before == 0 {
		t.Fatal("no renderer is found, not even the watcher's")
	}
	ends := map[string]func(u *user){
		"quiet page":   func(u *user) { u.visit(s.URL) },
		"frames":       func(u *user) { u.visit(s.URL + "/frames") },
		"beforeunload": func(u *user) { u.visit(s.URL + "/leave"); u.click("button Go") },
		"popups":       func(u *user) { u.visit(s.URL + "/popups"); u.click("button Open") },
		"crash":        func(u *user) { u.visit(s.URL); u.CrashPage() },
		"alerts": func(u *user) {
			u.visit(s.URL + "/alert")
			u.act(browser.Action{Name: "click", Index: u.index("button Alert")})
		},
		"busy page, canceled": func(u *user) {
			u.visit(s.URL + "/hang")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, _ = u.Do(ctx, browser.Action{Name: "click", Index: u.index("button Hang")})
		},
	}
	for name, end := range ends {
		u := userOf(t, e, browser.SessionOptions{})
		end(u)
		if err := u.Close(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		eventually(t, "nothing is left of: "+name, func() bool {
			c, n, err := watcher.Contexts(t.Context())
			return err == nil && c == contexts && n == tabs && renderers(dir) <= before
		})
	}
	for wait := range 12 { // given up at another moment each time
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(wait*wait)*time.Millisecond)
		if u, err := e.NewSession(ctx, browser.SessionOptions{}); err == nil {
			_ = u.Close(t.Context())
		}
		cancel()
	}
	eventually(t, "nothing is left of sessions that nobody waited for", func() bool {
		c, n, err := watcher.Contexts(t.Context())
		return err == nil && c == contexts && n == tabs && renderers(dir) <= before
	})
}
