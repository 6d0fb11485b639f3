// Package action is the one table of what an agent can do: a Spec for each action, with its parameters, what it does to
// the page and to the world, what a replay does with it, and the line by which a model learns of it. All else that has
// to know actions is derived from it: the schema on the wire, the system prompt, old names, which actions must be on the
// log before they are done, what a workflow may hold, and what a recording leaves out. The browser and the agent keep
// only a function for each name.
//
// A new action is a row in the table and a function.
package action

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Action is one thing to do, flat as a model gives it: a name and the parameters that apply to it. What each parameter
// means for an action is said in the table.
type Action struct {
	Name    string   `json:"name"`
	Index   *int     `json:"index,omitempty"` // of the element, as the page was shown
	URL     string   `json:"url,omitempty"`
	NewTab  *bool    `json:"new_tab,omitempty"`
	Text    string   `json:"text,omitempty"`
	Clear   *bool    `json:"clear,omitempty"` // default true
	Keys    string   `json:"keys,omitempty"`
	Literal bool     `json:"literal,omitempty"` // of a replay: keys is a text, even if it is called like a key
	Down    *bool    `json:"down,omitempty"`    // default true
	Pages   *float64 `json:"pages,omitempty"`   // screens, default 1
	Seconds *float64 `json:"seconds,omitempty"` // default 3, at most 30
	TabID   string   `json:"tab_id,omitempty"`
	Query   string   `json:"query,omitempty"`
	Path    string   `json:"path,omitempty"` // a file of the run, by its name; of a pointer's action: points, see Points
	To      *int     `json:"to,omitempty"`   // the index of a second element

	// SkipFingerprint says that the caller has a fingerprint of the element: the outcome needs none.
	SkipFingerprint bool `json:"-"`
}

// Decode reads an action from a flat object of its name and parameters, by present or old names. The error is one of
// encoding/json: a value has the wrong type.
func Decode(flat map[string]any) (Action, error) {
	var a Action
	name, _ := flat["name"].(string)
	name, params := Renamed(name, flat)
	params["name"] = name
	raw, err := json.Marshal(params)
	if err != nil {
		return a, fmt.Errorf("encode the action: %w", err)
	}
	return a, json.Unmarshal(raw, &a)
}

// Renamed returns the names that are used now: of an action, and of its parameters in a copy. What an old name implies
// is added, and parameters that are null are left out. An unknown action keeps its names.
func Renamed(name string, params map[string]any) (string, map[string]any) {
	now := map[string]any{}
	spec, known := Lookup(name)
	if !known {
		maps.Copy(now, params)
		return name, now
	}
	maps.Copy(now, params)
	maps.Copy(now, Implied(name))
	for _, p := range spec.Params {
		for _, old := range p.Aliases {
			v := now[old.Name]
			delete(now, old.Name)
			if b, isBool := v.(bool); isBool && old.Negated {
				v = !b
			}
			if v != nil && now[p.Name] == nil {
				now[p.Name] = v
			}
		}
	}
	maps.DeleteFunc(now, func(_ string, v any) bool { return v == nil })
	return spec.Name, now
}

// Lookup returns the row of an action, by its present or an old name.
func Lookup(name string) (Spec, bool) {
	s, ok := byName()[name]
	return s, ok
}

// Canonical returns the name that is used now for an action; an unknown name stays.
func Canonical(name string) string {
	if s, ok := Lookup(name); ok {
		return s.Name
	}
	return name
}

// Implied returns the parameters that an old name of an action stands for; none for most.
func Implied(name string) map[string]any {
	s, _ := Lookup(name)
	if i := slices.IndexFunc(s.Aliases, func(a Alias) bool { return a.Name == name }); i >= 0 {
		return s.Aliases[i].Implied
	}
	return nil
}

// Effectful reports whether an action may have effects outside of the browser, so that its plan must be on the log
// before it is done.
func Effectful(name string) bool {
	s, _ := Lookup(name)
	return s.Effectful
}

// Table returns the rows, in the order in which models are told of them.
func Table() []Spec { return slices.Clone(table) }

// Names lists the present names of all actions.
func Names() []string {
	var names []string
	for _, s := range table {
		names = append(names, s.Name)
	}
	return names
}

// Offered lists the names of the actions that a model is offered. Those on request are among them only if asked for.
func Offered(onRequest bool) []string {
	var names []string
	for _, s := range table {
		if onRequest || !s.OnRequest {
			names = append(names, s.Name)
		}
	}
	return names
}
