package agent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Result is how a run ended. Error is nil where it succeeded; Value may be set in both cases.
type Result struct {
	Value     json.RawMessage
	Error     *event.Error
	Usage     event.Usage
	Judgement *event.Judgement // where the task asks for one
	Execution event.Execution
	Workflow  *event.WorkflowUse // of a replay
	Healed    *workflow.Workflow // what the recording should become; nil: what it is
}

// failure is a result with an error and no value.
func failure(code, message string) *Result {
	return &Result{Error: &event.Error{Code: code, Message: message}}
}

// judge turns a done action into the run's result. invalid says, in a sentence for the model, why the result is not
// what the task asked for.
func (t Task) judge(done map[string]any) (r *Result, invalid error) {
	text, _ := done["text"].(string)
	success, given := done["success"].(bool)
	if given && !success {
		value, _ := t.value(done, text)
		return &Result{Value: value, Error: &event.Error{Code: whyNot(text), Message: "The agent could not do the task: " + text}}, nil
	}
	value, err := t.value(done, text)
	if err != nil {
		return nil, err
	}
	return &Result{Value: value}, nil
}

// walls are what the model begins its report with where one of them has stopped it, and the run's error code then.
var walls = map[string]string{"CAPTCHA:": "captcha", "LOGIN:": "login_required"}

// whyNot is the error code of a run whose agent gives up with this report.
func whyNot(report string) string {
	for sign, code := range walls {
		if len(report) >= len(sign) && strings.EqualFold(report[:len(sign)], sign) {
			return code
		}
	}
	return "goal_not_reached"
}

// value is the run's result: a JSON string for text, else JSON that satisfies the task's schema.
func (t Task) value(done map[string]any, text string) (json.RawMessage, error) {
	if !t.JSON && len(t.Schema) == 0 {
		return json.Marshal(cmp.Or(text, words(done["data"])))
	}
	raw, err := jsonOf(done["data"], text)
	if err != nil {
		return nil, err
	}
	if err := t.satisfies(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// words is data as a text.
func words(data any) string {
	if s, isString := data.(string); isString || data == nil {
		return s
	}
	raw, _ := json.Marshal(data) // which came from JSON
	return string(raw)
}

// jsonOf reads data of an answer: a string that holds JSON, an object where the provider allowed one, or else the text.
func jsonOf(data any, text string) (json.RawMessage, error) {
	if data == nil {
		data = text
	}
	s, isString := data.(string)
	if !isString {
		return json.Marshal(data)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(s)) == nil {
		return compact.Bytes(), nil
	}
	if raw, err := model.ExtractJSON(s); err == nil {
		return raw, nil
	}
	return nil, errors.New("data is not JSON")
}

// satisfies validates a result against the task's schema.
func (t Task) satisfies(raw json.RawMessage) error {
	if len(t.Schema) == 0 {
		return nil
	}
	schema, err := compileSchema(t.Schema)
	if err != nil {
		return err
	}
	return named("done.data", validate(schema, raw))
}

// named says of what err speaks; nil stays nil.
func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %w", what, err)
}

// validate says, behind the name of the value, what is wrong with it.
func validate(schema *jsonschema.Schema, raw json.RawMessage) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("is not JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return errors.New("does not satisfy the schema: " + violations(err))
	}
	return nil
}

// violations are the validator's sentences, each with its place, without the line above them that names our own file.
func violations(err error) string {
	_, lines, found := strings.Cut(err.Error(), "\n")
	if !found {
		return err.Error()
	}
	var each []string
	for line := range strings.SplitSeq(lines, "\n") {
		each = append(each, strings.TrimPrefix(strings.TrimSpace(line), "- "))
	}
	return strings.Join(each, "; ")
}

// compileSchema reads a JSON Schema, draft 7 or 2020-12, without loading anything that it refers to elsewhere.
func compileSchema(raw json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read json_schema: %w", err)
	}
	const name = "mem:///schema.json"
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("read json_schema: %w", err)
	}
	s, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile json_schema: %w", err)
	}
	return s, nil
}
