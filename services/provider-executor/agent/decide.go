package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/panics"
)

// maxEcho is how much of an unusable answer the model is shown again, in characters.
const maxEcho = 4000

var errOnlyDone = errors.New("this is the last step, and only done is possible: report what you have, with success false where the task is not done")

// decide asks the model until it has a decision. An answer that is none is shown to it with what is wrong; the client
// asks in other ways where that does not help, and says when none is left. Likewise shown are, once, another action
// than done on the last step and, once a run, a result that is not what the task asks for. failed ends the run.
func (r *run) decide(ctx context.Context, page *browser.Observation, sight []byte) (d decision, failed *Result, err error) {
	left := r.task.MaxSteps - r.number + 1
	messages := r.talk.ask(page.Text, left)
	defer r.keepTold(ctx, messages[len(messages)-1].Text)()
	messages[len(messages)-1].JPEG = sight
	for late, outages := false, 0; ; {
		d, answer, err := r.call(ctx, messages)
		if again, broken := r.sitOut(ctx, err, outages); again || broken != nil {
			if outages++; broken != nil {
				return decision{}, nil, broken
			}
			continue
		}
		if broken := r.waitOver(ctx); broken != nil {
			return decision{}, nil, broken
		}
		wrong := unusable(err)
		switch {
		case wrong != nil:
			r.unusable++
		case err != nil:
			failed, err := r.modelFailed(ctx, err)
			return decision{}, failed, err
		case left == 1 && !isDone(d.Actions[0]) && late:
			return d, r.outOfSteps(), nil
		case left == 1 && !isDone(d.Actions[0]):
			late, wrong = true, errOnlyDone
		default:
			if wrong = r.resultWrong(ctx, d); wrong == nil {
				return d, nil, nil
			}
		}
		messages = append(messages, correction(answer, wrong)...)
	}
}

// keepTold stores what the model is told while it thinks. kept waits for that; r.told names it then.
func (r *run) keepTold(ctx context.Context, text string) (kept func()) {
	r.told = ""
	if r.Told == nil {
		return func() {}
	}
	var storing panics.Group
	storing.Go(func() { r.told = r.Told(ctx, text) })
	return storing.Wait
}

// call asks once. An answer that is no decision is an *model.Error of code invalid_output.
func (r *run) call(ctx context.Context, messages []model.Message) (d decision, answer string, err error) {
	resp, err := r.ask(ctx, model.Request{
		System: r.talk.system(), Messages: messages, Schema: decisionSchema(r.task),
		Check: func(answer string) (err error) { d, err = parseDecision(answer); return err },
	})
	if err == nil {
		r.unusable = 0
	}
	return d, resp.Text, err
}

// unusable is what is wrong with an answer, where asking again may help; nil for all other errors.
func unusable(err error) error {
	var e *model.Error
	switch {
	case !errors.As(err, &e) || e.Code != model.CodeInvalidOutput || e.Final:
		return nil
	case e.Err != nil:
		return e.Err
	}
	return errors.New(e.Message)
}

// correction shows the model its answer and what is wrong with it.
func correction(answer string, wrong error) []model.Message {
	if cut := []rune(answer); len(cut) > maxEcho {
		answer = string(cut[:maxEcho]) + "..."
	}
	if strings.TrimSpace(answer) == "" {
		answer = "(nothing)"
	}
	return []model.Message{
		{Role: model.Assistant, Text: answer},
		{Role: model.User, Text: "That cannot be used: " + strings.TrimRight(wrong.Error(), ".") + ". Answer again, with one JSON object."},
	}
}

// resultWrong says what is wrong with a done action, the first time that something is.
func (r *run) resultWrong(ctx context.Context, d decision) error {
	if !isDone(d.Actions[0]) || r.repaired {
		return nil
	}
	_, invalid := r.task.judge(ctx, d.Actions[0])
	r.repaired = invalid != nil && ctx.Err() == nil
	return invalid
}

// modelFailed ends the run with the model's error, or the attempt where the run was stopped meanwhile.
func (r *run) modelFailed(ctx context.Context, err error) (*Result, error) {
	var e *model.Error
	switch e = passing(ctx, err); {
	case e != nil && r.untouched():
		return nil, &Outage{e}
	case errors.As(err, &e) && ctx.Err() == nil:
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
