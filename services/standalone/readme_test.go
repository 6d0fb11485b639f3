package standalone

import (
	"os"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestTheReadmeNamesTheDefaultModels(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, provider := range event.Providers() {
		if model := event.DefaultModel(provider); !strings.Contains(string(readme), "`"+model+"`") {
			t.Errorf("the README does not name %s, the default model of %s", model, provider)
		}
	}
}
