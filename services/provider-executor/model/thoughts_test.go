package model_test

import (
	"context"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

func TestThoughtsAreNoPartOfTheAnswerButOfItsCost(t *testing.T) {
	for p, body := range map[model.Provider]string{
		model.Google: `{"candidates":[{"finishReason":"STOP","content":{"role":"model","parts":[{"thought":true,"text":"{\"goal\":0}"},{"text":"{\"goal\":"},{"text":"\"go\"}"}]}}],
			"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"thoughtsTokenCount":3}}`,
		model.Anthropic: `{"type":"message","role":"assistant","model":"m","stop_reason":"end_turn","content":[{"type":"thinking","thinking":"{\"goal\":0}","signature":"s"},
			{"type":"text","text":"{\"goal\":"},{"type":"text","text":"\"go\"}"}],"usage":{"input_tokens":4,"cache_creation_input_tokens":3,"cache_read_input_tokens":0,"output_tokens":5}}`,
		model.DeepSeek: `{"object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","reasoning_content":"{\"goal\":0}",
			"content":"{\"goal\":\"go\"}"}}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12,"completion_tokens_details":{"reasoning_tokens":3}}}`,
	} {
		c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Raw: []byte(body)}))
		resp, err := decide(c)
		want := model.Usage{InputTokens: 7, OutputTokens: 5}
		if p == model.Anthropic {
			want.CacheWriteTokens = 3
		}
		if err != nil || resp.Text != `{"goal":"go"}` || resp.Usage != want {
			t.Errorf("%s: %q, %+v, %v", p, resp.Text, resp.Usage, err)
		}
	}
}

func TestGoogleIsNotAskedToContinueBehindOurBack(t *testing.T) {
	body := `{"candidates":[{"finishReason":"CONTINUATION","continuationToken":"dG9rZW4=","content":{"role":"model","parts":[{"text":"It is"}]}}],"continuationToken":"dG9rZW4="}`
	c, sim := connect(t, model.Google, modelsim.Sequence(modelsim.Reply{Raw: []byte(body)}, modelsim.Reply{Text: " blue."}))
	_, err := c.Decide(context.Background(), model.Request{Messages: ask("Which colour?")})
	failsWith(t, err, model.CodeInvalidOutput)
	if len(sim.Calls()) != 1 {
		t.Errorf("%d calls", len(sim.Calls()))
	}
}
