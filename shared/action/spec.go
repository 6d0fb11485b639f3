package action

import (
	"slices"
	"strings"
	"sync"
)

// Spec is what there is to know of one action.
type Spec struct {
	Name    string
	Aliases []Alias // names that browser-use, or older versions of it, gave the same action
	Params  []Param // as a model gives them

	Effectful bool // it may have effects outside of the browser
	ReadOnly  bool // it only shows something to a model and changes nothing in the page
	Unaimed   bool // it needs nothing of the page that the model was shown: it may follow what changes the page in the same step
	ByAgent   bool // the agent carries it out, not the browser
	OnRequest bool // models are offered it only if the task allows it

	Replay Replay
	Prompt string // what a model is told of it, behind its name and parameters
}

// Alias is another name of an action.
type Alias struct {
	Name    string
	Implied map[string]any // parameters, by their present names
}

// Type is the type of a parameter's value, by its name in JSON Schema; Element is the index of an element.
type Type string

// Types of values.
const (
	String  Type = "string"
	Bool    Type = "boolean"
	Number  Type = "number"
	Element Type = "integer"
	Object  Type = "object" // in workflows only
	Any     Type = ""       // a JSON value; models give it as a string that holds it
)

// Param is a parameter of an action.
type Param struct {
	Name     string
	Type     Type
	Required bool
	Value    bool // its text may be a value that the task's prompt gives: a recording makes a parameter of it
	Aliases  []ParamAlias
}

// ParamAlias is another name of a parameter. Negated: true under this name is false under the present one.
type ParamAlias struct {
	Name    string
	Negated bool
}

// Replay is what a recording and a replay do with an action. Each row has to say it: Keep has no default.
type Replay struct {
	Keep   Keep
	Reason string // why a run with this action cannot be replayed, for Refused

	Chosen   bool     // the name of its element may be why it was chosen: it may come from the prompt
	Replaces Replaces // whether it makes the same action right before it superfluous
	Toggles  bool     // done again on a checkbox or switch, it takes itself back
	Undoes   Undoes
	Lasts    bool // its effect lasts when the page is left
	Anywhere bool // it acts on what the page happens to show: scrolling may have brought that
}

// Keep says whether a recording keeps an action.
type Keep string

// What a recording does with an action.
const (
	Always   Keep = "always"    // it is done again
	LeftOut  Keep = "left out"  // a replay does not need it, unless it has sent something
	IfNeeded Keep = "if needed" // only if a later action is for something that it may have brought
	Refused  Keep = "refused"   // a run that has used it cannot be replayed, for a reason
)

// Replaces says when an action makes the same action right before it superfluous.
type Replaces string

// When the same action before is superfluous.
const (
	Never       Replaces = ""
	Whatever    Replaces = "whatever"     // it was for
	SameElement Replaces = "same element" // if it was for the same one
)

// Undoes says which way an action takes back.
type Undoes string

// Ways that are taken back.
const (
	Nothing Undoes = ""
	Visit   Undoes = "visit" // of a page, in the same tab
	Tab     Undoes = "tab"   // that was opened
)

// Param returns a parameter by its present or another name, as models and workflows give it.
func (s Spec) Param(name string) (Param, bool) {
	for _, p := range slices.Concat(s.Params, s.places()) {
		if p.Name == name {
			return p, true
		}
		if slices.ContainsFunc(p.Aliases, func(a ParamAlias) bool { return a.Name == name }) {
			return p, true
		}
	}
	return Param{}, false
}

// ForElement reports whether the action may be for an element, and whether it must be.
func (s Spec) ForElement() (may, must bool) {
	p, may := s.Param("index")
	return may, p.Required
}

// Recorded lists the parameters that the action has in a workflow. An index means an element of one visit only: there a
// fingerprint, a selector and a path stand in its place.
func (s Spec) Recorded() []Param {
	list := slices.DeleteFunc(slices.Clone(s.Params), func(p Param) bool { return p.Type == Element })
	return append(list, s.places()...)
}

// places are the parameters that say in a workflow which elements the action is for.
func (s Spec) places() (list []Param) {
	for _, p := range s.Params {
		if p.Type == Element {
			prefix := strings.TrimPrefix(p.Name+"_", "index_")
			list = append(list, Param{Name: prefix + "target", Type: Object}, Param{Name: prefix + "css", Type: String}, Param{Name: prefix + "xpath", Type: String})
		}
	}
	return list
}

var byName = sync.OnceValue(func() map[string]Spec {
	rows := map[string]Spec{}
	for _, s := range table {
		rows[s.Name] = s
		for _, a := range s.Aliases {
			rows[a.Name] = s
		}
	}
	return rows
})
