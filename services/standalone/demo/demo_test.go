package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func needsBrowser(t *testing.T) {
	t.Helper()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
}

// runDemo is what the demo prints. It must succeed and leave no file behind.
func runDemo(t *testing.T, getenv func(string) string) string {
	t.Helper()
	before := leftBehind(t)
	var out bytes.Buffer
	if err := Run(t.Context(), &out, getenv, false); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if after := leftBehind(t); !slices.Equal(after, before) {
		t.Errorf("directories before the demo %v, after it %v", before, after)
	}
	return out.String()
}

func leftBehind(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "errand-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func TestTheDemoShowsARunFromThePromptToTheOrderInTheShop(t *testing.T) {
	needsBrowser(t)
	out := runDemo(t, os.Getenv)
	for _, want := range []string{
		`The model is simulated`,
		`(?s)created\n.*dispatched to the executors of openai\n.*started: attempt 1.*step 1: Open the shop.*succeeded\n`,
		`✓ select_dropdown "Blue"`,
		`"order_number": "KT-\d{6}"`,
		`"total_eur": 82.9`,
		`signature is valid, and its body is the run as GET /api/runs/1 answers it`,
		`The shop's own books: order KT-\d{6}, 2 × Ferry kettle in Blue, €82.90 paid, to Ada Lovelace in Brussels`,
		`POST /api/runs/1/set-as-cached-workflow`,
		`\{\{ full_name \}\}`,
		`(?s)The POST answered: run 2, status success, \d+ steps, 0 model calls.*3 × Harbour kettle in Cream, €\d+.\d\d paid, to Grace Hopper in Dublin`,
		`(?m)^ +model +\d+ +[\d.]+ s$`,
		`(?m)^ +replay +0 +[\d.]+ s$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTheDemoWithoutABrowserSaysWhatToDoAndShowsTheRest(t *testing.T) {
	out := runDemo(t, func(name string) string {
		if name == "ERRAND_CHROMIUM" {
			return "/nowhere/chromium"
		}
		return ""
	})
	for _, want := range []string{"deploy/install-chromium.sh", `"440"`, "signature is valid", "succeeded"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// kept is what must be the same after a restart.
type kept struct{ run, task, runs, screenshot []byte }

func (st *stage) keep(ctx context.Context, id event.RunID) (k kept, err error) {
	get := func(path string) []byte {
		var raw json.RawMessage
		err = errors.Join(err, st.api.send(ctx, http.MethodGet, path, nil, &raw))
		return raw
	}
	run := "/api/runs/" + id.String()
	return kept{get(run), get("/api/tasks/1"), get("/api/runs"), get(run + "/steps/2/screenshot")}, err
}

func TestEverythingIsStillThereAfterARestart(t *testing.T) {
	needsBrowser(t)
	dir, log := t.TempDir(), &logTail{}
	o := options{getenv: os.Getenv, log: log}
	var before, after kept
	err := play(t.Context(), dir, o, func(ctx context.Context, st *stage) (err error) {
		if _, err := st.shopping(ctx, &bytes.Buffer{}); err != nil {
			return err
		}
		before, err = st.keep(ctx, 1)
		return err
	})
	if err != nil {
		t.Fatalf("first start: %v\n%s", err, log)
	}
	err = play(t.Context(), dir, o, func(ctx context.Context, st *stage) (err error) {
		if after, err = st.keep(ctx, 1); err != nil {
			return err
		}
		next, err := st.api.runTask(ctx, 1, map[string]any{"prompt": question, "json_schema": map[string]any{"type": "integer"}})
		if err == nil && (*next.TaskRunID != 2 || string(next.Result) != "440") {
			t.Errorf("the next run is %s with result %s, want 2 and 440", next.TaskRunID, next.Result)
		}
		return err
	})
	if err != nil {
		t.Fatalf("second start: %v\n%s", err, log)
	}
	if !bytes.Equal(before.run, after.run) || !bytes.Equal(before.task, after.task) || !bytes.Equal(before.runs, after.runs) {
		t.Errorf("before the restart\n%s\n%s\n%s\nafter it\n%s\n%s\n%s", before.run, before.task, before.runs, after.run, after.task, after.runs)
	}
	if !bytes.HasPrefix(after.screenshot, []byte("\xff\xd8\xff")) || !bytes.Equal(before.screenshot, after.screenshot) {
		t.Errorf("screenshot: %d bytes before, %d after, JPEG wanted", len(before.screenshot), len(after.screenshot))
	}
}
