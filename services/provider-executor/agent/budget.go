package agent

import (
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/model"
)

// mostBounded is the longest answer that is bounded by what a budget leaves, in tokens. Where more is left, that is left
// to the provider: a limit above the model's own is refused.
const mostBounded = 8192

// overBudget ends a run that may not spend what the next call would cost.
type overBudget struct{ what string }

func (e overBudget) Error() string { return e.what }

// afford says how long an answer to a call the budget leaves room for, in tokens; 0 for any length. Where the call itself
// would pass a limit, it reports an overBudget.
func (r *run) afford(m Model, req model.Request) (answer int, err error) {
	b := r.task.Budget
	if b == nil {
		return 0, nil
	}
	spent, input, left := r.usage.Add(r.spent), model.Estimate(req), int64(mostBounded+1)
	switch {
	case b.MaxModelCalls != nil && spent.ModelCalls >= *b.MaxModelCalls:
		return 0, overBudget{fmt.Sprintf("max_model_calls is %d", *b.MaxModelCalls)}
	case b.MaxInputTokens != nil && spent.InputTokens+input > *b.MaxInputTokens:
		return 0, overBudget{fmt.Sprintf("max_input_tokens is %d, %d are spent and the next call would take about %d", *b.MaxInputTokens, spent.InputTokens, input)}
	case b.MaxOutputTokens != nil && spent.OutputTokens >= *b.MaxOutputTokens:
		return 0, overBudget{fmt.Sprintf("max_output_tokens is %d", *b.MaxOutputTokens)}
	case b.MaxOutputTokens != nil:
		left = min(left, *b.MaxOutputTokens-spent.OutputTokens)
	}
	if b.MaxCostUSD != nil {
		paid, err := r.payable(m, req.Model, input)
		if err != nil {
			return 0, err
		}
		left = min(left, paid)
	}
	if left > mostBounded {
		left = 0
	}
	return int(left), nil
}

// payable is how many tokens of an answer of the model called name the budget can pay behind a question of input tokens.
func (r *run) payable(m Model, name string, input int64) (answer int64, err error) {
	limit, spent := *r.task.Budget.MaxCostUSD, r.usage.Add(r.spent)
	price, known := r.Prices.Of(model.Provider(m.Provider), name)
	if !known || (spent.ModelCalls > 0 && spent.CostUSD == nil) {
		return 0, overBudget{fmt.Sprintf("max_cost_usd is set, and the price of %s is not known: add it to a file that ERRAND_PRICES names", name)}
	}
	cost := price.Cost(model.Usage{InputTokens: input})
	if spent.CostUSD != nil {
		cost += *spent.CostUSD
	}
	left := mostBounded + 1.0
	if price.Output > 0 {
		left = min(left, (limit-cost)*1e6/price.Output)
	}
	if cost > limit || left < 1 {
		return 0, overBudget{fmt.Sprintf("max_cost_usd is %g, and the next call would bring the cost to about %.4f", limit, cost)}
	}
	return int64(left), nil
}
