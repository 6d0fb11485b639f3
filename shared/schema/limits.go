package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of a schema. Provider schemas of real users have depths below 20 and some hundred subschemas.
const (
	maxDepth      = 64     // subschemas within subschemas
	maxSubschemas = 2_000  // in all
	maxExpansion  = 10_000 // subschemas that apply to one value once all references are followed
)

// Limits of a value that is validated.
const (
	maxValueDepth = 500
	maxValueNodes = 200_000
)

// named are the keywords whose value maps names to subschemas.
var named = map[string]bool{
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true, "dependentSchemas": true, "dependencies": true,
}

// data are the keywords whose value is no schema, whatever it looks like.
var data = map[string]bool{"enum": true, "const": true, "default": true, "examples": true}

// outline measures a schema before anything is compiled.
type outline struct {
	subschemas int
	dynamic    []string // places that a dynamic reference can lead to
}

// checkLimits refuses a schema that is too deep or too large, and one of another dialect. dynamic are the pointers to
// what only a dynamic reference leads to.
func checkLimits(doc any) (dynamic []string, err error) {
	switch doc.(type) {
	case map[string]any, bool:
	default:
		return nil, &Error{Reason: "expected a JSON Schema: an object, true or false"}
	}
	var o outline
	return o.dynamic, o.walkInto(doc, &dynamic)
}

func (o *outline) walkInto(doc any, dynamic *[]string) error {
	err := o.schema(doc, "", 1)
	*dynamic = o.dynamic
	return err
}

// schema measures what may be a subschema. An unknown keyword counts too: a reference may point into it.
func (o *outline) schema(v any, pointer string, depth int) error {
	if list, ok := v.([]any); ok {
		for i, item := range list {
			if err := o.schema(item, pointer+"/"+strconv.Itoa(i), depth); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if err := o.count(object, pointer, depth); err != nil {
		return err
	}
	for _, keyword := range slices.Sorted(maps.Keys(object)) {
		if data[keyword] {
			continue
		}
		if err := o.keyword(keyword, object[keyword], pointer+"/"+escape(keyword), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (o *outline) keyword(keyword string, v any, pointer string, depth int) error {
	subschemas, ok := v.(map[string]any)
	if !named[keyword] || !ok {
		return o.schema(v, pointer, depth)
	}
	for _, name := range slices.Sorted(maps.Keys(subschemas)) {
		if err := o.schema(subschemas[name], pointer+"/"+escape(name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (o *outline) count(object map[string]any, pointer string, depth int) error {
	o.subschemas++
	switch {
	case depth > maxDepth:
		return &Error{pointer, fmt.Sprintf("the schema is nested deeper than %d levels", maxDepth)}
	case o.subschemas > maxSubschemas:
		return &Error{pointer, fmt.Sprintf("the schema has more than %d subschemas", maxSubschemas)}
	}
	if dialect, ok := object["$schema"]; ok && !known(dialect) {
		return &Error{pointer + "/$schema", fmt.Sprintf("the dialect %s is not supported, only draft 7 and 2020-12", clip(fmt.Sprint(dialect), 100))}
	}
	if object["$dynamicAnchor"] != nil || object["$recursiveAnchor"] != nil {
		o.dynamic = append(o.dynamic, pointer)
	}
	return nil
}

func known(dialect any) bool {
	name, ok := dialect.(string)
	return ok && slices.Contains(drafts, name)
}

// checkValue refuses a value that is too large to be validated.
func checkValue(v any) error {
	nodes := 0
	var walk func(v any, depth int) error
	walk = func(v any, depth int) error {
		if nodes++; nodes > maxValueNodes {
			return &Error{Reason: fmt.Sprintf("it has more than %d values in it, which is too many to check", maxValueNodes)}
		}
		if depth > maxValueDepth {
			return &Error{Reason: fmt.Sprintf("it is nested deeper than %d levels", maxValueDepth)}
		}
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				if err := walk(item, depth+1); err != nil {
					return err
				}
			}
		case map[string]any:
			for _, item := range v {
				if err := walk(item, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(v, 0)
}

// checkExpansion refuses a schema of which too many subschemas apply to one and the same value: forty definitions that
// each refer twice to the next are 2^40.
func checkExpansion(roots []*jsonschema.Schema) error {
	sizes := map[*jsonschema.Schema]int{}
	var err error
	var size func(s *jsonschema.Schema) int
	size = func(s *jsonschema.Schema) int {
		if n, done := sizes[s]; done {
			return n
		}
		sizes[s] = 1 // a cycle counts once: the validator stops there
		n := 1
		for _, sub := range inPlace(s) {
			n = min(n+size(sub), maxExpansion+1)
		}
		sizes[s] = n
		if n > maxExpansion && err == nil {
			err = &Error{place(s.Location), fmt.Sprintf("once its references are followed, more than %d subschemas apply to one value here", maxExpansion)}
		}
		return n
	}
	for s := range all(roots) {
		size(s)
	}
	return err
}
