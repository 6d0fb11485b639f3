package schema

import (
	"iter"
	"net/url"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// inPlace are the subschemas that apply to the same value as s.
func inPlace(s *jsonschema.Schema) []*jsonschema.Schema {
	subs := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		subs = append(subs, s.DynamicRef.Ref)
	}
	for _, list := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		subs = append(subs, list...)
	}
	for _, sub := range s.DependentSchemas {
		subs = append(subs, sub)
	}
	for _, dependency := range s.Dependencies {
		if sub, ok := dependency.(*jsonschema.Schema); ok {
			subs = append(subs, sub)
		}
	}
	return present(subs)
}

// below are the subschemas that apply to the parts of a value.
func below(s *jsonschema.Schema) []*jsonschema.Schema {
	subs := []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema}
	for _, v := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch v := v.(type) {
		case *jsonschema.Schema:
			subs = append(subs, v)
		case []*jsonschema.Schema:
			subs = append(subs, v...)
		}
	}
	subs = append(subs, s.PrefixItems...)
	for _, sub := range s.Properties {
		subs = append(subs, sub)
	}
	for _, sub := range s.PatternProperties {
		subs = append(subs, sub)
	}
	return present(subs)
}

func present(subs []*jsonschema.Schema) []*jsonschema.Schema {
	kept := subs[:0]
	for _, s := range subs {
		if s != nil {
			kept = append(kept, s)
		}
	}
	return kept
}

// all are the schemas that can be reached from roots, each once.
func all(roots []*jsonschema.Schema) iter.Seq[*jsonschema.Schema] {
	return func(yield func(*jsonschema.Schema) bool) {
		seen := map[*jsonschema.Schema]bool{}
		for queue := roots; len(queue) > 0; queue = queue[1:] {
			s := queue[0]
			if seen[s] {
				continue
			}
			seen[s] = true
			if !yield(s) {
				return
			}
			queue = append(append(queue, inPlace(s)...), below(s)...)
		}
	}
}

// place is the JSON Pointer in a schema's location.
func place(location string) string {
	_, fragment, _ := strings.Cut(location, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		return plain
	}
	return fragment
}
