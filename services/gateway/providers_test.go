package gateway

import (
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/gofiber/fiber/v2"
)

// An eighth provider is a row in shared/event/models.json: whatever names a provider takes its values from there.
func TestEveryFieldThatNamesAProviderTakesThoseOfTheTable(t *testing.T) {
	a := &api{}
	h := a.describe(fiber.New())
	if err := finish(h.OpenAPI(), append(event.Providers(), "acme")); err != nil {
		t.Fatal(err)
	}
	var holders []string
	for name, schema := range h.OpenAPI().Components.Schemas.Map() {
		property := schema.Properties["provider"]
		if property == nil {
			continue
		}
		holders = append(holders, name)
		if !slices.Contains(property.Enum, any("acme")) || slices.Contains(property.Enum, nil) != property.Nullable {
			t.Errorf("%s takes %v", name, property.Enum)
		}
		for value, valid := range map[string]bool{"acme": true, "openai": true, "nobody": false} {
			var result huma.ValidateResult
			huma.Validate(h.OpenAPI().Components.Schemas, property, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, &result)
			if (len(result.Errors) == 0) != valid {
				t.Errorf("%s: %s: %v", name, value, result.Errors)
			}
		}
	}
	if len(holders) < 6 {
		t.Errorf("only %q name a provider", holders)
	}
}
