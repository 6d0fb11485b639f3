package executor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// byHand is a workflow of two steps: it opens a page, and does something there.
func byHand(url string, actions ...workflow.Action) workflow.Workflow {
	return workflow.Workflow{Parameters: []workflow.Parameter{}, PromptTemplate: "Go.", Steps: []workflow.Step{
		{Number: 1, Description: "Open", Actions: []workflow.Action{{Name: "navigate", Params: map[string]any{"url": url}}}},
		{Number: 2, Description: "Do it", Actions: actions},
	}}
}

// press is a recorded click on a button, told by its name and what more there is.
func press(name string, more map[string]any) workflow.Action {
	target := map[string]any{"tag": "button", "role": "button", "name": name}
	for k, v := range more {
		target[k] = v
	}
	return workflow.Action{Name: "click", Params: map[string]any{"target": target}}
}

// posts is a button that posts to a path of its page.
func posts(name, path, more string) string {
	return `<button ` + more + ` onclick="fetch('` + path + `', {method: 'POST'})">` + name + `</button>`
}

// asksForElement reports whether a call is the one question about the one element.
func asksForElement(c modelsim.Call) bool { return strings.Contains(c.Page(), "# Recorded control") }

// element is an answer to it.
func element(index any, sure bool) modelsim.Reply {
	return modelsim.Reply{JSON: map[string]any{"index": index, "sure": sure, "reason": "so it seems"}}
}

func givesUp() modelsim.Reply {
	return modelsim.Decide("give up", modelsim.Done("it is not there", nil, false))
}

func TestWhatHasComeToSayThatItCannotBeUndoneIsNotClickedWithoutCertainty(t *testing.T) {
	t.Parallel()
	save := press("Save", map[string]any{"testid": "go"})
	for name, c := range map[string]struct {
		html   string
		action workflow.Action
		answer func(look) modelsim.Reply // nil: there is no model
		want   []string
	}{
		"same test id, no model":     {posts("Delete", "/gone", "data-testid=go"), save, nil, nil},
		"same test id, not sure":     {posts("Delete", "/gone", "data-testid=go"), save, func(l look) modelsim.Reply { return element(l.index("button", "Delete"), false) }, nil},
		"same test id, sure":         {posts("Delete", "/gone", "data-testid=go"), save, func(l look) modelsim.Reply { return element(l.index("button", "Delete"), true) }, []string{"/gone?"}},
		"same test id, harmless":     {posts("Keep", "/kept", "data-testid=go"), save, nil, []string{"/kept?"}},
		"another control, not sure":  {posts("Delete", "/gone", ""), press("Save", nil), func(l look) modelsim.Reply { return element(l.index("button", "Delete"), false) }, nil},
		"recorded as such, not sure": {posts("Do it", "/gone", ""), press("Delete all", nil), func(l look) modelsim.Reply { return element(l.index("button", "Do it"), false) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, posted := pages(t, map[string]string{"/": "<title>Page</title><h1>Page</h1>" + c.html, "/gone": "", "/kept": ""})
			r := newRig(t, func(call modelsim.Call) modelsim.Reply {
				if asksForElement(call) {
					return c.answer(look{t, call.Page()})
				}
				return givesUp()
			}).withBrowser()
			if c.answer == nil {
				r.withoutKeys()
			}
			r.serve()
			run := r.replay(byHand(url, c.action), event.Request{Prompt: "Go."})
			wantPosted(t, posted, c.want...)
			if c.want == nil {
				wantCode(t, run, "workflow_failed")
				if !strings.Contains(run.Error.Message, "Step 2") {
					t.Errorf("message %s", run.Error.Message)
				}
			} else if run.State != event.StateSucceeded {
				t.Errorf("run %s: %+v", run.State, run.Error)
			}
		})
	}
}

func TestAModelThatKnowsNoControlDoesTheStepItsOwnWay(t *testing.T) {
	t.Parallel()
	b := openBar(t)
	b.renamed.Store(true)
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		if asksForElement(c) {
			return element(nil, false)
		}
		index, found := modelsim.Find(c.Page(), "button", "Bring it to me")
		if !found {
			t.Errorf("asked although the step is done: %s", c.Page())
		}
		return modelsim.Decide("send it", modelsim.Click(index))
	}).withBrowser()
	r.serve()
	run := r.replayed(b, "Order Tea for Ada.")
	if run.State != event.StateSucceeded || run.Execution != event.ExecutionHealed || run.Usage.ModelCalls != 2 {
		t.Fatalf("run %s by %s with %d calls: %+v", run.State, run.Execution, run.Usage.ModelCalls, run.Error)
	}
	wantOrder(t, b, "Ada: Tea")
	if healed := r.healedWorkflow(run); !strings.Contains(healed, "Bring it to me") {
		t.Errorf("healed %s", healed)
	}
}

func TestAModelThatLeadsNowhereEndsTheRunAndTeachesNothing(t *testing.T) {
	t.Parallel()
	url, posted := pages(t, map[string]string{"/": "<title>Page</title><h1>Page</h1>" + posts("Other", "/other", ""), "/other": ""})
	w := byHand(url, press("Next", nil))
	w.Steps[1].After = &workflow.Condition{URL: url + "/next"}
	for name, c := range map[string]struct {
		last func(look) modelsim.Reply
		want []string
	}{
		"it goes on and on": {nil, []string{"/other?", "/other?", "/other?", "/other?", "/other?"}},
		"it says it is done": {func(look) modelsim.Reply {
			return modelsim.Decide("done", modelsim.Done("", nil, true))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(call modelsim.Call) modelsim.Reply {
				l := look{t, call.Page()}
				switch {
				case asksForElement(call):
					return element(nil, false)
				case c.last != nil:
					return c.last(l)
				}
				return modelsim.Decide("try", modelsim.Click(l.index("button", "Other")))
			}).withBrowser()
			r.serve()
			run := r.replay(w, event.Request{Prompt: "Go."})
			wantCode(t, run, "workflow_failed")
			if !strings.Contains(run.Error.Message, `"Next"`) || !strings.Contains(run.Error.Message, "could not mend it") {
				t.Errorf("message %s", run.Error.Message)
			}
			last, err := r.bus.Last(t.Context(), event.Key{Task: *run.TaskID, Run: *run.TaskRunID})
			if err != nil || last.Data.Run.Workflow == nil || last.Data.Run.Workflow.Healed != "" {
				t.Errorf("saved %+v, %v", last.Data.Run.Workflow, err)
			}
			wantPosted(t, posted, c.want...)
		})
	}
}

func TestAnActionThatFailedAfterItHadSentSomethingIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	box := func(name string) string {
		return `<label><input type=checkbox onclick="fetch('/set', {method: 'POST'}); return false">` + name + `</label>`
	}
	for name, shown := range map[string]string{"found by the replay": "News", "found by the model": "Tidings"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, posted := pages(t, map[string]string{"/": "<title>Page</title><h1>Page</h1>" + box(shown), "/set": ""})
			w := byHand(url, workflow.Action{Name: "click", Params: map[string]any{"target": map[string]any{"tag": "input", "role": "checkbox", "name": "News"}}})
			r := newRig(t, func(c modelsim.Call) modelsim.Reply {
				if asksForElement(c) {
					return element(look{t, c.Page()}.index("checkbox", shown), true)
				}
				if !strings.Contains(c.Messages[0].Text, "was done and has sent something; do not repeat it") {
					t.Errorf("the model is told %s", c.Messages[0].Text)
				}
				return givesUp()
			}).withBrowser()
			r.serve()
			wantCode(t, r.replay(w, event.Request{Prompt: "Go."}), "workflow_failed")
			wantPosted(t, posted, "/set?")
		})
	}
}

func TestABudgetThatIsMetWhileAStepIsMendedEndsTheRun(t *testing.T) {
	t.Parallel()
	b := openBar(t)
	b.renamed.Store(true)
	r := newRig(t, func(modelsim.Call) modelsim.Reply { return element(nil, false) }).withBrowser()
	r.serve()
	run := r.run(r.replaying(b.workflow(), event.Request{Prompt: "Order Tea for Ada.", Means: event.Means{Budget: &event.Budget{MaxModelCalls: new(int64(1))}}}))
	wantCode(t, run, "budget_exceeded")
	if run.Usage.ModelCalls != 1 || len(b.orders) > 0 {
		t.Errorf("%d model calls, %d orders", run.Usage.ModelCalls, len(b.orders))
	}
}

// tally counts its clicks where the server sees them only at the end.
const tally = `<title>Page</title><h1>Page</h1><button onclick="count.value++">One more</button>
	<form method=post action=/sent><input id=count name=count value=0 aria-label=Count><button>Send it off</button></form>`

func TestWhatCountsIsNotClickedTwiceWhenTheNextControlIsMissing(t *testing.T) {
	t.Parallel()
	url, posted := pages(t, map[string]string{"/": tally, "/sent": "<title>Sent</title><h1>Sent</h1>"})
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		return element(look{t, c.Page()}.index("button", "Send it off"), true)
	}).withBrowser()
	r.serve()
	run := r.replay(byHand(url, press("One more", nil), press("Order", nil)), event.Request{Prompt: "Go."})
	if run.State != event.StateSucceeded {
		t.Errorf("run %s: %+v", run.State, run.Error)
	}
	wantPosted(t, posted, "/sent?count=1")
}

func TestAMenuThatHasClosedAgainIsOpenedOnceMore(t *testing.T) {
	t.Parallel()
	url, posted := pages(t, map[string]string{"/": `<title>Page</title><h1>Page</h1><button id=menu aria-expanded=false>Menu</button><div id=items hidden>` +
		posts("Item", "/item", "") + `</div><script>
		let opened = 0
		const show = on => { items.hidden = !on; menu.setAttribute('aria-expanded', on) }
		menu.onclick = () => { show(items.hidden); if (++opened === 1) queueMicrotask(() => show(false)) }
		</script>`, "/item": ""})
	w := byHand(url, press("Menu", nil))
	w.Steps = append(w.Steps, workflow.Step{Number: 3, Description: "Choose", Actions: []workflow.Action{press("Item", nil)}})
	r := newRig(t, nil).withBrowser().withoutKeys()
	r.serve()
	if run := r.replay(w, event.Request{Prompt: "Go."}); run.State != event.StateSucceeded {
		t.Errorf("run %s: %+v", run.State, run.Error)
	}
	wantPosted(t, posted, "/item?")
}

func TestWhatIsWrittenByHandMayUseOldNamesOfActions(t *testing.T) {
	t.Parallel()
	url, posted := pages(t, map[string]string{"/": tally, "/sent": "<title>Sent</title><h1>Sent</h1>"})
	w := byHand(url, workflow.Action{Name: "click_element", Params: map[string]any{"css": "h1 + button"}},
		workflow.Action{Name: "input_text", Params: map[string]any{"css": "#count", "text": "7"}}, workflow.Action{Name: "click_element", Params: map[string]any{"css": "form button"}})
	w.Steps[0].Actions[0].Name = "go_to_url"
	r := newRig(t, nil).withBrowser().withoutKeys()
	r.serve()
	if run := r.replay(w, event.Request{Prompt: "Go."}); run.State != event.StateSucceeded {
		t.Errorf("run %s: %+v", run.State, run.Error)
	}
	wantPosted(t, posted, "/sent?count=7")
}

func TestWhatOnlyAModelCanDoFailsWithoutOne(t *testing.T) {
	t.Parallel()
	url, _ := pages(t, shelf)
	r := newRig(t, nil).withBrowser().withoutKeys()
	r.serve()
	w := byHand(url, workflow.Action{Name: "extract_content", Params: map[string]any{"query": "what there is"}})
	run := r.replay(w, event.Request{Prompt: "Go."})
	wantCode(t, run, "workflow_failed")
	if !strings.Contains(run.Error.Message, "No provider has a key") {
		t.Errorf("message %s", run.Error.Message)
	}
	w.Steps = slices.Delete(w.Steps, 1, 2)
	run = r.replay(w, event.Request{Prompt: "Go.", Means: event.Means{Judge: true}})
	if run.State != event.StateSucceeded || run.Judgement == nil || run.Judgement.Verdict || !strings.Contains(run.Judgement.Reason, "no answer") {
		t.Errorf("run %s with judgement %+v: %+v", run.State, run.Judgement, run.Error)
	}
}

func TestAPageThatIsHeadedOtherwiseIsRecognizedOnceByAModelAndThenWithoutOne(t *testing.T) {
	t.Parallel()
	url, posted := pages(t, map[string]string{
		"/":     `<title>Start</title><a href=/form>Go on</a>`,
		"/form": `<title>Form</title><h1>Tell us</h1><form method=post action=/sent><button>Send</button></form>`,
		"/sent": `<title>Sent</title><h1>Sent</h1>`,
	})
	w := byHand(url, workflow.Action{Name: "click", Params: map[string]any{"css": "a"}})
	w.Steps[1].After = &workflow.Condition{URL: url + "/form", Headings: []string{"Fill in the form"}}
	send := press("Send", nil)
	send.Sends = true
	w.Steps = append(w.Steps, workflow.Step{Number: 3, Description: "Send it", Actions: []workflow.Action{send}})

	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		return modelsim.Decide("it is the form", modelsim.Done("", nil, true))
	}).withBrowser()
	stop := r.serve()
	run := r.replay(w, event.Request{Prompt: "Go."})
	if run.State != event.StateSucceeded || run.Execution != event.ExecutionHealed || run.Usage.ModelCalls != 1 {
		t.Fatalf("run %s by %s with %d calls: %+v\n%s", run.State, run.Execution, run.Usage.ModelCalls, run.Error, raw(w))
	}
	healed := r.healedWorkflow(run)
	stop()
	again := r.replayAgain(healed, map[string]any{})
	if again.State != event.StateSucceeded || again.Execution != event.ExecutionCached {
		t.Errorf("again %s by %s: %+v\n%s", again.State, again.Execution, again.Error, healed)
	}
	wantPosted(t, posted, "/sent?", "/sent?")
}
