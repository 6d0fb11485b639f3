package event

import (
	"encoding/json"
	"strings"
	"time"
)

// StepRef names a step of a run: its number, from 1, and the sequence in RUNS of its latest event.
type StepRef struct {
	Number   int    `json:"number"`
	Sequence uint64 `json:"sequence"`
}

// StepData is what a step event says. A planned step carries its actions without outcomes.
type StepData struct {
	Task        TaskID          `json:"task_id"`
	Run         RunID           `json:"task_run_id"`
	Attempt     int             `json:"attempt"`
	Number      int             `json:"number"`             // from 1, dense over all attempts of the run
	Lifecycle   uint64          `json:"lifecycle_sequence"` // the lifecycle event that the write was guarded by
	Previous    *StepRef        `json:"previous_step"`      // the step before this one, null for the first
	Description string          `json:"description"`        // the model's next_goal
	Evaluation  string          `json:"evaluation_previous_goal,omitempty"`
	Memory      string          `json:"memory,omitempty"`
	URL         string          `json:"url,omitempty"` // of the page the step was decided on
	Title       string          `json:"title,omitempty"`
	Actions     []Action        `json:"actions"`
	ActionsObj  string          `json:"actions_object,omitempty"` // digest of the actions where they are too large for an event
	Screenshot  string          `json:"screenshot,omitempty"`     // digest of a JPEG in the object store screenshots
	Thumbnail   string          `json:"thumbnail,omitempty"`      // digest of the same picture, ThumbnailWidth wide
	Told        string          `json:"told,omitempty"`           // digest in the object store objects of what the model was told for this step: text, the page last
	State       string          `json:"browser_state,omitempty"`  // key in the bucket states of what the browser held after the step, sealed
	Sources     json.RawMessage `json:"sources,omitempty"`        // what a recording needs to know of the pages: workflow.Sources
	Interrupted bool            `json:"interrupted,omitempty"`    // the attempt was lost after planned: outcomes are unknown
	Files       []RunFile       `json:"files,omitempty"`          // what the step has downloaded or written
	Provider    string          `json:"provider,omitempty"`
	Model       string          `json:"model,omitempty"` // the model that answered
	Usage       Usage           `json:"usage"`
	StartedAt   time.Time       `json:"started_at"`
	FinishedAt  *time.Time      `json:"finished_at,omitempty"`
}

// Key names the run of the step.
func (s StepData) Key() Key { return Key{Task: s.Task, Run: s.Run} }

// Action is one thing done in a step, as callers see it in a run's history.
type Action struct {
	Name             string         `json:"name"`
	Params           map[string]any `json:"params"`
	IsDone           *bool          `json:"is_done" nullable:"true" doc:"true on the action that ended the run"`
	Success          *bool          `json:"success" nullable:"true" doc:"false: it failed, see error; true: its effect was verified; null: nothing could be verified"`
	ExtractedContent *string        `json:"extracted_content" nullable:"true"`
	Error            *string        `json:"error" nullable:"true"`
	IncludeInMemory  *bool          `json:"include_in_memory" nullable:"true"`

	Unfinished      bool   `json:"unfinished,omitempty" doc:"Whether the run was stopped during it: it may have happened or not"`
	OpenedTabs      int    `json:"opened_tabs,omitempty" doc:"How many tabs were opened by it"`
	Sends           bool   `json:"sends,omitempty" doc:"Whether the page sent something by it: a request that is neither GET nor HEAD"`
	Sent            []Sent `json:"sent,omitempty" doc:"Requests that the page sent because of it, as far as they were written down before they left"`
	ExecutedByAI    bool   `json:"executed_by_ai,omitempty" doc:"Whether a model chose it in a replay because the workflow's own action failed"`
	FallbackReason  string `json:"fallback_reason,omitempty" doc:"Why the workflow's own action failed"`
	FallbackAttempt int    `json:"fallback_attempt,omitempty" doc:"Which try of the model it was, from 1"`

	BoxBefore *Box `json:"box_before,omitempty" doc:"Where its element stood when it began, in the picture of the step before"`
	Box       *Box `json:"box,omitempty" doc:"Where its element stood when it was done, in the picture of the step; absent: it was gone"`
}

// ThumbnailWidth is the width of a step's thumbnail, in pixels.
const ThumbnailWidth = 160

// Box is a rectangle in the viewport, in CSS pixels from its top left corner. A screenshot has one pixel for each. What
// is scrolled out of view lies outside of the picture.
type Box struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// Sent is a request that may have changed something at a website: its method is neither GET nor HEAD.
type Sent struct {
	Method string `json:"method"`
	URL    string `json:"url" doc:"origin and path"`
	Form   string `json:"form" doc:"digest of the names of the fields in its body, in hexadecimal: two tries at the same have the same"`
	Body   string `json:"body,omitempty" doc:"keyed digest of its body, in hexadecimal"`
	Status int    `json:"status,omitempty" doc:"HTTP status of the answer; absent: no answer came, and the request may have taken effect or not"`
	Script bool   `json:"script,omitempty" doc:"Whether a script of the page sent it; else it asked for a document"`
}

// MayHaveHappened reports whether an action was begun and nobody knows whether it was done: it must not be repeated
// blindly.
func (a Action) MayHaveHappened() bool {
	// Logs from before the field unfinished say it in the error only.
	return a.Unfinished || a.Error != nil && strings.HasPrefix(*a.Error, "not finished: ")
}
