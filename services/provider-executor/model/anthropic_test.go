package model_test

import (
	"context"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
)

func TestAnthropicIsToldToCacheAllButTheLastMessage(t *testing.T) {
	c, sim := connect(t, model.Anthropic, oracle)
	turns := []model.Message{
		{Role: model.User, Text: "one", JPEG: []byte("\xff\xd8\xff\xe0")}, {Role: model.Assistant, Text: "two"},
		{Role: model.User, Text: "three"}, {Role: model.Assistant, Text: "four"},
	}
	for n := range 3 { // steps before this one
		request := model.Request{Model: "m", System: "Be brief.", Schema: decision, Messages: append(turns[:2*n:2*n], ask("[4]button Go")...)}
		if _, err := c.Decide(context.Background(), request); err != nil {
			t.Fatal(err)
		}
		call := sim.Calls()[n]
		if !call.SystemCached || call.Refused != "" {
			t.Errorf("step %d: the system prompt is not marked (%s)", n, call.Refused)
		}
		for i, m := range call.Messages {
			if m.Cached != (i == len(call.Messages)-2) {
				t.Errorf("step %d, message %d of %d: marked %v", n, i, len(call.Messages), m.Cached)
			}
		}
	}
}

func TestWithoutASystemPromptThereIsNothingToMark(t *testing.T) {
	c, sim := connect(t, model.Anthropic, oracle)
	if _, err := c.Decide(context.Background(), model.Request{Messages: ask("?")}); err != nil {
		t.Fatal(err)
	}
	if call := sim.Calls()[0]; call.SystemCached || call.Messages[0].Cached {
		t.Errorf("call %+v", call)
	}
}
