package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

var soon = http.Header{"Retry-After": {"0.01"}}

// hangOnce is a provider of which one call is lost.
func hangOnce(t *testing.T, p model.Provider) {
	var n atomic.Int64
	sim := modelsim.New(func(call modelsim.Call) modelsim.Reply {
		reply := oracle(call)
		if n.Add(1) == 1 {
			reply.Delay = time.Hour
		}
		return reply
	})
	resp, err := impatient(t, p, sim).Decide(context.Background(), model.Request{
		Messages: ask("[4]button Go"), Schema: decision, Timeout: time.Second})
	if err != nil || resp.Text != oracleSays || n.Load() != 2 {
		t.Errorf("Decide = %q, %v after %d calls", resp.Text, err, n.Load())
	}
}

// errorInside gives errors in bodies of status 200, as gateways before many providers send them.
func errorInside(t *testing.T, p model.Provider) {
	for body, want := range map[string]struct {
		code, says string
		calls      int
	}{
		`{"error":{"message":"Rate limit exceeded: free-models-per-min","code":429}}`:                          {model.CodeRateLimited, "free-models-per-min", 4},
		`{"error":{"message":"No endpoints found that support the requested model","code":404},"user_id":"u"}`: {model.CodeModelNotFound, "No endpoints found", 1},
		`{"error":{"message":"Upstream is overloaded","type":"overloaded_error"}}`:                             {model.CodeUnavailable, "Upstream is overloaded", 4},
		`{"error":"Model is unloaded"}`:                                            {model.CodeUnavailable, "Model is unloaded", 4},
		`{"error":{"message":"Insufficient credits","code":"402"}}`:                {model.CodeAuth, "Insufficient credits", 1},
		`{"error":{"message":"Wrong key","status":"UNAUTHENTICATED"}}`:             {model.CodeAuth, "Wrong key", 1},
		`{"error":{"message":"The context is too long"}}`:                          {model.CodeInvalid, "too long", 1},
		`{"error":{"message":"Oops"}}`:                                             {model.CodeUnavailable, "Oops", 4},
		`[{"error":{"message":"Quota","code":429,"status":"RESOURCE_EXHAUSTED"}}]`: {model.CodeRateLimited, "Quota", 4},
		`{"object":"error","message":"Down","code":503}`:                           {model.CodeUnavailable, "Down", 4},
		`{"errors":[{"message":"Quota is exhausted","code":402}]}`:                 {model.CodeAuth, "402: Quota is exhausted.", 1},
		`{"detail":"Service is busy"}`:                                             {model.CodeUnavailable, "Service is busy", 4},
	} {
		c, sim := connect(t, p, func(modelsim.Call) modelsim.Reply { return modelsim.Reply{Raw: []byte(body), Header: soon} })
		_, err := decide(c)
		if e := failsWith(t, err, want.code); !strings.Contains(e.Message, want.says) || len(sim.Calls()) != want.calls {
			t.Errorf("%s: %d calls, then %s", body, len(sim.Calls()), e)
		}
	}
	var once atomic.Bool
	c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
		if once.CompareAndSwap(false, true) {
			return modelsim.Reply{Raw: []byte(`{"error":{"message":"Slow down, try again in 1.2s","code":429}}`)}
		}
		return oracle(call)
	})
	start := time.Now()
	if resp, err := decide(c); err != nil || resp.Text != oracleSays || time.Since(start) < 1200*time.Millisecond {
		t.Errorf("after %s and %d calls: %q, %v", time.Since(start), len(sim.Calls()), resp.Text, err)
	}
}

// noGrammar is a server that fails where it should build a grammar of a schema.
func noGrammar(t *testing.T, p model.Provider) {
	for _, failure := range []struct {
		reply modelsim.Reply
		calls int // before another way is tried
	}{
		{modelsim.Reply{Status: 500, Text: "failed to parse grammar"}, 1},
		{modelsim.Reply{Status: 501, Text: "response_format is not implemented"}, 1},
		{modelsim.Reply{Status: 503, Text: "the guided decoding backend does not support this schema"}, 1},
		{modelsim.Reply{Status: 500, Text: "Internal Server Error", Header: soon}, 4},
	} {
		refused := slices.DeleteFunc(slices.Clone(ladders[p]), func(way string) bool {
			return way != ladders[p][0] && way != "json_schema_loose"
		})
		second := ladders[p][len(refused)]
		c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
			if slices.Contains(refused, call.Way) {
				return failure.reply
			}
			return oracle(call)
		})
		for range 2 {
			if resp, err := c.Decide(context.Background(), model.Request{Model: strict, Messages: ask("[4]button Go"), Schema: decision, System: "Be brief."}); err != nil || resp.Text != oracleSays {
				t.Fatalf("%s: %q, %v", failure.reply.Text, resp.Text, err)
			}
		}
		want := append(refused, second, second)
		if failure.calls > 1 { // without a word of the way, one with a schema stands for the other
			want = append(slices.Repeat(refused[:1], failure.calls), second, second)
		}
		if ways := waysOf(sim); !slices.Equal(ways, want) {
			t.Errorf("%s: asked by %v, want %v", failure.reply.Text, ways, want)
		}
	}
	c, sim := connect(t, p, func(modelsim.Call) modelsim.Reply {
		return modelsim.Reply{Status: 500, Text: "Internal Server Error", Header: soon}
	})
	_, err := c.Decide(context.Background(), model.Request{Model: strict, Messages: ask("?"), Schema: decision})
	if failsWith(t, err, model.CodeUnavailable); len(sim.Calls()) != 5 {
		t.Errorf("a server that is down was called %d times", len(sim.Calls()))
	}
}

// noSystemRole is a model whose template knows users and assistants only.
func noSystemRole(t *testing.T, p model.Provider) {
	for words, status := range map[string]int{
		"System role not supported": 400, "Conversation roles must alternate user/assistant/user/assistant/...": 400,
		"Developer instruction is not enabled for models/gemma-3-27b-it": 400, "Jinja Exception: System role not supported": 500,
	} {
		c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
			if call.System != "" {
				return modelsim.Reply{Status: status, Text: words}
			}
			return oracle(call)
		})
		messages := append([]model.Message{{Role: model.User, Text: "first"}, {Role: model.Assistant, Text: "second"}}, ask("[4]button Go")...)
		for range 2 {
			resp, err := c.Decide(context.Background(), model.Request{Model: strict, Messages: messages, Schema: decision, System: "Be brief."})
			if err != nil || resp.Text != oracleSays {
				t.Fatalf("%s: %q, %v", words, resp.Text, err)
			}
		}
		calls := sim.Calls()
		if last := calls[len(calls)-1]; len(calls) != 3 || last.Messages[0].Text != "Be brief.\n\nfirst" || messages[0].Text != "first" {
			t.Errorf("%s: %d calls, the last with %+v", words, len(calls), last.Messages)
		}
	}
}

// uncounted is a server that counts no tokens.
func uncounted(t *testing.T, p model.Provider) {
	text := strings.Repeat("word ", 800)
	for name, body := range map[string]string{
		"openai":    `{"choices":[{"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":null}`,
		"anthropic": `{"type":"message","role":"assistant","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":%q}]}`,
		"google":    `{"candidates":[{"finishReason":"STOP","content":{"role":"model","parts":[{"text":%q}]}}]}`,
	} {
		if name != protocolOf(p) {
			continue
		}
		c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Raw: fmt.Appendf(nil, body, text)}))
		resp, err := c.Decide(context.Background(), model.Request{Messages: ask(strings.Repeat("page ", 1600)), System: text})
		if in, out := resp.Usage.InputTokens, resp.Usage.OutputTokens; err != nil || in < 2500 || in > 3500 || out < 800 || out > 1200 {
			t.Errorf("usage %+v, %v", resp.Usage, err)
		}
	}
}

func protocolOf(p model.Provider) string {
	if p == model.Anthropic || p == model.Google {
		return string(p)
	}
	return "openai"
}

// wholeThoughCut is an answer that is whole although the limit was met.
func wholeThoughCut(t *testing.T, p model.Provider) {
	c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: oracleSays, FinishReason: "length"}))
	if resp, err := decide(c); err != nil || resp.Text != oracleSays {
		t.Errorf("Decide = %q, %v", resp.Text, err)
	}
}

func TestServersOfChatCompletionsAreReadInEveryShape(t *testing.T) {
	t.Parallel()
	quoted := fmt.Sprintf("%q", oracleSays)
	message := func(fields string) string {
		return `{"choices":[{"index":0,"message":{"role":"assistant",` + fields + `},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5}}`
	}
	half := len(oracleSays) / 2
	first, second := fmt.Sprintf("%q", oracleSays[:half]), fmt.Sprintf("%q", oracleSays[half:])
	usage := `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}`
	events := `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":` + first + `}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"content":` + second + `},"finish_reason":"stop"}]}` + "\n\ndata: " + usage + "\n\ndata: [DONE]\n\n"
	for name, c := range map[string]struct{ contentType, body string }{
		"parts with a thought":   {"application/json", message(`"content":[{"type":"thinking","thinking":[{"type":"text","text":"hmm {\"actions\":1}"}],"closed":true},{"type":"text","text":` + quoted + `}]`)},
		"parts with references":  {"application/json", message(`"content":[{"type":"text","text":` + quoted + `},{"type":"reference","reference_ids":[1]}]`)},
		"one part alone":         {"application/json", message(`"content":{"type":"text","text":` + quoted + `}`)},
		"no parts, reasoned":     {"application/json", message(`"content":[],"reasoning_content":` + quoted)},
		"parts cut in two":       {"application/json", message(`"content":[{"type":"text","text":` + first + `},{"type":"text","text":` + second + `}]`)},
		"an object as content":   {"application/json", message(`"content":` + oracleSays)},
		"reasoning_content":      {"application/json", message(`"content":null,"reasoning_content":` + quoted)},
		"reasoning with prose":   {"application/json", message(`"content":"","reasoning":` + fmt.Sprintf("%q", "I should go. "+oracleSays))},
		"reasoning that closes":  {"application/json", message(`"content":null,"reasoning_content":` + fmt.Sprintf("%q", "Perhaps "+rejected+"</think>"+oracleSays))},
		"reasoning beside it":    {"application/json", message(`"content":` + quoted + `,"reasoning_content":"{\"goal\":0}"`)},
		"function_call":          {"application/json", message(`"content":null,"function_call":{"name":"decide","arguments":` + quoted + `}`)},
		"arguments as an object": {"application/json", message(`"content":null,"tool_calls":[{"function":{"name":"decide","arguments":` + oracleSays + `}}]`)},
		"a call of another name": {"application/json", message(`"content":null,"tool_calls":[{"function":{"name":"answer","arguments":` + quoted + `}}]`)},
		"text/plain":             {"text/plain", message(`"content":` + quoted)},
		"no content type":        {"", message(`"content":` + quoted)},
		"blanks before it":       {"application/json", "\n\n  \n" + message(`"content":`+quoted)},
		"events":                 {"text/event-stream", ": PROCESSING\n\n" + events},
		"events called json":     {"application/json", events},
		"events of a tool": {"text/event-stream", `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"decide","arguments":""}}]}}]}` + "\n\n" +
			`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":` + first + `}}]}}]}` + "\n\n" +
			`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":` + second + `}}]},"finish_reason":"tool_calls"}]}` + "\n\ndata: " + usage + "\n\n"},
		"lines":        {"application/x-ndjson", `{"choices":[{"index":0,"delta":{"content":` + first + `}}]}` + "\n" + `{"choices":[{"index":0,"delta":{"content":` + second + `},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5}}` + "\n"},
		"ollama lines": {"", `{"model":"m","message":{"role":"assistant","content":` + first + `},"done":false}` + "\n" + `{"model":"m","message":{"content":` + second + `},"done":true,"done_reason":"stop","usage":{"prompt_tokens":7,"completion_tokens":5}}`},
	} {
		for _, p := range model.Providers() {
			if protocolOf(p) != "openai" {
				continue
			}
			header := http.Header{"Content-Type": {c.contentType}}
			client, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Raw: []byte(c.body), Header: header}))
			resp, err := decide(client)
			if err != nil || !sameJSON(resp.Text, oracleSays) || resp.Usage != (model.Usage{InputTokens: 7, OutputTokens: 5}) {
				t.Errorf("%s: %s: %q, %+v, %v", p, name, resp.Text, resp.Usage, err)
			}
		}
	}
	for name, c := range map[string]struct{ body, code string }{
		"an error in a choice": {`{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"error","error":{"message":"Upstream provider returned 502","code":502}}]}`, model.CodeUnavailable},
		"an error in a stream": {`data: {"choices":[{"index":0,"delta":{"content":` + first + `}}]}` + "\n\n" + `data: {"error":{"message":"Upstream provider returned 502","code":502}}` + "\n\n", model.CodeUnavailable},
		"a stream that breaks": {`data: {"choices":[{"index":0,"delta":{"content":` + first + `}}]}` + "\n\n", model.CodeInvalidOutput},
		"a draft in reasoning": {message(`"content":null,"reasoning_content":` + fmt.Sprintf("%q", "Perhaps "+rejected+", no, rather")), model.CodeInvalidOutput},
		"calls that differ":    {message(`"tool_calls":[{"function":{"name":"decide","arguments":` + quoted + `}},{"function":{"name":"decide","arguments":` + rejected + `}}]`), model.CodeInvalidOutput},
	} {
		client, sim := connect(t, model.OpenAI, func(modelsim.Call) modelsim.Reply { return modelsim.Reply{Raw: []byte(c.body), Header: soon} })
		_, err := decide(client)
		e := failsWith(t, err, c.code)
		if unavailable := c.code == model.CodeUnavailable; unavailable && (!strings.Contains(e.Message, "Upstream provider returned 502") || len(sim.Calls()) != 4) {
			t.Errorf("%s: %d calls, then %s", name, len(sim.Calls()), e)
		}
	}
	if !json.Valid([]byte(events[len("data: "):strings.IndexByte(events, '\n')])) {
		t.Error("the test's own events are wrong")
	}
}
