package gateway_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/vault"
)

// samples are two values of each field of a task, neither of them its default. "FILE" stands for the id of a file.
var samples = map[string][2]string{
	"prompt":              {`"say hello"`, `"say good bye"`},
	"model":               {`"m1"`, `"m2"`},
	"provider":            {`"groq"`, `"mistral"`},
	"wait_for_completion": {`false`, `false`},
	"webhook_url":         {`"https://a.test/1"`, `"https://a.test/2"`},
	"response_format":     {`"json"`, `"text"`},
	"json_schema":         {`{"type": "object"}`, `{"type": "array"}`},
	"use_cached_workflow": {`true`, `false`},
	"initial_url":         {`"https://b.test/1"`, `"https://b.test/2"`},
	"user_agent":          {`"one"`, `"two"`},
	"max_steps":           {`7`, `8`},
	"session_timeout":     {`70`, `80`},
	"budget":              {`{"max_model_calls": 3, "max_input_tokens": 4, "max_output_tokens": 5, "max_cost_usd": 0.5}`, `{"max_model_calls": 6}`},
	"fallbacks":           {`[{"provider": "google", "model": "f1"}]`, `[{"provider": "openai", "model": "f2"}]`},
	"extract_model":       {`"e1"`, `"e2"`},
	"model_timeout":       {`11`, `12`},
	"judge":               {`true`, `false`},
	"vision":              {`true`, `false`},
	"on_interrupt":        {`"retry"`, `"fail"`},
	"allow_evaluate":      {`true`, `false`},
	"files":               {`["FILE"]`, `[]`},
	"allowed_domains":     {`["a.test"]`, `["b.test", "*.c.test"]`},
	"queue_timeout":       {`90`, `91`},
	"priority":            {`3`, `9`},
	"max_running":         {`2`, `4`},
	"concurrency_key":     {`"a.test"`, `"b.test"`},
	"concurrency_limit":   {`5`, `6`},
	"secrets":             {`{}`, `{"pin": {"value": "1234", "allowed_domains": ["a.test"]}}`},
}

// notStored are fields that runs take and tasks do not have.
var notStored = map[string]bool{"parameters": true}

// fieldNames are the JSON names of the fields of a type, those of embedded types included.
func fieldNames(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fieldNames(f.Type)...)
		case name != "" && !notStored[name]:
			names = append(names, name)
		}
	}
	return names
}

// definition is a body with the n-th sample of each field.
func definition(n int, file string, more string) string {
	var fields []string
	for name, values := range samples {
		fields = append(fields, fmt.Sprintf("%q: %s", name, strings.ReplaceAll(values[n], "FILE", file)))
	}
	return "{" + strings.Join(fields, ", ") + more + "}"
}

// holds compares each field of an object with the n-th sample, as far as the object has the field in that form.
func holds(t *testing.T, what string, object map[string]any, n int, file string, except ...string) {
	t.Helper()
	for name, values := range samples {
		var want any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(values[n], "FILE", file)), &want); err != nil {
			t.Fatal(err)
		}
		got := object[name]
		switch name {
		case "secrets": // their values are never returned
			want, got = fmt.Sprint(strings.Count(values[n], "value")), fmt.Sprint(reflect.ValueOf(got).IsValid() && len(fmt.Sprint(got)) > 5)
			got = map[any]any{"true": "1", "false": "0"}[got]
		case "files":
			want, got = strings.Contains(values[n], "FILE"), strings.Contains(fmt.Sprint(got), file)
		}
		if b, isBool := want.(bool); isBool && !b && got == nil {
			continue // false is left out
		}
		if !strings.Contains(strings.Join(except, " "), name) && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s is %v, want %v", what, name, got, want)
		}
	}
}

// Deleting one line that copies a field must fail this test, and so must a new field that nobody has added here.
func TestEveryFieldOfATaskSurvivesPOSTAndGETAndPUTAndItsRun(t *testing.T) {
	t.Parallel()
	for _, name := range fieldNames(reflect.TypeFor[gateway.Definition]()) {
		if _, ok := samples[name]; !ok {
			t.Errorf("there is no sample of the field %s", name)
		}
	}
	keys, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, natstest.Bus(t), func(c *gateway.Config) { c.Keys = keys })
	f, err := s.bus.PutFile(t.Context(), "cv.pdf", strings.NewReader("%PDF-"))
	if err != nil {
		t.Fatal(err)
	}
	file := string(f.ID)
	workflow := `, "name": "Greeter", "cached_workflow": {"parameters": [], "prompt_template": "say hello", "steps": [{"actions": [{"name": "navigate", "params": {"url": "https://a.test/"}}]}]}`
	made := s.send(t, "POST", "/api/tasks", definition(0, file, workflow))
	if made.status != 201 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	holds(t, "POST", into[map[string]any](t, made), 0, file)
	read := into[map[string]any](t, s.send(t, "GET", "/api/tasks/1", ""))
	holds(t, "GET", read, 0, file)
	if read["name"] != "Greeter" || read["cached_workflow"] == nil {
		t.Errorf("name %v, workflow %v", read["name"], read["cached_workflow"])
	}

	holds(t, "the run", s.requested(t, "{}"), 0, file, "wait_for_completion")
	holds(t, "the run with overrides", s.requested(t, definition(1, file, "")), 1, file, "wait_for_completion")

	put := s.send(t, "PUT", "/api/tasks/1", definition(1, file, `, "name": "Parter"`))
	if put.status != 200 {
		t.Fatalf("%d %s", put.status, put.body)
	}
	read = into[map[string]any](t, s.send(t, "GET", "/api/tasks/1", ""))
	holds(t, "PUT", read, 1, file)
	if read["name"] != "Parter" {
		t.Errorf("name %v", read["name"])
	}
	r := s.send(t, "POST", "/api/runs", definition(1, file, ""))
	holds(t, "a new run", s.request(t, into[event.Run](t, r)), 1, file, "wait_for_completion")
}

// requested runs the task and gives the run's request as it is stored.
func (s *server) requested(t *testing.T, body string) map[string]any {
	t.Helper()
	r := s.send(t, "POST", "/api/tasks/1/runs", body)
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return s.request(t, into[event.Run](t, r))
}

func (s *server) request(t *testing.T, run event.Run) map[string]any {
	t.Helper()
	request, err := s.bus.Request(t.Context(), *run.TaskRunID)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	return object
}
