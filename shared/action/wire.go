package action

import (
	"bytes"
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
		fmt.Fprintf(&b, `, %q: {"type": [%q, "null"]`, name, wireType(name))
		if words := meaning(name); words != "" {
			description, _ := json.Marshal(words)
			fmt.Fprintf(&b, `, "description": %s`, description)
		}
		b.WriteByte('}')
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

// meaning describes a parameter that its name does not explain: what it is, if it is the same for all actions, else what
// each takes it for. Which actions take it stands in the prompt.
func meaning(name string) string {
	var told, docs []string
	for _, s := range table {
		if p, ok := s.Param(name); ok && p.Doc != "" {
			told, docs = append(told, s.Name+": "+p.Doc), append(docs, p.Doc)
		}
	}
	if len(slices.Compact(docs)) == 1 {
		return docs[0]
	}
	return strings.Join(told, ", ")
}

// Encode writes an action as models are to write it: its name first, then its parameters in the order of the schema,
// under their present names. Others are left out, as those are that are null.
func Encode(flat map[string]any) json.RawMessage {
	name, _ := flat["name"].(string)
	name, params := Renamed(name, flat)
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"name":%q`, name)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, p := range order {
		if v, given := params[p]; given {
			fmt.Fprintf(&b, `,%q:`, p)
			if e.Encode(v) != nil {
				b.WriteString("null") // not from JSON
			}
			b.Truncate(len(bytes.TrimRight(b.Bytes(), "\n")))
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Prompt lists the actions for a model: those that their names explain on one line, each other on a line of its own with
// what it does. Those on request are left out.
func Prompt() string {
	var plain, lines []string
	for _, s := range table {
		switch {
		case s.OnRequest:
		case s.Prompt == "":
			plain = append(plain, s.Line())
		default:
			lines = append(lines, "- "+s.Line())
		}
	}
	return "- " + strings.Join(plain, ", ") + "\n" + strings.Join(lines, "\n")
}

// Line tells a model of the action.
func (s Spec) Line() string {
	var names []string
	for _, p := range s.Params {
		names = append(names, p.Name)
	}
	line := s.Name
	if len(names) > 0 {
		line += " {" + strings.Join(names, ", ") + "}"
	}
	if s.Prompt != "" {
		line += ": " + s.Prompt
	}
	return line
}
