package standalone

import (
	"os"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

func TestTheWorkflowInTheReadmeIsOne(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "One written by hand")
	_, after, fenced := strings.Cut(after, "```json\n")
	text, _, closed := strings.Cut(after, "```")
	if !found || !fenced || !closed {
		t.Fatal("the README shows no workflow written by hand")
	}
	w, err := workflow.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	values, err := workflow.Bind(w, workflow.Binding{Prompt: "sign up Grace Hopper"})
	if err != nil || values["who"] != "Grace Hopper" {
		t.Errorf("values %v, %v", values, err)
	}
}

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
