package gateway

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// The types that others embed are exported: the document and its validation leave out fields that come from an
// unexported one.

// overrides is the body of POST /api/tasks/{task_id}/runs. Its first eight fields, their wording included, are those
// of the API document that clients are generated from. In all of them null and absent mean the task's own value.
type overrides struct {
	_                 struct{}        `additionalProperties:"false"`
	Prompt            *string         `json:"prompt,omitempty" nullable:"true" minLength:"3" maxLength:"32768" doc:"Override task prompt"`
	Model             *string         `json:"model,omitempty" nullable:"true" maxLength:"200" doc:"Override model"`
	Provider          *string         `json:"provider,omitempty" nullable:"true" doc:"Override provider"`
	WaitForCompletion *bool           `json:"wait_for_completion,omitempty" nullable:"true" doc:"Whether to wait for the task to complete before returning the response. If false, the task will be executed in the background and the response will contain only the task ID."`
	WebhookURL        *string         `json:"webhook_url,omitempty" nullable:"true" maxLength:"2048" doc:"Override webhook URL"`
	ResponseFormat    *string         `json:"response_format,omitempty" nullable:"true" doc:"Whether to return the result as text or JSON"`
	JSONSchema        json.RawMessage `json:"json_schema,omitempty" doc:"Override JSON schema for the task result"`
	UseCachedWorkflow *bool           `json:"use_cached_workflow,omitempty" nullable:"true" doc:"Override whether to use cached workflow instead of AI"`
	Parameters        parameters      `json:"parameters,omitempty" nullable:"true" doc:"Values for the parameters of the cached workflow, by name; those that are missing are taken from the prompt"`
	Additions
}

// parameters are values for a cached workflow by name, each a string, a number, true or false.
type parameters map[string]json.RawMessage

// Definition is what a task is made of, and the body of POST /api/runs. Its fields are those of overrides, in the same
// order, so that one converts into the other; null and absent mean the default.
type Definition struct {
	_                 struct{}        `additionalProperties:"false"`
	Prompt            *string         `json:"prompt" nullable:"false" minLength:"3" maxLength:"32768" doc:"What the agent is to do"`
	Model             *string         `json:"model,omitempty" nullable:"true" maxLength:"200" doc:"The provider's model; the provider's default if it is not given"`
	Provider          *string         `json:"provider,omitempty" nullable:"true" doc:"The model provider; openai if it is not given"`
	WaitForCompletion *bool           `json:"wait_for_completion,omitempty" nullable:"true" doc:"Whether to wait for the task to complete before returning the response; true if it is not given"`
	WebhookURL        *string         `json:"webhook_url,omitempty" nullable:"true" maxLength:"2048" doc:"An http or https URL that gets a POST when a run has ended"`
	ResponseFormat    *string         `json:"response_format,omitempty" nullable:"true" doc:"Whether to return the result as text or JSON: text or json"`
	JSONSchema        json.RawMessage `json:"json_schema,omitempty" doc:"JSON Schema (draft 7 or 2020-12) of the result: an object, or a string that holds one"`
	UseCachedWorkflow *bool           `json:"use_cached_workflow,omitempty" nullable:"true" doc:"Whether to use the cached workflow instead of AI"`
	Parameters        parameters      `json:"parameters,omitempty" hidden:"true"` // only runs of a task that has a workflow take them
	Additions
}

// Additions are the optional fields that tasks and runs have beyond the first contract.
type Additions struct {
	InitialURL     *string `json:"initial_url,omitempty" nullable:"true" maxLength:"2048" doc:"An http or https URL that the browser opens first"`
	UserAgent      *string `json:"user_agent,omitempty" nullable:"true" maxLength:"512" doc:"The browser's User-Agent"`
	MaxSteps       *int    `json:"max_steps,omitempty" nullable:"true" minimum:"1" maximum:"500" doc:"How many steps the agent may take; default 50"`
	SessionTimeout *int    `json:"session_timeout,omitempty" nullable:"true" minimum:"1" maximum:"86400" doc:"Seconds from the start after which a run is ended; default 900"`

	Budget       *event.Budget  `json:"budget,omitempty" doc:"What a run may spend, checked before each model call"`
	Fallbacks    []event.Choice `json:"fallbacks,omitempty" nullable:"true" maxItems:"5" doc:"Models that are asked, in order, if the one before gives no answer"`
	ExtractModel *string        `json:"extract_model,omitempty" nullable:"true" minLength:"1" maxLength:"200" doc:"A model of the same provider that reads pages for extract"`
	ModelTimeout *int           `json:"model_timeout,omitempty" nullable:"true" minimum:"1" maximum:"3600" doc:"Seconds that one call of a model may take; one that takes longer is repeated once, then the run fails with model_timeout. Default: ERRAND_MODEL_TIMEOUT of the executor, 120"`
	Judge        *bool          `json:"judge,omitempty" nullable:"true" doc:"Whether a claim of success is checked by one more model call; see judgement"`
	Vision       *bool          `json:"vision,omitempty" nullable:"true" doc:"Whether the model sees a screenshot in addition to the page's text"`

	OnInterrupt *string `json:"on_interrupt,omitempty" nullable:"true" pattern:"^(retry|fail)$" doc:"How to treat requests that a lost attempt of the run has sent or may have sent. fail: the agent must look before it repeats one, and a run that cannot go on without it fails as interrupted; retry: they are repeated. Default fail"`

	AllowEvaluate *bool `json:"allow_evaluate,omitempty" nullable:"true" doc:"Whether the agent may run code in pages; not allowed together with secrets, which the code could read"`

	Files []event.FileID `json:"files,omitempty" nullable:"true" maxItems:"20" doc:"Files that the agent may upload: ids from POST /api/files"`

	AllowedDomains []string `json:"allowed_domains,omitempty" nullable:"true" maxItems:"100" doc:"Hosts that the browser may reach, as example.com, *.example.com (its subdomains) or example.com:8443; empty: every public host"`

	Secrets map[string]secretInput `json:"secrets,omitempty" nullable:"true" maxProperties:"50" doc:"Values that the agent may type without the model seeing them, by name"`

	QueueTimeout     *int    `json:"queue_timeout,omitempty" nullable:"true" minimum:"1" maximum:"2592000" doc:"Seconds after its acceptance in which a run must begin; one that has not begun ends as timed_out with code queue_timeout. Default: no limit"`
	Priority         *int    `json:"priority,omitempty" nullable:"true" minimum:"0" maximum:"9" doc:"Of the queued runs of one task those with a higher one go first; default 0"`
	MaxRunning       *int    `json:"max_running,omitempty" nullable:"true" minimum:"1" maximum:"1000000" doc:"A run stays queued while that many runs of its task are running; default no limit"`
	ConcurrencyKey   *string `json:"concurrency_key,omitempty" nullable:"true" minLength:"1" maxLength:"200" doc:"Runs with the same key, whatever their tasks, share concurrency_limit. {{ name }} is the value of a parameter, {{ host }} the host of initial_url"`
	ConcurrencyLimit *int    `json:"concurrency_limit,omitempty" nullable:"true" minimum:"1" maximum:"1000000" doc:"A run stays queued while that many runs with its concurrency_key are running; default 1"`
}

// taskBody is the body of POST /api/tasks and PUT /api/tasks/{task_id}. It takes what GET gives, so that a task can
// be read, edited and put back: the fields that only the server sets are ignored.
type taskBody struct {
	_    struct{} `additionalProperties:"false"`
	Name *string  `json:"name,omitempty" nullable:"true" maxLength:"200" doc:"A name for people"`
	Definition
	CachedWorkflow json.RawMessage `json:"cached_workflow,omitempty" doc:"The recording to replay without a model: as GET returns it, or written by hand. Becomes a new version if it differs from the current one; its version field is ignored. A PUT without the field keeps the current one, null removes it"`
	ID             *event.TaskID   `json:"id,omitempty" readOnly:"true"`
	CreatedAt      *time.Time      `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt      *time.Time      `json:"updated_at,omitempty" readOnly:"true"`
}

// taskView is a task as callers see it; null is what was not given.
type taskView struct {
	ID                event.TaskID    `json:"id" doc:"The ID of the task"`
	Name              *string         `json:"name" nullable:"true"`
	Prompt            string          `json:"prompt"`
	Model             *string         `json:"model" nullable:"true" doc:"null: the provider's default"`
	Provider          string          `json:"provider"`
	WaitForCompletion *bool           `json:"wait_for_completion" nullable:"true"`
	WebhookURL        *string         `json:"webhook_url" nullable:"true"`
	ResponseFormat    *string         `json:"response_format" nullable:"true"`
	JSONSchema        json.RawMessage `json:"json_schema"`
	UseCachedWorkflow bool            `json:"use_cached_workflow"`
	InitialURL        *string         `json:"initial_url" nullable:"true"`
	UserAgent         *string         `json:"user_agent" nullable:"true"`
	MaxSteps          int             `json:"max_steps"`
	SessionTimeout    int             `json:"session_timeout" doc:"Seconds"`
	Budget            *event.Budget   `json:"budget"`
	Fallbacks         []event.Choice  `json:"fallbacks" nullable:"true"`
	ExtractModel      *string         `json:"extract_model" nullable:"true"`
	ModelTimeout      *int            `json:"model_timeout" nullable:"true" doc:"Seconds; null: the executor's setting"`
	Judge             bool            `json:"judge"`
	Vision            bool            `json:"vision"`
	AllowEvaluate     bool            `json:"allow_evaluate"`
	OnInterrupt       *string         `json:"on_interrupt" nullable:"true" doc:"null: fail"`

	Secrets map[string]secretView `json:"secrets" nullable:"true" doc:"The secrets that the task has; their values are never returned"`

	AllowedDomains []string `json:"allowed_domains" nullable:"false" doc:"empty: every public host"`

	QueueTimeout     *int    `json:"queue_timeout" nullable:"true" doc:"Seconds; null: no limit"`
	Priority         int     `json:"priority"`
	MaxRunning       *int    `json:"max_running" nullable:"true" doc:"null: no limit"`
	ConcurrencyKey   *string `json:"concurrency_key" nullable:"true"`
	ConcurrencyLimit *int    `json:"concurrency_limit" nullable:"true" doc:"null: 1"`

	Files     []event.FileID `json:"files" nullable:"false"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`

	CachedWorkflow *workflow.Workflow `json:"cached_workflow" doc:"The current version; null: there is none"`
}

// TransformSchema says in the document that a task may have no cached workflow.
func (taskView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	if p := s.Properties["cached_workflow"]; p != nil {
		s.Properties["cached_workflow"] = &huma.Schema{
			Description: p.Description, AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}},
		}
	}
	return s
}

// runSummary is a run in a list: all of it but its history and result.
type runSummary struct {
	TaskID       *event.TaskID   `json:"task_id" nullable:"false"`
	TaskRunID    *event.RunID    `json:"task_run_id" nullable:"false"`
	Prompt       string          `json:"prompt"`
	Provider     string          `json:"provider"`
	Model        string          `json:"model"`
	IsDone       *bool           `json:"is_done" nullable:"true"`
	IsSuccessful *bool           `json:"is_successful" nullable:"true"`
	Status       event.Status    `json:"status" enum:"success,failure,in_progress"`
	State        event.State     `json:"state" enum:"queued,running,waiting,succeeded,failed,canceled,timed_out"`
	Error        *event.Error    `json:"error"`
	Waiting      *event.Waiting  `json:"waiting" doc:"Why the run waits; null: it does not"`
	Attempt      int             `json:"attempt"`
	Execution    event.Execution `json:"execution" enum:"ai,cached_workflow,healed"`
	CreatedAt    time.Time       `json:"created_at"`
	StartedAt    *time.Time      `json:"started_at" nullable:"true"`
	FinishedAt   *time.Time      `json:"finished_at" nullable:"true"`
}

// taskRun is a run in the list of its task.
type taskRun struct {
	ID           *event.RunID `json:"id" nullable:"false"`
	Description  string       `json:"description" doc:"The prompt"`
	IsDone       *bool        `json:"is_done" nullable:"true"`
	IsSuccessful *bool        `json:"is_successful" nullable:"true"`
	Status       event.Status `json:"status" enum:"success,failure,in_progress"`
	State        event.State  `json:"state" enum:"queued,running,waiting,succeeded,failed,canceled,timed_out"`
	CreatedAt    time.Time    `json:"created_at"`
}
