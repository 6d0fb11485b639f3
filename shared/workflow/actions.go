package workflow

import (
	"slices"

	"github.com/errand-run/errand/shared/action"
)

// specOf is the row of an action of a workflow, by its present or an old name; empty for an unknown one.
func specOf(name string) action.Spec {
	spec, _ := action.Lookup(name)
	return spec
}

// readOnly reports whether an action only shows something to a model.
func (m *move) readOnly() bool { return specOf(m.name).ReadOnly }

// forElement reports whether an action must be for an element.
func forElement(name string) bool {
	_, must := specOf(name).ForElement()
	return must
}

// recordable reports whether a workflow may hold a parameter of an action, by its present or an old name.
func recordable(spec action.Spec, name string) (action.Param, bool) {
	p, known := spec.Param(name)
	return p, known && p.Type != action.Element
}

// paramNames lists what an action takes in a workflow.
func paramNames(spec action.Spec) (names []string) {
	for _, p := range spec.Recorded() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// inWords are the types of values in sentences.
var inWords = map[action.Type]string{
	action.String: "a string", action.Bool: "true or false", action.Number: "a number", action.Object: "an object",
}

// typed reports whether a decoded value is of a parameter's type.
func typed(v any, typ action.Type) bool {
	switch typ {
	case action.String:
		_, ok := v.(string)
		return ok
	case action.Bool:
		_, ok := v.(bool)
		return ok
	case action.Number:
		_, ok := plainValue(v)
		return ok
	case action.Object:
		_, ok := v.(map[string]any)
		return ok
	}
	return true
}
