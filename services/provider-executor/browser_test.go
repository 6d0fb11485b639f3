package executor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

// counter is a site with one form, and what has arrived at it.
func counter(t *testing.T) (url string, orders chan string) {
	t.Helper()
	orders = make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Counter</title><h1>Order here</h1>
			<form method=post action=/orders><label>Your name <input name=who></label>
			<label>Drink <select name=drink><option>Tea<option>Coffee</select></label>
			<label><input type=checkbox name=milk> Milk</label><button>Send order</button></form>`)
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		orders <- fmt.Sprintf("%s %s milk=%s", r.FormValue("who"), r.FormValue("drink"), r.FormValue("milk"))
		http.Redirect(w, r, "/thanks", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /thanks", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Thanks</title><h1>Order number 17</h1>`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, orders
}

// orderer reads the page and answers from it, as a model would.
func orderer(url string) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		page := c.Page()
		name, hasName := modelsim.Find(page, "textbox", "Your name")
		drink, _ := modelsim.Find(page, "select", "Drink")
		milk, _ := modelsim.Find(page, "checkbox", "Milk")
		send, _ := modelsim.Find(page, "button", "Send order")
		switch {
		case strings.Contains(page, "Order number 17"):
			return modelsim.Decide("report", modelsim.Done("", map[string]any{"order": 17}, true))
		case hasName:
			return modelsim.Decide("order", modelsim.Input(name, "Zoë"), modelsim.SelectDropdown(drink, "Coffee"),
				modelsim.Click(milk), modelsim.Click(send))
		case strings.Contains(page, "PAGE none"):
			return modelsim.Decide("open the counter", modelsim.Navigate(url))
		}
		return modelsim.Reply{Status: 500, Text: "no such page in the script: " + page}
	}
}

func TestARunOrdersInARealBrowserAndShowsAllItDid(t *testing.T) {
	t.Parallel()
	url, orders := counter(t)
	r := newRig(t, orderer(url)).withBrowser()
	r.serve()
	k := r.dispatch(event.Request{Prompt: "order a coffee with milk for Zoë", ResponseFormat: "json", JSONSchema: raw(map[string]any{
		"type": "object", "required": []string{"order"}, "properties": map[string]any{"order": map[string]any{"type": "integer"}},
	})})
	run := r.run(k)
	if run.Status != event.StatusSuccess || string(run.Result) != `{"order":17}` {
		t.Fatalf("status %s, result %s, error %+v, history %s", run.Status, run.Result, run.Error, raw(run.History))
	}
	if got := <-orders; got != "Zoë Coffee milk=on" || len(orders) != 0 {
		t.Errorf("the counter got %q and %d more", got, len(orders))
	}
	steps, err := r.bus.Steps(t.Context(), k)
	if err != nil || len(steps) != 3 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	for _, a := range steps[1].Data.Actions[:3] {
		if a.Success == nil || !*a.Success {
			t.Errorf("%s is not verified: %s", a.Name, raw(a))
		}
		if a.Params["xpath"] == nil || a.Params["index"] != nil {
			t.Errorf("%s has parameters %v", a.Name, a.Params)
		}
	}
	for n, want := range []bool{true, true, true, false} { // the button leaves the page
		a := steps[1].Data.Actions[n]
		if a.BoxBefore == nil || a.BoxBefore.Width < 10 || (a.Box != nil) != want {
			t.Errorf("%s stood at %+v, then at %+v", a.Name, a.BoxBefore, a.Box)
		}
	}
	if small, err := r.bus.Screenshot(t.Context(), steps[1].Data.Thumbnail); err != nil || len(small) > 10_000 || string(small[:2]) != "\xff\xd8" {
		t.Errorf("thumbnail of %d bytes, %v", len(small), err)
	}
	if told, err := r.bus.Object(t.Context(), steps[1].Data.Told); err != nil || !strings.Contains(string(told), "Your name") {
		t.Errorf("the model was told %q, %v", told, err)
	}
	shot, err := r.bus.Screenshot(t.Context(), steps[1].Data.Screenshot)
	if err != nil || len(shot) < 1000 || string(shot[:2]) != "\xff\xd8" {
		t.Errorf("screenshot of %d bytes, %v", len(shot), err)
	}
}

func TestTheInitialPageIsTheFirstStep(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, orderer("http://127.0.0.1:1/never")).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "order a coffee", InitialURL: url, ResponseFormat: "json"}))
	if run.Status != event.StatusSuccess || len(run.History) != 3 || run.History[0].Actions[0].Name != "navigate" {
		t.Errorf("status %s, history %s, error %+v", run.Status, raw(run.History), run.Error)
	}
}

func TestWithoutABrowserARunThatNeedsOneSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	r := newRig(t, orderer("http://127.0.0.1:1/"))
	r.serve()
	wantCode(t, r.run(r.dispatch(event.Request{Prompt: "order"})), "no_browser")
}

func TestTheRunEndsAtItsLastStep(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if strings.Contains(c.Page(), "PAGE none") {
			return modelsim.Decide("open", modelsim.Navigate(url))
		}
		return modelsim.Decide("look around", modelsim.Scroll(true, 1))
	}).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "look", MaxSteps: 3}))
	wantCode(t, run, "max_steps")
	if len(run.History) != 2 { // the third could only have been done, and the model would not
		t.Errorf("%d steps", len(run.History))
	}
}

func TestTheModelSeesAWholePageWhenItAsksAndOnlyOnce(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Long</title>`)
		for i := range 25000 {
			fmt.Fprintf(w, "<a href=/%d>row %d</a><br>", i, i)
		}
	}))
	t.Cleanup(srv.Close)
	var seen []string
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		seen = append(seen, c.Page())
		return []modelsim.Reply{
			modelsim.Decide("open", modelsim.Navigate(srv.URL)),
			modelsim.Decide("look", modelsim.WholePage()),
			modelsim.Decide("wait", modelsim.Wait(0)),
			modelsim.Decide("report", modelsim.Done("x", nil, true)),
		}[min(len(seen)-1, 3)]
	}).withBrowser()
	r.serve()
	if run := r.run(r.dispatch(event.Request{Prompt: "count the rows"})); run.Status != event.StatusSuccess || len(seen) != 4 {
		t.Fatalf("status %s, error %+v after %d calls", run.Status, run.Error, len(seen))
	}
	whole := seen[2]
	if strings.Contains(seen[1], "row 900\n") || !strings.Contains(whole, "row 900\n") || !strings.Contains(whole, "--- cut here: ") || len(whole) > 82_000 {
		t.Errorf("the whole page has %d characters and ends with %s", len(whole), whole[max(0, len(whole)-200):])
	}
	if len(seen[3]) > 30_000 {
		t.Errorf("the page after it has %d characters", len(seen[3]))
	}
}

func TestARunEvaluatesCodeOnlyWhereItsTaskAllowsIt(t *testing.T) {
	t.Parallel()
	url, _ := counter(t)
	for _, allowed := range []bool{true, false} {
		var offered bool
		r := newRig(t, func(c modelsim.Call) modelsim.Reply {
			last := c.Messages[len(c.Messages)-1].Text
			offered = strings.Contains(c.Messages[0].Text, "evaluate {text}")
			switch {
			case strings.Contains(c.Page(), "PAGE none"):
				return modelsim.Decide("open", modelsim.Navigate(url))
			case strings.Contains(last, "gave: ") || strings.Contains(last, "evaluate is off"):
				return modelsim.Decide("report", modelsim.Done(last[:strings.Index(last, "<page")], nil, true))
			}
			return modelsim.Decide("count", modelsim.Evaluate("document.forms.length + 40"))
		}).withBrowser()
		r.serve()
		run := r.run(r.dispatch(event.Request{Prompt: "count the forms", Means: event.Means{AllowEvaluate: allowed}}))
		if got := strings.Contains(string(run.Result), "gave: 41"); run.Status != event.StatusSuccess || got != allowed || offered != allowed {
			t.Errorf("allowed %v: offered %v, status %s, result %s, error %+v", allowed, offered, run.Status, run.Result, run.Error)
		}
	}
}
