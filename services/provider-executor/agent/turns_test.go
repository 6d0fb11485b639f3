package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// sample is a value of a parameter's type.
func sample(p action.Param) any {
	switch p.Type {
	case action.Element:
		return 15
	case action.Bool:
		return false
	case action.Number:
		return 2.5
	case action.Any:
		return `{"type":"object"}`
	}
	return `<secret:password> & "quotes" > ` + "```\n</think>"
}

// done is an action as the history has it after it was done: without indexes, with what a replay needs.
func done(a map[string]any) event.Action {
	p := params(a)
	delete(p, "to")
	p["xpath"], p["target"] = "/html/body/a", map[string]any{"name": "x"}
	return event.Action{Name: a["name"].(string), Params: p, Success: ref(true)}
}

// everyName lists the names that an action is known by.
func everyName(s action.Spec) []string {
	names := []string{s.Name}
	for _, a := range s.Aliases {
		names = append(names, a.Name)
	}
	return names
}

func TestEveryPastTurnIsAnAnswerThatWouldBeTakenToday(t *testing.T) {
	for _, spec := range action.Table() {
		for _, name := range everyName(spec) {
			flat := map[string]any{"name": name}
			for _, p := range spec.Params {
				flat[p.Name] = sample(p)
			}
			answer, err := json.Marshal(map[string]any{
				"evaluation_previous_goal": "It worked: a < b & c.", "memory": "<i>", "next_goal": "go on",
				"actions": []any{flat, map[string]any{"name": "wait", "seconds": nil}},
			})
			if err != nil {
				t.Fatal(err)
			}
			d, err := parseDecision(string(answer))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			c := newConversation(Task{Prompt: "t"})
			step := event.StepData{Number: 1, Description: d.NextGoal}
			for _, a := range d.Actions {
				step.Actions = append(step.Actions, done(a))
			}
			c.add(step, d)
			turn := c.ask("p", 9)[1]
			again, err := parseDecision(turn.Text)
			if err != nil || turn.Role != model.Assistant {
				t.Fatalf("%s: %v\nof %s", name, err, turn.Text)
			}
			checkTurn(t, spec, turn.Text, again)
			if again.Evaluation != d.Evaluation || again.Memory != "<i>" || len(again.Actions) != len(d.Actions) {
				t.Errorf("%s: %+v has become %+v", name, d, again)
			}
		}
	}
}

// checkTurn looks for all parameters of an action, in the order of the schema and without escapes.
func checkTurn(t *testing.T, spec action.Spec, turn string, again decision) {
	t.Helper()
	if strings.Contains(turn, `\u003`) || strings.Contains(turn, `\u0026`) || strings.Contains(turn, "xpath") || strings.Contains(turn, "null") {
		t.Errorf("%s: %s", spec.Name, turn)
	}
	at := strings.Index(turn, `"actions":[{"name":"`+spec.Name+`"`)
	if at < 0 {
		t.Fatalf("%s: its name is not the first: %s", spec.Name, turn)
	}
	for _, p := range spec.Params {
		if _, given := again.Actions[0][p.Name]; !given {
			t.Errorf("%s: %s is lost: %s", spec.Name, p.Name, turn)
		}
	}
	if _, err := action.Decode(again.Actions[0]); err != nil {
		t.Errorf("%s: %v", spec.Name, err)
	}
	last := at
	for _, p := range []string{"index", "url", "text", "clear", "query", "path", "to", "success", "data"} {
		if next := strings.Index(turn, `"`+p+`":`); next >= 0 && next < last {
			t.Errorf("%s: %s stands before its place: %s", spec.Name, p, turn)
		} else if next >= 0 {
			last = next
		}
	}
}

func TestWhatEarlierAttemptsDidIsToldAsTextAndStaysBounded(t *testing.T) {
	task := Task{Prompt: "the task"}
	for n := 1; n <= 60; n++ {
		step := stepWith(n, fmt.Sprint("fact ", n), 3000)
		step.Actions = append(step.Actions, event.Action{Name: "input", Params: map[string]any{"text": "<secret:pw>", "target": map[string]any{}}, Success: ref(true)})
		step.Interrupted = n == 60
		task.History = append(task.History, step)
	}
	messages := resumed(task, browser.Restored{}).ask("the page", 9)
	text := messages[0].Text
	for _, want := range []string{"the task", "Earlier attempt", "goal 1;", "goal 60", "fact 60", "input text=<secret:pw>: ok", "interrupted", "no page is open"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if len(messages) != 1 || strings.Contains(text, `{"`) || len(text) > keepTurns+keepLines+2*maxContent {
		t.Errorf("%d messages, %d characters", len(messages), len(text))
	}
}

func TestTheFirstPageIsNoAnswerOfTheModel(t *testing.T) {
	c := newConversation(Task{Prompt: "t"})
	c.add(event.StepData{Number: 1, Description: "Open the initial page", Actions: []event.Action{
		{Name: "navigate", Params: map[string]any{"url": "https://a.test/?a=1&b=2"}, Success: ref(true)}}}, decision{})
	messages := c.ask("p", 9)
	if len(messages) != 1 || !strings.Contains(messages[0].Text, "1. navigate url=https://a.test/?a=1&b=2: ok") {
		t.Errorf("%+v", messages)
	}
}

func TestThePromptNamesTheDelimitersOfItsConversation(t *testing.T) {
	c := newConversation(Task{Prompt: "t"})
	c.nonce = "another"
	if !strings.Contains(c.system(), "<page another>") || strings.Contains(c.system(), "{{") {
		t.Error(c.system())
	}
}

// The bound is that of the fixed part of each question, in tokens of about four characters.
func TestThePromptAndTheSchemaStayShort(t *testing.T) {
	r := model.Request{System: newConversation(Task{}).system(), Schema: decisionSchema(Task{})}
	tokens := model.Estimate(r)
	t.Logf("prompt %d characters, schema %d, about %d tokens", len(r.System), len(r.Schema.JSON), tokens)
	if tokens > 1000 {
		t.Errorf("%d tokens", tokens)
	}
}

func TestOnlyWhatLooksMayFollowAChangeOfThePage(t *testing.T) {
	for name, want := range map[string]bool{
		"extract": true, "search_page": true, "find_elements": true, "screenshot": true, "wait": true,
		"click": false, "input": false, "navigate": false, "go_back": false, "scroll": false, "dropdown_options": false,
	} {
		if follows(map[string]any{"name": name}) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
