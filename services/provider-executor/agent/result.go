package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/answer"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/schema"
	"github.com/errand-run/errand/shared/workflow"
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
func (t Task) judge(ctx context.Context, done map[string]any) (r *Result, invalid error) {
	text, _ := done["text"].(string)
	success, given := done["success"].(bool)
	if given && !success {
		value, _ := t.value(ctx, done, text)
		return &Result{Value: value, Error: &event.Error{Code: whyNot(text), Message: "The agent could not do the task: " + text}}, nil
	}
	value, err := t.value(ctx, done, text)
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
func (t Task) value(ctx context.Context, done map[string]any, text string) (json.RawMessage, error) {
	if !t.JSON && len(t.Schema) == 0 {
		text = cmp.Or(text, words(done["data"]))
		if strings.TrimSpace(text) == "" {
			return nil, errors.New("done.text is missing: write the result there")
		}
		return json.Marshal(text)
	}
	raw, err := jsonOf(done["data"], text)
	if err != nil {
		return nil, err
	}
	if err := t.satisfies(ctx, raw); err != nil {
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
	raw, err := answer.Data(s)
	if err != nil {
		return nil, fmt.Errorf("data is not usable JSON: %w", err)
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, raw)
	return compact.Bytes(), err
}

// satisfies validates a result against the task's schema. ctx ends it.
func (t Task) satisfies(ctx context.Context, raw json.RawMessage) error {
	if len(t.Schema) == 0 {
		return named("done.data:", schema.CheckNumbers(raw))
	}
	compiled, err := schema.Compile(ctx, t.Schema)
	if err != nil {
		return named("the task's json_schema:", err)
	}
	return named("done.data", validate(ctx, compiled, raw))
}

// named says of what err speaks; nil stays nil.
func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %w", what, err)
}

// validate says, behind the name of the value, what is wrong with it.
func validate(ctx context.Context, s *schema.Schema, raw json.RawMessage) error {
	err := s.Validate(ctx, raw)
	var violation *schema.Violation
	switch {
	case errors.As(err, &violation):
		return fmt.Errorf("does not satisfy the schema: %w", violation)
	case err != nil:
		return fmt.Errorf("cannot be used: %w", err)
	}
	return nil
}
