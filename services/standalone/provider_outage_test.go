package standalone

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestRunsWaitForTheirProviderInTheQueue(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	down.Store(true)
	models := httptest.NewServer(modelsim.New(func(modelsim.Call) modelsim.Reply {
		if down.Load() {
			return modelsim.Reply{Status: 503, Text: "Down for repairs", Header: http.Header{"Retry-After": {"0.01"}}}
		}
		return modelsim.Decide("report", modelsim.Done("done", nil, true))
	}))
	t.Cleanup(models.Close)
	e := launch(t, env(t, map[string]string{"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1"}))
	runs := make([]event.Run, 2) // fewer than make the executor leave the provider alone for a while
	for i := range runs {
		body := `{"prompt":"say done","wait_for_completion":false}`
		resp, err := http.Post("http://"+e.HTTP+"/api/runs", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(resp.Body).Decode(&runs[i]); err != nil || resp.Body.Close() != nil {
			t.Fatal(err)
		}
	}
	get := func(r event.Run) (now event.Run, err error) {
		resp, err := http.Get(fmt.Sprintf("http://%s/api/runs/%s", e.HTTP, r.TaskRunID))
		if err != nil {
			return now, err
		}
		defer func() { _ = resp.Body.Close() }()
		return now, json.NewDecoder(resp.Body).Decode(&now)
	}
	for _, r := range runs {
		natstest.EventuallyWithin(t, 30*time.Second, func() error {
			now, err := get(r)
			if w := now.Waiting; err == nil && (w == nil || now.State != event.StateQueued || now.StartedAt != nil || !w.Until.After(w.Since) ||
				w.Reason != event.WaitingProvider || !strings.Contains(w.Text, "Down for repairs")) {
				return fmt.Errorf("run is %s, waits for %+v, error %+v", now.State, w, now.Error)
			}
			return err
		})
	}
	down.Store(false)
	for _, r := range runs {
		natstest.EventuallyWithin(t, time.Minute, func() error {
			now, err := get(r)
			if err == nil && (now.State != event.StateSucceeded || now.Waiting != nil || now.Attempt < 2 || now.StartedAt == nil) {
				return fmt.Errorf("run is %s in attempt %d, waits for %+v, error %+v", now.State, now.Attempt, now.Waiting, now.Error)
			}
			return err
		})
	}
}
