package executor_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// moody is a model that answers well now and then, and in between in every bad way that models and providers have.
func moody(url string, seed uint64) modelsim.Script {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 7))
	soon := http.Header{"Retry-After": {"0.01"}}
	return func(c modelsim.Call) modelsim.Reply {
		mu.Lock()
		defer mu.Unlock()
		replies := []modelsim.Reply{
			modelsim.Decide("open", modelsim.Navigate(url)),
			modelsim.Decide("press nothing", modelsim.Click(dice.IntN(40))),
			modelsim.Decide("type", modelsim.Input(dice.IntN(40), "x"), modelsim.Click(dice.IntN(40))),
			modelsim.Decide("too much", modelsim.Wait(0), modelsim.Wait(0), modelsim.Wait(0), modelsim.Wait(0), modelsim.Wait(0), modelsim.Wait(0)),
			modelsim.Decide("read", modelsim.ExtractAs("all", map[string]any{"type": "array"})),
			modelsim.Decide("read", modelsim.Action{"name": "extract", "query": 5, "data": []any{1}}),
			modelsim.Decide("done and more", modelsim.Scroll(true, 1), modelsim.Done("x", nil, true)),
			modelsim.Decide("answer", modelsim.Done("", "no object", true)),
			modelsim.Decide("wrong types", modelsim.Action{"name": "click", "index": map[string]any{"n": 1}}),
			modelsim.Decide("nothing"),
			teleport(),
			{JSON: map[string]any{"data": "[1,"}},
			{JSON: []any{[]any{}, nil, 1}},
			{JSON: map[string]any{"actions": map[string]any{"click": 1}}},
			{Text: "I would rather click."},
			{Text: ""},
			{Text: strings.Repeat("{", 5000)},
			{Text: `{"actions":`, FinishReason: "length"},
			{Text: "I must not.", FinishReason: "refusal"},
			{Raw: []byte(`{"choices":[{"message":null}]}`)},
			{Raw: []byte("<html>")},
			{Status: 400, Text: "The response_format is not to our taste"},
			{Status: 400, Text: "No images, please"},
			{Status: 429, Text: "Slow down", Header: soon},
			{Status: 503, Text: "Busy", Header: soon},
		}
		return replies[dice.IntN(len(replies))]
	}
}

func TestHoweverBadlyAModelAnswersTheRunEndsWithinItsMeansAndSaysWhy(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, moody(url, seed)).withOwnBrowser()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "order", JSONSchema: priceSchema, MaxSteps: 8, Means: event.Means{
				Vision: seed%2 == 0, Judge: true, Budget: &event.Budget{MaxModelCalls: ref(int64(25))},
			}}))
			if !run.State.Terminal() || len(run.History) > 8 || run.Usage.ModelCalls > 25 {
				t.Errorf("%s after %d steps and %d calls", run.State, len(run.History), run.Usage.ModelCalls)
			}
			if run.Status != event.StatusSuccess && (run.Error == nil || run.Error.Code == "" || run.Error.Message == "") {
				t.Errorf("it does not say why: %+v", run.Error)
			}
			t.Logf("%s %+v after %d steps and %d calls", run.State, run.Error, len(run.History), run.Usage.ModelCalls)
		})
	}
}
