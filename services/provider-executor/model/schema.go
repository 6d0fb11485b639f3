package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// dialect is what a provider's schemas look like.
type dialect string

const (
	nullable dialect = "nullable" // openai's strict mode: every property required, what may be missing is null
	optional dialect = "optional" // anthropic: what may be missing is not required; unions with null are rationed
	open     dialect = "open"     // google: as optional, no additionalProperties, the order of properties spelled out
)

// node is one level of a schema. It holds the keywords of the plain dialect; every other keyword is left out, as each
// is refused by one provider or another.
type node struct {
	Type        types           `json:"type,omitempty"`
	Description string          `json:"description,omitempty"`
	Enum        []any           `json:"enum,omitempty"`
	Properties  properties      `json:"properties,omitempty"`
	Ordering    []string        `json:"propertyOrdering,omitempty"`
	Required    []string        `json:"required,omitempty"`
	Additional  json.RawMessage `json:"additionalProperties,omitempty"`
	Items       *node           `json:"items,omitempty"`
	AnyOf       []*node         `json:"anyOf,omitempty"`
}

// rewrite turns a schema of the plain dialect into the provider's. The order of properties is kept: models write them
// in that order, and must have thought before they act.
func (d dialect) rewrite(schema json.RawMessage) (json.RawMessage, error) {
	n := &node{}
	if err := json.Unmarshal(schema, n); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	d.adapt(n)
	return json.Marshal(n)
}

func (d dialect) adapt(n *node) {
	if n.Items != nil {
		d.adapt(n.Items)
	}
	for _, alternative := range n.AnyOf {
		d.adapt(alternative)
	}
	n.Additional, n.Ordering = nil, nil
	if len(n.Properties) == 0 {
		n.Required = nil
		return
	}
	var required []string
	for _, p := range n.Properties {
		mayMiss := p.Type.has("null") || n.Required != nil && !slices.Contains(n.Required, p.Name)
		p.setNullable(mayMiss && d == nullable)
		if !mayMiss || d == nullable {
			required = append(required, p.Name)
		}
		if d == open {
			n.Ordering = append(n.Ordering, p.Name)
		}
		d.adapt(p.node)
	}
	n.Required = required
	if d != open {
		n.Additional = json.RawMessage("false")
	}
}

// setNullable adds null to the type and the enum of a value, or takes it away.
func (n *node) setNullable(yes bool) {
	n.Type = slices.DeleteFunc(n.Type, func(t string) bool { return t == "null" })
	n.Enum = slices.DeleteFunc(n.Enum, func(v any) bool { return v == nil })
	if yes && len(n.Type) > 0 {
		n.Type = append(n.Type, "null")
	}
	if yes && len(n.Enum) > 0 {
		n.Enum = append(n.Enum, nil)
	}
}

// keywords is a schema as the SDKs' maps want it. Only the top level is taken apart: below, a map would lose the order.
func (s Schema) keywords() map[string]any {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(s.JSON, &raw) // rewrite made it
	keywords := make(map[string]any, len(raw))
	for name, value := range raw {
		keywords[name] = value
	}
	return keywords
}

// types is the keyword type: a name or a list of names.
type types []string

func (t types) has(name string) bool { return slices.Contains(t, name) }

func (t *types) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

func (t types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// properties is an object's properties in their order.
type properties []property

type property struct {
	Name string
	*node
}

func (p *properties) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return errors.Join(errors.New("properties must be an object"), err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		next := property{Name: name.(string), node: &node{}}
		if err := decoder.Decode(next.node); err != nil {
			return err
		}
		*p = append(*p, next)
	}
	return nil
}

func (p properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, next := range p {
		name, _ := json.Marshal(next.Name) // a string always can
		value, err := json.Marshal(next.node)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}
