package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
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

	recorded []workflow.Action // of a replay: the actions as they were recorded, and
	weak     []bool            // which of their elements were found by likeness only
	previous *workflow.Action  // the recorded one before them, nil for none
}

// decisionSchema is the wire schema of a decision, in the plain dialect of package model: one flat action object for
// all actions, its parameters shared by meaning, since unions of twenty objects meet the providers' limits. Strict
// modes write the fields in this order: a model thinks first, then names the action, then fills in what it needs.
func decisionSchema(t Task) model.Schema {
	offered := actionNames()
	if t.Evaluate {
		offered = append(offered, actionEvaluate)
	}
	names, err := json.Marshal(offered)
	if err != nil {
		panic("agent: action names: " + err.Error()) // a list of strings
	}
	return model.Schema{Name: "decision", JSON: json.RawMessage(fmt.Sprintf(decisionForm, names))}
}

const decisionForm = `{
  "type": "object",
  "properties": {
    "evaluation_previous_goal": {"type": "string"},
    "memory": {"type": "string"},
    "next_goal": {"type": "string"},
    "actions": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string", "enum": %s},
      "index": {"type": ["integer", "null"], "description": "N of the control [N]"},
      "url": {"type": ["string", "null"], "description": "navigate"},
      "new_tab": {"type": ["boolean", "null"], "description": "navigate"},
      "text": {"type": ["string", "null"], "description": "input, select_dropdown, find_text, write_file, replace_file, evaluate, done"},
      "clear": {"type": ["boolean", "null"], "description": "input, write_file"},
      "keys": {"type": ["string", "null"], "description": "send_keys"},
      "down": {"type": ["boolean", "null"], "description": "scroll"},
      "pages": {"type": ["number", "null"], "description": "scroll"},
      "seconds": {"type": ["number", "null"], "description": "wait"},
      "tab_id": {"type": ["string", "null"], "description": "switch, close"},
      "query": {"type": ["string", "null"], "description": "extract, search_page, read_file: the text, replace_file: the old text, find_elements: a CSS selector"},
      "path": {"type": ["string", "null"], "description": "a file's name"},
      "to": {"type": ["integer", "null"], "description": "drag: N of what to drop on"},
      "success": {"type": ["boolean", "null"], "description": "done"},
      "data": {"type": ["string", "null"], "description": "done: a string that holds JSON; extract: one that holds a JSON Schema"}
    }}}
  }
}`

// actionNames are the actions that every task has.
func actionNames() []string {
	return []string{
		"navigate", "go_back", "go_forward", "reload", "click", "hover", "drag", "input", "select_dropdown",
		"dropdown_options", "upload_file", "send_keys", "scroll", "find_text", "search_page", "find_elements", "wait",
		"switch", "close", actionScreenshot, actionWhole, "save_as_pdf", "write_file", "replace_file", "read_file", actionExtract, actionDone,
	}
}

// parseDecision reads an answer. Its errors are sentences for the model.
func parseDecision(text string) (decision, error) {
	var d decision
	raw, err := model.ExtractJSON(text)
	if err != nil {
		return d, errors.New("your answer holds no JSON object")
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
	for _, a := range d.Actions {
		given, _ := a["name"].(string)
		name := canonical(given)
		if name == "" {
			return d, fmt.Errorf("there is no action %q; there are %v", a["name"], actionNames())
		}
		a["name"] = name
		maps.Copy(a, browser.Implied(given))
		for k, v := range a {
			if v == nil {
				delete(a, k)
			}
		}
	}
	if i := slices.IndexFunc(d.Actions, isDone); i == 0 {
		d.Actions = d.Actions[:1]
	} else if i > 0 {
		d.Actions = d.Actions[:i]
		d.note += "done was left out: it must stand alone, after you have seen what the other actions did.\n"
	}
	return d, nil
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

// canonical is the present name of an action, empty for none.
func canonical(name string) string {
	switch {
	case name == actionDone:
		return name
	case name == actionExtract || name == "extract_content" || name == "extract_structured_data":
		return actionExtract
	case browser.Known(name):
		return browser.Canonical(name)
	}
	return ""
}

// effectful reports whether the decision may have effects outside, so that it must be on the log before it acts.
func (d decision) effectful() bool {
	return slices.ContainsFunc(d.Actions, func(a map[string]any) bool { return browser.Effectful(a["name"].(string)) })
}

// params are an action's parameters as the history keeps them: what the model gave, less the index.
func params(action map[string]any) map[string]any {
	p := map[string]any{}
	for k, v := range action {
		if k != "name" && k != "index" {
			p[k] = v
		}
	}
	return p
}
