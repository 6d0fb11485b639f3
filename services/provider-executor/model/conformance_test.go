package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// conformance is what every provider must do, whatever its protocol: each test reaches modelsim, playing that provider
// by its rules, through the provider's official SDK.
var conformance = []struct {
	name string
	run  func(*testing.T, model.Provider)
}{
	{"a decision comes back as the JSON that was asked for, in the order of the schema", structuredAnswer},
	{"without a schema the answer is plain text", freeText},
	{"an image reaches the model, or words in its place", imageMessage},
	{"system, turns and limits arrive as they were given", conversation},
	{"usage is counted, cached input as a part of input", usageCounted},
	{"a limit or an overload is waited out, never shorter than asked", waitedOut},
	{"a rate limit longer than our patience is told, not waited for", longRateLimit},
	{"a server error is repeated", serverError},
	{"a broken connection is repeated", brokenConnection},
	{"a server that stays broken is called four times, and after three such calls left alone", outage},
	{"a refused key is not tried again and names its variable", refusedKey},
	{"a model that does not exist is named", modelMissing},
	{"a hang ends at its deadline and is repeated once", hang},
	{"an answer to the call after one that hangs is used", hangOnce},
	{"an error in a body of status 200 keeps its words, its wait and its meaning", errorInside},
	{"a server that cannot build a grammar is asked in the next way", noGrammar},
	{"a model without a system role is given the system prompt by its user", noSystemRole},
	{"tokens that a server does not count are estimated", uncounted},
	{"an answer that is whole is used although the limit was met", wholeThoughCut},
	{"the caller's cancel ends a call at once", canceled},
	{"an empty answer is invalid output", emptyAnswer},
	{"an answer cut off by the limit is invalid output that still counts", cutOff},
	{"a declined request is invalid output", declinedAnswer},
	{"a refused schema leads down the ladder, and the rung is remembered", stepDown},
	{"a model that refuses every way is asked anew the next time", nothingAccepted},
	{"a bad request that is not about the schema is not asked again", badRequest},
	{"JSON is found behind thoughts, in fences, amid prose and in strings", tolerantParse},
	{"of an answer that is cut off, broken or double no part is used", tornAnswer},
	{"prose where JSON was asked for is invalid output", proseAnswer},
	{"a key that the server repeats does not reach the error", keyScrubbed},
	{"an answer of 50 MB is not read whole", hugeAnswer},
	{"an unusable answer is asked for again, then in the next way, which is remembered once it works", nextWay},
	{"a model that gives no usable answer in any way is given up and not remembered so", noWay},
	{"where only one way is left an unusable answer is asked for again all the same", lastWay},
	{"what stays the same between two steps is sent byte for byte the same", stablePrefix},
	{"a server that is no provider names the address to check", wrongAddress},
	{"a redirect is not followed", redirect},
}

func TestEveryProviderConforms(t *testing.T) {
	t.Parallel()
	for _, p := range model.Providers() {
		for _, c := range conformance {
			t.Run(string(p)+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, p)
			})
		}
	}
}

// key is what no error may hold.
const key = "sk-canary-0123456789"

// connect starts modelsim with the script and gives the provider's client for it.
func connect(t *testing.T, p model.Provider, script modelsim.Script) (model.Client, *modelsim.Server) {
	t.Helper()
	sim := modelsim.New(script)
	return client(t, p, sim), sim
}

func client(t *testing.T, p model.Provider, handler http.Handler) model.Client {
	t.Helper()
	return clientWithin(t, p, handler, 20*time.Second)
}

// impatient gives a client whose calls may take 150 ms.
func impatient(t *testing.T, p model.Provider, handler http.Handler) model.Client {
	t.Helper()
	return clientWithin(t, p, handler, 150*time.Millisecond)
}

func clientWithin(t *testing.T, p model.Provider, handler http.Handler, timeout time.Duration) model.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base := server.URL + "/" + string(p)
	if p != model.Anthropic && p != model.Google {
		base += "/v1"
	}
	cfg := model.Config{Access: map[model.Provider]model.Access{p: {Key: key, BaseURL: base}}, CallTimeout: timeout}
	c, err := model.New(cfg).Client(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var decision = model.Schema{Name: "decide", JSON: json.RawMessage(`{
	"type": "object",
	"properties": {
		"memory": {"type": ["string", "null"], "description": "what to keep", "minLength": 1},
		"goal": {"type": "string"},
		"actions": {"type": "array", "minItems": 1, "items": {
			"type": "object",
			"properties": {
				"name": {"type": "string", "enum": ["click", "done"]},
				"index": {"type": ["integer", "null"]}
			}
		}}
	}
}`)}

func ask(text string) []model.Message { return []model.Message{{Role: model.User, Text: text}} }

func decide(c model.Client) (model.Response, error) {
	return c.Decide(context.Background(), model.Request{Messages: ask("[4]button Go"), Schema: decision, System: "Be brief."})
}

// failsWith demands an *Error with the code, and that no key is in what it prints.
func failsWith(t *testing.T, err error, code string) *model.Error {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want code %s", err, code)
	}
	if printed := fmt.Sprintf("%v %+v %#v", err, e, e); strings.Contains(printed, key) {
		t.Errorf("error holds the key: %s", printed)
	}
	return e
}

// oracle answers by the page it is shown.
func oracle(c modelsim.Call) modelsim.Reply {
	index, _ := modelsim.Find(c.Page(), "button", "Go")
	return modelsim.Reply{JSON: map[string]any{"goal": "go", "actions": []any{map[string]any{"name": "click", "index": index}}}}
}

const oracleSays = `{"actions":[{"index":4,"name":"click"}],"goal":"go"}`

func structuredAnswer(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, oracle)
	resp, err := decide(c)
	if err != nil || resp.Text != oracleSays {
		t.Fatalf("Decide = %q, %v", resp.Text, err)
	}
	if resp.Model != event.DefaultModel(string(p)) {
		t.Errorf("Model = %q, want the provider's default", resp.Model)
	}
	call := sim.Calls()[0]
	want := "json_schema"
	if p == model.DeepSeek {
		want = "tool"
	}
	if call.Way != want || call.Refused != "" {
		t.Errorf("asked by %s (%s), want %s at the first try", call.Way, call.Refused, want)
	}
	schema := string(call.Schema)
	if p == model.Google { // whose SDK sorts keys
		if !strings.Contains(schema, `"propertyOrdering":["memory","goal","actions"]`) {
			t.Errorf("order of properties is not told: %s", schema)
		}
	} else if !inOrder(schema, `"memory"`, `"goal"`, `"actions"`, `"name"`, `"index"`) {
		t.Errorf("properties have lost their order: %s", schema)
	}
}

func inOrder(text string, parts ...string) bool {
	_, properties, _ := strings.Cut(text, `"properties"`)
	for _, part := range parts {
		at := strings.Index(properties, part)
		if at < 0 {
			return false
		}
		properties = properties[at:]
	}
	return true
}

func freeText(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: "<think>short</think> It is {blue}. "}))
	resp, err := c.Decide(context.Background(), model.Request{Messages: ask("Which colour?")})
	if err != nil || resp.Text != "It is {blue}." {
		t.Fatalf("Decide = %q, %v", resp.Text, err)
	}
	if way := sim.Calls()[0].Way; way != "text" {
		t.Errorf("asked by %s", way)
	}
}

// blindModels are ones that refuse images: of deepseek one that the table does not know.
var blindModels = map[model.Provider]string{model.DeepSeek: "deepseek-r9", model.Groq: "openai/gpt-oss-120b"}

func imageMessage(t *testing.T, p model.Provider) {
	jpeg := []byte("\xff\xd8\xff\xe0 not much of a picture")
	for name, blind := range map[string]bool{"flash-that-sees": false, blindModels[p]: true} {
		if name == "" {
			continue
		}
		c, sim := connect(t, p, oracle)
		request := model.Request{Model: name, Schema: decision, Messages: []model.Message{{Role: model.User, Text: "[4]button Go", JPEG: jpeg}}}
		for range 2 {
			if resp, err := c.Decide(context.Background(), request); err != nil || resp.Text != oracleSays {
				t.Fatalf("Decide = %q, %v", resp.Text, err)
			}
		}
		shown, calls := 0, sim.Calls()
		for _, call := range calls {
			if call.Refused != "" && bytes.Equal(call.Messages[0].Image, jpeg) {
				shown++
			}
		}
		last := calls[len(calls)-1].Messages[0]
		if told := strings.Contains(last.Text, "cannot see images"); told != blind || bytes.Equal(last.Image, jpeg) == blind {
			t.Errorf("%s was told %q and shown %q", name, last.Text, last.Image)
		}
		if refused := map[bool]int{true: 1}[blind && p == model.DeepSeek]; blind && shown != refused {
			t.Errorf("%s had to refuse the image %d times, want %d", name, shown, refused)
		}
	}
}

func conversation(t *testing.T, p model.Provider) {
	c, sim := connect(t, p, oracle)
	_, err := c.Decide(context.Background(), model.Request{
		Model: "some-model", System: "Be brief.", Schema: decision, MaxOutputTokens: 100_000,
		Messages: []model.Message{{Role: model.User, Text: "one"}, {Role: model.Assistant, Text: "two"}, {Role: model.User, Text: "[4]button Go"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	calls := sim.Calls()
	call := calls[len(calls)-1]
	got := fmt.Sprint(call.Model, call.System, call.Key, call.MaxOutputTokens)
	for _, m := range call.Messages {
		got += " " + m.Role + ":" + m.Text
	}
	if want := fmt.Sprint("some-model", "Be brief.", key, 100_000, " user:one assistant:two user:[4]button Go"); got != want {
		t.Errorf("arrived: %s\nwant:    %s", got, want)
	}
}

func usageCounted(t *testing.T, p model.Provider) {
	used := modelsim.Usage{InputTokens: 1200, CachedInputTokens: 1000, OutputTokens: 34}
	if p == model.Anthropic || p == model.OpenAI {
		used.CacheWriteTokens = 150
	}
	c, _ := connect(t, p, modelsim.Sequence(modelsim.Reply{Text: "yes", Usage: used}))
	resp, err := c.Decide(context.Background(), model.Request{Messages: ask("?")})
	if err != nil || resp.Usage != model.Usage(used) {
		t.Errorf("Usage = %+v, %v", resp.Usage, err)
	}
}
