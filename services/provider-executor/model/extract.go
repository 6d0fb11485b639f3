package model

import (
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strings"
)

const (
	// maxStarts bounds how many braces and fences of a text are tried as the beginning of JSON: each may cost a scan to
	// the end.
	maxStarts = 100
	// maxWraps bounds how often JSON may be wrapped in a JSON string.
	maxWraps = 3
)

var (
	thoughts  = regexp.MustCompile(`(?is)<(think|thinking|reasoning|thought)>.*?</(think|thinking|reasoning|thought)>`)
	errNoJSON = errors.New("text holds no JSON object or array")
)

// ExtractJSON finds the JSON object, else the array, that a model's text holds: as the whole text, in a code fence, or
// amid prose, behind thoughts in tags, and as a JSON string that holds JSON. Of several objects the longest wins.
// Scalars are not looked for. The result is valid JSON.
func ExtractJSON(text string) (json.RawMessage, error) {
	for _, whole := range []string{strings.TrimSpace(text), withoutThoughts(text)} { // tags in strings are no thoughts
		if found := unwrap(whole, maxWraps); found != nil {
			return found, nil
		}
	}
	text = withoutThoughts(text)
	for i, part := range strings.SplitN(text, "```", maxStarts) {
		start := strings.IndexAny(part, "{[\"") // behind the name of the language
		if i%2 == 0 || start < 0 {
			continue
		}
		if fenced := unwrap(strings.TrimSpace(part[start:]), maxWraps); fenced != nil {
			return fenced, nil
		}
	}
	for _, start := range []byte{'{', '['} {
		if amid := longestFrom(text, start); amid != nil {
			return amid, nil
		}
	}
	return nil, errNoJSON
}

// withoutThoughts drops what a model wrote for itself: whole tags, and all before a closing tag that none opened.
func withoutThoughts(text string) string {
	if strings.Contains(text, "</") { // the pattern is slow on long texts
		text = thoughts.ReplaceAllString(text, "")
	}
	if _, after, ok := strings.Cut(text, "</think>"); ok {
		text = after
	}
	return strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
}

// unwrap gives text as JSON if it is an object, an array, or a string that holds one; else nil.
func unwrap(text string, wraps int) json.RawMessage {
	if text == "" || !json.Valid([]byte(text)) {
		return nil
	}
	if text[0] == '{' || text[0] == '[' {
		return json.RawMessage(text)
	}
	var inner string
	if wraps == 0 || json.Unmarshal([]byte(text), &inner) != nil {
		return nil
	}
	return unwrap(strings.TrimSpace(inner), wraps-1)
}

// longestFrom is the longest JSON value in text that begins with the given bracket.
func longestFrom(text string, start byte) json.RawMessage {
	var longest json.RawMessage
	for range maxStarts {
		at := strings.IndexByte(text, start)
		if at < 0 {
			break
		}
		text = text[at:]
		var value json.RawMessage
		if json.NewDecoder(strings.NewReader(text)).Decode(&value) != nil {
			text = text[1:]
			continue
		}
		if len(value) > len(longest) {
			longest = value
		}
		text = text[len(value):]
	}
	return longest
}

// mend undoes what models do to answers that are right otherwise: the call of a tool written out as JSON, and arrays,
// objects, numbers and booleans sent as strings. What needs no mending comes back byte for byte.
func mend(answer json.RawMessage, schema Schema) json.RawMessage {
	var n node
	if json.Unmarshal(schema.JSON, &n) != nil {
		return answer
	}
	var call struct {
		Name       string          `json:"name"`
		Arguments  json.RawMessage `json:"arguments"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if json.Unmarshal(answer, &call) == nil && call.Name == schema.Name {
		for _, args := range []json.RawMessage{call.Arguments, call.Parameters} {
			if inner := unwrap(string(args), maxWraps); inner != nil {
				answer = inner
			}
		}
	}
	mended, changed := n.mend(answer)
	if !changed {
		return answer
	}
	return mended
}

func (n *node) mend(value json.RawMessage) (json.RawMessage, bool) {
	if value[0] == '"' && len(n.Type) > 0 && !n.Type.has("string") {
		return n.mendString(value)
	}
	if n.Items != nil && value[0] == '[' {
		return n.mendItems(value)
	}
	if len(n.Properties) > 0 && value[0] == '{' {
		return n.mendProperties(value)
	}
	return value, false
}

// mendString takes a value out of the string that it was sent in.
func (n *node) mendString(value json.RawMessage) (json.RawMessage, bool) {
	if n.Type.has("array") || n.Type.has("object") {
		if inner := unwrap(string(value), maxWraps); inner != nil {
			inner, _ = n.mend(inner)
			return inner, true
		}
	}
	var inner string
	if json.Unmarshal(value, &inner) == nil && n.holds(strings.TrimSpace(inner)) {
		return json.RawMessage(strings.TrimSpace(inner)), true
	}
	return value, false
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

func (n *node) mendItems(value json.RawMessage) (json.RawMessage, bool) {
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		return value, false
	}
	var any bool
	for i := range items {
		var changed bool
		items[i], changed = n.Items.mend(items[i])
		any = any || changed
	}
	mended, _ := json.Marshal(items) // raw JSON always can
	return mended, any
}

func (n *node) mendProperties(value json.RawMessage) (json.RawMessage, bool) {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(value, &fields) != nil {
		return value, false
	}
	var any bool
	for _, p := range n.Properties {
		if field, ok := fields[p.Name]; ok {
			var changed bool
			fields[p.Name], changed = p.mend(field)
			any = any || changed
		}
	}
	mended, _ := json.Marshal(fields) // raw JSON always can
	return mended, any
}
