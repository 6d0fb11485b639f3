package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/errand-run/errand/shared/action"
)

// Problem is one mistake in a workflow or in values for it.
type Problem struct {
	Place   string // as in steps[1].actions[0].params.index; empty for the whole
	Message string // what is wrong and what to do
}

// InvalidError tells all mistakes that were found.
type InvalidError struct{ Problems []Problem }

// Error is one line.
func (e *InvalidError) Error() string {
	var list []string
	for _, p := range e.Problems {
		list = append(list, strings.TrimPrefix(p.Place+": "+p.Message, ": "))
	}
	return strings.Join(list, "; ")
}

type problems []Problem

func (ps *problems) add(place, format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	*ps = append(*ps, Problem{place, format})
}

func (ps problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return &InvalidError{ps}
}

// Parse reads a workflow and checks it. Steps get their numbers by their order; nothing else is changed, and JSON gives
// again what was parsed. The error is an *InvalidError.
func Parse(raw []byte) (Workflow, error) {
	tree, err := decode(raw)
	if err != nil {
		return Workflow{}, &InvalidError{[]Problem{{"", "is not JSON: " + err.Error()}}}
	}
	if _, isObject := tree.(map[string]any); !isObject {
		return Workflow{}, &InvalidError{[]Problem{{"", "must be an object with parameters, prompt_template and steps"}}}
	}
	var found problems
	found.shape("", tree, reflect.TypeFor[Workflow]())
	if len(found) > 0 {
		return Workflow{}, found.err()
	}
	var w Workflow
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&w); err != nil {
		return Workflow{}, &InvalidError{[]Problem{{"", "cannot be read: " + err.Error()}}}
	}
	w.tidy()
	w.check(&found)
	return w, found.err()
}

// tidy numbers the steps, and writes lists that were left out as empty ones.
func (w *Workflow) tidy() {
	w.Parameters, w.Steps = listed(w.Parameters), listed(w.Steps)
	for i := range w.Steps {
		w.Steps[i].Number, w.Steps[i].Actions = i+1, listed(w.Steps[i].Actions)
	}
	if r := w.Result; r != nil {
		r.Fields, r.NeedsModel = listed(r.Fields), listed(r.NeedsModel)
		for i := range r.Fields {
			if string(r.Fields[i].Source) == "null" {
				r.Fields[i].Source = nil
			}
		}
	}
}

func listed[E any](list []E) []E {
	if list == nil {
		return []E{}
	}
	return list
}

// shape compares decoded JSON with the type that it is for: fields that there are not, values of other types.
func (ps *problems) shape(place string, v any, t reflect.Type) {
	if t == reflect.TypeFor[json.RawMessage]() || v == nil {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		ps.shape(place, v, t.Elem())
	case reflect.Struct:
		ps.fields(place, v, t)
	case reflect.Map:
		if m, ok := v.(map[string]any); !ok {
			ps.add(place, "must be an object")
		} else {
			for _, k := range sortedKeys(m) {
				ps.shape(place+"."+k, m[k], t.Elem())
			}
		}
	case reflect.Slice:
		ps.elements(place, v, t.Elem())
	default:
		ps.scalar(place, v, t.Kind())
	}
}

func (ps *problems) fields(place string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	if !ok {
		ps.add(place, "must be an object")
		return
	}
	types := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		types[name] = t.Field(i).Type
	}
	for _, k := range sortedKeys(m) {
		at := strings.TrimPrefix(place+"."+k, ".")
		if types[k] == nil {
			ps.add(at, "is unknown here; there are %s", strings.Join(sortedKeys(types), ", "))
			continue
		}
		ps.shape(at, m[k], types[k])
	}
}

func (ps *problems) elements(place string, v any, t reflect.Type) {
	list, ok := v.([]any)
	if !ok {
		ps.add(place, "must be a list")
		return
	}
	for i, e := range list {
		at := place + "[" + strconv.Itoa(i) + "]"
		if e == nil {
			ps.add(at, "is null; leave it out")
			continue
		}
		ps.shape(at, e, t)
	}
}

func (ps *problems) scalar(place string, v any, kind reflect.Kind) {
	var ok bool
	wanted := "a string"
	switch kind {
	case reflect.String:
		_, ok = v.(string)
	case reflect.Bool:
		wanted = "true or false"
		_, ok = v.(bool)
	case reflect.Int:
		wanted = "a whole number"
		n, isNumber := v.(json.Number)
		_, err := strconv.Atoi(n.String())
		ok = isNumber && err == nil
	default: // any value
		ok = true
	}
	if !ok {
		ps.add(place, "must be %s, not %s", wanted, shown(v))
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// check looks for what has the right shape and makes no sense.
func (w Workflow) check(found *problems) {
	known := map[string]string{} // types of parameters by name; of a field: empty
	for i, p := range w.Parameters {
		place := fmt.Sprintf("parameters[%d]", i)
		if _, taken := known[p.Name]; taken {
			found.add(place+".name", "%q is the name of another parameter too", p.Name)
		}
		known[p.Name] = p.Type
		found.parameter(place, p)
	}
	c := checker{found, known}
	c.strings("prompt_template", w.PromptTemplate)
	if len(w.Steps) == 0 {
		found.add("steps", "has no steps; add at least one")
	}
	for i, s := range w.Steps {
		c.step(fmt.Sprintf("steps[%d]", i), s)
	}
	if w.Result != nil {
		c.result(*w.Result)
	}
}

func (ps *problems) parameter(place string, p Parameter) {
	if !parameterName.MatchString(p.Name) {
		ps.add(place+".name", "%q must be made of letters, digits and _, and not begin with a digit", p.Name)
	}
	if !slices.Contains(parameterTypes, p.Type) {
		ps.add(place+".type", "%q must be one of %s", p.Type, strings.Join(parameterTypes, ", "))
		return
	}
	if p.ExampleValue == nil {
		return
	}
	if _, err := p.value(p.ExampleValue); err != nil {
		ps.add(place+".exampleValue", "%s", err)
	}
}

// checker looks at the parts of a workflow whose parameters are known.
type checker struct {
	*problems
	known map[string]string
}

// strings checks the placeholders of every string in a decoded value.
func (c checker) strings(place string, v any) {
	switch v := v.(type) {
	case string:
		c.template(place, v)
	case json.RawMessage:
		if tree, err := decode(v); err == nil {
			c.strings(place, tree)
		}
	case []any:
		for i, e := range v {
			c.strings(fmt.Sprintf("%s[%d]", place, i), e)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			c.strings(place+"."+k, v[k])
		}
	}
}

func (c checker) template(place, template string) {
	parts, malformed := pieces(template)
	if malformed {
		c.add(place, `has {{ that begins no placeholder: write {{ name }} or {{ name | FORMAT }}, and %s for the braces themselves`, escapedBraces)
	}
	for _, p := range parts {
		typ, ok := c.known[p.name]
		switch {
		case p.name == "":
		case !ok:
			c.add(place, "{{ %s }} names nothing: add it to parameters, or write %s for the braces themselves", p.name, escapedBraces)
		case p.format != "" && !knownFormat(p.format, typ):
			c.add(place, "{{ %s | %s }}: a %s cannot be written so; dates are written as DD/MM/YYYY or D MMMM YYYY, numbers as 1,234.50", p.name, p.format, typ)
		}
	}
}

// maxSeconds is how long a recorded step may have taken: as long as a session may.
const maxSeconds = 86400

func (c checker) step(place string, s Step) {
	c.strings(place+".description", s.Description)
	for i, a := range s.Actions {
		c.action(fmt.Sprintf("%s.actions[%d]", place, i), a)
	}
	if s.Seconds < 0 || s.Seconds > maxSeconds {
		c.add(place+".seconds", "must be from 0 to %d", maxSeconds)
	}
	c.condition(place+".before", s.Before)
	c.condition(place+".after", s.After)
}

func (c checker) condition(place string, cond *Condition) {
	if cond == nil {
		return
	}
	c.strings(place+".url", cond.URL)
	for i, h := range cond.Headings {
		c.strings(fmt.Sprintf("%s.headings[%d]", place, i), h)
	}
}

func (c checker) action(place string, a Action) {
	spec, ok := action.Lookup(a.Name)
	if !ok {
		c.add(place+".name", "%q is not an action; the actions are %s", a.Name, strings.Join(slices.Sorted(slices.Values(action.Names())), ", "))
		return
	}
	if spec.Replay.Keep == action.Refused {
		c.add(place+".name", "%s cannot be replayed: %s", a.Name, spec.Replay.Reason)
	}
	for _, name := range sortedKeys(a.Params) {
		c.param(place+".params."+name, spec, name, a.Params[name])
	}
	c.needs(place, spec, a)
	if len(a.Alternatives) > 3 {
		c.add(place+".alternatives", "has %d; at most three are kept", len(a.Alternatives))
	}
	for i, raw := range a.Alternatives {
		c.strings(fmt.Sprintf("%s.alternatives[%d]", place, i), raw)
	}
}

// needs looks for the parameters that an action must have.
func (c checker) needs(place string, spec action.Spec, a Action) {
	_, params := action.Renamed(a.Name, a.Params)
	for _, p := range spec.Params {
		if p.Required && p.Type != action.Element && params[p.Name] == nil {
			c.add(place+".params", "%s needs %s", a.Name, strings.Join(namesOf(p), " or "))
		}
	}
	given := func(name string) bool { return params[name] != nil && params[name] != "" }
	if _, must := spec.ForElement(); must && !slices.ContainsFunc([]string{"css", "target", "xpath"}, given) {
		c.add(place+".params", "%s needs one of css, xpath and target, which identify its element", a.Name)
	}
}

// namesOf lists the names by which a parameter may be given.
func namesOf(p action.Param) []string {
	list := []string{p.Name}
	for _, a := range p.Aliases {
		list = append(list, a.Name)
	}
	return list
}

func (c checker) param(place string, spec action.Spec, name string, v any) {
	p, known := recordable(spec, name)
	switch {
	case name == "index":
		c.add(place, "identifies an element during one visit only; use css, xpath or target")
	case !known:
		c.add(place, "is unknown here; there are %s", strings.Join(paramNames(spec), ", "))
	case v != nil && !typed(v, p.Type):
		c.add(place, "must be %s, not %s", inWords[p.Type], shown(v))
	default:
		c.strings(place, v)
	}
}
