// Package workflow is the cached workflow of a task: what worked once, so that it runs again without a model. It holds
// the format, the recording of a workflow from a run's steps, the binding of its parameters, and the rules by which
// texts of a page are read as values. It knows neither browser nor bus; the executor replays what is defined here.
package workflow

import "encoding/json"

// Workflow is a cached workflow as GET and PUT of a task show it.
type Workflow struct {
	Version        int         `json:"version"`
	Parameters     []Parameter `json:"parameters"`
	PromptTemplate string      `json:"prompt_template"`
	Steps          []Step      `json:"steps"`
	Result         *Result     `json:"result,omitempty"` // nil: the result is the text of the last done action
}

// Parameter is a value that differs from run to run.
type Parameter struct {
	Name         string `json:"name"`         // letters, digits and _, not beginning with a digit
	Description  string `json:"description"`  // for people and models
	Type         string `json:"type"`         // string, number, integer, boolean or date (YYYY-MM-DD)
	ExampleValue any    `json:"exampleValue"` // the value of the recording, of that type
}

// Types of parameters.
const (
	TypeString  = "string"
	TypeNumber  = "number"
	TypeInteger = "integer"
	TypeBoolean = "boolean"
	TypeDate    = "date"
)

// Step is one step of the recording, less what led nowhere.
type Step struct {
	Number      int        `json:"step_number"` // from 1, dense
	Description string     `json:"description"`
	Actions     []Action   `json:"actions"`
	Before      *Condition `json:"before,omitempty"` // holds before the actions; nil: nothing is asked
	After       *Condition `json:"after,omitempty"`  // holds after them
	// Seconds is how long the recorded run took from the end of the step before to the end of this one, a model's
	// thinking included: a replay waits several times as long for what is slow to appear. 0: it is not known.
	Seconds float64 `json:"seconds,omitempty"`
}

// Action is one action to do again. Strings in its params may hold placeholders: {{ name }}, or {{ name | FORMAT }} for
// a date or number that is written otherwise there (see Format).
type Action struct {
	Name string `json:"name"`
	// Params are those of the browser's action; which element it is for is told by one or more of target (a
	// fingerprint), css and xpath.
	Params map[string]any `json:"params"`
	// Alternatives are older fingerprints of the same element, the newest first, at most three.
	Alternatives []json.RawMessage `json:"alternatives,omitempty"`
	// Sends says that the action made the page send something when it was recorded: it is never done twice in a run.
	Sends bool `json:"sends,omitempty"`
}

// Condition is what a page looks like at a point of the recording.
type Condition struct {
	// URL is a pattern of the page's address without query and fragment: * stands for any run of characters but /.
	URL string `json:"url,omitempty"`
	// Headings are headings one of which is shown; placeholders are allowed, and # stands for any number.
	Headings []string `json:"headings,omitempty"`
}

// Result tells how the result comes about from what the pages show.
type Result struct {
	// Text is the template of a text result, with placeholders of parameters and of fields; empty for a JSON result.
	Text string `json:"text,omitempty"`
	// Example is the recorded result. A JSON result is this value with the fields' values put in.
	Example json.RawMessage `json:"example"`
	Fields  []Field         `json:"fields"`
	// NeedsModel are JSON pointers ("" is the whole) to the parts that no field gives.
	NeedsModel []string `json:"needs_model"`
}

// Field is one part of the result and where it is read. Either Value, or Source with Rule, or List is set.
type Field struct {
	Name string `json:"name"` // for the text's placeholders, unique among fields and parameters
	Path string `json:"path"` // JSON pointer into the result
	// Step is the number of the step on whose page it stands, before the step acts. Steps past the last one mean the
	// page at the end.
	Step   int             `json:"step"`
	Value  string          `json:"value,omitempty"`  // a template of parameters: the result repeats what the caller said
	Source json.RawMessage `json:"source,omitempty"` // where a scalar stands, as the browser wrote it
	Rule   *Rule           `json:"rule,omitempty"`
	List   *List           `json:"list,omitempty"`
}

// List is a field whose value is an array, read from a repeated container.
type List struct {
	Source json.RawMessage `json:"source"`           // the container and what repeats in it, as the browser wrote it
	First  int             `json:"first,omitempty"`  // only so many of them; 0: all
	Single bool            `json:"single,omitempty"` // the value is the first element alone and no array; First is 1
	Items  []Item          `json:"items"`            // one with an empty Name: the array's elements are scalars
}

// Item is one property of the elements of a List.
type Item struct {
	Name   string          `json:"name"`
	Source json.RawMessage `json:"source"` // where in the repeated element it stands
	Rule   Rule            `json:"rule"`
}

// Rule is how the text of a page is read as a JSON value, and the parameter types are written.
type Rule struct {
	Type   string `json:"type"`             // string, number, integer, date, or enum
	Prefix string `json:"prefix,omitempty"` // what stands before the value in the text
	Suffix string `json:"suffix,omitempty"` // and behind it
	Format string `json:"format,omitempty"` // of a number or date; see Format
	// Enum maps texts of the page to values of the result.
	Enum map[string]json.RawMessage `json:"enum,omitempty"`
}

// Sources is what the executor has noticed on the pages of a run for the sake of a later recording: the field sources
// of a step.done event.
type Sources struct {
	// Headings are those that the page showed when the step was decided on.
	Headings []string `json:"headings,omitempty"`
	// Fields stand with the step that gave the result: all that was found. Text is the template of a text result.
	Fields []Field `json:"fields,omitempty"`
	Text   string  `json:"text,omitempty"`
	// NeedsModel are JSON pointers to what was not found.
	NeedsModel []string `json:"needs_model,omitempty"`
}
