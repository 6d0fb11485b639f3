package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/workflow"
)

// codeUnbound is how a run ends that does not say with what values its workflow is to be replayed.
const codeUnbound = "parameters_unbound"

const bindPrompt = `A task in a web browser was recorded as a workflow with parameters. You are given its template, its parameters and the words of a new task. Say with same_task whether the new task asks for just what the workflow does, only with other values. Say what value each wanted parameter has in the new task, taken literally from its words, dates as YYYY-MM-DD. A value that the new task does not tell is null: never guess. Answer with one JSON object whose properties are same_task and the wanted parameters.`

// bind finds the values of this run: those that the caller has named, those that its prompt tells, and, where the prompt
// is worded otherwise, those that a model reads out of it. Nothing has been done when it fails.
func (p *player) bind(ctx context.Context) (*Result, error) {
	b := workflow.Binding{Prompt: p.task.Prompt, Parameters: p.task.Recording.Parameters, InitialURL: p.task.InitialURL}
	values, err := workflow.Bind(p.recorded, b)
	var unbound *workflow.UnboundError
	if errors.As(err, &unbound) && len(p.Models) > 0 {
		values, err = p.askForValues(ctx, b, unbound)
	}
	var spent overBudget
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &spent):
		return failure("budget_exceeded", "The run met its budget: "+spent.what+"."), nil
	case errors.As(err, &unbound):
		return failure(codeUnbound, "Nothing was done: "+unbound.Error()+"."), nil
	case err != nil:
		return failure("invalid_parameters", err.Error()+"."), nil
	}
	if p.filled, err = p.recorded.Filled(values); err != nil {
		return failure("invalid_workflow", "The cached workflow cannot be filled in: "+err.Error()+"."), nil
	}
	p.filled = playable(p.filled)
	p.values, p.use.Parameters, p.use.OtherData = values, values, p.recorded.Differs(values)
	if text := p.recorded.Prompt(values); text != "" {
		p.task.Prompt = text // what a model is told, should one be needed
	}
	return nil, nil
}

// playable calls the actions by the names that are used now, and leaves out those by which a model ended the run: a
// replay reports what it reads.
func playable(w workflow.Workflow) workflow.Workflow {
	for i, s := range w.Steps {
		var actions []workflow.Action
		for _, a := range s.Actions {
			if a.Name == actionDone {
				continue
			}
			a.Name, a.Params = action.Renamed(a.Name, a.Params)
			actions = append(actions, a)
		}
		w.Steps[i].Actions = actions
	}
	return w
}

// askForValues has a model read the missing values out of the prompt. Its answer is checked like a caller's.
func (p *player) askForValues(ctx context.Context, b workflow.Binding, unbound *workflow.UnboundError) (map[string]any, error) {
	parameters, err := json.Marshal(p.recorded.Parameters)
	if err != nil {
		return nil, fmt.Errorf("encode the parameters: %w", err)
	}
	resp, err := p.ask(ctx, model.Request{
		System: bindPrompt, Schema: valuesSchema(unbound.Names),
		Messages: []model.Message{{Role: model.User, Text: fmt.Sprintf("# Template\n%s\n\n# Parameters\n%s\n\n# Wanted\n%s\n\n# New task\n%s",
			p.recorded.PromptTemplate, parameters, strings.Join(unbound.Names, ", "), b.Prompt)}},
	})
	if err != nil {
		return nil, errors.Join(unbound, err)
	}
	named, err := merged(b.Parameters, resp.Text)
	if err != nil {
		return nil, unbound
	}
	b.Parameters = named
	return workflow.Bind(p.recorded, b)
}

const sameTask = "same_task"

// merged are the values of a model's answer under those that the caller has named.
func merged(named json.RawMessage, answer string) (json.RawMessage, error) {
	values, own := map[string]any{}, map[string]any{}
	if err := json.Unmarshal([]byte(answer), &values); err != nil {
		return nil, err
	}
	if same, _ := values[sameTask].(bool); !same {
		return nil, errors.New("the prompt is for another task")
	}
	delete(values, sameTask)
	if len(named) > 0 {
		if err := json.Unmarshal(named, &own); err != nil {
			return nil, err
		}
	}
	maps.Copy(values, own)
	maps.DeleteFunc(values, func(_ string, v any) bool { return v == nil })
	return json.Marshal(values)
}

// valuesSchema asks for each value as text: the parameter's type is checked afterwards.
func valuesSchema(names []string) model.Schema {
	properties := map[string]any{sameTask: map[string]any{"type": "boolean"}}
	for _, name := range names {
		properties[name] = map[string]any{"type": []string{"string", "null"}}
	}
	raw, err := json.Marshal(map[string]any{"type": "object", "properties": properties})
	if err != nil {
		panic("agent: values schema: " + err.Error()) // strings only
	}
	return model.Schema{Name: "values", JSON: raw}
}
