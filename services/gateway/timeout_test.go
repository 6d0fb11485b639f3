package gateway

import (
	"encoding/json"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestModelTimeoutIsATasksOwnAndOverriddenByARun(t *testing.T) {
	seconds := 30
	task := Definition{Additions: Additions{ModelTimeout: &seconds}}.task()
	if task.ModelTimeout != 30 || *view(task).ModelTimeout != 30 || view(event.Task{}).ModelTimeout != nil {
		t.Errorf("task %d, shown %v", task.ModelTimeout, view(task).ModelTimeout)
	}
	var o overrides
	if err := json.Unmarshal([]byte(`{"model_timeout":300}`), &o); err != nil {
		t.Fatal(err)
	}
	if r, err := request(o.apply(task)); err != nil || r.ModelTimeout != 300 {
		t.Errorf("request %d, %v", r.ModelTimeout, err)
	}
	if r, err := request(overrides{}.apply(task)); err != nil || r.ModelTimeout != 30 {
		t.Errorf("request %d, %v", r.ModelTimeout, err)
	}
}
