package executor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// walled is a shop behind a wall, and how often somebody tried to get through.
func walled(t *testing.T, wall string) (url string, tried *atomic.Int64) {
	t.Helper()
	tried = new(atomic.Int64)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>Shop</title><form method=post action=/pass>%s</form>`, wall)
	})
	mux.HandleFunc("POST /pass", func(w http.ResponseWriter, _ *http.Request) {
		tried.Add(1)
		fmt.Fprint(w, `<!doctype html><h1>Kettles</h1>`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, tried
}

// obedient is a model that keeps the rules it was given and fights every wall that no rule mentions.
func obedient(url string) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		page := c.Page()
		pass, behind := modelsim.Find(page, "button", "Let me in")
		wall := ""
		for word, sign := range map[string]string{"captcha": "not a robot", "login": "Password"} {
			if strings.Contains(page, sign) && strings.Contains(c.System, word) && strings.Contains(c.System, "Do not fight") && strings.Contains(c.System, strings.ToUpper(word)+":") {
				wall = word
			}
		}
		switch {
		case strings.Contains(page, "PAGE none"):
			return modelsim.Decide("open the shop", modelsim.Navigate(url))
		case wall != "":
			return modelsim.Decide("report the wall", modelsim.Done(strings.ToUpper(wall)+": the shop stands behind it.", nil, false))
		case behind:
			return modelsim.Decide("get in", modelsim.Click(pass))
		}
		return modelsim.Decide("report", modelsim.Done("A kettle is 39 euros.", nil, true))
	}
}

func TestCaptchasAndLoginsAreReportedAndNotFought(t *testing.T) {
	t.Parallel()
	codes := map[string]string{"captcha": "captcha", "login": "login_required"}
	for word, wall := range map[string]string{
		"captcha": `<h1>One moment</h1><label><input type=checkbox name=human> I am not a robot</label> <button>Let me in</button>`,
		"login":   `<h1>Members only</h1><label>User <input name=user></label> <label>Password <input type=password name=password></label> <button>Let me in</button>`,
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			url, tried := walled(t, wall)
			r := newRig(t, obedient(url)).withBrowser()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "What does the kettle cost?"}))
			wantCode(t, run, codes[word])
			said := strings.ToUpper(word) + ": the shop stands behind it."
			if !strings.Contains(run.Error.Message, said) || string(run.Result) != string(raw(said)) {
				t.Errorf("message %q, result %s", run.Error.Message, run.Result)
			}
			if len(run.History) != 2 || tried.Load() != 0 {
				t.Errorf("%d steps, %d tries to get through", len(run.History), tried.Load())
			}
		})
	}
}

// clumsy fails at each step but those that the list names, and reports after the last one.
func clumsy(url string, succeeds map[int]bool, last int) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		step := c.N - 1
		switch {
		case strings.Contains(c.Page(), "PAGE none"):
			return modelsim.Decide("open", modelsim.Navigate(url))
		case step > last:
			return modelsim.Decide("report", modelsim.Done("done after all", nil, true))
		case succeeds[step]:
			return modelsim.Decide("look", modelsim.Action{"name": "find_text", "text": "Order here"})
		}
		return modelsim.Decide("try", modelsim.Click(1000+step), modelsim.Click(2000+step))
	}
}

func TestFiveStepsInARowInWhichNothingWorksEndTheRun(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, clumsy(url, nil, 100)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "order"}))
	wantCode(t, run, "too_many_failures")
	if len(run.History) != 6 || run.Usage.ModelCalls != 6 {
		t.Errorf("%d steps, %d calls: want one that opens the page and five that fail", len(run.History), run.Usage.ModelCalls)
	}
	for _, step := range run.History[1:] {
		if a := step.Actions[0]; a.Success == nil || *a.Success || a.Error == nil {
			t.Errorf("%s has not failed", raw(a))
		}
	}
}

func TestAStepThatWorksForgivesTheFailuresBeforeIt(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, clumsy(url, map[int]bool{5: true}, 9)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "order"}))
	if run.Status != event.StatusSuccess || string(run.Result) != `"done after all"` {
		t.Errorf("status %s, error %+v, history %s", run.Status, run.Error, raw(run.History))
	}
}
