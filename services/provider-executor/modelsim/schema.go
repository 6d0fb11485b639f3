package modelsim

import (
	"encoding/json"
	"iter"
	"slices"
)

// level is one schema inside a schema.
type level struct {
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Items      json.RawMessage            `json:"items"`
	AnyOf      []json.RawMessage          `json:"anyOf"`
	words      map[string]json.RawMessage
}

// is tells whether the level's type is or includes the named one.
func (l level) is(name string) bool {
	var one string
	var several []string
	if json.Unmarshal(l.words["type"], &one) == nil {
		return one == name
	}
	return json.Unmarshal(l.words["type"], &several) == nil && slices.Contains(several, name)
}

// levels walks a schema, outermost first, with the path to each level.
func levels(schema json.RawMessage) iter.Seq2[string, level] {
	return func(yield func(string, level) bool) { walk("", schema, yield) }
}

func walk(at string, schema json.RawMessage, yield func(string, level) bool) bool {
	var l level
	if json.Unmarshal(schema, &l) != nil || json.Unmarshal(schema, &l.words) != nil {
		return true // true and false are schemas too, with nothing in them
	}
	if !yield(at, l) {
		return false
	}
	for name, property := range l.Properties {
		if !walk(at+".properties."+name, property, yield) {
			return false
		}
	}
	for _, alternative := range l.AnyOf {
		if !walk(at+".anyOf", alternative, yield) {
			return false
		}
	}
	return len(l.Items) == 0 || walk(at+".items", l.Items, yield)
}

// unknownKeywords lists the keywords of a schema that are not among the known ones, sorted.
func unknownKeywords(schema json.RawMessage, known []string) []string {
	var unknown []string
	for _, l := range levels(schema) {
		for word := range l.words {
			if !slices.Contains(known, word) {
				unknown = append(unknown, word)
			}
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}
