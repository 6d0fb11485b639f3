package agent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/answer"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/workflow"
)

// maxActions is how many actions a step may have: more are decided on a page that the first ones have changed.
const maxActions = 5

// Names of the actions that the agent itself carries out; all others are the browser's.
const (
	actionDone    = "done"
	actionExtract = "extract"

	actionScreenshot = "screenshot" // the browser's; the agent shows the picture
	actionWhole      = "whole_page" // the browser's; the agent shows the page
	actionEvaluate   = "evaluate"   // the browser's, where the task allows it
)

// decision is one answer of the model.
type decision struct {
	Evaluation string           `json:"evaluation_previous_goal"`
	Memory     string           `json:"memory"`
	NextGoal   string           `json:"next_goal"`
	Actions    []map[string]any `json:"actions"` // flat: name and parameters

	note string // what was left out of the answer and why, for the model
	own  bool   // a model's answer, in contrast to what the agent decides by itself

	recorded []workflow.Action // of a replay: the actions as they were recorded, and
	weak     []bool            // which of their elements were found by likeness only
	previous *workflow.Action  // the recorded one before them, nil for none
	patience time.Duration     // how long an element may take to appear
}

// decisionSchema is the wire schema of a decision, in the plain dialect of package model. Strict modes write the fields
// in this order: a model thinks first, then names the action, then fills in what it needs.
func decisionSchema(t Task) model.Schema {
	return model.Schema{Name: "decision", JSON: json.RawMessage(fmt.Sprintf(decisionForm, action.Schema(t.Evaluate)))}
}

const decisionForm = `{"type":"object","properties":{"evaluation_previous_goal":{"type":"string"},"memory":{"type":"string"},"next_goal":{"type":"string"},"actions":{"type":"array","items":%s}}}`

// decisionShape is what a decision looks like, whatever the task.
var decisionShape = sync.OnceValue(func() answer.Form { return answer.NewForm(decisionSchema(Task{Evaluate: true}).JSON) })

// parseDecision reads an answer. Its errors are sentences for the model.
func parseDecision(text string) (decision, error) {
	var d decision
	raw, err := decisionShape().Read(text)
	if err != nil {
		return d, fmt.Errorf("your answer is not a decision: %w", err)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("your answer does not have the form of a decision: %s", misfit(err))
	}
	if len(d.Actions) == 0 {
		return d, errors.New("your answer has no actions: give one to five, or done")
	}
	if more := len(d.Actions) - maxActions; more > 0 {
		d.Actions = d.Actions[:maxActions]
		d.note = fmt.Sprintf("The last %d actions were left out: a step has at most %d.\n", more, maxActions)
	}
	for i, a := range d.Actions {
		given, isText := a["name"].(string)
		if !isText || given == "" {
			return d, fmt.Errorf(`action %d has no name: write each action as {"name": "click", "index": 15}`, i+1)
		}
		spec, known := action.Lookup(given)
		if !known {
			return d, fmt.Errorf("there is no action %q; there are %s", given, strings.Join(action.Offered(false), ", "))
		}
		a["name"] = spec.Name
		maps.Copy(a, action.Implied(given))
		maps.DeleteFunc(a, func(_ string, v any) bool { return v == nil })
	}
	d.own = true
	if i := slices.IndexFunc(d.Actions, isDone); i == 0 {
		d.Actions = d.Actions[:1]
	} else if i > 0 {
		d.Actions = d.Actions[:i]
		d.note += "done was left out: it must stand alone, after you have seen what the other actions did.\n"
	}
	return d, nil
}

// written is the decision as models are to write it.
func (d decision) written() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	field := func(before, text string) {
		b.WriteString(before)
		_ = e.Encode(text)      // a string
		b.Truncate(b.Len() - 1) // the line's end
	}
	field(`{"evaluation_previous_goal":`, d.Evaluation)
	field(`,"memory":`, d.Memory)
	field(`,"next_goal":`, d.NextGoal)
	for i, a := range d.Actions {
		b.WriteString([]string{`,"actions":[`, ","}[min(i, 1)])
		b.Write(action.Encode(a))
	}
	return b.String() + "]}"
}

// kinds are what a value may have to be, in words.
var kinds = map[reflect.Kind]string{
	reflect.Int: "an integer", reflect.Float64: "a number", reflect.Bool: "true or false", reflect.String: "a string",
	reflect.Slice: "a list", reflect.Map: "an object", reflect.Struct: "an object",
}

// misfit says which value of an answer has the wrong type, in JSON's words.
func misfit(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err.Error()
	}
	wanted := wrong.Type
	if wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	return fmt.Sprintf("%s must be %s and is %s", cmp.Or(wrong.Field, "it"), cmp.Or(kinds[wanted.Kind()], "something else"), wrong.Value)
}

func isDone(a map[string]any) bool { return a["name"] == actionDone }

// effectful reports whether the decision may have effects outside, so that it must be on the log before it acts.
func (d decision) effectful() bool {
	return slices.ContainsFunc(d.Actions, func(a map[string]any) bool { return action.Effectful(a["name"].(string)) })
}

// params are an action's parameters as the history keeps them: what the model gave, less the index.
func params(flat map[string]any) map[string]any {
	p := map[string]any{}
	for k, v := range flat {
		if k != "name" && k != "index" {
			p[k] = v
		}
	}
	return p
}
