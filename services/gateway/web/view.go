package web

import (
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// Runs is the data of the page runs.
type Runs struct {
	Runs   []event.Run // without their steps
	State  event.State // the filters, zero for none
	Task   event.TaskID
	States []event.State
	Next   string // the query string of the page that follows, empty for none
	First  bool   // the page shows the newest runs
	Models []Model
}

// Model is a provider with the model that it uses if none is named.
type Model struct{ Provider, Default string }

// Key is the environment variable of the provider's key.
func (m Model) Key() string { return strings.ToUpper(m.Provider) + "_API_KEY" }

// BaseURL is the environment variable that names another server of the same protocol.
func (m Model) BaseURL() string { return strings.ToUpper(m.Provider) + "_BASE_URL" }

// Models lists every provider with its default model.
func Models() []Model {
	var list []Model
	for _, p := range event.Providers() {
		list = append(list, Model{p, event.DefaultModel(p)})
	}
	return list
}

// Run is the data of the page run.
type Run struct {
	Run   event.Run
	Task  string // the task's name, empty if it has none
	Steps []Step
	URL   string // of the gateway, as the browser reaches it

	Sequence uint64 // in the log, of the run's last lifecycle event; 0 for none
	Latest   uint64 // of the last event of all, steps included; 0 for none
}

// HasResult reports whether the run has a result.
func (r Run) HasResult() bool { return len(r.Run.Result) > 0 && string(r.Run.Result) != "null" }

// Schema is the JSON Schema of the result, indented; empty for none.
func (r Run) Schema() string {
	if len(r.Run.JSONSchema) == 0 || string(r.Run.JSONSchema) == "null" {
		return ""
	}
	return pretty(r.Run.JSONSchema)
}

// Curl is a shell command that starts the same run.
func (r Run) Curl() string {
	body := map[string]any{"prompt": r.Run.Prompt, "provider": r.Run.Provider, "model": r.Run.Model}
	if r.Schema() != "" {
		body["json_schema"] = r.Run.JSONSchema
	}
	quoted := strings.ReplaceAll(pretty(body), "'", `'\''`)
	return "curl -s " + r.URL + "/api/runs -H 'Content-Type: application/json' -d '" + quoted + "'"
}

// Step is one step of a run. Its actions have no outcome yet if it is only planned.
type Step struct {
	event.StepData
	Done bool
}

// Took is how long the step took, or has taken by now.
func (s Step) Took() time.Duration {
	if s.FinishedAt == nil {
		return time.Since(s.StartedAt)
	}
	return s.FinishedAt.Sub(s.StartedAt)
}

// Duration is how long a run took from its start, or has taken by now; zero before it starts.
func (r Run) Duration() time.Duration {
	switch {
	case r.Run.StartedAt == nil:
		return 0
	case r.Run.FinishedAt == nil:
		return time.Since(*r.Run.StartedAt)
	}
	return r.Run.FinishedAt.Sub(*r.Run.StartedAt)
}

// NewRun is the data of the page new: the form for a run with all of its fields.
type NewRun struct {
	Models []Model
}

// Tasks is the data of the page tasks.
type Tasks struct {
	Tasks []event.Task
	Next  string // the query string of the page that follows, empty for none
}

// Task is the data of the page task.
type Task struct {
	Task     event.Task
	Workflow *workflow.Workflow // the current version, nil for none
	Runs     []event.Run        // the newest, without their steps
}

// Settings is the data of the page settings.
type Settings struct {
	Models  []Model
	Version string
	NATS    string // empty if it answers, otherwise what is wrong
}

// Problem is the data of the page error.
type Problem struct {
	Status int
	Title  string
	Detail string
}
