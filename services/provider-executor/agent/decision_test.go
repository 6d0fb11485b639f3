package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestTheWireSchemaStaysWithinTheProvidersLimits(t *testing.T) {
	var s struct {
		Properties struct {
			Actions struct {
				Items struct {
					Properties map[string]any `json:"properties"`
				} `json:"items"`
			} `json:"actions"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(decisionSchema(Task{Evaluate: true}).JSON, &s); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Properties.Actions.Items.Properties) - 1; n < 5 || n > 15 {
		t.Errorf("an action has %d parameters, the limit is 15", n)
	}
}

func TestADecisionIsReadTolerantlyAndItsMistakesAreNamed(t *testing.T) {
	long := `{"next_goal":"x","actions":[` + strings.Repeat(`{"name":"wait","seconds":1},`, 8) + `{"name":"wait"}]}`
	for _, c := range []struct {
		name, answer string
		actions      string // their names
		note, err    string // parts of them
	}{
		{"plain", `{"next_goal":"x","actions":[{"name":"click","index":3,"text":null}]}`, "click", "", ""},
		{"in a fence", "Sure:\n```json\n{\"actions\":[{\"name\":\"go_back\"}]}\n```", "go_back", "", ""},
		{"an old name", `{"actions":[{"name":"click_element_by_index","index":3}]}`, "click", "", ""},
		{"too many", long, "wait wait wait wait wait", "The last 4 actions were left out", ""},
		{"done first drops the rest", `{"actions":[{"name":"done","text":"x"},{"name":"click","index":1}]}`, "done", "", ""},
		{"done behind others is left out", `{"actions":[{"name":"click","index":1},{"name":"done","text":"x"}]}`, "click", "done was left out", ""},
		{"prose", "I would click the button.", "", "", "no JSON object"},
		{"no actions", `{"next_goal":"x"}`, "", "", "no actions"},
		{"an unknown action", `{"actions":[{"name":"teleport"}]}`, "", "", `no action "teleport"`},
		{"an action without a name", `{"actions":[{"name":"click","index":1},{"index":1}]}`, "", "", `action 2 has no name: write each action as {"name": "click", "index": 15}`},
		{"names as keys", `{"actions":[{"click":{"index":3}},{"go_back":{}}]}`, "click go_back", "", ""},
		{"an old name as a key", `{"actions":[{"click_element_by_index":{"index":3}}]}`, "click", "", ""},
		{"one action by itself", `{"name":"click","index":3}`, "click", "", ""},
		{"a draft and a decision", `{"actions":[{"name":"click","index":5}]} or {"actions":[{"name":"click","index":4}]}`, "", "", "several JSON objects"},
		{"cut off", `{"actions":[{"name":"click","index":5},{"name":`, "", "", "breaks at line 1, column 48"},
		{"actions of another form", `{"actions":["click"]}`, "", "", "form of a decision: actions must be an object and is string"},
		{"actions that are no list", `{"actions":5}`, "", "", "actions must be a list and is number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := parseDecision(c.answer)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			var names []string
			for _, a := range d.Actions {
				names = append(names, a["name"].(string))
				if _, ok := a["text"]; ok && a["text"] == nil {
					t.Error("a null parameter was kept")
				}
			}
			if got := strings.Join(names, " "); err != nil || got != c.actions || !strings.Contains(d.note, c.note) {
				t.Errorf("actions %q, note %q, %v", got, d.note, err)
			}
		})
	}
}

func TestAnOldNameKeepsWhatItStoodFor(t *testing.T) {
	d, err := parseDecision(`{"actions":[{"name":"scroll_up","down":null},{"name":"open_tab","url":"u"},{"name":"append_file","file_name":"f"},{"name":"extract_content","query":"q"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`{"down":false,"name":"scroll"}`, `{"name":"navigate","new_tab":true,"url":"u"}`,
		`{"clear":false,"file_name":"f","name":"write_file"}`, `{"name":"extract","query":"q"}`} {
		if got, _ := json.Marshal(d.Actions[i]); string(got) != want {
			t.Errorf("action %s, want %s", got, want)
		}
	}
}

func FuzzNoAnswerBreaksTheDecision(f *testing.F) {
	f.Add(`{"actions":[{"name":"click","index":3}]}`)
	f.Add(`{"actions":[{"name":"done","data":{"a":1}}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		d, err := parseDecision(answer)
		if err != nil {
			return
		}
		if len(d.Actions) == 0 || len(d.Actions) > maxActions {
			t.Fatalf("%d actions", len(d.Actions))
		}
		d.effectful()
		new(run).planned(d)
	})
}

func TestParametersOfTheWrongTypeAreAnErrorInWords(t *testing.T) {
	_, err := browserAction(map[string]any{"name": "click", "index": "three"})
	if err == nil || !strings.Contains(err.Error(), "wrong type: index must be an integer and is string") {
		t.Errorf("error %v", err)
	}
	a, err := browserAction(map[string]any{"name": "click", "index": 3.0})
	if err != nil || a.Index == nil || *a.Index != 3 || a.Name != "click" {
		t.Errorf("action %+v, %v", a, err)
	}
}

func TestWhatEffectsOutsideIsPlanned(t *testing.T) {
	for name, want := range map[string]bool{"click": true, "navigate": true, "send_keys": true, "scroll": false, "wait": false, "extract": false} {
		d := decision{Actions: []map[string]any{{"name": name}}}
		if d.effectful() != want {
			t.Errorf("%s: effectful is %v", name, !want)
		}
	}
}

func TestTheConversationKeepsNoOldPageAndOnlyGrows(t *testing.T) {
	c := newConversation(Task{Prompt: "buy a kettle"})
	first := c.ask("FIRST PAGE", 9)
	content := strings.Repeat("x", maxContent+5)
	c.add(event.StepData{Number: 1, Description: "look", Actions: []event.Action{
		{Name: "extract", Params: map[string]any{"query": "q", "xpath": "/a", "target": "t"}, ExtractedContent: &content},
	}}, decision{own: true})
	second := c.ask("SECOND PAGE", 1)
	if len(first) != 1 || len(second) != 3 {
		t.Fatalf("%d and %d messages", len(first), len(second))
	}
	var all strings.Builder
	for _, m := range second {
		all.WriteString(m.Text)
	}
	for _, want := range []string{"buy a kettle", "SECOND PAGE", "last step", "5 more characters"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the conversation lacks %q", want)
		}
	}
	for _, unwanted := range []string{"FIRST PAGE", "xpath"} {
		if strings.Contains(all.String(), unwanted) {
			t.Errorf("the conversation holds %q", unwanted)
		}
	}
	if !strings.HasPrefix(first[0].Text, second[0].Text) {
		t.Error("what was said first has changed: no provider can cache it")
	}
}

func TestABrokenResultIsNeverAnsweredByAPieceOfIt(t *testing.T) {
	loose := []byte(`{"type":"object"}`)
	for data, want := range map[string]string{
		`{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":"b"},]}`:                        `{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":"b"}]}`,
		`{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":None}]}`:                        `{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":null}]}`,
		"{\"rows\":[{\"n\":1,\"x\":\"a\nb\"},{\"n\":2,\"x\":\"second row\"}]}": `{"rows":[{"n":1,"x":"a\u000ab"},{"n":2,"x":"second row"}]}`,
		`{"rows":[{"n":1,"x":"aaa"},{"n":2,"x":"b"},{"n":3,"x":`:               "",
		`{"rows":[{"n":1,"x":"a "b" c"},{"n":2}]}`:                             "",
		`"rows":[{"n":1},{"n":2}]`:                                             "",
		`{"a":1} corrected: {"a":2}`:                                           "",
	} {
		for _, task := range []Task{{JSON: true}, {Schema: loose}} {
			r, err := task.judge(t.Context(), map[string]any{"name": "done", "success": true, "data": data})
			if want == "" && (err == nil || !strings.Contains(err.Error(), "line 1, column")) {
				t.Errorf("%s: %+v, %v", data, r, err)
			}
			if want != "" && (err != nil || string(r.Value) != want) {
				t.Errorf("%s: %+v, %v", data, r, err)
			}
		}
		x, err := newExtraction(t.Context(), map[string]any{"query": "q", "data": string(loose)})
		if err != nil {
			t.Fatal(err)
		}
		wrapped, _ := json.Marshal(map[string]string{"data": data})
		if err := x.take(t.Context(), string(wrapped), part{"", 1, 1}); (err == nil) != (want != "") || x.found != want {
			t.Errorf("extract of %s: %s, %v", data, x.found, err)
		}
	}
}
