package model_test

import (
	"encoding/json"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

func failedGeneration(t *testing.T, generated string) modelsim.Reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"message": "Failed to call a function. Please adjust your prompt.", "type": "invalid_request_error",
		"code": "tool_use_failed", "failed_generation": generated,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return modelsim.Reply{Status: 400, Raw: body}
}

func TestGroqsFailedGenerationIsReadWhereItCanBe(t *testing.T) {
	c, sim := connect(t, model.Groq, modelsim.Sequence(
		failedGeneration(t, "Sure:\n```json\n"+oracleSays+"\n```"), failedGeneration(t, "I cannot"), modelsim.Reply{JSON: json.RawMessage(oracleSays)}))
	if resp, err := decide(c); err != nil || resp.Text != oracleSays {
		t.Errorf("Decide = %q, %v", resp.Text, err)
	}
	_, err := decide(c)
	failsWith(t, err, model.CodeInvalidOutput)
	if _, err := decide(c); err != nil {
		t.Fatal(err)
	}
	for _, call := range sim.Calls() {
		if call.Way != "json_schema" {
			t.Errorf("one answer gone wrong led down the ladder, to %s", call.Way)
		}
	}
}
