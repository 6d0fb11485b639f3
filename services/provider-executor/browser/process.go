package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// chromiumUID is nobody's uid on any common system: Chromium gets it when the
// executor is root, so that its sandbox works and our files are not its own.
const chromiumUID = 64321

const (
	launchTimeout = 40 * time.Second // from a cold disk on a machine with a load of 15 it took 12
	exitDelay     = 2 * time.Second  // at most, from the end of Chromium's pipe to that of its process
)

// flags of every Chromium, beside networkFlags. What is off would talk to the network
// by itself, draw for nobody, or slow down a page that has no focus. The popups of the
// address bar are two pages more in each window: without them a session opens in 135 ms
// instead of 230. Frames of other sites get processes of their own, as in Chromium's own default, which
// chrome-headless-shell does not share. The crash
// handler stays on: --disable-crashpad-for-testing makes the network service of
// Chromium 156 die when it starts from a pipe, and then every navigation is aborted.
var flags = []string{
	"--headless=new",
	"--remote-debugging-pipe",
	"--no-startup-window",
	"--no-first-run",
	"--no-default-browser-check",
	"--window-size=1280,800",
	"--hide-scrollbars",
	"--mute-audio",
	"--disable-gpu",
	"--disable-dev-shm-usage",
	"--disable-breakpad",
	"--disable-background-networking",
	"--disable-background-timer-throttling",
	"--disable-backgrounding-occluded-windows",
	"--disable-renderer-backgrounding",
	"--disable-component-update",
	"--disable-default-apps",
	"--disable-domain-reliability",
	"--disable-extensions",
	"--disable-hang-monitor",
	"--disable-popup-blocking",
	"--disable-sync",
	"--site-per-process",
	"--password-store=basic",
	"--use-mock-keychain",
	"--disable-features=AutofillServerCommunication,BackForwardCache,CertificateTransparencyComponentUpdater," +
		"HttpsUpgrades,MediaRouter,OptimizationHints,Prerender2,Translate," +
		"WebUIOmniboxAimPopup,WebUIOmniboxPopup",
}

// process is a Chromium of our own.
type process struct {
	cmd    *exec.Cmd
	conn   *cdp.Conn
	home   *home
	stderr *tail
	exited chan struct{}
}

// startProcess launches Chromium, with its profile below temp, from the calling thread, which must outlive it.
func startProcess(ctx context.Context, temp, binary string, extra ...string) (*process, error) {
	uid, cred := os.Geteuid(), (*syscall.Credential)(nil)
	if uid == 0 {
		uid, cred = chromiumUID, &syscall.Credential{Uid: chromiumUID, Gid: chromiumUID}
	}
	h, err := newHome(temp, uid)
	if err != nil {
		return nil, err
	}
	p := &process{home: h, stderr: &tail{}, exited: make(chan struct{})}
	p.cmd = command(binary, h.profile(), extra)
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = childAttributes(cred)
	if err := p.start(); err != nil {
		barrier := h.barrier()
		h.remove()
		if barrier != "" && os.Geteuid() == 0 {
			err = fmt.Errorf("its uid %d may not enter %s: %w", h.uid, barrier, errNoPlace)
		}
		return nil, fmt.Errorf("%w: start %s: %w", ErrNotStarted, binary, err)
	}
	if err := p.greet(ctx); err != nil {
		return nil, p.notStarted(binary, err)
	}
	return p, nil
}

// notStarted says why Chromium did not greet: that it ended, and the last that it said, or err.
func (p *process) notStarted(binary string, err error) error {
	ended := errors.Is(err, cdp.ErrClosed) && p.endedByItself()
	p.kill()
	if ended && !p.killed() {
		return fmt.Errorf("%w: %s ended with %v%s", ErrNotStarted, binary, p.cmd.ProcessState, p.stderr.said())
	}
	return fmt.Errorf("start %s: %w%s", binary, err, p.stderr.said())
}

// endedByItself reports whether Chromium has ended, or is about to, before we kill it.
func (p *process) endedByItself() bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(exitDelay):
		return false
	}
}

// killed reports whether a Chromium that has ended was killed, by us or by others.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func command(binary, profile string, extra []string) *exec.Cmd {
	cmd := exec.Command(binary, append(append(flags[:len(flags):len(flags)], extra...), "--user-data-dir="+profile)...)
	cmd.Dir = profile
	cmd.Env = []string{
		"HOME=" + profile, "TMPDIR=" + temporary(profile), "PATH=/usr/bin:/bin", "LANG=C.UTF-8",
		"DBUS_SESSION_BUS_ADDRESS=disabled:",
	}
	cmd.WaitDelay = time.Second // grandchildren hold stderr a little longer
	return cmd
}

func (p *process) start() error {
	theirs, ours, err := pipes()
	if err != nil {
		return err
	}
	defer theirs.close()
	p.cmd.ExtraFiles = []*os.File{theirs.r, theirs.w}
	if err := p.cmd.Start(); err != nil {
		ours.close()
		return err
	}
	lowerPriority(p.cmd.Process.Pid)
	p.conn = cdp.Pipe(ours.r, ours.w)
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
	}()
	return nil
}

// greet waits until Chromium answers.
func (p *process) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, launchTimeout)
	defer cancel()
	for {
		err := p.conn.Root.Call(ctx, "Browser.getVersion", nil, nil)
		if !errors.Is(err, cdp.ErrTimeout) { // which is of one call, and shorter
			return err
		}
	}
}

// kill ends the whole process group, waits for Chromium, and removes its directory.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.conn.Close()
	<-p.exited
	p.home.remove()
}

// end is one side of the two pipes between us and Chromium.
type end struct{ r, w *os.File }

func (e end) close() { _, _ = e.r.Close(), e.w.Close() }

func pipes() (theirs, ours end, err error) {
	if theirs.r, ours.w, err = os.Pipe(); err != nil {
		return theirs, ours, err
	}
	if ours.r, theirs.w, err = os.Pipe(); err != nil {
		_, _ = theirs.r.Close(), ours.w.Close()
	}
	return theirs, ours, err
}

// findChromium returns the binary itself: Debian's wrapper would stand between us
// and the process that we must kill.
func findChromium(configured string) (string, error) {
	if configured != "" {
		path, err := exec.LookPath(configured)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoBrowser, err)
		}
		return path, nil
	}
	for _, name := range []string{
		"/usr/lib/chromium/chromium", "/usr/lib/chromium-browser/chromium-browser", "/opt/google/chrome/chrome",
		"chromium", "chromium-browser", "google-chrome", "/usr/lib/chromium/chromium-headless-shell", "chrome-headless-shell",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.EvalSymlinks(path)
		}
	}
	return "", ErrNoBrowser
}

// launch starts Chromium with its sandbox, and without only where that fails and
// the operator has allowed it.
func launch(ctx context.Context, cfg Config, temp, denyAll string) (*process, error) {
	binary, err := findChromium(cfg.Chromium)
	if err != nil {
		return nil, err
	}
	network := networkFlags(denyAll)
	p, err := startProcess(ctx, temp, binary, network...)
	if err == nil || !errors.Is(err, ErrNotStarted) || errors.Is(err, errNoPlace) {
		return p, err
	}
	if !cfg.AllowRootNoSandbox {
		return nil, errors.Join(err, errNoSandbox)
	}
	cfg.Log.Warn("chromium runs without its sandbox", "because", err)
	return startProcess(ctx, temp, binary, append(network, "--no-sandbox")...)
}
