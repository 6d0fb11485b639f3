package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Request is a complete run request: a task's definition merged with the caller's overrides. It is the message
// on run.req.v1.TASK.KEY, and its sequence is the run's id.
type Request struct {
	Version           int             `json:"v,omitempty"` // of this format: absent or 1
	Task              TaskID          `json:"task_id"`
	Prompt            string          `json:"prompt"`
	Provider          string          `json:"provider"`
	Model             string          `json:"model"` // never empty: the gateway fills in the provider's default
	ResponseFormat    string          `json:"response_format"`
	JSONSchema        json.RawMessage `json:"json_schema"` // an object, or null
	WebhookURL        string          `json:"webhook_url"`
	UseCachedWorkflow bool            `json:"use_cached_workflow"`
	InitialURL        string          `json:"initial_url"`
	UserAgent         string          `json:"user_agent"`
	MaxSteps          int             `json:"max_steps"`
	SessionTimeout    int             `json:"session_timeout"`   // seconds
	Replay            *Replay         `json:"replay,omitempty"`  // nil: an agent does the task
	OneOff            bool            `json:"one_off,omitempty"` // its task was made for it
	Means
	Order
	BodyHash  string    `json:"body_hash"` // SHA-256 of the raw HTTP body, hex; for the Idempotency-Key
	CreatedAt time.Time `json:"created_at"`
}

// Wrong says why nobody can carry the request out, empty if somebody can. The gateway stores no such request, but
// others may write to the stream, newer versions among them.
func (r Request) Wrong() string {
	switch {
	case r.Version > 1 || r.Version < 0:
		return fmt.Sprintf("its format has version %d, and this orchestrator knows 1", r.Version)
	case !KnownProvider(r.Provider):
		return fmt.Sprintf("the provider %q is unknown", r.Provider)
	}
	return ""
}

// Schema is the JSON Schema that the result must satisfy, nil for none.
func (r Request) Schema() json.RawMessage {
	if string(r.JSONSchema) == "null" {
		return nil
	}
	return r.JSONSchema
}

// Means is what a run may use and spend beside its model and its time. The zero value is no more and no limits.
type Means struct {
	Budget       *Budget   `json:"budget,omitempty"`
	Fallbacks    []Choice  `json:"fallbacks,omitempty"`     // asked in order where the model before gives no answer
	ExtractModel string    `json:"extract_model,omitempty"` // of the same provider; reads pages for extract
	ModelTimeout int       `json:"model_timeout,omitempty"` // seconds that one call of a model may take; 0: the executor's setting
	Judge        bool      `json:"judge,omitempty"`         // a claim of success is checked by one more model call
	Vision       bool      `json:"vision,omitempty"`        // the model sees a screenshot beside the page's text
	Secrets      []Secret  `json:"secrets,omitempty"`       // what it may type without its model seeing it
	Files        []RunFile `json:"files,omitempty"`         // what the run is given to upload

	OnInterrupt    string   `json:"on_interrupt,omitempty"`    // "retry": what an earlier attempt may have sent is sent again; "fail" or empty: not unseen
	AllowEvaluate  bool     `json:"allow_evaluate,omitempty"`  // the model may run code in pages; never together with secrets
	AllowedDomains []string `json:"allowed_domains,omitempty"` // hosts that it may reach, as netguard reads them; empty: every public one
}

// Order is a run's place among others while it is queued, and how long it may be. The zero value is an ordinary run.
type Order struct {
	Priority         int    `json:"priority,omitempty"`          // 0 to 9; of the runs of one task those with a higher one go first
	MaxRunning       int    `json:"max_running,omitempty"`       // the run waits while so many runs of its task are at work; 0: no limit
	ConcurrencyKey   string `json:"concurrency_key,omitempty"`   // what runs share that may not be used by any number at once, whatever their tasks
	ConcurrencyLimit int    `json:"concurrency_limit,omitempty"` // the run waits while so many runs with its key are at work; 0: one
	QueueTimeout     int    `json:"queue_timeout,omitempty"`     // seconds from its acceptance in which it must have begun; 0: no limit
}

// Budget is what a run may spend. It is checked before each model call; null is no limit.
type Budget struct {
	_               struct{} `nullable:"true" additionalProperties:"false"`
	MaxModelCalls   *int64   `json:"max_model_calls,omitempty" nullable:"true" minimum:"1"`
	MaxInputTokens  *int64   `json:"max_input_tokens,omitempty" nullable:"true" minimum:"1"`
	MaxOutputTokens *int64   `json:"max_output_tokens,omitempty" nullable:"true" minimum:"1"`
	MaxCostUSD      *float64 `json:"max_cost_usd,omitempty" nullable:"true" exclusiveMinimum:"0"`
}

// Choice names a model.
type Choice struct {
	_        struct{} `additionalProperties:"false"`
	Provider string   `json:"provider"`
	Model    string   `json:"model"`
}

// Judgement is a second opinion on a run that says of itself that it succeeded.
type Judgement struct {
	_       struct{} `nullable:"true"` // for the API document: a field of this type may be null
	Verdict bool     `json:"verdict" doc:"whether the judge considers the task done"`
	Reason  string   `json:"reason"`
}

// Task is the definition of a task: what is stored under its id in the bucket tasks.
type Task struct {
	ID                TaskID          `json:"id"`
	Name              string          `json:"name"`
	Prompt            string          `json:"prompt"`
	Provider          string          `json:"provider"`
	Model             string          `json:"model"`
	ResponseFormat    string          `json:"response_format"`
	JSONSchema        json.RawMessage `json:"json_schema"` // an object, or null
	WebhookURL        string          `json:"webhook_url"`
	WaitForCompletion *bool           `json:"wait_for_completion"`
	UseCachedWorkflow bool            `json:"use_cached_workflow"`
	InitialURL        string          `json:"initial_url"`
	UserAgent         string          `json:"user_agent"`
	MaxSteps          int             `json:"max_steps"`
	SessionTimeout    int             `json:"session_timeout"` // seconds

	Workflows []WorkflowVersion `json:"workflows,omitempty"` // the versions of its cached workflow, the oldest first
	Means
	Order
	BodyHash  string    `json:"body_hash,omitempty"`
	OneOff    bool      `json:"one_off,omitempty"` // made by POST /api/runs for one run: lists leave it out
	Deleted   bool      `json:"deleted,omitempty"` // a tombstone: the task is gone, its id stays taken
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Status is the seed API's coarse view of a run's state.
type Status string

// The statuses of a run.
const (
	StatusSuccess    Status = "success"
	StatusFailure    Status = "failure"
	StatusInProgress Status = "in_progress"
)

// HistoryItem is one step of a run as callers see it.
type HistoryItem struct {
	Description string   `json:"description"`
	Actions     []Action `json:"actions" nullable:"false"`
}

// Run is a run as callers see it: the answer of POST .../runs and GET /api/runs/{run_id}, and the body of the
// webhook. The seed's fields come first.
type Run struct {
	TaskID            *TaskID         `json:"task_id" nullable:"true" doc:"The ID of the task"`
	TaskRunID         *RunID          `json:"task_run_id" nullable:"true" doc:"The ID of the task run"`
	History           []HistoryItem   `json:"history" nullable:"true" doc:"List of steps in the history"`
	Result            json.RawMessage `json:"result" doc:"The final result of the agent's task"`
	IsDone            *bool           `json:"is_done" nullable:"true" doc:"Whether the agent has completed its task"`
	IsSuccessful      *bool           `json:"is_successful" nullable:"true" doc:"Whether the agent was successful in completing its task"`
	Status            Status          `json:"status" enum:"success,failure,in_progress" default:"in_progress" doc:"The status of the agent's task"`
	State             State           `json:"state" enum:"queued,running,waiting,succeeded,failed,canceled,timed_out"`
	Error             *Error          `json:"error"`
	Waiting           *Waiting        `json:"waiting" doc:"Why the run waits; null: it does not"`
	Attempt           int             `json:"attempt"`
	Execution         Execution       `json:"execution" enum:"ai,cached_workflow,healed"`
	Prompt            string          `json:"prompt"`
	Model             string          `json:"model"`
	Provider          string          `json:"provider"`
	ResponseFormat    string          `json:"response_format"`
	JSONSchema        json.RawMessage `json:"json_schema"`
	WebhookURL        *string         `json:"webhook_url" nullable:"true"`
	Webhook           *Webhook        `json:"webhook" doc:"The state of the webhook; null: the run has none"`
	UseCachedWorkflow bool            `json:"use_cached_workflow"`
	CreatedAt         time.Time       `json:"created_at"`
	StartedAt         *time.Time      `json:"started_at" nullable:"true"`
	FinishedAt        *time.Time      `json:"finished_at" nullable:"true"`
	Usage             Usage           `json:"usage"`
	Files             []RunFile       `json:"files" nullable:"false" doc:"Files that were given to the run, and that it has downloaded or written"`
	Judgement         *Judgement      `json:"judgement" doc:"The judge's opinion, if the task asks for one"`
	Workflow          *WorkflowUse    `json:"workflow" doc:"The cached workflow that was replayed; null: none was"`
	LogFault          *LogFault       `json:"log_fault,omitempty" doc:"The latest message in the run's log that does not belong there and was ignored; absent: there is none"`

	encoded []byte // the wire form, made by Encoded; nil: JSON makes it
}

// LogFault is a message in a run's log that does not belong there. The run is shown as it is without it.
type LogFault struct {
	Sequence uint64 `json:"sequence" doc:"Where it is stored in the stream RUNS"`
	Reason   string `json:"reason"`
}

// Present makes the run as callers see it, from its request, the snapshot of its last event, and its steps in
// order. Steps that are only planned have no outcome yet and are left out by the caller.
func Present(id RunID, req Request, s Snapshot, steps []StepData) Run {
	r := Run{
		TaskID: &req.Task, TaskRunID: &id, History: []HistoryItem{}, Result: s.Result,
		Status: StatusInProgress, State: s.State, Error: s.Error, Attempt: s.Attempt, Execution: s.Execution,
		Prompt: req.Prompt, Model: req.Model, Provider: req.Provider, ResponseFormat: req.ResponseFormat,
		JSONSchema: req.JSONSchema, UseCachedWorkflow: req.UseCachedWorkflow,
		CreatedAt: req.CreatedAt, StartedAt: s.StartedAt, FinishedAt: s.FinishedAt, Usage: s.Usage, Judgement: s.Judgement,
		Workflow: s.Workflow.present(), Waiting: s.Waiting,
		Files: append([]RunFile{}, s.Files...),
	}
	if req.WebhookURL != "" {
		r.WebhookURL, r.Webhook = &req.WebhookURL, &Webhook{State: WebhookPending}
	}
	done, successful := s.State.Terminal(), s.State == StateSucceeded
	r.IsDone = &done
	if done {
		r.IsSuccessful = &successful
		r.Status = StatusFailure
		if successful {
			r.Status = StatusSuccess
		}
	}
	for _, st := range steps {
		actions := st.Actions
		if actions == nil {
			actions = []Action{}
		}
		r.History = append(r.History, HistoryItem{Description: st.Description, Actions: actions})
		r.Files = WithFiles(r.Files, st.Files) // a run that no executor ended has what came to it in its steps only
		if !done {
			r.Usage = r.Usage.Add(st.Usage)
		}
	}
	return r
}

// JSON is the run's wire form, the body of a webhook: what the gateway answers to GET, byte for byte but for the line's
// end. Neither escapes <, > and & as json.Marshal would.
func (r Run) JSON() ([]byte, error) {
	if r.encoded != nil {
		return r.encoded, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode run: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Encoded is the run with its wire form made, so that it is encoded once for all who get it. Its fields must not be
// changed any more.
func (r Run) Encoded() (Run, error) {
	var err error
	r.encoded, err = r.JSON()
	return r, err
}

// Queued is the snapshot of a run whose request is stored and which no service has touched yet.
func Queued(id RunID, req Request) Snapshot {
	s := Snapshot{
		Task: req.Task, Run: id, State: StateQueued, Provider: req.Provider, Model: req.Model,
		Execution: ExecutionAI, SessionTimeout: req.SessionTimeout, CreatedAt: req.CreatedAt, Files: req.Files,
		Order: req.Order, OneOff: req.OneOff,
	}
	if req.Replay != nil {
		s.Execution = ExecutionCached
	}
	return s
}
