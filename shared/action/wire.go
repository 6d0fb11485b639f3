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
// since unions of twenty objects meet the providers' limits. All parameters may be null. What they
// mean for an action stands in the prompt.
func Schema(onRequest bool) json.RawMessage {
	var b strings.Builder
	names, _ := json.Marshal(Offered(onRequest)) // strings
	fmt.Fprintf(&b, `{"type":"object","properties":{"name":{"type":"string","enum":%s}`, names)
	for _, name := range order {
		fmt.Fprintf(&b, `,%q:{"type":[%q,"null"]}`, name, wireType(name))
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
// what it does. One that takes just what the one before takes stands with it. Those on request are left out.
func Prompt() string {
	var plain, lines []string
	for i := 0; i < len(table); i++ {
		s := table[i]
		if s.OnRequest {
			continue
		}
		line := s.Line()
		for ; s.Prompt != "" && i+1 < len(table) && table[i+1].Prompt == "" && sameParams(s, table[i+1]); i++ {
			line = strings.Replace(line, " {", ", "+table[i+1].Name+" {", 1)
		}
		if s.Prompt == "" {
			plain = append(plain, line)
		} else {
			lines = append(lines, "- "+line)
		}
	}
	return "- " + strings.Join(plain, ", ") + "\n" + strings.Join(lines, "\n")
}

func sameParams(a, b Spec) bool {
	return len(a.Params) > 0 && slices.EqualFunc(a.Params, b.Params, func(p, q Param) bool { return p.Name == q.Name })
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
