package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
)

// decide asks the model until it has a decision. An answer that is none is shown to it with what is wrong, and so is,
// once a run, a result that is not what the task asks for. failed ends the run.
func (r *run) decide(ctx context.Context, page *browser.Observation) (d decision, failed *Result, err error) {
	left := r.task.MaxSteps - r.number + 1
	messages := r.talk.ask(page.Text, left)
	if r.task.Vision {
		messages[len(messages)-1].JPEG = r.screenshot(ctx)
	}
	for invalid := 0; ; {
		answer, wrong, err := r.call(ctx, messages)
		if err != nil {
			failed, err := r.modelFailed(ctx, err)
			return decision{}, failed, err
		}
		if wrong == nil {
			d, wrong = parseDecision(answer)
		}
		if wrong == nil && left == 1 && !isDone(d.Actions[0]) {
			wrong = errors.New("this is the last step, and only done is possible: report what you have, with success false where the task is not done")
		}
		if wrong != nil {
			if invalid++; invalid > maxInvalid && left == 1 {
				return d, r.outOfSteps(), nil
			} else if invalid > maxInvalid {
				return d, failure(model.CodeInvalidOutput, "The model gave no usable answer: "+wrong.Error()+". Try another model."), nil
			}
		} else if wrong = r.resultWrong(d); wrong == nil {
			return d, nil, nil
		}
		if answer == "" {
			answer = "(nothing)"
		}
		messages = append(messages,
			model.Message{Role: model.Assistant, Text: answer},
			model.Message{Role: model.User, Text: "That cannot be used: " + wrong.Error() + ". Answer again, with one JSON object."})
	}
}

// resultWrong says what is wrong with a done action, the first time that something is.
func (r *run) resultWrong(d decision) error {
	if !isDone(d.Actions[0]) || r.repaired {
		return nil
	}
	_, invalid := r.task.judge(d.Actions[0])
	r.repaired = invalid != nil
	return invalid
}

// call asks once. wrong is an answer that the provider itself calls unusable, such as an empty or truncated one.
func (r *run) call(ctx context.Context, messages []model.Message) (answer string, wrong, err error) {
	resp, err := r.ask(ctx, model.Request{System: r.talk.system, Messages: messages, Schema: decisionSchema()})
	var e *model.Error
	if errors.As(err, &e) && e.Code == model.CodeInvalidOutput {
		return resp.Text, errors.New(e.Message), nil
	}
	return resp.Text, nil, err
}

// modelFailed ends the run with the model's error, or the attempt where the run was stopped meanwhile.
func (r *run) modelFailed(ctx context.Context, err error) (*Result, error) {
	var e *model.Error
	if errors.As(err, &e) && ctx.Err() == nil {
		return failure(e.Code, e.Message), nil
	}
	var spent overBudget
	if errors.As(err, &spent) {
		return r.partial("budget_exceeded", "The run met its budget: "+spent.what+"."), nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("ask the model: %w", err)
}
