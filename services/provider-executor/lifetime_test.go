package executor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// chromiums lists the main processes of browsers with profiles below dir.
func chromiums(dir string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(line), "--user-data-dir="+dir) && !strings.Contains(string(line), "--type=") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// timers hands on the timers of runs as they fire, until the test ends.
func (r *rig) timers() <-chan bus.Timer {
	r.Helper()
	fired := make(chan bus.Timer, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.bus.Consume(ctx, bus.ConsumerControl, 1, func(_ context.Context, m bus.Message) error {
			var timer bus.Timer
			if json.Unmarshal(m.Data, &timer) == nil && timer.Run != 0 {
				fired <- timer
			}
			return nil
		})
	}()
	r.Cleanup(func() { cancel(); <-done })
	return fired
}

// temporary is a directory that Chromium's own user can reach, for all browsers of the test.
func temporary(t *testing.T) string {
	t.Helper()
	dir := executable(t)
	t.Setenv("TMPDIR", dir)
	return dir
}

func TestALostBrowserCountsAgainstItsRunUnlessOthersLostTheirsToo(t *testing.T) {
	dir := temporary(t)
	var visited sync.Map // paths, one for each run
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visited.Store(r.URL.Path, true)
		fmt.Fprint(w, "<title>x</title>hello")
	}))
	t.Cleanup(site.Close)
	path := regexp.MustCompile(`/run-\d`)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.Page(), "hello") {
			return modelsim.Decide("stay", modelsim.Wait(30))
		}
		return modelsim.Decide("visit", modelsim.Navigate(site.URL+path.FindString(fmt.Sprint(c.Messages))))
	}).withOwnBrowser()
	r.cfg.Browser.Shared = false
	fired := r.timers()
	r.serve()
	lost := func(counts bool, paths ...string) {
		for _, p := range paths {
			r.dispatch(event.Request{Prompt: "look at " + p})
		}
		natstest.EventuallyWithin(t, time.Minute, func() error {
			for _, p := range paths {
				if _, ok := visited.Load(p); !ok {
					return fmt.Errorf("%s is not visited", p)
				}
			}
			return nil
		})
		for _, pid := range chromiums(dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for range paths {
			select {
			case timer := <-fired:
				if timer.Kind != bus.TimerRelease || timer.Counts != counts {
					t.Errorf("of %d that lost their browsers at once: %+v", len(paths), timer)
				}
			case <-time.After(time.Minute):
				t.Fatal("the run is not given back")
			}
		}
	}
	lost(true, "/run-1")
	lost(false, "/run-2", "/run-3")
}

func TestARunWhosePagesGrowWithoutEndFailsAndNamesTheCause(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>x</title><script>const all = []; setInterval(() => all.push(new Uint8Array(16 << 20).fill(1)), 20)</script>`)
	}))
	t.Cleanup(site.Close)
	told := make(chan bool, 10)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		told <- strings.Contains(c.Page(), "more than 300 MiB of memory") || strings.Contains(fmt.Sprint(c.Messages), "more than 300 MiB of memory")
		return modelsim.Decide("visit and stay", modelsim.Navigate(site.URL), modelsim.Wait(30))
	}).withOwnBrowser()
	r.cfg.Browser.PageMemory = 300 << 20
	r.serve()
	wantCode(t, r.run(r.dispatch(event.Request{Prompt: "look"})), "page_too_heavy")
	if first, second := <-told, <-told; first || !second {
		t.Errorf("the model is told why the page crashed: %v before, %v after", first, second)
	}
}

// executable is a directory of programs that Chromium's own user can start.
func executable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "errand")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestABrowserThatDoesNotStartFailsItsRunAtTheFirstAttemptWithTheReason(t *testing.T) {
	t.Parallel()
	script := filepath.Join(executable(t), "chromium")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho 'error while loading shared libraries: libnss3.so' >&2\nexit 127\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(modelsim.Call) modelsim.Reply {
		return modelsim.Decide("visit", modelsim.Navigate("http://127.0.0.1/"))
	})
	r.cfg.Browser.Chromium, r.cfg.Browser.Shared = script, false
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "look"}))
	wantCode(t, run, "no_browser")
	if run.Attempt != 1 || !strings.Contains(run.Error.Message, "libnss3.so") {
		t.Errorf("attempt %d: %s", run.Attempt, run.Error.Message)
	}
}
