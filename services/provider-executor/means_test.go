package executor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	executor "github.com/errand-run/errand/services/provider-executor"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

func ref[T any](v T) *T { return &v }

func TestAFallbackAnswersWhereTheFirstModelCannotAndTheStepSaysWhich(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if c.Vendor == "groq" {
			return modelsim.Decide("answer", modelsim.Done("from the fallback", nil, true))
		}
		return modelsim.Reply{Status: 401, Text: "revoked"}
	})
	srv := httptest.NewServer(r.sim)
	t.Cleanup(srv.Close)
	cfg, err := executor.LoadConfig(func(key string) string {
		return map[string]string{
			"OPENAI_API_KEY": "sk", "OPENAI_BASE_URL": srv.URL + "/openai/v1",
			"GROQ_API_KEY": "gsk", "GROQ_BASE_URL": srv.URL + "/groq/v1", "ERRAND_CHROMIUM": "/nonexistent",
		}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	r.cfg = cfg
	r.serve()
	k := r.dispatch(event.Request{Prompt: "hello", Means: event.Means{Fallbacks: []event.Choice{
		{Provider: "mistral", Model: "no-key"}, {Provider: "groq", Model: "openai/gpt-oss-120b"},
	}}})
	run := r.run(k)
	if run.Status != event.StatusSuccess || string(run.Result) != `"from the fallback"` {
		t.Fatalf("status %s, result %s, error %+v", run.Status, run.Result, run.Error)
	}
	steps, err := r.bus.Steps(t.Context(), k)
	if err != nil || steps[0].Data.Provider != "groq" || steps[0].Data.Usage.ModelCalls != 2 {
		t.Errorf("step %+v, %v", steps, err)
	}
}

// looker navigates once and then looks at the page for ever, at another place each time.
func looker(url string) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.Page(), "PAGE none") {
			return modelsim.Decide("open", modelsim.Navigate(url))
		}
		return modelsim.Decide("look", modelsim.Action{"name": "find_text", "text": fmt.Sprint("place ", c.N)})
	}
}

func TestABudgetIsCheckedBeforeEachCallAndTheHistoryStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget event.Budget
		says   string
	}{
		"calls":       {event.Budget{MaxModelCalls: ref(int64(3))}, "max_model_calls is 3"},
		"input":       {event.Budget{MaxInputTokens: ref(int64(4000))}, "max_input_tokens is 4000"},
		"output":      {event.Budget{MaxOutputTokens: ref(int64(40))}, "max_output_tokens is 40"},
		"cost":        {event.Budget{MaxCostUSD: ref(0.012)}, "max_cost_usd is 0.012"},
		"no headroom": {event.Budget{MaxInputTokens: ref(int64(10))}, "0 are spent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := counter(t)
			r := newRig(t, looker(url)).withBrowser()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "look", Model: "gpt-4.1", Means: event.Means{Budget: &c.budget}}))
			wantCode(t, run, "budget_exceeded")
			if !strings.Contains(run.Error.Message, c.says) {
				t.Errorf("message %q, want %q in it", run.Error.Message, c.says)
			}
			if name != "no headroom" && len(run.History) == 0 {
				t.Error("the history is lost")
			}
			if b := c.budget; b.MaxModelCalls != nil && run.Usage.ModelCalls != *b.MaxModelCalls {
				t.Errorf("%d calls", run.Usage.ModelCalls)
			}
			if run.Usage.CostUSD == nil && run.Usage.ModelCalls > 0 {
				t.Error("the cost of a priced model is unknown")
			}
		})
	}
}

func TestTheLastAnswerIsNoLongerThanTheBudgetLeaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget event.Budget
		most   int // tokens of the second answer
	}{
		"tokens":             {event.Budget{MaxOutputTokens: ref(int64(500))}, 400},
		"money":              {event.Budget{MaxCostUSD: ref(0.05)}, 5650}, // at 8 dollars a million, what the first call leaves, less the second question
		"more than it needs": {event.Budget{MaxOutputTokens: ref(int64(100_000)), MaxCostUSD: ref(5.0)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c modelsim.Call) modelsim.Reply {
				if c.N == 1 {
					reply := teleport()
					reply.Usage = modelsim.Usage{InputTokens: 2000, OutputTokens: 100}
					return reply
				}
				return modelsim.Reply{Text: `{"next_goal":`, FinishReason: "length", Usage: modelsim.Usage{InputTokens: 1000, OutputTokens: int64(c.MaxOutputTokens)}}
			})
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "answer", Model: "gpt-4.1", Means: event.Means{Budget: &c.budget}}))
			most := r.sim.Calls()[1].MaxOutputTokens
			if c.most == 0 {
				if most != 0 {
					t.Errorf("the answer is bounded to %d tokens", most)
				}
				return
			}
			wantCode(t, run, "budget_exceeded")
			if most < c.most*9/10 || most > c.most {
				t.Errorf("the second answer may have %d tokens, want about %d", most, c.most)
			}
			if b := c.budget; b.MaxOutputTokens != nil && run.Usage.OutputTokens > *b.MaxOutputTokens || b.MaxCostUSD != nil && *run.Usage.CostUSD > *b.MaxCostUSD {
				t.Errorf("usage %+v", run.Usage)
			}
		})
	}
}

func TestAReaderThatDoesNotExistGivesWayToTheModelThatDecides(t *testing.T) {
	t.Parallel()
	reads := func(c modelsim.Call) modelsim.Reply {
		if c.Model == "gone" {
			return modelsim.Reply{Status: 404, Text: "The model `gone` does not exist"}
		}
		return modelsim.Reply{Text: "39 euros"}
	}
	for name, fallbacks := range map[string][]event.Choice{"alone": nil, "with a fallback": groq} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, extractor(page(t, "<h1>Kettle: 39 euros</h1>"), modelsim.Action{"query": "the price"}, reads)).withBrowser().withGroq()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "price?", Means: event.Means{ExtractModel: "gone", Fallbacks: fallbacks}}))
			if content, failed := extracted(t, run); content != "39 euros" || failed != "" || string(run.Result) != `"read"` {
				t.Errorf("extracted %q, error %q, result %s", content, failed, run.Result)
			}
			if calls := r.asked("groq"); len(calls) != 0 {
				t.Errorf("the fallback was asked %d times", len(calls))
			}
		})
	}
}

func TestACostLimitNeedsAPrice(t *testing.T) {
	t.Parallel()
	r := newRig(t, answer("never"))
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "hello", Means: event.Means{Budget: &event.Budget{MaxCostUSD: ref(1.0)}}}))
	wantCode(t, run, "budget_exceeded")
	if !strings.Contains(run.Error.Message, "ERRAND_PRICES") || run.Usage.ModelCalls != 0 {
		t.Errorf("message %q after %d calls", run.Error.Message, run.Usage.ModelCalls)
	}
}

func TestAnAgentThatRepeatsItselfIsToldAndThenStopped(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.Page(), "PAGE none") {
			return modelsim.Decide("open", modelsim.Navigate(url))
		}
		return modelsim.Decide("look", modelsim.Action{"name": "find_text", "text": "Order here"})
	}).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "look"}))
	wantCode(t, run, "stuck")
	nudged := 0
	for _, c := range r.sim.Calls() {
		if strings.Contains(c.Page(), "You have done exactly this") {
			nudged++
		}
	}
	if nudged != 3 {
		t.Errorf("the agent was told %d times", nudged)
	}
}

func TestAJudgeLooksAtAClaimOfSuccess(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.System, "You judge") {
			return modelsim.Reply{JSON: map[string]any{"verdict": false, "reason": "no page says so"}}
		}
		return modelsim.Decide("answer", modelsim.Done("bought it", nil, true))
	})
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "buy a kettle", Means: event.Means{Judge: true}}))
	if run.Status != event.StatusSuccess || run.Judgement == nil || run.Judgement.Verdict || run.Judgement.Reason != "no page says so" {
		t.Errorf("status %s, judgement %+v", run.Status, run.Judgement)
	}
	if run.Usage.ModelCalls != 2 {
		t.Errorf("%d calls", run.Usage.ModelCalls)
	}
}

func TestALongPageIsReadToItsEndInParts(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString("<!doctype html><title>Book</title>")
	for i := range 3000 {
		fmt.Fprintf(&page, "<p>Line %d of the long book that nobody reads.</p>", i)
	}
	page.WriteString("<p>The last word is kettle.</p>")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page.String())) }))
	t.Cleanup(srv.Close)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		text := c.Page()
		switch {
		case strings.HasPrefix(text, "Query:") && strings.Contains(text, "The last word is kettle."):
			return modelsim.Reply{Text: "kettle"}
		case strings.HasPrefix(text, "Query:"):
			return modelsim.Reply{Text: "NOTHING"}
		case strings.Contains(text, "PAGE none"):
			return modelsim.Decide("open", modelsim.Navigate(srv.URL))
		case strings.Contains(text, "1. extract: done, effect not verified: kettle"):
			return modelsim.Decide("report", modelsim.Done("kettle", nil, true))
		}
		return modelsim.Decide("read", modelsim.Extract("the last word"))
	}).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "find the last word", Means: event.Means{ExtractModel: "small"}}))
	if string(run.Result) != `"kettle"` {
		t.Fatalf("result %s, error %+v, history %s", run.Result, run.Error, raw(run.History))
	}
	parts := 0
	for _, c := range r.sim.Calls() {
		if strings.HasPrefix(c.Page(), "Query:") {
			parts++
			if c.Model != "small" {
				t.Errorf("the page was read by %s", c.Model)
			}
		} else if c.Model == "small" {
			t.Error("the small model decided")
		}
	}
	if parts < 3 {
		t.Errorf("the page was read in %d parts", parts)
	}
}

func TestWithVisionTheModelSeesThePage(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, orderer(url)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "order", ResponseFormat: "json", Means: event.Means{Vision: true}}))
	if run.Status != event.StatusSuccess {
		t.Fatalf("error %+v", run.Error)
	}
	calls := r.sim.Calls()
	if last := calls[len(calls)-1].Messages; len(last[len(last)-1].Image) < 1000 {
		t.Error("the last call shows no image")
	}
}
