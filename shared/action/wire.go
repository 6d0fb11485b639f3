package action

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// order is that of the parameters on the wire: strict modes write the fields of an action in it.
var order = []string{
	"index", "url", "new_tab", "text", "clear", "keys", "down", "pages", "seconds", "tab_id", "query", "path", "to", "success", "data",
}

// Schema is the JSON Schema of an action on the wire: one flat object for all actions, its parameters shared by meaning,
// since unions of twenty objects meet the providers' limits. All parameters may be null.
func Schema(onRequest bool) json.RawMessage {
	var b strings.Builder
	names, _ := json.Marshal(Offered(onRequest)) // strings
	fmt.Fprintf(&b, `{"type": "object", "properties": {"name": {"type": "string", "enum": %s}`, names)
	for _, name := range order {
		description, _ := json.Marshal(meaning(name))
		fmt.Fprintf(&b, `, %q: {"type": [%q, "null"], "description": %s}`, name, wireType(name), description)
	}
	b.WriteString("}}")
	return json.RawMessage(b.String())
}

// wireType is the type of a parameter in the schema: any value travels as a string that holds it.
func wireType(name string) Type {
	for _, s := range table {
		if p, ok := s.Param(name); ok && p.Type != Any {
			return p.Type
		}
	}
	return String
}

// meaning describes a parameter: what it is, if it is the same for all actions, else which actions take it, and what
// each takes it for.
func meaning(name string) string {
	var plain, told, docs []string
	for _, s := range table {
		p, ok := s.Param(name)
		switch {
		case !ok:
		case p.Doc == "":
			plain = append(plain, s.Name)
		default:
			told, docs = append(told, s.Name+": "+p.Doc), append(docs, p.Doc)
		}
	}
	if len(plain) == 0 && len(slices.Compact(docs)) == 1 {
		return docs[0]
	}
	return strings.Join(append(plain, told...), ", ")
}

// Prompt lists the actions for a model, a line each: name, parameters, meaning. Those on request are left out.
func Prompt() string {
	var b strings.Builder
	for _, s := range table {
		if !s.OnRequest {
			fmt.Fprintf(&b, "- %s\n", s.Line())
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Line tells a model of the action.
func (s Spec) Line() string {
	var names []string
	for _, p := range s.Params {
		names = append(names, p.Name)
	}
	line := s.Name + " {" + strings.Join(names, ", ") + "}"
	if s.Prompt != "" {
		line += ": " + s.Prompt
	}
	return line
}
