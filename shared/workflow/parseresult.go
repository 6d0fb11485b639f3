package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ruleTypes are the types that a rule may have.
var ruleTypes = []string{"string", "number", "integer", "date", "enum"}

// result checks how the result comes about.
func (c checker) result(r Result) {
	if len(r.Example) == 0 {
		c.add("result.example", "is missing: add the result of the recorded run")
		return
	}
	example, err := decode(r.Example)
	if err != nil {
		c.add("result.example", "is no JSON")
		return
	}
	inText := checker{c.problems, maps.Clone(c.known)}
	for i, f := range r.Fields {
		place := fmt.Sprintf("result.fields[%d]", i)
		if _, taken := inText.known[f.Name]; taken || !parameterName.MatchString(f.Name) {
			c.add(place+".name", "%q must be made of letters, digits and _, and be the name of no other field or parameter", f.Name)
		}
		inText.known[f.Name] = ""
		c.pointer(place+".path", f.Path, example)
		c.field(place, f)
	}
	inText.strings("result.text", r.Text)
	for i, path := range r.NeedsModel {
		c.pointer(fmt.Sprintf("result.needs_model[%d]", i), path, example)
	}
}

func (c checker) pointer(place, path string, example any) {
	if !isPointer(path) {
		c.add(place, "%q must be a JSON pointer, as /items/0/name", path)
	} else if _, ok := lookup(example, path); !ok {
		c.add(place, "%q names nothing in result.example", path)
	}
}

func (c checker) field(place string, f Field) {
	ways := 0
	for _, given := range []bool{f.Value != "", len(f.Source) > 0, f.List != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		c.add(place, "needs one of value, source and list")
	}
	if f.Step < 1 {
		c.add(place+".step", "must be the number of the step on whose page it is read, from 1")
	}
	c.strings(place+".value", f.Value)
	if len(f.Source) > 0 {
		c.source(place, f.Source, f.Rule)
	}
	if f.List == nil {
		return
	}
	c.strings(place+".list.source", f.List.Source)
	if len(f.List.Source) == 0 || len(f.List.Items) == 0 || f.List.First < 0 {
		c.add(place+".list", "needs source and items, and first, if it is given, must not be negative")
	}
	if f.List.Single && f.List.First != 1 {
		c.add(place+".list.first", "must be 1 for a single value")
	}
	for i, item := range f.List.Items {
		c.source(fmt.Sprintf("%s.list.items[%d]", place, i), item.Source, &item.Rule)
	}
}

func (c checker) source(place string, source json.RawMessage, rule *Rule) {
	c.strings(place+".source", source)
	if rule == nil || !slices.Contains(ruleTypes, rule.Type) {
		c.add(place+".rule", "needs a type: one of %s", strings.Join(ruleTypes, ", "))
		return
	}
	c.strings(place+".rule.prefix", rule.Prefix)
	c.strings(place+".rule.suffix", rule.Suffix)
}
