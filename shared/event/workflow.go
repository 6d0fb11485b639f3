package event

import (
	"encoding/json"
	"time"
)

// WorkflowVersion is one version of a task's cached workflow, as the task lists it. The workflow itself lies in the
// object store, so that tasks and requests stay small.
type WorkflowVersion struct {
	Version    int            `json:"version"`
	State      WorkflowState  `json:"state" enum:"current,candidate,superseded,rejected"`
	Origin     WorkflowOrigin `json:"origin" enum:"recorded,healed,edited,restored"`
	Object     string         `json:"object,omitempty" hidden:"true"` // digest of the workflow's JSON; no caller sees it
	Run        RunID          `json:"task_run_id,omitempty" doc:"The run that it was recorded or healed from"`
	Base       int            `json:"base,omitempty" doc:"The version that a healed, edited or restored one was made from"`
	Confirmed  bool           `json:"confirmed" doc:"Whether somebody has confirmed the result of a replay with other data"`
	NeedsModel []string       `json:"needs_model" nullable:"false" doc:"JSON pointers to the parts of the result that no replay can read from the page without a model"`
	CreatedAt  time.Time      `json:"created_at"`
}

// WorkflowState is what becomes of a version.
type WorkflowState string

// The states of a version. A task has at most one current and one candidate.
const (
	WorkflowCurrent    WorkflowState = "current"    // runs replay it, unless there is a candidate
	WorkflowCandidate  WorkflowState = "candidate"  // healed: the next run replays it, and makes it current or rejects it
	WorkflowSuperseded WorkflowState = "superseded" // another is current; it can be restored
	WorkflowRejected   WorkflowState = "rejected"   // a candidate whose replay failed
)

// WorkflowOrigin is how a version came about.
type WorkflowOrigin string

// The origins of a version.
const (
	WorkflowRecorded WorkflowOrigin = "recorded" // from a successful run
	WorkflowHealed   WorkflowOrigin = "healed"   // by a replay that met a changed site
	WorkflowEdited   WorkflowOrigin = "edited"   // by PUT of the task
	WorkflowRestored WorkflowOrigin = "restored" // an older version, made current again
)

// Replay is what a run request says of the workflow that the run is to replay.
type Replay struct {
	Version    int             `json:"version"`
	Object     string          `json:"object"` // digest of the workflow's JSON
	Confirmed  bool            `json:"confirmed,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"` // object: the caller's values by name
}

// WorkflowUse is what a run says of the workflow that it has replayed.
type WorkflowUse struct {
	_           struct{}       `nullable:"true"` // for the API document: a field of this type may be null
	Version     int            `json:"version"`
	Parameters  map[string]any `json:"parameters" nullable:"false" doc:"The values that were filled in"`
	OtherData   bool           `json:"other_data" doc:"Whether the values differ from those of the recording"`
	Unconfirmed []string       `json:"unconfirmed" nullable:"false" doc:"JSON pointers to the parts of the result whose reading nobody has confirmed yet; see POST /api/runs/{run_id}/confirm"`
	Confirmed   bool           `json:"confirmed,omitempty" doc:"Whether this run's own result was confirmed, by its judge or its caller"`
	Healed      string         `json:"healed_object,omitempty" hidden:"true"` // digest of the healed workflow
}

// present is the use as callers see it: what was healed shows among the task's versions, not as a digest.
func (u *WorkflowUse) present() *WorkflowUse {
	if u == nil {
		return nil
	}
	shown := *u
	shown.Healed = ""
	return &shown
}
