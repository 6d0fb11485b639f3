package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
)

// unusable are answers that nothing can mend, each by what its error says.
var unusable = map[string]modelsim.Reply{
	"I would click":    {Text: "I would click the button."},
	"teleport":         {Text: `{"goal":"go","actions":[{"name":"teleport"}]}`},
	"empty answer":     {Text: ""},
	"finish reason":    {Raw: []byte("{}")},
	"500 output token": {Text: `{"goal":"g`, FinishReason: "length", Usage: modelsim.Usage{OutputTokens: 500}},
	"larger than":      {Raw: bytes.Repeat([]byte(" "), 50<<20)},
}

// knownActions is what a caller of Decide checks: the schema's enum, which only some providers enforce.
func knownActions(answer string) error {
	var d struct {
		Actions []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(answer), &d); err != nil {
		return err
	}
	for _, a := range d.Actions {
		if a.Name != "click" && a.Name != "done" {
			return fmt.Errorf("there is no action %q", a.Name)
		}
	}
	return nil
}

// again asks a question for which so many unusable answers were given.
func again(c model.Client, name string, n int) (model.Response, error) {
	return c.Decide(context.Background(), model.Request{
		Model: name, System: "Be brief.", Messages: ask("[4]button Go"), Schema: decision, Check: knownActions, Unusable: n,
	})
}

func waysOf(sim *modelsim.Server) []string {
	var ways []string
	for _, call := range sim.Calls() {
		ways = append(ways, call.Way)
	}
	return ways
}

// strict is a model that takes the first way of asking at every provider.
const strict = "openai/gpt-oss-120b"

func nextWay(t *testing.T, p model.Provider) {
	ladder := ladders[p]
	for says, bad := range unusable {
		c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
			if call.Way == ladder[0] {
				return bad
			}
			return oracle(call)
		})
		for n := range 2 {
			_, err := again(c, strict, n)
			if e := failsWith(t, err, model.CodeInvalidOutput); e.Final || !strings.Contains(e.Message, says) {
				t.Errorf("%s, answer %d: final %v, %s", says, n, e.Final, e)
			}
		}
		for n := range 2 { // the same question once more, then a new one
			if resp, err := again(c, strict, 2*(1-n)); err != nil || resp.Text != oracleSays {
				t.Errorf("%s: %q, %v", says, resp.Text, err)
			}
		}
		if _, err := again(c, "another/gpt-oss", 0); err == nil {
			t.Errorf("%s: another model is not asked in the first way", says)
		}
		want := []string{ladder[0], ladder[0], ladder[1], ladder[1], ladder[0]}
		if ways := waysOf(sim); !slices.Equal(ways, want) {
			t.Errorf("%s: asked by %v, want %v", says, ways, want)
		}
	}
}

func noWay(t *testing.T, p model.Provider) {
	ladder := ladders[p]
	c, sim := connect(t, p, func(modelsim.Call) modelsim.Reply { return unusable["teleport"] })
	for n := range len(ladder) + 1 {
		_, err := again(c, strict, n)
		e := failsWith(t, err, model.CodeInvalidOutput)
		if last := n == len(ladder); e.Final != last || !strings.Contains(errors.Unwrap(e).Error(), `"teleport"`) {
			t.Errorf("answer %d: final %v, %s", n, e.Final, e)
		}
	}
	_, _ = again(c, strict, 0)
	if ways, want := waysOf(sim), slices.Concat(ladder[:1], ladder, ladder[:1]); !slices.Equal(ways, want) {
		t.Errorf("asked by %v, want %v", ways, want)
	}
}

func lastWay(t *testing.T, p model.Provider) {
	ladder := ladders[p]
	c, sim := connect(t, p, func(call modelsim.Call) modelsim.Reply {
		if call.N > 1 {
			return unusable["teleport"]
		}
		return oracle(call)
	})
	if _, err := again(c, strict, len(ladder)); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		_, err := again(c, strict, n)
		if e := failsWith(t, err, model.CodeInvalidOutput); e.Final != (n == 1) {
			t.Errorf("answer %d: final %v", n, e.Final)
		}
	}
	if ways := waysOf(sim); !slices.Equal(ways, []string{"text", "text", "text"}) {
		t.Errorf("asked by %v", ways)
	}
}

// stablePrefix looks at two requests of one run as bytes: the second adds a step. Providers cache by prefix.
func stablePrefix(t *testing.T, p model.Provider) {
	var bodies [][]byte
	sim := modelsim.New(oracle)
	c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		sim.ServeHTTP(w, r)
	}))
	past := []model.Message{{Role: model.User, Text: "the task"}, {Role: model.Assistant, Text: `{"goal":"<b> & é"}`}}
	step := []model.Message{{Role: model.User, Text: "what came of step 1"}, {Role: model.Assistant, Text: `{"goal":"2"}`}}
	for _, messages := range [][]model.Message{append(past, ask("page 1")...), append(append(past, step...), ask("page 2")...)} {
		if _, err := c.Decide(context.Background(), model.Request{Model: strict, System: "Be brief.", Messages: messages, Schema: decision}); err != nil {
			t.Fatal(err)
		}
	}
	before, turnsBefore := parts(t, bodies[0])
	after, turnsAfter := parts(t, bodies[1])
	if !slices.Equal(before, after) {
		t.Errorf("around the messages\n%s\nwas sent, and then\n%s", before, after)
	}
	same := turnsBefore[:len(turnsBefore)-1]
	if len(same) < 2 || len(turnsAfter) != len(turnsBefore)+2 || !slices.Equal(same, turnsAfter[:len(same)]) {
		t.Errorf("the messages\n%s\nwere sent, and then\n%s", turnsBefore, turnsAfter)
	}
}

// parts takes a request apart into its messages and all else, as they were written.
func parts(t *testing.T, body []byte) (around, turns []string) {
	t.Helper()
	// The mark that ends anthropic's prefix moves along, and is no part of what is cached.
	body = bytes.ReplaceAll(body, []byte(`,"cache_control":{"type":"ephemeral"}`), nil)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		if name != "messages" && name != "contents" {
			around = append(around, name+": "+string(value))
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			t.Fatal(err)
		}
		for _, turn := range list {
			turns = append(turns, string(turn))
		}
	}
	slices.Sort(around)
	return around, turns
}
