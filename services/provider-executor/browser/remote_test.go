package browser_test

import (
	"context"
	"errors"
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

func TestTheUserAgentIsTheRunsOwn(t *testing.T) {
	s := serve(t, map[string]string{"/": "<p id=p></p><script>p.textContent = navigator.userAgent</script>"})
	u := userOf(t, sharedEngine(t), browser.SessionOptions{UserAgent: "Errand-Test/1"})
	u.visit(s.URL)
	u.sees("Errand-Test/1")
}
