package executor_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// withGroq gives the rig a second provider, played by the same script.
func (r *rig) withGroq() *rig {
	base := strings.TrimSuffix(r.cfg.Models.Access[model.OpenAI].BaseURL, "/v1")
	r.cfg.Models.Access[model.Groq] = model.Access{Key: "gsk-test", BaseURL: base + "/groq/v1"}
	return r
}

var groq = []event.Choice{{Provider: "groq", Model: "openai/gpt-oss-120b"}}

// asked lists how the vendor's model was asked for JSON, call by call.
func (r *rig) asked(vendor string) []string {
	var ways []string
	for _, c := range r.sim.Calls() {
		if c.Vendor == vendor {
			ways = append(ways, c.Way)
		}
	}
	return ways
}

func teleport() modelsim.Reply { return modelsim.Decide("go", modelsim.Action{"name": "teleport"}) }

func TestAnUnusableAnswerIsShownOnceThenAskedForInOtherWays(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if c.Way == "json_object" {
			return modelsim.Decide("answer", modelsim.Done("at last", nil, true))
		}
		return teleport()
	})
	r.serve()
	for range 2 {
		if run := r.run(r.dispatch(event.Request{Prompt: "hello"})); string(run.Result) != `"at last"` || len(run.History) != 1 {
			t.Fatalf("result %s, error %+v", run.Result, run.Error)
		}
	}
	want := []string{"json_schema", "json_schema", "tool", "json_object", "json_object"}
	if got := r.asked("openai"); !slices.Equal(got, want) {
		t.Errorf("two runs asked by %v, want %v", got, want)
	}
	for i, c := range r.sim.Calls()[:4] {
		if len(c.Messages) != 1+2*i || i > 0 && !strings.Contains(c.Page(), `there is no action "teleport"`) {
			t.Errorf("call %d has %d messages, the last: %s", i, len(c.Messages), c.Page())
		}
	}
}

func TestAUsableAnswerForgivesTheUnusableOnesBeforeIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, modelsim.Sequence(
		teleport(), modelsim.Decide("answer", modelsim.Done("", map[string]any{"price": "39"}, true)), // not what the schema says
		teleport(), modelsim.Decide("answer", modelsim.Done("", map[string]any{"price": 39}, true)),
	))
	r.serve()
	if run := r.run(r.dispatch(event.Request{Prompt: "price?", JSONSchema: priceSchema})); string(run.Result) != `{"price":39}` {
		t.Fatalf("result %s, error %+v", run.Result, run.Error)
	}
	if got, want := r.asked("openai"), slices.Repeat([]string{"json_schema"}, 4); !slices.Equal(got, want) {
		t.Errorf("asked by %v, want %v", got, want)
	}
}

func TestAModelThatNeverAnswersUsablyGivesWayToTheFallback(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if c.Vendor == "groq" && c.Way == "json_schema_loose" {
			return modelsim.Decide("answer", modelsim.Done("from the fallback", nil, true))
		}
		return teleport()
	}).withGroq()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "hello", Means: event.Means{Fallbacks: groq}}))
	if run.Status != event.StatusSuccess || string(run.Result) != `"from the fallback"` || run.Usage.ModelCalls != 8 {
		t.Errorf("status %s, result %s, error %+v, %d calls", run.Status, run.Result, run.Error, run.Usage.ModelCalls)
	}
	if first, second := r.asked("openai"), r.asked("groq"); len(first) != 5 || !slices.Equal(second, []string{"json_schema", "json_schema", "json_schema_loose"}) {
		t.Errorf("asked by %v, then by %v", first, second)
	}
	alone := r.run(r.dispatch(event.Request{Prompt: "hello", SessionTimeout: 4})) // less than it would wait in the queue
	wantCode(t, alone, "invalid_output")
	if !strings.Contains(alone.Error.Message, "teleport") || !strings.Contains(alone.Error.Message, "choose another model") {
		t.Errorf("message %q", alone.Error.Message)
	}
}

func TestALongUnusableAnswerIsNotSentBackWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t, modelsim.Sequence(
		modelsim.Reply{Text: strings.Repeat("I think. ", 100_000)}, modelsim.Decide("answer", modelsim.Done("ok", nil, true)),
	))
	r.serve()
	if run := r.run(r.dispatch(event.Request{Prompt: "hello"})); run.Status != event.StatusSuccess {
		t.Fatalf("error %+v", run.Error)
	}
	if echo := r.sim.Calls()[1].Messages[1]; echo.Role != "assistant" || len(echo.Text) > 5000 || len(echo.Text) < 1000 {
		t.Errorf("%s is sent %d characters", echo.Role, len(echo.Text))
	}
}

func TestADeadProviderCostsLaterRunsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if c.Vendor == "groq" {
			return modelsim.Decide("answer", modelsim.Done("from the fallback", nil, true))
		}
		return modelsim.Reply{Status: 503, Text: "Down for repairs", Header: http.Header{"Retry-After": {"0.01"}}}
	}).withGroq()
	r.serve()
	for range 3 {
		wantCode(t, r.run(r.dispatch(event.Request{Prompt: "hello", SessionTimeout: 4})), "provider_unavailable")
	}
	made := len(r.asked("openai"))
	once := event.Means{Fallbacks: groq, Budget: &event.Budget{MaxModelCalls: ref(int64(1))}}
	run := r.run(r.dispatch(event.Request{Prompt: "hello", Means: once}))
	if string(run.Result) != `"from the fallback"` || run.Usage.ModelCalls != 1 {
		t.Errorf("result %s, error %+v, %d calls", run.Result, run.Error, run.Usage.ModelCalls)
	}
	alone := r.run(r.dispatch(event.Request{Prompt: "hello", SessionTimeout: 4})) // less than it would wait in the queue
	wantCode(t, alone, "provider_unavailable")
	if !strings.Contains(alone.Error.Message, "not asked for now") || !strings.Contains(alone.Error.Message, "tried again in") {
		t.Errorf("message %q", alone.Error.Message)
	}
	if after := len(r.asked("openai")); made != 12 || after != made {
		t.Errorf("%d calls to the dead provider, and then %d", made, after-made)
	}
}
