package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaURL is the base of a caller's schema: a name for its own references, never fetched.
const schemaURL = "urn:errand:json_schema"

// drafts are the dialects that a schema may declare; one that declares none is 2020-12.
var drafts = []string{
	"http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#",
	"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#",
}

// readSchema gives the schema that a field holds as an object or as a string, or nil where it holds none.
func readSchema(raw json.RawMessage) (json.RawMessage, error) {
	if !given(raw) {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	object, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, errors.New("expected a JSON Schema: an object, or a string that holds one")
	}
	if err := compile(object); err != nil {
		return nil, fmt.Errorf("expected a valid JSON Schema (draft 7 or 2020-12): %w", err)
	}
	return raw, nil
}

// compile checks a schema against its dialect. Nothing is loaded: a reference can only point into the schema.
func compile(doc map[string]any) error {
	if dialect, ok := doc["$schema"]; ok && !known(dialect) {
		return fmt.Errorf("$schema %v is not supported", dialect)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return err
	}
	_, err := c.Compile(schemaURL)
	return err
}

func known(dialect any) bool {
	for _, d := range drafts {
		if dialect == d {
			return true
		}
	}
	return false
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a reference to another document (%s) is not followed", url)
}
