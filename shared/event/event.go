// Package event is the contract of Errand: what its services say to each other and to
// every subscriber of the log. It holds the identifiers, the subjects, the events of a run
// (CloudEvents 1.0, JSON), the run request, and the run as callers see it.
//
// The package knows nothing of a broker: shared/bus stores and reads what is defined here.
// Every wire format is pinned by golden JSON in testdata.
package event

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// TaskID is the identifier of a task: the sequence of its request in the stream TASK_REQ, from 1.
type TaskID int64

// RunID is the identifier of a run: the sequence of its request in the stream RUN_REQ, from 1.
type RunID int64

// String is the decimal form, as it stands in subjects and paths.
func (id TaskID) String() string { return strconv.FormatInt(int64(id), 10) }

// String is the decimal form, as it stands in subjects and paths.
func (id RunID) String() string { return strconv.FormatInt(int64(id), 10) }

// Key names one run. Subjects and bucket keys need the task beside the run.
type Key struct {
	Task TaskID
	Run  RunID
}

// String is the key's form in buckets: TASK.RUN.
func (k Key) String() string { return k.Task.String() + "." + k.Run.String() }

// Type is the kind of a lifecycle event.
type Type string

// The lifecycle events of a run. The last four are terminal: nothing follows them.
const (
	Created         Type = "created"          // the orchestrator has seen the request
	Dispatched      Type = "dispatched"       // the run is a job of its provider's queue
	Started         Type = "started"          // an executor holds the lease; the event's sequence is the fencing token
	Retrying        Type = "retrying"         // the attempt was lost (lease expired or given back); another follows
	Suspended       Type = "waiting"          // the run stands still within its session: its executor keeps lease and browser
	Resumed         Type = "resumed"          // it goes on
	CancelRequested Type = "cancel_requested" // a cancel reached a run that an executor holds
	Succeeded       Type = "succeeded"
	Failed          Type = "failed"
	Canceled        Type = "canceled"
	TimedOut        Type = "timed_out"
)

// Types lists every lifecycle event type.
func Types() []Type {
	return []Type{Created, Dispatched, Started, Retrying, Suspended, Resumed, CancelRequested, Succeeded, Failed, Canceled, TimedOut}
}

// TerminalTypes lists the four types that end a run.
func TerminalTypes() []Type { return []Type{Succeeded, Failed, Canceled, TimedOut} }

// Known reports whether the type is one of those above.
func (t Type) Known() bool { return slices.Contains(Types(), t) }

// Terminal reports whether no event follows one of this type.
func (t Type) Terminal() bool {
	return t == Succeeded || t == Failed || t == Canceled || t == TimedOut
}

// State is the state that a run is in after an event of this type.
func (t Type) State() State {
	switch t {
	case Created, Dispatched, Retrying:
		return StateQueued
	case Started, Resumed, CancelRequested:
		return StateRunning
	default:
		return State(t)
	}
}

// State is where a run stands.
type State string

// The states of a run. StateQueued, StateRunning and StateWaiting are open, the others final.
const (
	StateQueued    State = "queued"
	StateRunning   State = "running"
	StateWaiting   State = "waiting" // for what Snapshot.Waiting says
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateCanceled  State = "canceled"
	StateTimedOut  State = "timed_out"
)

// States lists every state.
func States() []State {
	return []State{StateQueued, StateRunning, StateWaiting, StateSucceeded, StateFailed, StateCanceled, StateTimedOut}
}

// Terminal reports whether the state is final.
func (s State) Terminal() bool { return s != StateQueued && s != StateRunning && s != StateWaiting }

// ContentType is the media type of every event on the bus.
const ContentType = "application/cloudevents+json"

// Event is a CloudEvents 1.0 envelope around data of type D.
type Event[D any] struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`     // deterministic: a repeated write carries the same id
	Type            string    `json:"type"`   // errand.run.TYPE or errand.step.PHASE
	Source          string    `json:"source"` // /errand/SERVICE/INSTANCE
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"` // the bus server's clock as the writer knows it, UTC; of a run's events never before that of the event before
	DataContentType string    `json:"datacontenttype"`
	Data            D         `json:"data"`
}

// RunEvent is one lifecycle event: run.v1.evt.TASK.RUN.TYPE.
type RunEvent = Event[RunData]

// StepEvent is one step of a run, planned or done: run.v1.step.TASK.RUN.N.PHASE.
type StepEvent = Event[StepData]

// RunData is what a lifecycle event says.
type RunData struct {
	Run      Snapshot `json:"run"`               // the run's state after the event
	Previous uint64   `json:"previous_sequence"` // sequence in RUNS of the lifecycle event before it, 0 for created
	Request  uint64   `json:"request_sequence"`  // sequence in RUN_REQ of the run's request
	LastStep *StepRef `json:"last_step"`         // the last step known to the writer; always set on a terminal event of a run that had steps
}

// Snapshot is the state of a run after an event.
type Snapshot struct {
	Task           TaskID          `json:"task_id"`
	Run            RunID           `json:"task_run_id"`
	State          State           `json:"state"`
	Provider       string          `json:"provider"`
	Model          string          `json:"model"`
	Attempt        int             `json:"attempt"`  // attempts begun or dispatched, from 1
	Failures       int             `json:"failures"` // attempts lost to infrastructure
	Executor       string          `json:"executor,omitempty"`
	Execution      Execution       `json:"execution"`
	SessionTimeout int             `json:"session_timeout"` // seconds from the first started
	Error          *Error          `json:"error"`
	Result         json.RawMessage `json:"result"`                  // JSON value, null where there is none
	ResultObject   string          `json:"result_object,omitempty"` // digest of the result where it is too large for an event
	Usage          Usage           `json:"usage"`
	Judgement      *Judgement      `json:"judgement,omitempty"`
	Workflow       *WorkflowUse    `json:"workflow,omitempty"`
	Files          []RunFile       `json:"files,omitempty"` // given to the run and downloaded by it
	CreatedAt      time.Time       `json:"created_at"`
	StartedAt      *time.Time      `json:"started_at"`
	FinishedAt     *time.Time      `json:"finished_at"`
	RetryReason    string          `json:"retry_reason,omitempty"`
	Waiting        *Waiting        `json:"waiting,omitempty"` // why the run stands still
	CancelAt       *time.Time      `json:"cancel_requested_at,omitempty"`
	OneOff         bool            `json:"one_off,omitempty"` // the task was made for this run
	Order
}

// Key names the run.
func (s Snapshot) Key() Key { return Key{Task: s.Task, Run: s.Run} }

// Deadline is when session_timeout ends the run; ok is false before its first start.
func (s Snapshot) Deadline() (at time.Time, ok bool) {
	if s.StartedAt == nil {
		return time.Time{}, false
	}
	return s.StartedAt.Add(time.Duration(s.SessionTimeout) * time.Second), true
}

// QueueDeadline is when queue_timeout ends a run that has not begun; ok is false for one that has, or without a limit.
func (s Snapshot) QueueDeadline() (at time.Time, ok bool) {
	if s.StartedAt != nil || s.QueueTimeout == 0 {
		return time.Time{}, false
	}
	return s.CreatedAt.Add(time.Duration(s.QueueTimeout) * time.Second), true
}

// Waiting says why a run stands still.
type Waiting struct {
	_      struct{}  `nullable:"true"` // for the API document: a field of this type may be null
	Reason string    `json:"reason" enum:"provider,no_executor,no_slot,capacity,no_orchestrator" doc:"provider: the model's provider does not serve calls now; no_executor: none is connected; no_slot: all of them are busy; capacity: a limit of its task, its concurrency_key or its provider is reached; no_orchestrator: nobody gives runs to executors"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero" doc:"when it is tried again, or when queue_timeout ends it; absent: nobody knows"`
	Text   string    `json:"text" doc:"what happened"`
}

// Why a run waits. The first is on its log; the others are those of a queued run, as the orchestrator knows it now.
const (
	WaitingProvider       = "provider"        // its model's provider is down or at its limit
	WaitingNoExecutor     = "no_executor"     // no executor is connected
	WaitingNoSlot         = "no_slot"         // all executors are busy
	WaitingCapacity       = "capacity"        // as many of its kind are at work as may be
	WaitingNoOrchestrator = "no_orchestrator" // no orchestrator answers
)

// Execution tells how a run's steps came about.
type Execution string

// How a run was executed.
const (
	ExecutionAI     Execution = "ai"
	ExecutionCached Execution = "cached_workflow"
	ExecutionHealed Execution = "healed"
)

// Error says why a run ended without success: a stable code and a sentence.
type Error struct {
	_       struct{} `nullable:"true"` // for the API document: a field of this type may be null
	Code    string   `json:"code" doc:"stable, machine readable" example:"max_steps"`
	Message string   `json:"message" doc:"what happened and what to do"`
}

// Usage is what a step or a run has spent.
type Usage struct {
	ModelCalls   int64    `json:"model_calls"`
	InputTokens  int64    `json:"input_tokens"`
	OutputTokens int64    `json:"output_tokens"`
	CostUSD      *float64 `json:"cost_usd" nullable:"true" doc:"null if the price of one of the models is not known"`
}

// Add gives the sum of both. A cost that is not known makes the sum unknown, unless nothing was spent there.
func (u Usage) Add(v Usage) Usage {
	sum := Usage{u.ModelCalls + v.ModelCalls, u.InputTokens + v.InputTokens, u.OutputTokens + v.OutputTokens, nil}
	switch {
	case u.ModelCalls == 0:
		sum.CostUSD = v.CostUSD
	case v.ModelCalls == 0:
		sum.CostUSD = u.CostUSD
	case u.CostUSD != nil && v.CostUSD != nil:
		cost := math.Round((*u.CostUSD+*v.CostUSD)*1e9) / 1e9 // a billionth of a dollar is less than a token costs
		sum.CostUSD = &cost
	}
	return sum
}

// NotBefore is the instant at, or floor if that is later. Every time on a run's log is written with the time of the event
// before it as the floor: its writers know the server's clock to within milliseconds, and a run must not start before it
// was created.
func NotBefore(at, floor time.Time) time.Time {
	if at.Before(floor) {
		return floor.UTC()
	}
	return at
}

// Writer stamps events with their origin.
type Writer struct {
	Service  string // gateway, orchestrator, executor, notifier
	Instance string // unique to the process
}

// Source is the CloudEvents source of the writer.
func (w Writer) Source() string { return "/errand/" + w.Service + "/" + w.Instance }

// Run makes the lifecycle event of type t that leads to the state in data. The id is deterministic: run,
// attempt, type and the event before it, and for started also the writer, since two executors that start the
// same attempt are rivals and not repetitions of each other.
func (w Writer) Run(t Type, at time.Time, data RunData) RunEvent {
	s := data.Run
	id := fmt.Sprintf("%d.%d.%s.%d", s.Run, s.Attempt, t, data.Previous)
	if t == Started {
		id += "." + w.Instance
	}
	return envelope(w, id, "errand.run."+string(t), at, s.Key(), data)
}

// Phase is the half of a step that an event tells.
type Phase string

// A step is planned before it acts with outside effects, and done after it.
const (
	Planned Phase = "planned"
	Done    Phase = "done"
)

// Step makes the event of a step's phase. Its id is deterministic in run, attempt, step and phase.
func (w Writer) Step(p Phase, at time.Time, data StepData) StepEvent {
	id := fmt.Sprintf("%d.%d.step.%d.%s", data.Run, data.Attempt, data.Number, p)
	return envelope(w, id, "errand.step."+string(p), at, Key{data.Task, data.Run}, data)
}

func envelope[D any](w Writer, id, typ string, at time.Time, k Key, data D) Event[D] {
	return Event[D]{
		SpecVersion: "1.0", ID: id, Type: typ, Source: w.Source(),
		Subject: "tasks/" + k.Task.String() + "/runs/" + k.Run.String(),
		Time:    at.UTC(), DataContentType: "application/json", Data: data,
	}
}

// Kind is the lifecycle type of a run event.
func Kind(e RunEvent) Type {
	const prefix = "errand.run."
	if len(e.Type) < len(prefix) {
		return ""
	}
	return Type(e.Type[len(prefix):])
}
