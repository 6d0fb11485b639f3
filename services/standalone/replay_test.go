package standalone

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// press is a button that posts what it is, as a stranger's page would.
func press(name, posts string) string {
	return fmt.Sprintf(`<button onclick="fetch('/log', {method: 'POST', body: '%s'}).then(() => { document.title = 'P over' })">%s</button>`, posts, name)
}

func rows(numbers ...string) string {
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprintf(&b, "<tr><td>%s</td><td>EUR 4</td><td>%s</td></tr>", n, press("Delete", n))
	}
	return "<table>" + b.String() + "</table>"
}

func cards(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "<div class=card><div><h3>%s</h3></div><p>Nice</p>%s</div>", n, press("Add to cart", n))
	}
	return b.String()
}

// A site that changed is pressed where it was recorded, or nowhere. None of the replays has a model.
func TestAReplayOfAStrangersSitePressesWhatWasRecordedOrNothing(t *testing.T) {
	t.Parallel()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
	late := `<div id=late></div><button onclick="fetch('/log', {method: 'POST', body: 'help'})">Help</button>` +
		"<script>setTimeout(() => late.innerHTML = `" + press("Continue", "continue") + "`, 6000)</script>"
	for name, c := range map[string]struct {
		prompt, recorded, replayed string
		pressed                    string // what the model presses: the button behind this text
		text                       string // what the model answers
		parameters                 map[string]any
		want                       []string // what the replayed page was sent
		result                     string   // of the replay; empty: it fails
	}{
		"another button in its place": {"Continue", press("Continue", "continue"), press("Upgrade to Premium for 99 euro a month", "upgrade"), "", "", nil, nil, ""},
		"log out in place of log in":  {"Log in", press("Log in", "in"), press("Log out", "out"), "", "", nil, nil, ""},
		"it comes late":               {"Continue", press("Continue", "continue"), late, "", "", nil, []string{"continue"}, "Done."},
		"a row by its number":         {"Delete order 1002", rows("1001", "1002", "1003"), rows("1001", "1002", "1003"), "1002", "", map[string]any{"item": "1003"}, []string{"1003"}, "Done."},
		"a row by a short number":     {"Delete order 2", rows("1", "2", "3"), rows("1", "2", "3"), "2", "", map[string]any{"item": "3"}, []string{"3"}, "Done."},
		"the row is gone":             {"Delete order 1002", rows("1001", "1002", "1003"), rows("1001", "1003"), "1002", "", nil, nil, ""},
		"names that are alike":        {"Add the Blue kettle to the cart", cards("Red kettle", "Blue kettle", "Green kettle"), cards("Blue kettle deluxe", "Red kettle", "Blue kettle"), "Blue kettle", "", nil, []string{"Blue kettle"}, "Done."},
		"an answer in words":          {"Are there new messages?", "<p>No new messages</p>", "<p>4 new messages</p>", "-", "There are no new messages in the inbox.", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stranger{html: c.recorded}
			site := serveTest(t, s)
			models := serveTest(t, modelsim.New(func(call modelsim.Call) modelsim.Reply { return visitor(call, c.pressed, c.text) }))
			e := launch(t, env(t, map[string]string{
				"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_BROWSER": "shared", "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models + "/openai/v1",
			}))
			tr := &trade{TB: t, api: "http://" + e.HTTP}
			tr.task = ask[struct{ ID event.TaskID }](tr, "POST", "/api/tasks", map[string]any{"prompt": c.prompt + " on " + site + "/."}).ID
			run := tr.run(map[string]any{})
			if run.State != event.StateSucceeded {
				t.Fatalf("the recorded run: %+v", run.Error)
			}
			ask[struct{ Workflow workflow.Workflow }](tr, "POST", fmt.Sprintf("/api/runs/%s/set-as-cached-workflow", run.TaskRunID), map[string]any{})
			s.change(c.replayed)
			overrides := map[string]any{"use_cached_workflow": true, "provider": keyless}
			if c.parameters != nil {
				overrides["parameters"] = c.parameters
			}
			run = tr.run(overrides)
			if got := s.got(); !slices.Equal(got, c.want) {
				t.Errorf("the page was sent %q, not %q; the run is %s: %+v", got, c.want, run.State, run.Error)
			}
			if (run.State == event.StateSucceeded) != (c.result != "") {
				t.Errorf("the replay is %s with %s: %+v", run.State, run.Result, run.Error)
			}
		})
	}
}

// stranger is a site of one page, which can change, and of what that page has sent.
type stranger struct {
	mu   sync.Mutex
	html string
	log  []string
}

func (s *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/log" {
		body, _ := io.ReadAll(r.Body)
		s.log = append(s.log, string(body))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<title>P</title><h1>Page</h1>%s", s.html)
}

func (s *stranger) change(html string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.html, s.log = html, nil
}

func (s *stranger) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// visitor is a model that opens the page, presses the first button behind a text, and answers.
func visitor(call modelsim.Call, behind, text string) modelsim.Reply {
	page := call.Page()
	prompt := call.Messages[0].Text
	switch {
	case strings.Contains(page, "PAGE none"):
		start := strings.Index(prompt, "http://")
		return modelsim.Decide("Open the page", modelsim.Navigate(strings.TrimRight(strings.Fields(prompt[start:])[0], ".")))
	case strings.Contains(page, "TITLE P over") || behind == "-":
		if text == "" {
			text = "Done."
		}
		return modelsim.Decide("Answer", modelsim.Done(text, nil, true))
	}
	from := max(0, strings.Index(page, "# Page"))
	if behind != "" {
		from += max(0, strings.Index(page[from:], behind))
	}
	var index int
	at := strings.Index(page[from:], "]button")
	open := strings.LastIndex(page[:from+at], "[")
	fmt.Sscanf(page[open:], "[%d]button", &index)
	return modelsim.Decide("Press the button", modelsim.Click(index))
}
