package agent

import (
	"cmp"
	"context"
	"errors"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/event"
)

// Model is one that the agent may ask.
type Model struct {
	Provider string
	Name     string
	Client   model.Client
}

// ask puts a question to the model in use, and to the fallbacks behind it where that gives no answer. What it costs
// is charged to the step. A model that failed is not asked again in this run.
func (r *run) ask(ctx context.Context, req model.Request) (model.Response, error) {
	if len(r.Models) == 0 {
		return model.Response{}, &model.Error{Code: model.CodeNotConfigured, Message: "no provider has a key"}
	}
	for {
		m := r.Models[r.using]
		req.Model, req.Unusable, req.Timeout = cmp.Or(req.Model, m.Name), r.unusable, r.task.ModelTimeout
		var err error
		if req.MaxOutputTokens, err = r.afford(m, req); err != nil {
			return model.Response{}, err
		}
		resp, err := m.Client.Decide(ctx, r.task.masked(req))
		resp.Text = string(r.task.Secrets.MaskJSON([]byte(resp.Text)))
		if !errors.Is(err, model.ErrResting) {
			r.charge(m, req.Model, resp)
		}
		if !atFault(ctx, err) || !r.dismissReader(req.Model) && !r.fallBack(err) {
			return resp, err
		}
		req.Model = "" // a name means nothing to another provider
	}
}

// atFault reports whether err is the fault of the model that was asked, so that another may do better.
func atFault(ctx context.Context, err error) bool {
	var e *model.Error
	return errors.As(err, &e) && ctx.Err() == nil && e.Code != model.CodeInvalid && (e.Code != model.CodeInvalidOutput || e.Final)
}

// dismissReader has the model that decides read pages from now on, where one of the task's own for that has failed.
func (r *run) dismissReader(name string) bool {
	if name != r.task.ExtractModel || name == r.Models[r.using].Name {
		return false
	}
	r.Log.Warn("extract_model gives no answer, asking the run's model", "extract_model", name)
	r.task.ExtractModel = ""
	return true
}

// fallBack moves on to the next model, and says whether there is one.
func (r *run) fallBack(err error) bool {
	if r.using+1 >= len(r.Models) {
		return false
	}
	r.using++
	r.unusable = 0
	r.Log.Warn("model gives no answer, asking the next", "error", err,
		"provider", r.Models[r.using].Provider, "model", r.Models[r.using].Name)
	return true
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
