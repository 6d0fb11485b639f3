package executor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

const chapters = 14

// book is a site of chapters, each with a word to remember and a long text.
func book(t *testing.T) (url string, words []string) {
	t.Helper()
	for n := range chapters {
		words = append(words, fmt.Sprintf("kw%d", 7001+n*n*13))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /chapter/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		fmt.Fprintf(w, `<!doctype html><title>Chapter %d</title><p>The word is %s.</p><p>%s</p>`, n, words[n-1], strings.Repeat("And so on. ", 1300))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, words
}

var (
	theWord  = regexp.MustCompile(`The word is (kw\d+)\.`)
	found    = regexp.MustCompile(`"memory":"(kw\d+)"`)
	inLines  = regexp.MustCompile(`(?m)^ *(?:memory|Your memory then): (kw\d+)$`)
	finished = regexp.MustCompile(`(?m)^# Step (\d+): what came of it$`)
)

// reader reads chapter after chapter, writes each word once into its memory, when it meets it, and in the end reports
// those that it still finds in what it is told.
func reader(url string) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		if strings.HasPrefix(c.Page(), "Query:") {
			return modelsim.Reply{Text: strings.ReplaceAll(c.Page(), "page", "text")} // all of it
		}
		told := ""
		for _, m := range c.Messages {
			told += m.Text + "\n"
		}
		step := 1
		for _, at := range finished.FindAllStringSubmatch(told, -1) {
			_, _ = fmt.Sscan(at[1], &step)
			step++
		}
		if step > 2*chapters {
			var words []string
			for _, m := range append(inLines.FindAllStringSubmatch(told, -1), found.FindAllStringSubmatch(told, -1)...) {
				words = append(words, m[1])
			}
			slices.Sort(words)
			return modelsim.Decide("report", modelsim.Done("", slices.Compact(words), true))
		}
		if step%2 == 1 {
			return modelsim.Decide("go on", modelsim.Navigate(fmt.Sprintf("%s/chapter/%d", url, step/2+1)))
		}
		word := theWord.FindStringSubmatch(c.Page())
		if word == nil {
			return modelsim.Reply{Status: 400, Text: "no word on the page: " + c.Page()}
		}
		return modelsim.Reply{JSON: map[string]any{
			"evaluation_previous_goal": "", "memory": word[1], "next_goal": fmt.Sprint("read chapter ", step/2),
			"actions": []any{modelsim.Extract(fmt.Sprint("all of chapter ", step/2))},
		}}
	}
}

func TestALongRunKeepsItsEarlyFactsInABoundedAndStableConversation(t *testing.T) {
	t.Parallel()
	url, words := book(t)
	r := newRig(t, reader(url)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "collect the words", ResponseFormat: "json", MaxSteps: 50}))
	slices.Sort(words)
	if run.Status != event.StatusSuccess || len(run.History) != 2*chapters+1 || string(run.Result) != string(raw(words)) {
		t.Fatalf("status %s, %d steps, error %+v, result %s, want %s", run.Status, len(run.History), run.Error, run.Result, raw(words))
	}
	var before modelsim.Call
	most, extracted, changes := 0, 0, 0
	for _, c := range r.sim.Calls() {
		if strings.HasPrefix(c.Page(), "Query:") {
			extracted += len(c.Page())
			continue
		}
		size, stable := 0, c.Messages[:len(c.Messages)-1]
		for _, m := range stable {
			size += len(m.Text)
			if strings.Contains(m.Text, "<page ") {
				t.Fatal("an old page is sent again")
			}
		}
		most = max(most, size)
		if before.N > 0 && (c.System != before.System || string(c.Schema) != string(before.Schema) || c.Way != before.Way) {
			t.Error("what stands before the conversation has changed")
		}
		if past := before.Messages[:max(len(before.Messages)-1, 0)]; len(past) > len(stable) || !slices.EqualFunc(past, stable[:len(past)], sameTurn) {
			changes++
		}
		before = c
	}
	t.Logf("%d characters were extracted; the conversation had at most %d, its prefix changed %d times", extracted, most, changes)
	if most > 90_000 || extracted < 160_000 {
		t.Errorf("%d characters were extracted, and the conversation had up to %d", extracted, most)
	}
	if changes < 1 || changes > 4 {
		t.Errorf("the prefix has changed %d times in %d steps", changes, len(run.History))
	}
}

func sameTurn(a, b modelsim.Message) bool { return a.Role == b.Role && a.Text == b.Text }
