package workflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A template is a text with placeholders: {{ name }}, or {{ name | FORMAT }}. Two braces that are no placeholder are
// written {{ "{{" }}.

// piece is a part of a template: a literal, or the place of a value.
type piece struct {
	literal      string
	name, format string // of a placeholder; name is empty for a literal
}

const escapedBraces = `{{ "{{" }}`

var placeholder = regexp.MustCompile(`\{\{\s*(?:("\{\{")|([A-Za-z_][A-Za-z0-9_]*)\s*(?:\|\s*([^{}|]*[^{}|\s])\s*)?)\s*\}\}`)

// pieces takes a template apart. malformed tells that it has braces that are no placeholder; they count as a literal.
func pieces(template string) (parts []piece, malformed bool) {
	literal := func(s string) {
		if last := len(parts) - 1; s != "" && last >= 0 && parts[last].name == "" {
			parts[last].literal += s
		} else if s != "" {
			parts = append(parts, piece{literal: s})
		}
	}
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(template, -1) {
		malformed = malformed || strings.Contains(template[at:m[0]], "{{")
		literal(template[at:m[0]])
		if at = m[1]; m[2] >= 0 {
			literal("{{")
			continue
		}
		p := piece{name: template[m[4]:m[5]]}
		if m[6] >= 0 {
			p.format = template[m[6]:m[7]]
		}
		parts = append(parts, p)
	}
	literal(template[at:])
	return parts, malformed || strings.Contains(template[at:], "{{")
}

// String is the template of a piece.
func (p piece) String() string {
	switch {
	case p.name == "":
		return escape(p.literal)
	case p.format == "":
		return "{{ " + p.name + " }}"
	}
	return "{{ " + p.name + " | " + p.format + " }}"
}

// escape is the template of a literal.
func escape(literal string) string { return strings.ReplaceAll(literal, "{{", escapedBraces) }

// names lists the placeholders of a template.
func names(template string) (list []string) {
	parts, _ := pieces(template)
	for _, p := range parts {
		if p.name != "" && !slices.Contains(list, p.name) {
			list = append(list, p.name)
		}
	}
	return list
}

// Placeholders lists the names whose values a template repeats, each once.
func Placeholders(template string) []string { return names(template) }

// Fill puts values by name into the placeholders of every string of v, which is decoded JSON or json.RawMessage: maps,
// slices, strings. What v holds is copied, not changed. Values are data: what a value itself holds is never read as a
// placeholder, so that nothing may be filled twice. A string stays a string. An error names a value that is missing or
// has no such form.
func Fill(v any, values map[string]any) (any, error) {
	switch v := v.(type) {
	case string:
		return fillText(v, values, plain)
	case json.RawMessage:
		return fillRaw(v, values)
	case []json.RawMessage:
		return fillEach(v, func(raw json.RawMessage) (json.RawMessage, error) { return fillRaw(raw, values) })
	case []string:
		return fillEach(v, func(s string) (string, error) { return fillText(s, values, plain) })
	case []any:
		return fillEach(v, func(e any) (any, error) { return Fill(e, values) })
	case map[string]any:
		return fillMap(v, values)
	}
	return v, nil
}

func fillEach[E any](list []E, fill func(E) (E, error)) ([]E, error) {
	filled := slices.Clone(list)
	for i := range filled {
		var err error
		if filled[i], err = fill(filled[i]); err != nil {
			return nil, err
		}
	}
	return filled, nil
}

func fillMap(m map[string]any, values map[string]any) (map[string]any, error) {
	filled := maps.Clone(m)
	for k, e := range filled {
		var err error
		if filled[k], err = Fill(e, values); err != nil {
			return nil, err
		}
	}
	return filled, nil
}

func fillRaw(raw json.RawMessage, values map[string]any) (json.RawMessage, error) {
	if !bytes.Contains(raw, []byte("{{")) {
		return raw, nil
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if v, err = Fill(v, values); err != nil {
		return nil, err
	}
	return encode(v)
}

// fillText fills one template; written says how a value is written at that place.
func fillText(template string, values map[string]any, written func(value, before string) (string, error)) (string, error) {
	if !strings.Contains(template, "{{") {
		return template, nil
	}
	var b strings.Builder
	parts, _ := pieces(template)
	for _, p := range parts {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		text, err := p.text(values)
		if err == nil {
			text, err = written(text, b.String())
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.name, err)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func plain(value, _ string) (string, error) { return value, nil }

// text is what stands in a placeholder's place.
func (p piece) text(values map[string]any) (string, error) {
	v, ok := values[p.name]
	switch {
	case !ok:
		return "", errors.New("there is no value for it")
	case p.format != "":
		return Format(v, p.format)
	}
	return textOf(v)
}

// inURL writes a value as a part of an address, by what stands before it there: nothing, then it is the address itself;
// a path; or a query.
func inURL(value, before string) (string, error) {
	switch {
	case before == "":
		return value, nil
	case strings.ContainsAny(before, "?#"):
		return url.QueryEscape(value), nil
	case value == "." || value == "..":
		return "", fmt.Errorf("%q cannot be a part of an address", value)
	}
	return url.PathEscape(value), nil
}
