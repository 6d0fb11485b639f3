package standalone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// logbook keeps the lines that all services write.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) logger(name string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, nil)).With("service", name)
}

// lines are what was written so far.
func (l *logbook) lines(t *testing.T) (lines []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.text.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// A run that works, one that fails and a webhook, none of which needs a browser.
func TestRunsAreCountedAndTheirLogsJoined(t *testing.T) {
	t.Parallel()
	models := httptest.NewServer(modelsim.New(func(c modelsim.Call) modelsim.Reply {
		return modelsim.Decide("answer", modelsim.Done("42", nil, !strings.Contains(fmt.Sprint(c), "give up")))
	}))
	defer models.Close()
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	log := &logbook{}
	e := launchLogged(t, env(t, map[string]string{
		"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1", "ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_CHROMIUM": "/nonexistent",
	}), log.logger)
	post := func(prompt string) event.Run {
		t.Helper()
		body := fmt.Sprintf(`{"prompt": %q, "webhook_url": %q}`, prompt, hook.URL)
		resp, err := http.Post("http://"+e.HTTP+"/api/runs", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var run event.Run
		if err := json.NewDecoder(resp.Body).Decode(&run); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", resp.Status, err)
		}
		return run
	}
	if run := post("what is 6 times 7"); run.State != event.StateSucceeded {
		t.Fatalf("the run is %s: %+v", run.State, run.Error)
	}
	if run := post("give up"); run.Error == nil || run.Error.Code != "goal_not_reached" {
		t.Fatalf("the run is %s: %+v", run.State, run.Error)
	}
	natstest.Eventually(t, func() error {
		return e.counts(t,
			`errand_runs_ended_total{code="",state="succeeded"} 1`, `errand_runs_ended_total{code="goal_not_reached",state="failed"} 1`,
			`errand_executor_steps_total 2`, `errand_executor_attempts_total{outcome="succeeded"} 1`,
			`errand_model_calls_total{outcome="ok",provider="openai"} 2`, `errand_model_call_duration_seconds_count{provider="openai"} 2`,
			`errand_runs_accepted_total 2`, `errand_runs{state="queued"} 0`, `errand_runs{state="running"} 0`,
			`errand_webhook_deliveries_total{outcome="delivered"} 2`, `errand_run_transitions_total{type="dispatched"} 2`,
			`errand_model_tokens_total{direction="input",provider="openai"} `, `errand_model_tokens_total{direction="output",provider="openai"} `,
			"go_build_info{")
	})
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, line := range log.lines(t) {
		for _, other := range []string{"task", "run", "delivery", "task_run_id"} {
			if line[other] != nil {
				t.Errorf("an id has another name: %v", line)
			}
		}
		if line["run_id"] == 2.0 && !slices.Contains(services, line["service"].(string)) {
			services = append(services, line["service"].(string))
		}
		if line["msg"] == "run failed" && (line["level"] != "WARN" || line["code"] != "goal_not_reached" || line["task_id"] != 2.0) {
			t.Errorf("a failed run is the line %v", line)
		}
	}
	if slices.Sort(services); !slices.Equal(services, []string{"gateway", "orchestrator", "provider-executor", "webhook-notifier"}) {
		t.Errorf("run 2 can be found in the logs of %v", services)
	}
}

// counts returns an error that names the lines which GET /metrics does not have.
func (e errand) counts(t *testing.T, want ...string) error {
	t.Helper()
	resp, err := http.Get("http://" + e.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range want {
		if !strings.Contains("\n"+string(text), "\n"+line) {
			return fmt.Errorf("the metrics lack %s", line)
		}
	}
	return nil
}
