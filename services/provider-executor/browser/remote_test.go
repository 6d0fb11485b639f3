package browser_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// remoteBrowser starts a Chromium that listens on a loopback port, as one that
// somebody else runs would.
func remoteBrowser(t *testing.T) string {
	t.Helper()
	needBrowser(t)
	binary := "/usr/lib/chromium/chromium"
	if _, err := os.Stat(binary); err != nil {
		binary = "chromium"
	}
	dir := t.TempDir()
	cmd := exec.Command(binary, "--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--user-data-dir="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		eventually(t, "the remote browser has ended", func() bool { return processesNaming(dir) == 0 })
	})
	var port string
	eventually(t, "the remote browser listens", func() bool {
		said, err := os.ReadFile(filepath.Join(dir, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(said), "\n")
		return err == nil && port != ""
	})
	return "127.0.0.1:" + port
}

func TestARemoteBrowserIsUsedAndLeftRunning(t *testing.T) {
	t.Parallel()
	address := remoteBrowser(t)
	s := serve(t, map[string]string{"/": "<button onclick=\"document.title='done'\">Go</button>"})
	for range 2 { // the second executor finds it as the first did
		e := browser.New(browser.Config{CDPURL: "http://" + address})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		u := userOf(t, e, browser.SessionOptions{UserAgent: "Errand-Test/1"})
		u.visit(s.URL)
		u.click("button Go")
		u.sees("TITLE done")
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := u.Observe(t.Context()); !errors.Is(err, browser.ErrBrowserGone) {
			t.Errorf("Observe after Run: %v", err)
		}
	}
}

func TestAMissingBrowserIsNamedWithItsRemedy(t *testing.T) {
	for _, cfg := range []browser.Config{{Chromium: "/nowhere/chromium"}, {CDPURL: "ws://127.0.0.1:1/devtools"}} {
		e := browser.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		_, err := e.NewSession(t.Context(), browser.SessionOptions{})
		if cfg.CDPURL == "" && (!errors.Is(err, browser.ErrNoBrowser) || !strings.Contains(err.Error(), "ERRAND_CHROMIUM")) {
			t.Errorf("missing binary: %v", err)
		}
		if cfg.CDPURL != "" && (!errors.Is(err, browser.ErrBrowserGone) || !strings.Contains(err.Error(), "ERRAND_CDP_URL")) {
			t.Errorf("unreachable remote: %v", err)
		}
		cancel()
		<-ended
	}
}

func TestABrowserWithoutNetworkPolicyIsWarnedOf(t *testing.T) {
	t.Parallel()
	for listen, warned := range map[string]bool{"": true, "127.0.0.1": false} {
		var said bytes.Buffer
		cfg := browser.Config{CDPURL: "ws://127.0.0.1:1/devtools", Log: slog.New(slog.NewTextHandler(&said, nil))}
		cfg.Egress.Listen = listen
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := browser.New(cfg).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := said.String(); strings.Contains(got, "level=WARN msg=\"no network policy") != warned || strings.Contains(got, "ERRAND_PROXY_LISTEN") != warned {
			t.Errorf("listening on %q it says %q", listen, got)
		}
	}
}

func TestADirectoryThatChromiumCannotEnterIsNamedWithItsRemedy(t *testing.T) {
	shut := filepath.Join(t.TempDir(), "shut")
	if err := os.Mkdir(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{shut: "may not enter " + shut, shut + "/none": "make browser directory"} {
		t.Setenv("TMPDIR", dir)
		s, err := ownEngine(t).NewSession(t.Context(), browser.SessionOptions{})
		if err == nil {
			_ = s.Close(t.Context())
		}
		if own := dir == shut && os.Geteuid() != 0; own != (err == nil) { // the executor's own uid may enter
			t.Errorf("%s: error %v", dir, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ERRAND_ALLOW_ROOT")) {
			t.Errorf("%s: error %v", dir, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "errand-browser-*")); err != nil && len(left) > 0 {
			t.Errorf("it left %q", left)
		}
	}
}

func TestTheUserAgentIsTheRunsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": "<p id=p></p><script>p.textContent = navigator.userAgent</script>"})
	u := userOf(t, sharedEngine(t), browser.SessionOptions{UserAgent: "Errand-Test/1"})
	u.visit(s.URL)
	u.sees("Errand-Test/1")
}
