package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/event"
)

// Model is one that the agent may ask.
type Model struct {
	Provider string
	Name     string
	Client   model.Client
}

// charsPerToken is a cautious guess for what a call will cost before it is made: text and markup run at four and more.
const charsPerToken = 4

// overBudget ends a run that may not spend what the next call would cost.
type overBudget struct{ what string }

func (e overBudget) Error() string { return e.what }

// ask puts a question to the model in use, and to the fallbacks behind it where that gives no answer. What it costs
// is charged to the step. A model that failed is not asked again in this run.
func (r *run) ask(ctx context.Context, req model.Request) (model.Response, error) {
	for {
		m := r.Models[r.using]
		req.Model, req.Unusable = cmp.Or(req.Model, m.Name), r.unusable
		if err := r.affordable(m, req); err != nil {
			return model.Response{}, err
		}
		resp, err := m.Client.Decide(ctx, r.task.masked(req))
		resp.Text = string(r.task.Secrets.MaskJSON([]byte(resp.Text)))
		if !errors.Is(err, model.ErrResting) {
			r.charge(m, req.Model, resp)
		}
		if !r.fallBack(ctx, err) {
			return resp, err
		}
		req.Model = "" // a name means nothing to another provider
	}
}

// fallBack moves on to the next model where err is the fault of this one, and says whether there is one to ask.
func (r *run) fallBack(ctx context.Context, err error) bool {
	var e *model.Error
	if !errors.As(err, &e) || ctx.Err() != nil || r.using+1 >= len(r.Models) {
		return false
	}
	if e.Code == model.CodeInvalid || e.Code == model.CodeInvalidOutput && !e.Final {
		return false
	}
	r.using++
	r.unusable = 0
	r.Log.Warn("model gives no answer, asking the next", "code", e.Code, "error", e.Message,
		"provider", r.Models[r.using].Provider, "model", r.Models[r.using].Name)
	return true
}

// affordable reports an overBudget where a call to m would pass a limit of the task's budget.
func (r *run) affordable(m Model, req model.Request) error {
	b := r.task.Budget
	if b == nil {
		return nil
	}
	spent := r.usage.Add(r.spent)
	input := int64(len(req.System)+len(req.Schema.JSON)) / charsPerToken
	for _, msg := range req.Messages {
		input += int64(len(msg.Text)) / charsPerToken
	}
	switch {
	case b.MaxModelCalls != nil && spent.ModelCalls >= *b.MaxModelCalls:
		return overBudget{fmt.Sprintf("max_model_calls is %d", *b.MaxModelCalls)}
	case b.MaxInputTokens != nil && spent.InputTokens+input > *b.MaxInputTokens:
		return overBudget{fmt.Sprintf("max_input_tokens is %d, %d are spent and the next call would take about %d", *b.MaxInputTokens, spent.InputTokens, input)}
	case b.MaxOutputTokens != nil && spent.OutputTokens >= *b.MaxOutputTokens:
		return overBudget{fmt.Sprintf("max_output_tokens is %d", *b.MaxOutputTokens)}
	case b.MaxCostUSD != nil:
		return r.payable(m, req.Model, input, *b.MaxCostUSD)
	}
	return nil
}

// payable reports an overBudget where a call of about input tokens would bring the cost above limit.
func (r *run) payable(m Model, name string, input int64, limit float64) error {
	spent := r.usage.Add(r.spent)
	price, known := r.Prices.Of(model.Provider(m.Provider), name)
	if !known || (spent.ModelCalls > 0 && spent.CostUSD == nil) {
		return overBudget{fmt.Sprintf("max_cost_usd is set, and the price of %s is not known: add it to a file that ERRAND_PRICES names", name)}
	}
	cost := price.Cost(model.Usage{InputTokens: input})
	if spent.CostUSD != nil {
		cost += *spent.CostUSD
	}
	if cost > limit {
		return overBudget{fmt.Sprintf("max_cost_usd is %g, and the next call would bring the cost to about %.4f", limit, cost)}
	}
	return nil
}

// charge notes what an answer of the model called name cost.
func (r *run) charge(m Model, name string, resp model.Response) {
	used := event.Usage{ModelCalls: 1, InputTokens: resp.Usage.InputTokens, OutputTokens: resp.Usage.OutputTokens}
	if price, known := r.Prices.Of(model.Provider(m.Provider), name); known {
		used.CostUSD = ref(price.Cost(resp.Usage))
	}
	r.spent = r.spent.Add(used)
	r.answered, r.answeredBy = cmp.Or(resp.Model, name), m.Provider
}
