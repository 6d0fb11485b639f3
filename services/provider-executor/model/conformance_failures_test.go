package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

// variables are the ones a user sets; the messages must name them.
var variables = map[model.Provider]string{
	model.OpenAI: "OPENAI_API_KEY", model.DeepSeek: "DEEPSEEK_API_KEY", model.Anthropic: "ANTHROPIC_API_KEY",
	model.Google: "GOOGLE_API_KEY", model.Groq: "GROQ_API_KEY", model.Mistral: "MISTRAL_API_KEY", model.Together: "TOGETHER_API_KEY",
}

func refusedKey(t *testing.T, p model.Provider) {
	for _, status := range []int{401, 403, 402} {
		c, sim := connect(t, p, modelsim.Sequence(modelsim.Reply{Status: status, Text: "No entry"}, modelsim.Reply{Text: "never"}))
		_, err := decide(c)
		e := failsWith(t, err, model.CodeAuth)
		if !strings.Contains(e.Message, variables[p]) || !strings.Contains(e.Message, "No entry") || len(sim.Calls()) != 1 {
			t.Errorf("%d: %d calls, then: %s", status, len(sim.Calls()), e)
		}
	}
}

func modelMissing(t *testing.T, p model.Provider) {
	for status, message := range map[int]string{404: "The model `x-9` does not exist", 400: "Model Not Exist"} {
		c, sim := connect(t, p, modelsim.Sequence(modelsim.Reply{Status: status, Text: message}, modelsim.Reply{Text: "never"}))
		_, err := c.Decide(context.Background(), model.Request{Model: "x-9", Messages: ask("?")})
		if e := failsWith(t, err, model.CodeModelNotFound); !strings.Contains(e.Message, "x-9") || len(sim.Calls()) != 1 {
			t.Errorf("%d: %d calls, then: %s", status, len(sim.Calls()), e)
		}
	}
}

func hang(t *testing.T, p model.Provider) {
	sim := modelsim.New(func(modelsim.Call) modelsim.Reply { return modelsim.Reply{Delay: time.Hour} })
	body := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // the head of an answer, and nothing more
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for name, handler := range map[string]http.Handler{"before the answer": sim, "amid the answer": body} {
		var calls atomic.Int64
		counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			handler.ServeHTTP(w, r)
		})
		_, err := decide(impatient(t, p, counted))
		if e := failsWith(t, err, model.CodeTimeout); calls.Load() != 2 || !strings.Contains(e.Message, "150ms") {
			t.Errorf("%s: %d calls, then: %s", name, calls.Load(), e)
		}
	}
}

func canceled(t *testing.T, p model.Provider) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, _ := connect(t, p, func(modelsim.Call) modelsim.Reply {
		cancel()
		return modelsim.Reply{Delay: time.Hour}
	})
	if _, err := c.Decide(ctx, model.Request{Messages: ask("?")}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func emptyAnswer(t *testing.T, p model.Provider) {
	c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: ""}, modelsim.Reply{Text: " \n"}, modelsim.Reply{Raw: []byte("{}")}))
	for range 3 {
		_, err := decide(c)
		failsWith(t, err, model.CodeInvalidOutput)
	}
}

func cutOff(t *testing.T, p model.Provider) {
	used := modelsim.Usage{InputTokens: 10, OutputTokens: 500}
	c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: `{"goal": "g`, FinishReason: "length", Usage: used}))
	resp, err := decide(c)
	if e := failsWith(t, err, model.CodeInvalidOutput); !strings.Contains(e.Message, "500 output tokens") {
		t.Errorf("message: %s", e)
	}
	if resp.Usage != model.Usage(used) || resp.Text != `{"goal": "g` {
		t.Errorf("what was read of the answer: %+v", resp)
	}
}

func declinedAnswer(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: "I would rather not.", FinishReason: "refusal"}))
	_, err := decide(c)
	failsWith(t, err, model.CodeInvalidOutput)
	if len(sim.Calls()) != 1 {
		t.Errorf("%d calls", len(sim.Calls()))
	}
}

// ladders are the ways of asking that each provider has, strictest first.
var ladders = map[model.Provider][]string{
	model.OpenAI:    {"json_schema", "tool", "json_object", "text"},
	model.DeepSeek:  {"tool", "json_object", "text"},
	model.Anthropic: {"json_schema", "tool", "text"},
	model.Google:    {"json_schema", "json_object", "text"},
	model.Groq:      {"json_schema", "json_schema_loose", "tool", "json_object", "text"},
	model.Mistral:   {"json_schema", "json_object", "text"},
	model.Together:  {"json_schema", "json_schema_loose", "tool", "json_object", "text"},
}

func stepDown(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
		switch {
		case call.Way != "text":
			return modelsim.Reply{Status: 400, Text: "This response_format or tool_choice is not supported"}
		case !strings.Contains(call.System, `"goal"`) || !strings.HasPrefix(call.System, "Be brief."):
			return modelsim.Reply{Status: 500, Text: "no schema in the prompt: " + call.System}
		}
		return oracle(call)
	})
	var ways []string
	for range 2 {
		resp, err := decide(c)
		if err != nil || resp.Text != oracleSays {
			t.Fatalf("Decide = %q, %v", resp.Text, err)
		}
	}
	for _, call := range sim.Calls() {
		ways = append(ways, call.Way)
	}
	if want := append(slices.Clone(ladders[p]), "text"); !slices.Equal(ways, want) {
		t.Errorf("asked by %v, want %v", ways, want)
	}
	_, err := c.Decide(context.Background(), model.Request{Model: "another", Messages: ask("?"), Schema: decision, System: "Be brief."})
	if err != nil {
		t.Fatal(err)
	}
	if first := sim.Calls()[len(ways)].Way; first != ladders[p][0] {
		t.Errorf("another model is first asked by %s", first)
	}
}

func nothingAccepted(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, func(modelsim.Call) modelsim.Reply {
		return modelsim.Reply{Status: 400, Text: "Your schema is not to our taste"}
	})
	for range 2 {
		_, err := decide(c)
		failsWith(t, err, model.CodeInvalid)
	}
	var ways []string
	for _, call := range sim.Calls() {
		ways = append(ways, call.Way)
	}
	if want := slices.Concat(ladders[p], ladders[p]); !slices.Equal(ways, want) {
		t.Errorf("asked by %v, want the whole ladder twice", ways)
	}
}

func badRequest(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, modelsim.Sequence(modelsim.Reply{Status: 400, Text: "The context is longer than 8192 tokens"}))
	_, err := decide(c)
	if e := failsWith(t, err, model.CodeInvalid); !strings.Contains(e.Message, "8192") || len(sim.Calls()) != 1 {
		t.Errorf("%d calls, then: %s", len(sim.Calls()), e)
	}
}

// rejected is a longer decision than the oracle's, which a model only thinks of.
const rejected = `{"actions":[{"index":5,"name":"click"}],"goal":"delete everything, which nobody has asked for"}`

// tornAnswer gives answers of which no part may be used.
func tornAnswer(t *testing.T, p model.Provider) {
	for torn, says := range map[string]string{
		oracleSays + " or rather " + rejected: "several JSON objects",
		rejected[:len(rejected)-20]:           "cut off",
		rejected[:len(rejected)-1]:            "cut off",
		`{"goal" "x"}` + oracleSays:           "a colon is missing",
	} {
		c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: torn}))
		_, err := decide(c)
		if e := failsWith(t, err, model.CodeInvalidOutput); !strings.Contains(e.Err.Error(), says) {
			t.Errorf("%s: %v", torn, e.Err)
		}
	}
}

func tolerantParse(t *testing.T, p model.Provider) {
	answers := []string{
		"```json\n" + oracleSays + "\n```",
		"<think>{\"goal\": 1}</think>\n" + oracleSays,
		"I see [4]button Go, so: " + oracleSays + " Done!",
		fmt.Sprintf("%q", oracleSays),
		`{"actions":"[{\"index\":4,\"name\":\"click\"}]","goal":"go"}`,
		`{"name": "decide", "arguments": ` + oracleSays + `}`,
		"[THINK]Perhaps " + rejected + " no.[/THINK]" + oracleSays,
		"<|channel|>analysis<|message|>Perhaps " + rejected + "<|end|><|start|>assistant<|channel|>final<|message|>" + oracleSays,
		"◁think▷" + rejected + "◁/think▷" + oracleSays,
		`{"tool_calls":[{"function":{"name":"decide","arguments":` + fmt.Sprintf("%q", oracleSays) + `}}]}`,
		`{"decision":` + oracleSays + `}`,
		"[" + oracleSays + "]",
		`{"actions":[{"click":{"index":4}}],"goal":"go"}`,
		`{"actions":[{"name":"click","params":{"index":4}}],"goal":"go"}`,
		`{"action":{"name":"click","index":4},"goal":"go"}`,
		`{'actions': [{'index': 4, 'name': 'click'}], 'goal': 'go',}`,
	}
	var replies []modelsim.Reply
	for _, answer := range answers {
		replies = append(replies, modelsim.Reply{Text: answer})
	}
	c, _ := connect(t, p, modelsim.Sequence(replies...))
	for _, answer := range answers {
		if resp, err := decide(c); err != nil || !sameJSON(resp.Text, oracleSays) {
			t.Errorf("%s was read as %q, %v", answer, resp.Text, err)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func proseAnswer(t *testing.T, p model.Provider) {
	c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: "I would click the button."}))
	resp, err := decide(c)
	failsWith(t, err, model.CodeInvalidOutput)
	if resp.Text != "I would click the button." {
		t.Errorf("Text = %q", resp.Text)
	}
}

func keyScrubbed(t *testing.T, p model.Provider) {
	for _, status := range []int{400, 401, 404, 429} {
		c, _ := connect(t, p, func(call modelsim.Call) modelsim.Reply {
			return modelsim.Reply{Status: status, Text: "Key " + call.Key + " is wrong", Header: http.Header{"Retry-After": {"100"}}}
		})
		_, err := decide(c)
		if printed := fmt.Sprintf("%v %#v", err, err); strings.Contains(printed, key) || !strings.Contains(printed, "[redacted]") {
			t.Errorf("%d: %s", status, printed)
		}
	}
}

func hugeAnswer(t *testing.T, p model.Provider) {
	var written atomic.Int64
	c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range 50 {
			n, err := w.Write(chunk)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	_, err := decide(c)
	failsWith(t, err, model.CodeInvalidOutput)
	if mib := written.Load() >> 20; mib > 30 {
		t.Errorf("%d MiB were taken from the server", mib)
	}
}

func wrongAddress(t *testing.T, p model.Provider) {
	c := client(t, p, http.NotFoundHandler())
	_, err := decide(c)
	e := failsWith(t, err, model.CodeInvalid)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>Welcome</html>")
	})
	_, err = decide(client(t, p, page))
	other := failsWith(t, err, model.CodeInvalidOutput)
	for _, e := range []*model.Error{e, other} {
		if !strings.Contains(e.Message, "_BASE_URL") {
			t.Errorf("message: %s", e)
		}
	}
}

func redirect(t *testing.T, p model.Provider) {
	var elsewhere atomic.Int64
	c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere.Add(1)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	_, err := decide(c)
	if failsWith(t, err, model.CodeInvalid); elsewhere.Load() != 0 {
		t.Errorf("the key was taken elsewhere")
	}
}
