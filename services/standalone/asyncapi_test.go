package standalone

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What subscribers are promised must be what is on the wire: every field of the golden events stands in
// docs/asyncapi.yaml.
func TestTheDocumentForSubscribersTellsOfEveryField(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]schema `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(readFile(t, "docs/asyncapi.yaml"), &doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	for file, name := range map[string]string{
		"run-event.json": "RunData", "step-event.json": "StepData", "replay-event.json": "RunData", "healed-step.json": "StepData",
		"delivery.json": "DeliveryData", "delivery-attempted.json": "DeliveryData",
		"endpoint.json": "EndpointData", "redrive.json": "RedriveData",
	} {
		var event map[string]any
		if err := json.Unmarshal(readFile(t, "shared/event/testdata/"+file), &event); err != nil {
			t.Fatal(err)
		}
		data := event["data"]
		delete(event, "data")
		schemas["CloudEvent"].covers(t, schemas, file, event)
		schemas[name].covers(t, schemas, file+" data", data)
	}
}

// schema is as much of a JSON Schema as the document uses.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
}

// covers reports every field of value that s does not tell of. A schema without properties tells of anything.
func (s schema) covers(t *testing.T, all map[string]schema, at string, value any) {
	t.Helper()
	if s.Ref != "" {
		s = all[filepath.Base(s.Ref)]
	}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			p, told := s.Properties[name]
			if !told && len(s.Properties) > 0 {
				t.Errorf("%s.%s is not in the document", at, name)
			}
			p.covers(t, all, at+"."+name, field)
		}
	case []any:
		for _, item := range v {
			if s.Items != nil {
				s.Items.covers(t, all, at+"[]", item)
			}
		}
	}
}
