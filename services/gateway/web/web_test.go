package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everyPage is each page with one text in every place that can hold a text of a website, a model or a caller.
func everyPage(text string) []Page {
	id, task, yes, now := event.RunID(41), event.TaskID(7), true, time.Now()
	action := event.Action{
		Name: text, Params: map[string]any{"text": text, "url": text, "target": map[string]any{"role": text, "name": text}},
		ExtractedContent: &text, Error: &text,
	}
	raw, err := json.Marshal(map[string]any{text: text})
	if err != nil {
		panic(err) // a map of strings
	}
	run := event.Run{
		TaskID: &task, TaskRunID: &id, Prompt: text, Model: text, Provider: text, State: event.StateFailed, Result: raw, JSONSchema: raw,
		Error: &event.Error{Code: text, Message: text}, WebhookURL: &text, CreatedAt: now, StartedAt: &now, FinishedAt: &now,
		Files: []event.RunFile{{ID: "f", Name: text, Size: 12, Source: event.SourceDownload}}, Judgement: &event.Judgement{Verdict: yes, Reason: text},
		Workflow: &event.WorkflowUse{Version: 1, Parameters: map[string]any{text: text}, Unconfirmed: []string{text}},
		Webhook:  &event.Webhook{State: event.WebhookRetrying, Attempts: 2, LastError: &text, NextAt: &now},
	}
	step := Step{Done: true, StepData: event.StepData{
		Run: id, Number: 1, Description: text, Evaluation: text, Memory: text, URL: text, Title: text, Actions: []event.Action{action},
		Screenshot: "sha256:ab", StartedAt: now, FinishedAt: &now,
	}}
	saved := event.Task{ID: task, Name: text, Prompt: text, Provider: text, Model: text, CreatedAt: now, UpdatedAt: now, Workflows: []event.WorkflowVersion{
		{Version: 1, State: event.WorkflowCurrent, Origin: event.WorkflowRecorded, CreatedAt: now},
	}}
	flow := workflow.Workflow{
		Version: 1, PromptTemplate: text, Parameters: []workflow.Parameter{{Name: text, Description: text, Type: text, ExampleValue: text}},
		Steps:  []workflow.Step{{Description: text, Actions: []workflow.Action{{Name: text, Params: action.Params, Sends: true}}}},
		Result: &workflow.Result{NeedsModel: []string{text}},
	}
	return []Page{
		{"runs", text, "runs", Runs{Runs: []event.Run{run}, States: event.States(), First: true, Models: Models(), Next: "cursor=41"}},
		{"run", text, "runs", Run{Run: run, Task: text, Steps: []Step{step}, URL: text}},
		{"new", text, "runs", NewRun{Models()}},
		{"tasks", text, "tasks", Tasks{Tasks: []event.Task{saved}, Next: "cursor=7"}},
		{"task", text, "tasks", Task{Task: saved, Workflow: &flow, Runs: []event.Run{run}}},
		{"settings", text, "settings", Settings{Models: Models(), Version: text, NATS: text}},
		{"docs", text, "docs", nil},
		{"error", text, "", Problem{404, text, text}},
	}
}

func TestWhatAWebsiteSaysIsShownAndNeverBecomesMarkup(t *testing.T) {
	site := newSite(t)
	for _, hostile := range []string{
		`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</textarea><svg onload=alert(1)>`,
		`javascript:alert(1)`, `{{.}}${1}`, "</title><iframe src=//evil.test>", `]]><!--`,
	} {
		for _, p := range everyPage(hostile) {
			html, err := site.Render(p)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := site.Render(everyPageNamed(p.Name))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tags(html), tags(plain); got != want {
				t.Errorf("%s with %q has other tags than with a harmless text:\n%s\n%s", p.Name, hostile, got, want)
			}
			if regexp.MustCompile(`(?:href|src|action)="\s*javascript:`).Match(html) {
				t.Errorf("%s with %q has a link that runs a script", p.Name, hostile)
			}
		}
	}
}

func everyPageNamed(name string) Page {
	for _, p := range everyPage("harmless") {
		if p.Name == name {
			return p
		}
	}
	panic("no page " + name)
}

// tags are the names of all tags of a page and of their attributes, in order.
func tags(html []byte) string {
	var b strings.Builder
	quoted := regexp.MustCompile(`"[^"]*"|'[^']*'`)
	for _, tag := range regexp.MustCompile(`<[a-zA-Z!/](?:"[^"]*"|'[^']*'|[^>"'])*>`).FindAll(html, -1) {
		b.Write(quoted.ReplaceAll(tag, []byte(`""`)))
	}
	return b.String()
}

// Sinks through which a text could become markup or code. Trusted Types refuse them in the browser as well.
func TestScriptsWriteTextOnly(t *testing.T) {
	sinks := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function|javascript:|setAttribute\('on|https?://`)
	for name, asset := range newSite(t).assets {
		if strings.HasSuffix(name, ".js") {
			if found := sinks.Find(asset.Content); found != nil {
				t.Errorf("%s uses %s", name, found)
			}
		}
	}
}

func TestScriptsAndStylesAreLight(t *testing.T) {
	var raw, packed int
	for name, asset := range newSite(t).assets {
		raw += len(asset.Content)
		packed += len(asset.Gzip)
		r, err := gzip.NewReader(bytes.NewReader(asset.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(r); err != nil || !bytes.Equal(content, asset.Content) {
			t.Errorf("%s is not the same when it is unpacked: %v", name, err)
		}
	}
	t.Logf("%d bytes, %d compressed", raw, packed)
	if raw > 90_000 || packed > 28_000 {
		t.Errorf("%d bytes, %d compressed: at most 90,000 and 28,000", raw, packed)
	}
}

func TestAnAssetIsServedUnderTheVersionOfThePageOnly(t *testing.T) {
	site := newSite(t)
	if _, ok := site.Asset(site.version, "app.css"); !ok {
		t.Error("app.css is not there")
	}
	if _, ok := site.Asset("000000000000", "app.css"); ok {
		t.Error("another version is served")
	}
	if _, ok := site.Asset(site.version, "../web.go"); ok {
		t.Error("a file that is no asset is served")
	}
}

// WCAG 2.2 AA: 4.5 for text.
func TestTextHasEnoughContrastInBothThemes(t *testing.T) {
	css := string(newSite(t).assets["app.css"].Content)
	colours := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(css, -1) {
		colours[m[1]] = [2]string{m[2], m[3]}
	}
	for _, pair := range [][2]string{
		{"text", "ground"}, {"text", "surface"}, {"text", "sunken"}, {"text", "accent-soft"}, {"dim", "ground"}, {"dim", "surface"}, {"dim", "sunken"},
		{"dim", "accent-soft"}, {"accent", "ground"}, {"accent", "surface"}, {"accent", "accent-soft"}, {"accent", "sunken"}, {"accent-text", "accent"}, {"good", "surface"}, {"good", "sunken"},
		{"bad", "surface"}, {"bad", "ground"}, {"bad", "sunken"}, {"busy", "surface"}, {"busy", "sunken"}, {"busy", "busy-soft"}, {"wait", "surface"}, {"wait", "sunken"}, {"wait", "wait-soft"}, {"wait", "ground"},
	} {
		for theme, name := range []string{"light", "dark"} {
			text, ground := colours[pair[0]][theme], colours[pair[1]][theme]
			if ratio := contrast(t, text, ground); ratio < 4.5 {
				t.Errorf("%s on %s in the %s theme: contrast %.2f", pair[0], pair[1], name, ratio)
			}
		}
	}
}

// contrast is that of WCAG 2: 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("%q is no colour", colour)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestDurationsSizesAndCostsReadAsPeopleWriteThem(t *testing.T) {
	half := 0.5
	for want, got := range map[string]string{
		"840 ms": formatDuration(840 * time.Millisecond), "4.1 s": formatDuration(4100 * time.Millisecond), "2:05": formatDuration(125 * time.Second),
		"1:02:05": formatDuration(3725 * time.Second), "999 B": formatBytes(999), "1.2 kB": formatBytes(1234), "3.4 MB": formatBytes(3_400_000),
		"$0.5000": formatCost(event.Usage{ModelCalls: 1, CostUSD: &half}), "$0": formatCost(event.Usage{}), "unknown": formatCost(event.Usage{ModelCalls: 1}),
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestTheCommandOfARunSurvivesQuotesInItsPrompt(t *testing.T) {
	r := Run{URL: "http://localhost:8080", Run: event.Run{Prompt: `It's "here"`, Provider: "openai", Model: "m"}}
	if want := `It'\''s \"here\"`; !strings.Contains(r.Curl(), want) {
		t.Errorf("no %s in %s", want, r.Curl())
	}
	if fmt.Sprint(r.HasResult()) != "false" {
		t.Error("a run without a result has one")
	}
}
