package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// executorRole makes the test binary an executor that holds a browser until killed.
const executorRole = "ERRAND_TEST_EXECUTOR"

func beExecutor() {
	e := browser.New(separate())
	go func() { _ = e.Run(context.Background()) }()
	if _, err := e.NewSession(context.Background(), browser.SessionOptions{}); err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println("ready")
	select {}
}

// processesNaming counts the processes with text in their command line.
func processesNaming(text string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}

// children lists the processes that this one has started.
func children() []int {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	var pids []int
	for _, f := range files {
		list, _ := os.ReadFile(f)
		for field := range strings.FieldsSeq(string(list)) {
			pid, _ := strconv.Atoi(field)
			pids = append(pids, pid)
		}
	}
	return pids
}

// temporary is a directory that Chromium's own user can reach.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "errand") // a short path: Chromium's sockets live below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAKilledExecutorLeavesNoChromium(t *testing.T) {
	needBrowser(t)
	dir := temporary(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), executorRole+"=1", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" || processesNaming(dir) == 0 {
		t.Fatalf("executor said %q with %d browser processes", line, processesNaming(dir))
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	start := time.Now()
	eventually(t, "no process of the dead executor is left", func() bool { return processesNaming(dir) == 0 })
	t.Logf("all gone after %v", time.Since(start).Round(10*time.Millisecond))

	left, _ := filepath.Glob(dir + "/errand-browser-*")
	if len(left) == 0 {
		t.Fatalf("the dead executor left %q", left)
	}
	t.Setenv("TMPDIR", dir)
	userOf(t, ownEngine(t), browser.SessionOptions{})
	for _, dir := range left {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("a profile of the dead executor was not swept: %v", err)
		}
	}
}

func TestRunLeavesNothingBehind(t *testing.T) {
	needBrowser(t)
	dir := temporary(t)
	t.Setenv("TMPDIR", dir)
	e := browser.New(separate())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	s, err := e.NewSession(t.Context(), browser.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := s.Observe(t.Context()); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("Observe after Run: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("Close after Run: %v", err)
	}
	if _, err := e.NewSession(t.Context(), browser.SessionOptions{}); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("NewSession after Run: %v", err)
	}
	eventually(t, "no process is left", func() bool { return processesNaming(dir) == 0 })
	if left, _ := filepath.Glob(dir + "/errand-browser-*"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestAKilledBrowserEndsItsSessionsAndIsReplaced(t *testing.T) {
	before := children()
	e := ownEngine(t)
	s := serve(t, map[string]string{"/": "hello", "/slow": "x"})
	one, two := userOf(t, e, browser.SessionOptions{}), userOf(t, e, browser.SessionOptions{})
	one.visit(s.URL)
	busy := make(chan error, 1)
	go func() {
		_, err := two.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)})
		busy <- err
	}()
	for _, pid := range children() {
		if !slices.Contains(before, pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err := <-busy; !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("the action in flight got %v", err)
	}
	if _, err := one.Observe(t.Context()); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("Observe got %v", err)
	}
	if _, err := one.Screenshot(t.Context()); !errors.Is(err, browser.ErrBrowserGone) {
		t.Errorf("Screenshot got %v", err)
	}
	next := userOf(t, e, browser.SessionOptions{})
	next.visit(s.URL)
	next.sees("hello")
}

func TestACrashedPageEndsItsStepAndNoNeighbour(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": "hello <button>Go</button>"})
	u, neighbour := newUser(t), newUser(t)
	u.visit(s.URL)
	neighbour.visit(s.elsewhere("/"))
	waiting := make(chan error, 1)
	go func() {
		_, err := u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)})
		waiting <- err
	}()
	u.CrashPage()
	if err := <-waiting; !errors.Is(err, browser.ErrPageCrashed) {
		t.Errorf("the action in flight got %v", err)
	}
	neighbour.sees("hello")
	neighbour.click("button Go")
	u.sees("URL "+s.URL, "hello", "crashed at "+s.URL, "open again")
}

// A page that crashed is opened again at its address, whatever is asked for next: once, and every action says the same.
func TestACrashedPageIsOpenedAgainAndEveryActionSaysTheSame(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/page": "hello <button>Go</button> <input aria-label=Name>"})
	u := newUser(t)
	said := map[string]bool{}
	for i, a := range []browser.Action{
		{Name: "find_elements", Query: "button"}, {Name: "click", Index: new(0)}, {Name: "send_keys", Keys: "Enter"}, {Name: "navigate", URL: s.URL},
	} {
		address := fmt.Sprintf("%s/page?%d", s.URL, i)
		u.Forgive()
		u.visit(address)
		if a.Index != nil {
			a.Index = u.index("button Go")
		}
		u.CrashPage()
		u.AwaitCrash(t.Context())
		if i == 0 { // a look in between changes nothing
			if sight, err := u.Sight(t.Context()); err != nil || sight.URL != address {
				t.Errorf("the page is at %s, %v", sight.URL, err)
			}
		}
		_, err := u.Do(t.Context(), a)
		if !errors.Is(err, browser.ErrPageCrashed) {
			t.Fatalf("%s: %v", a.Name, err)
		}
		said[strings.ReplaceAll(err.Error(), address, "ADDRESS")] = true
		u.sees("URL "+address, "hello", "crashed at "+address, "open again")
		if a.Index != nil {
			refused(t, u.act(a), "has crashed or was closed")
		}
	}
	if len(said) != 1 || !said["the page crashed and was opened again at ADDRESS: what was typed there is lost; use the page as it is shown next"] {
		t.Errorf("the actions say %v", said)
	}
	u.CrashPage() // for the second time at this address
	u.AwaitCrash(t.Context())
	if _, err := u.Do(t.Context(), browser.Action{Name: "search_page", Query: "hello"}); err == nil || !strings.Contains(err.Error(), "navigate elsewhere") {
		t.Errorf("a page that crashes again: %v", err)
	}
	u.visit(s.URL + "/page")
	u.sees("hello")
}

func TestSessionsAreIsolatedAndLeaveNothing(t *testing.T) { // not parallel: it counts the tabs of the shared browser
	s := serve(t, map[string]string{"/": `<p id=c></p><script>c.textContent = 'cookie:' + document.cookie + ' stored:' + localStorage.x; document.cookie = 'who=me'; localStorage.x = 1</script>`})
	one, two := newUser(t), newUser(t)
	contexts, tabs, err := two.Contexts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one.visit(s.URL)
	one.visit(s.URL)
	one.sees("cookie:who=me stored:1")
	two.visit(s.URL)
	two.sees("cookie: stored:undefined")
	one.must(browser.Action{Name: "navigate", URL: s.URL, NewTab: new(true)})
	for range 2 {
		if err := one.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the context and its tabs are gone", func() bool {
		c, n, err := two.Contexts(t.Context())
		return err == nil && c == contexts-1 && n == tabs-1
	})
	if _, err := one.Observe(t.Context()); err == nil {
		t.Error("a closed session can be observed")
	}
	two.sees("stored:undefined")
}

// A tab that floods its browser must not leave another session without an answer, then or afterwards. Of sessions that
// share a Chromium that cannot be promised, see docs/adr/0012.
func TestAStormInOneSessionLeavesItsNeighbourAnswering(t *testing.T) {
	s := serve(t, map[string]string{
		"/":      `<button>Go</button>`,
		"/storm": `<script>setInterval(() => { for (let i = 0; i < 100; i++) console.log('storm', i, {a: [i]}); fetch('/x').catch(() => {}); }, 0);</script>`,
	})
	e := runEngine(t, separate())
	storm, neighbour := userOf(t, e, browser.SessionOptions{}), userOf(t, e, browser.SessionOptions{})
	neighbour.visit(s.elsewhere("/"))
	before := measure(neighbour)
	storm.must(browser.Action{Name: "navigate", URL: s.URL + "/storm"})
	during := measure(neighbour)
	if err := storm.Close(t.Context()); err != nil {
		t.Error(err)
	}
	after := measure(neighbour)
	t.Logf("neighbour's observation: before %s, during %s, after %s", before, during, after)
}

type latency struct{ p50, max time.Duration }

func (l latency) String() string { return fmt.Sprintf("p50 %v max %v", l.p50, l.max) }

// measure times how long it takes until an observation shows the page: on a loaded machine one may say that the page does
// not answer.
func measure(u *user) latency {
	u.Helper()
	var took []time.Duration
	for range 10 {
		start := time.Now()
		for !strings.Contains(u.look(), "button Go") {
			if time.Since(start) > 30*time.Second {
				u.Fatalf("the neighbour was not read for 30 s: %s", u.seen.Text)
			}
		}
		took = append(took, time.Since(start).Round(100*time.Microsecond))
	}
	slices.Sort(took)
	return latency{took[len(took)/2], took[len(took)-1]}
}
