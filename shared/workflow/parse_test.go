package workflow

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestAWorkflowWrittenByHandIsParsed(t *testing.T) {
	w, err := Parse([]byte(`{"parameters": [], "prompt_template": "", "steps": [
		{"actions": [{"name": "go_to_url", "params": {"url": "https://shop.test"}}, {"name": "click", "params": {"css": "#go"}}]},
		{"step_number": 7, "actions": [{"name": "input", "params": {"xpath": "/html/body/input", "text": "{{ \"{{\" }}"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if w.Steps[0].Number != 1 || w.Steps[1].Number != 2 || w.Steps[0].Actions[1].Params["css"] != "#go" {
		t.Errorf("parsed %+v", w)
	}
}

func TestAWorkflowComesBackAsItWasWritten(t *testing.T) {
	want, err := full().JSON()
	if err != nil {
		t.Fatal(err)
	}
	w, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := w.JSON(); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	escaped, _ := json.Marshal(w)
	if w, err = Parse(escaped); err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(w); string(got) != string(escaped) {
		t.Errorf("escaped for HTML: got  %s\nwant %s", got, escaped)
	}
}

// oneStep is a workflow of one step, with a parameter of each type and further fields.
func oneStep(action, more string) string {
	return `{"parameters": [{"name": "n", "description": "", "type": "integer", "exampleValue": 2}, {"name": "s", "type": "string"}, {"name": "d", "type": "date"}],
		"prompt_template": "", "steps": [{"description": "", "actions": [` + action + `]}]` + more + `}`
}

func TestEachMistakeInAWorkflowIsNamedWithItsPlace(t *testing.T) {
	const wait = `{"name": "wait", "params": {}}`
	result := func(r string) string { return oneStep(wait, `, "result": `+r) }
	field := func(f string) string { return result(`{"example": {"a": [1]}, "fields": [` + f + `]}`) }
	for _, c := range []struct{ workflow, place, message string }{
		{`{"steps": `, "", "not JSON"},
		{`null`, "", "must be an object"},
		{`[]`, "", "must be an object"},
		{`{"steps": [{"actions": []}]} x`, "", "more behind"},
		{`{}`, "steps", "at least one"},
		{`{"steps": {}}`, "steps", "must be a list"},
		{`{"steps": [null]}`, "steps[0]", "is null"},
		{`{"steps": [{"actons": []}]}`, "steps[0].actons", "is unknown here; there are actions, after, before"},
		{`{"Steps": []}`, "Steps", "is unknown here"},
		{`{"version": "1", "steps": []}`, "version", "must be a whole number, not \"1\""},
		{oneStep(`{"name": "jump"}`, ``), "steps[0].actions[0].name", `"jump" is not an action; the actions are click, close`},
		{oneStep(`{"name": "click", "params": {"index": 3, "css": "a"}}`, ``), "steps[0].actions[0].params.index", "one visit only"},
		{oneStep(`{"name": "click", "params": {}}`, ``), "steps[0].actions[0].params", "click needs one of css"},
		{oneStep(`{"name": "click", "params": {"css": ""}}`, ``), "steps[0].actions[0].params", "click needs one of css"},
		{oneStep(`{"name": "click", "params": {"css": "a", "txt": ""}}`, ``), "steps[0].actions[0].params.txt", "unknown here; there are css, keys, path, target, xpath"},
		{oneStep(`{"name": "click", "params": {"target": "a"}}`, ``), "steps[0].actions[0].params.target", "must be an object"},
		{oneStep(`{"name": "input_text", "params": {"css": "a"}}`, ``), "steps[0].actions[0].params", "input_text needs text"},
		{oneStep(`{"name": "input", "params": {"css": "a", "text": 5}}`, ``), "steps[0].actions[0].params.text", "must be a string, not 5"},
		{oneStep(`{"name": "upload_file", "params": {"css": "a"}}`, ``), "steps[0].actions[0].params", "path or file_name"},
		{oneStep(`{"name": "navigate"}`, ``), "steps[0].actions[0].params", "navigate needs url"},
		{oneStep(`{"name": "navigate", "params": {"url": "{{ gone }}"}}`, ``), "steps[0].actions[0].params.url", "{{ gone }} names nothing"},
		{oneStep(`{"name": "click", "params": {"target": {"name": ["{{ n | DD/MM/YYYY }}"]}}}`, ``), "steps[0].actions[0].params.target.name[0]", "a integer cannot be written so"},
		{oneStep(`{"name": "navigate", "params": {"url": "{{ a b }}"}}`, ``), "steps[0].actions[0].params.url", "begins no placeholder"},
		{oneStep(`{"name": "wait", "alternatives": [{"name": "{{ x }}"}]}`, ``), "steps[0].actions[0].alternatives[0].name", "names nothing"},
		{oneStep(`{"name": "wait", "alternatives": [1, 2, 3, 4]}`, ``), "steps[0].actions[0].alternatives", "at most three"},
		{`{"steps": [{"description": "{{ x }}", "before": {"url": "{{ y }}", "headings": ["", "{{ z }}"]}, "actions": []}]}`, "steps[0].before.headings[1]", "names nothing"},
		{`{"prompt_template": "{{ x }}", "steps": [{"actions": []}]}`, "prompt_template", "{{ x }} names nothing"},
		{`{"parameters": [{"name": "a-b", "type": "string"}], "steps": [{"actions": []}]}`, "parameters[0].name", "must be made of letters"},
		{`{"parameters": [{"name": "a", "type": "string"}, {"name": "a", "type": "string"}], "steps": [{"actions": []}]}`, "parameters[1].name", "another parameter"},
		{`{"parameters": [{"name": "a", "type": "text"}], "steps": [{"actions": []}]}`, "parameters[0].type", "one of string, number"},
		{`{"parameters": [{"name": "a", "type": "integer", "exampleValue": 1.5}], "steps": [{"actions": []}]}`, "parameters[0].exampleValue", "whole number"},
		{`{"parameters": [{"name": "a", "type": "number", "exampleValue": "1"}], "steps": [{"actions": []}]}`, "parameters[0].exampleValue", "must be a number"},
		{`{"parameters": [{"name": "a", "type": "date", "exampleValue": "5.3.2026"}], "steps": [{"actions": []}]}`, "parameters[0].exampleValue", "YYYY-MM-DD"},
		{`{"parameters": [{"name": "a", "type": "boolean", "exampleValue": 1}], "steps": [{"actions": []}]}`, "parameters[0].exampleValue", "true or false"},
		{`{"parameters": [{"name": "a", "type": "string", "exampleValue": 1}], "steps": [{"actions": []}]}`, "parameters[0].exampleValue", "must be a string"},
		{result(`{}`), "result.example", "is missing"},
		{result(`{"example": "x", "text": "{{ gone }}"}`), "result.text", "names nothing"},
		{result(`{"example": "x", "needs_model": ["a"]}`), "result.needs_model[0]", "JSON pointer"},
		{result(`{"example": {"a": 1}, "needs_model": ["/b"]}`), "result.needs_model[0]", "names nothing in result.example"},
		{field(`{"name": "n", "path": "/a/0", "step": 1, "value": "{{ n }}"}`), "result.fields[0].name", "no other field or parameter"},
		{field(`{"name": "f", "path": "/a/1", "step": 1, "value": "{{ n }}"}`), "result.fields[0].path", "names nothing"},
		{field(`{"name": "f", "path": "/a/0", "step": 0, "value": "{{ n }}"}`), "result.fields[0].step", "from 1"},
		{field(`{"name": "f", "path": "/a/0", "step": 1}`), "result.fields[0]", "one of value, source and list"},
		{field(`{"name": "f", "path": "/a/0", "step": 1, "value": "x", "source": {}}`), "result.fields[0]", "one of value, source and list"},
		{field(`{"name": "f", "path": "/a/0", "step": 1, "value": "{{ f }}"}`), "result.fields[0].value", "names nothing"},
		{field(`{"name": "f", "path": "/a/0", "step": 1, "source": {"row": "{{ x }}"}, "rule": {"type": "string"}}`), "result.fields[0].source.row", "names nothing"},
		{field(`{"name": "f", "path": "/a/0", "step": 1, "source": {}}`), "result.fields[0].rule", "needs a type"},
		{field(`{"name": "f", "path": "/a/0", "step": 1, "source": {}, "rule": {"type": "boolean"}}`), "result.fields[0].rule", "one of string"},
		{field(`{"name": "f", "path": "/a", "step": 1, "list": {"source": {}, "items": []}}`), "result.fields[0].list", "source and items"},
		{field(`{"name": "f", "path": "/a", "step": 1, "list": {"source": {}, "items": [{"rule": {"type": "number", "prefix": "{{ x }}"}}]}}`), "result.fields[0].list.items[0].rule.prefix", "names nothing"},
	} {
		_, err := Parse([]byte(c.workflow))
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok {
			t.Errorf("%s: %v", c.workflow, err)
			continue
		}
		found := false
		for _, p := range invalid.Problems {
			found = found || p.Place == c.place && strings.Contains(p.Message, c.message)
		}
		if !found {
			t.Errorf("%s:\n  got  %v\n  want %s: ... %s", c.workflow, err, c.place, c.message)
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	_, err := Parse([]byte(`{"parameters": [{"name": "1", "type": "x"}], "prompt_template": "{{ x }}", "steps": [{"actions": [{"name": "jump"}]}]}`))
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || len(invalid.Problems) != 4 {
		t.Errorf("told: %v", err)
	}
}

func FuzzWhatIsParsedComesBackTheSame(f *testing.F) {
	seed, _ := full().JSON()
	f.Add(string(seed))
	f.Add(oneStep(`{"name": "click", "params": {"target": {"rect": [1.50, 1e3]}}, "alternatives": [null]}`, `, "result": null`))
	f.Fuzz(func(t *testing.T, raw string) {
		w, err := Parse([]byte(raw))
		if err != nil {
			return
		}
		once, err := w.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%s is refused: %v", once, err)
		}
		if twice, _ := again.JSON(); string(twice) != string(once) {
			t.Fatalf("%s came back as %s", once, twice)
		}
	})
}
