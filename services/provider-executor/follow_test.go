package executor_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

func TestWhatOnlyLooksFollowsANavigationInTheSameStep(t *testing.T) {
	t.Parallel()
	url := page(t, `<!doctype html><title>Price</title><p>The kettle costs 39 euros.</p><button>Buy</button>`)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		switch {
		case strings.HasPrefix(c.Page(), "Query:"):
			return modelsim.Reply{Text: "39 euros"}
		case strings.Contains(c.Page(), "PAGE none"):
			return modelsim.Decide("read the price", modelsim.Navigate(url), modelsim.SearchPage("kettle"), modelsim.Extract("the price"), modelsim.Click(1), modelsim.Screenshot())
		}
		return modelsim.Decide("report", modelsim.Done("39", nil, true))
	}).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "price?"}))
	if run.Status != event.StatusSuccess || len(run.History) != 2 {
		t.Fatalf("%d steps, error %+v", len(run.History), run.Error)
	}
	actions := run.History[0].Actions
	for i, want := range []string{"", "", "", "not begun: the page changed", "not begun: the page changed"} {
		if got := *orEmpty(actions[i].Error); got != want {
			t.Errorf("%s: error %q, want %q", actions[i].Name, got, want)
		}
	}
	if found, read := *orEmpty(actions[1].ExtractedContent), *orEmpty(actions[2].ExtractedContent); !strings.Contains(found, "39 euros") || read != "39 euros" {
		t.Errorf("search_page brought %q, extract %q", found, read)
	}
	turn := ""
	for _, c := range r.sim.Calls() {
		for _, m := range c.Messages {
			if m.Role == "assistant" {
				turn = m.Text
			}
		}
	}
	if !strings.Contains(turn, `{"name":"click","index":1}`) || strings.Contains(turn, `\u00`) {
		t.Errorf("the model sees its own answer as %s", turn)
	}
}
