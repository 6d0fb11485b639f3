package answer

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Form is the JSON Schema of an answer, as far as shapes are told by it: type, properties, items and enum. The zero Form
// takes any object. A form that has a list of named things, such as a decision's actions, also takes the ways in which
// models write those.
type Form struct {
	root node
	list string // the property that is a list of objects told apart by the enum of their name; empty for none
	item *node
}

type node struct {
	Type       types            `json:"type"`
	Properties map[string]*node `json:"properties"`
	Items      *node            `json:"items"`
	Enum       []any            `json:"enum"`
}

// types is the keyword type: a name or a list of names.
type types []string

func (t *types) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

func (t types) has(name string) bool { return slices.Contains(t, name) }

// NewForm reads a schema; what is no schema is the zero Form.
func NewForm(schema json.RawMessage) Form {
	var f Form
	if json.Unmarshal(schema, &f.root) != nil {
		return Form{}
	}
	for name, p := range f.root.Properties {
		if p.Type.has("array") && p.Items != nil && p.Items.Properties["name"] != nil && len(p.Items.Properties["name"].Enum) > 0 {
			f.list, f.item = name, p.Items
		}
	}
	return f
}

type object = map[string]json.RawMessage

func objectOf(value json.RawMessage) object {
	var o object
	if len(value) == 0 || value[0] != '{' || json.Unmarshal(value, &o) != nil {
		return nil
	}
	return o
}

func listOf(value json.RawMessage) []json.RawMessage {
	var l []json.RawMessage
	if len(value) == 0 || value[0] != '[' || json.Unmarshal(value, &l) != nil {
		return nil
	}
	return l
}

func wordOf(value json.RawMessage) string {
	var s string
	_ = json.Unmarshal(value, &s) // what is no string is no word
	return s
}

func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of raw JSON and strings
	return bytes.TrimSpace(b.Bytes())
}

// same reports whether two values say the same, in whatever order.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// rank is how much a value looks like the form, from 0.
func (f Form) rank(value json.RawMessage) int {
	o := objectOf(value)
	switch {
	case len(o) == 0:
		return 0
	case f.list != "" && o[f.list] != nil:
		return 3
	case f.fits(o):
		return 2
	}
	return 1
}

func (f Form) fits(o object) bool {
	for name := range f.root.Properties {
		if _, ok := o[name]; ok {
			return true
		}
	}
	return false
}

// shape brings a value into the form. What has it already comes back byte for byte.
func (f Form) shape(value json.RawMessage) (json.RawMessage, error) {
	if len(f.root.Properties) == 0 {
		return value, nil
	}
	for range maxWraps {
		inner, err := f.unwrap(value)
		if err != nil {
			return nil, err
		}
		if inner == nil {
			break
		}
		if value, _ = unquoted(inner); value[0] != '{' && value[0] != '[' {
			return nil, ErrNone
		}
	}
	value = f.named(value)
	mended, changed, err := f.root.mend(value)
	if err != nil || !changed {
		return value, err
	}
	return mended, nil
}

// wrappers are the names under which models put a whole answer, beside those of the parts of a tool call.
var wrappers = []string{
	"tool_calls", "tool_call", "function_call", "function", "arguments", "parameters", "params", "args", "input",
	"decision", "answer", "response", "output", "result", "final", "final_answer", "json", "content", "message",
	"extraction", "judgement",
}

// unwrap takes the answer out of what stands around it, nil where nothing does: a list of one, a tool call, an object
// with the answer in it; and puts what stands around actions around those that are given without.
func (f Form) unwrap(value json.RawMessage) (json.RawMessage, error) {
	if list := listOf(value); list != nil {
		return f.unwrapList(value, list)
	}
	o := objectOf(value)
	switch {
	case o == nil || f.fits(o):
		return nil, nil
	case f.list != "" && f.isAction(o):
		return encode(object{f.list: encode([]json.RawMessage{value})}), nil
	}
	for _, name := range wrappers {
		if inner := o[name]; inner != nil && f.within(inner) {
			return inner, nil
		}
	}
	if f.list == "" {
		return nil, nil
	}
	var inner json.RawMessage
	for _, v := range o { // whatever its name: nothing else has such a list
		if held := objectOf(v); held != nil && held[f.list] != nil {
			if inner != nil {
				return nil, ErrSeveral
			}
			inner = v
		}
	}
	return inner, nil
}

// unwrapList takes the answer out of a list.
func (f Form) unwrapList(value json.RawMessage, list []json.RawMessage) (json.RawMessage, error) {
	if f.list != "" && len(list) > 0 && !slices.ContainsFunc(list, func(v json.RawMessage) bool { return !f.isAction(objectOf(v)) }) {
		return encode(object{f.list: value}), nil
	}
	if !f.root.Type.has("object") || len(list) == 0 || !f.within(list[0]) {
		return nil, nil
	}
	for _, other := range list[1:] {
		if !same(list[0], other) {
			return nil, ErrSeveral
		}
	}
	return list[0], nil
}

// within reports whether a value may hold an answer: as an object, a list, or a string of either.
func (f Form) within(value json.RawMessage) bool {
	value, _ = unquoted(value)
	if l := listOf(value); len(l) > 0 {
		return objectOf(l[0]) != nil
	}
	o := objectOf(value)
	return f.fits(o) || f.list != "" && f.isAction(o) || slices.ContainsFunc(wrappers, func(w string) bool { return o[w] != nil })
}

// knows reports whether an action of that name, however it is spelled, is in the schema.
func (f Form) knows(name string) bool {
	return f.item != nil && f.item.Properties["name"].spelled(name) != ""
}

// spelled returns the value of the enum that a text means: itself, or the one that differs only in case, dashes, spaces
// and underscores. It is empty for none.
func (n *node) spelled(text string) string {
	if text == "" || slices.Contains(n.Enum, any(text)) {
		return text
	}
	for _, v := range n.Enum {
		if word, ok := v.(string); ok && letters(word) == letters(text) {
			return word
		}
	}
	return ""
}

// letters is a text in lower case without dashes, spaces and underscores.
func letters(text string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(text))
}

// isAction reports whether an object is one action, in any of the ways to write one.
func (f Form) isAction(o object) bool {
	if f.knows(wordOf(o["name"])) {
		return true
	}
	if inner := objectOf(o["function"]); inner != nil {
		return f.isAction(inner)
	}
	for name := range o {
		if f.knows(name) && len(o) == 1 {
			return true
		}
	}
	return false
}

// named brings a list of actions into its form: under its name, as a list, each action as one flat object.
func (f Form) named(value json.RawMessage) json.RawMessage {
	o := objectOf(value)
	if f.list == "" || o == nil {
		return value
	}
	changed := f.renamed(o)
	actions, _ := unquoted(cmpRaw(o[f.list]))
	if actions[0] == '{' {
		actions, changed = encode([]json.RawMessage{actions}), true
	}
	items := listOf(actions)
	for i, item := range items {
		if flat := f.flat(objectOf(item)); flat != nil {
			items[i], changed = encode(flat), true
		}
	}
	if !changed || o[f.list] == nil {
		return value
	}
	if items != nil {
		o[f.list] = encode(items)
	}
	return encode(o)
}

func cmpRaw(value json.RawMessage) json.RawMessage {
	if len(value) == 0 {
		return json.RawMessage("null")
	}
	return value
}

// renamed puts the actions of a decision where they belong, and reports whether they were elsewhere.
func (f Form) renamed(o object) bool {
	if given := o[f.list]; given != nil && string(given) != "null" {
		return false
	}
	for _, name := range []string{strings.TrimSuffix(f.list, "s"), "tool_calls", "tool_call"} {
		given := o[name]
		if given == nil {
			continue
		}
		if f.knows(wordOf(given)) { // its parameters stand beside it
			action := object{"name": given}
			for key, v := range o {
				if f.root.Properties[key] == nil && key != name {
					action[key] = v
					delete(o, key)
				}
			}
			given = encode(action)
		}
		delete(o, name)
		o[f.list] = given
		return true
	}
	return false
}

// Under these names models put an action's name and its parameters.
var (
	nameKeys      = []string{"action", "action_name", "action_type", "type", "tool", "tool_name", "function"}
	parameterKeys = []string{"params", "parameters", "arguments", "args", "action_input"}
)

// flat is an action as one flat object, nil where it is one already or cannot be made one.
func (f Form) flat(o object) object {
	if o == nil {
		return nil
	}
	if call := objectOf(o["function"]); call != nil && o["name"] == nil {
		if inner := f.flat(call); inner != nil {
			return inner
		}
		return call
	}
	if wordOf(o["name"]) == "" {
		return f.nameless(o)
	}
	for _, key := range parameterKeys {
		parameters, _ := unquoted(cmpRaw(o[key]))
		if inner := objectOf(parameters); inner != nil && f.item.Properties[key] == nil {
			flat := maps.Clone(o)
			delete(flat, key)
			for name, v := range inner {
				if given := flat[name]; given == nil || string(given) == "null" {
					flat[name] = v
				}
			}
			return flat
		}
	}
	return nil
}

// nameless is an action whose name stands elsewhere: under another key, or as the key of its parameters.
func (f Form) nameless(o object) object {
	for _, key := range nameKeys {
		if name := wordOf(o[key]); f.knows(name) {
			named := maps.Clone(o)
			delete(named, key)
			named["name"] = o[key]
			if flat := f.flat(named); flat != nil {
				return flat
			}
			return named
		}
	}
	var key, bare []string // the objects, and the actions that have none
	for name, v := range o {
		switch {
		case f.item.Properties[name] == nil && v[0] == '{':
			key = append(key, name)
		case string(v) == "null" && f.knows(name):
			bare = append(bare, name)
		case string(v) != "null":
			return nil
		}
	}
	if len(key) == 0 {
		key = bare
	}
	if len(key) != 1 {
		return nil
	}
	flat := object{}
	maps.Copy(flat, objectOf(o[key[0]]))
	flat["name"] = encode(key[0])
	return flat
}

// mend undoes the sending of arrays, objects, numbers and booleans as strings, and the misspelling of words of an enum.
func (n *node) mend(value json.RawMessage) (mended json.RawMessage, changed bool, err error) {
	switch {
	case len(value) == 0:
	case value[0] == '"' && len(n.Enum) > 0:
		if word := n.spelled(wordOf(value)); word != "" && word != wordOf(value) {
			return encode(word), true, nil
		}
	case value[0] == '"' && len(n.Type) > 0 && !n.Type.has("string"):
		return n.mendString(value)
	case n.Items != nil && value[0] == '[':
		items := listOf(value)
		for i := range items {
			if items[i], err = n.Items.mendPart(items[i], &changed); err != nil {
				return nil, false, err
			}
		}
		return encode(items), changed, nil
	case len(n.Properties) > 0 && value[0] == '{':
		fields := objectOf(value)
		for name, p := range n.Properties {
			if fields[name] == nil {
				continue
			}
			if fields[name], err = p.mendPart(fields[name], &changed); err != nil {
				return nil, false, err
			}
		}
		return encode(fields), changed, nil
	}
	return value, false, nil
}

func (n *node) mendPart(value json.RawMessage, changed *bool) (json.RawMessage, error) {
	mended, yes, err := n.mend(value)
	*changed = *changed || yes
	if !yes {
		return value, err
	}
	return mended, err
}

// mendString takes a value out of the string that it was sent in.
func (n *node) mendString(value json.RawMessage) (json.RawMessage, bool, error) {
	text := strings.TrimSpace(wordOf(value))
	if (n.Type.has("array") || n.Type.has("object")) && (strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) {
		inner, err := parseWhole(text)
		if err != nil {
			return nil, false, err
		}
		mended, _, err := n.mend(inner)
		return mended, true, err
	}
	if n.Type.has("integer") {
		text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]") // as pages show indexes
	}
	if n.holds(text) {
		return json.RawMessage(text), true, nil
	}
	return value, false, nil
}

// holds reports whether a text is a JSON number, true, false or null, of the node's type.
func (n *node) holds(text string) bool {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return false
	}
	switch number := v.(type) {
	case float64:
		return n.Type.has("number") || n.Type.has("integer") && number == math.Trunc(number)
	case bool:
		return n.Type.has("boolean")
	}
	return v == nil && n.Type.has("null")
}
