// Command suite runs `go test -json` with its arguments and prints what matters: a line for each package, the output of
// tests that failed, the ten slowest tests, and how many passed. Its exit code is that of go test.
//
// Arguments may be several groups, each after a "--"; they run at the same time, with what stands before the first "--"
// in common: `suite -shuffle=on -- -race ./server -- ./parser`. NAME=value in a group is for its environment.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	code, err := run(os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
	}
	os.Exit(code)
}

// run runs go test for each group of arguments at the same time, and reports on all of them together. Its exit code is the
// largest of theirs.
func run(out io.Writer, args []string) (code int, err error) {
	began := time.Now()
	r := newReport(out)
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	for _, group := range groups(args) {
		wg.Go(func() {
			exit, failed := r.test(group)
			mu.Lock()
			defer mu.Unlock()
			code, err = max(code, exit), errors.Join(err, failed)
		})
	}
	wg.Wait()
	r.end(time.Since(began), code)
	return code, err
}

// groups splits the arguments at each "--": what stands before the first is put before each group.
func groups(args []string) [][]string {
	all := [][]string{nil}
	for _, arg := range args {
		if arg == "--" {
			all = append(all, slices.Clone(all[0]))
			continue
		}
		last := len(all) - 1
		all[last] = append(all[last], arg)
	}
	if len(all) == 1 {
		return all
	}
	return all[1:]
}

// test runs go test with the arguments and reads what it prints.
func (r *report) test(args []string) (code int, err error) {
	var env []string
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		variable := strings.Contains(arg, "=") && !strings.HasPrefix(arg, "-")
		if variable {
			env = append(env, arg)
		}
		return variable
	})
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	err = r.read(events)
	var exit *exec.ExitError
	if ended := cmd.Wait(); errors.As(ended, &exit) {
		code = max(1, exit.ExitCode())
	} else if err = errors.Join(err, ended); err != nil {
		code = 1
	}
	return code, err
}

// event is a line of `go test -json`, see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// outcome is how a test ended.
type outcome struct {
	test    string
	seconds float64
}

type report struct {
	mu                      sync.Mutex // over all that follows
	out                     io.Writer
	said                    map[[2]string]*strings.Builder // by package and test, what was printed so far
	failedIn                map[string]bool                // packages with a failed test, whose own output says no more
	slow                    []outcome
	passed, failed, skipped int
}

func newReport(out io.Writer) *report {
	return &report{out: out, said: map[[2]string]*strings.Builder{}, failedIn: map[string]bool{}}
}

func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		r.line(line)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

func (r *report) line(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var e event
	if json.Unmarshal(line, &e) == nil {
		r.add(e)
	} else {
		_, _ = r.out.Write(line) // not of test2json
	}
}

func (r *report) add(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if r.said[key] == nil {
			r.said[key] = &strings.Builder{}
		}
		r.said[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.said, key)
	}
}

func (r *report) endTest(e event) {
	switch e.Action {
	case "fail":
		r.failed++
		r.failedIn[e.Package] = true
		fmt.Fprintf(r.out, "%s", r.said[[2]string{e.Package, e.Test}])
	case "skip":
		r.skipped++
	case "pass":
		r.passed++
	}
	if !strings.Contains(e.Test, "/") {
		r.slow = append(r.slow, outcome{e.Test + "  " + e.Package[strings.LastIndexByte(e.Package, '/')+1:], e.Elapsed})
	}
}

func (r *report) endPackage(e event) {
	verdict := map[string]string{"pass": "ok", "fail": "FAIL", "skip": "-"}[e.Action]
	if e.Action == "fail" {
		for key, said := range r.said { // a panic, a time-out, a data race: of the package or of tests that did not end
			if key[0] == e.Package && (key[1] != "" || !r.failedIn[e.Package]) {
				fmt.Fprintf(r.out, "%s", said)
				delete(r.said, key)
			}
		}
		if !r.failedIn[e.Package] {
			r.failed++
		}
	}
	if e.Action != "skip" {
		fmt.Fprintf(r.out, "%-4s %s  %.1fs\n", verdict, e.Package, e.Elapsed)
	}
}

// end prints the slowest tests and the totals; code is the exit code of go test.
func (r *report) end(took time.Duration, code int) {
	slices.SortFunc(r.slow, func(a, b outcome) int {
		if a.seconds < b.seconds {
			return 1
		}
		return -1
	})
	fmt.Fprintln(r.out, "\nslowest tests:")
	for _, o := range r.slow[:min(10, len(r.slow))] {
		fmt.Fprintf(r.out, "%7.1fs  %s\n", o.seconds, o.test)
	}
	verdict := "ok"
	if code != 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(r.out, "\n%s: %d passed, %d failed, %d skipped in %s\n", verdict, r.passed, r.failed, r.skipped, took.Round(time.Second))
}
