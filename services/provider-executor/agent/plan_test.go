package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// lastWords is a journal of an executor that dies as it has planned a step.
type lastWords struct{ step event.StepData }

var errDied = errors.New("the executor died")

func (l *lastWords) Planned(_ context.Context, step event.StepData) error {
	l.step = step
	return errDied
}

func (l *lastWords) Done(context.Context, event.StepData, []byte) error { return errDied }
func (l *lastWords) Waits(context.Context, time.Time, string) error     { return errDied }
func (l *lastWords) Resumed(context.Context) error                      { return errDied }

// play has an agent carry out t with a model that plays the script, until it dies.
func play(t *testing.T, script modelsim.Script, task Task) (*lastWords, Result, error) {
	t.Helper()
	srv := httptest.NewServer(modelsim.New(script))
	t.Cleanup(srv.Close)
	client, err := model.New(model.Config{Access: map[model.Provider]model.Access{model.OpenAI: {Key: "sk", BaseURL: srv.URL + "/v1"}}}).Client(model.OpenAI)
	if err != nil {
		t.Fatal(err)
	}
	journal := &lastWords{}
	a := Agent{
		Models: []Model{{Provider: "openai", Name: "m", Client: client}}, Journal: journal, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Browser: func(context.Context, *browser.State) (*browser.Session, error) { return nil, errDied },
	}
	task.MaxSteps = 20
	result, err := a.Run(t.Context(), task)
	return journal, result, err
}

func TestAPlannedStepSaysWhatItHasCostSoFar(t *testing.T) {
	navigate := modelsim.Decide("open", modelsim.Navigate("https://shop.test/"))
	navigate.Usage = modelsim.Usage{InputTokens: 700, OutputTokens: 30}
	journal, _, err := play(t, modelsim.Sequence(navigate), Task{Prompt: "look"})
	if want := (event.Usage{ModelCalls: 1, InputTokens: 700, OutputTokens: 30}); !errors.Is(err, errDied) || journal.step.Usage != want {
		t.Errorf("usage %+v, %v", journal.step.Usage, err)
	}
}

func TestWhatEarlierAttemptsKnewIsStillKnownWhenTheBudgetIsSpent(t *testing.T) {
	calls := int64(2)
	_, result, err := play(t, modelsim.Sequence(), Task{
		Prompt: "look", Budget: &event.Budget{MaxModelCalls: &calls},
		History: []event.StepData{{Number: 1, Memory: "tea is 3 euros", Usage: event.Usage{ModelCalls: 2}}},
	})
	if err != nil || result.Error == nil || result.Error.Code != "budget_exceeded" || string(result.Value) != `"tea is 3 euros"` || result.Usage.ModelCalls != 2 {
		t.Errorf("result %s, error %+v, %v", result.Value, result.Error, err)
	}
}
