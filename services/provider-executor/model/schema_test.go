package model

import (
	"encoding/json"
	"testing"
)

const plainSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "title": "T", "additionalProperties": true,
	"properties": {
		"z": {"type": "string", "description": "comes first", "minLength": 2, "pattern": "x", "default": "y"},
		"kind": {"type": ["string", "null"], "enum": ["a", "b"]},
		"list": {"type": "array", "maxItems": 5, "items": {
			"type": "object", "required": ["in"], "properties": {"in": {"type": "integer", "minimum": 0}, "out": {"type": "boolean"}}}},
		"any": {"anyOf": [{"type": "number", "format": "float"}, {"type": "object", "properties": {"q": {"type": ["number", "null"]}}}]}
	}
}`

func TestDialectsRewriteTheSchemaAndKeepItsOrder(t *testing.T) {
	for d, want := range map[dialect]string{
		nullable: `{"type":"object","properties":{` +
			`"z":{"type":"string","description":"comes first"},` +
			`"kind":{"type":["string","null"],"enum":["a","b",null]},` +
			`"list":{"type":"array","items":{"type":"object","properties":{"in":{"type":"integer"},"out":{"type":["boolean","null"]}},"required":["in","out"],"additionalProperties":false}},` +
			`"any":{"anyOf":[{"type":"number"},{"type":"object","properties":{"q":{"type":["number","null"]}},"required":["q"],"additionalProperties":false}]}},` +
			`"required":["z","kind","list","any"],"additionalProperties":false}`,
		optional: `{"type":"object","properties":{` +
			`"z":{"type":"string","description":"comes first"},` +
			`"kind":{"type":"string","enum":["a","b"]},` +
			`"list":{"type":"array","items":{"type":"object","properties":{"in":{"type":"integer"},"out":{"type":"boolean"}},"required":["in"],"additionalProperties":false}},` +
			`"any":{"anyOf":[{"type":"number"},{"type":"object","properties":{"q":{"type":"number"}},"additionalProperties":false}]}},` +
			`"required":["z","list","any"],"additionalProperties":false}`,
		open: `{"type":"object","properties":{` +
			`"z":{"type":"string","description":"comes first"},` +
			`"kind":{"type":"string","enum":["a","b"]},` +
			`"list":{"type":"array","items":{"type":"object","properties":{"in":{"type":"integer"},"out":{"type":"boolean"}},"propertyOrdering":["in","out"],"required":["in"]}},` +
			`"any":{"anyOf":[{"type":"number"},{"type":"object","properties":{"q":{"type":"number"}},"propertyOrdering":["q"]}]}},` +
			`"propertyOrdering":["z","kind","list","any"],"required":["z","list","any"]}`,
	} {
		got, err := d.rewrite(json.RawMessage(plainSchema))
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", d, got, err, want)
		}
	}
}

func TestASchemaThatIsNoneIsRefused(t *testing.T) {
	for _, schema := range []string{`"x"`, `{"properties": []}`, `{"properties": {"a": 1}}`, `{"type": 5}`, `{`} {
		if got, err := nullable.rewrite(json.RawMessage(schema)); err == nil {
			t.Errorf("rewrite(%s) = %s", schema, got)
		}
	}
}
