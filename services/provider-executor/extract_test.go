package executor_test

import (
	"encoding/json"
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

// page serves one page.
func page(t *testing.T, html string) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, html) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

// extractor opens a page, has it read with those parameters, and reports. The page is read by reads.
func extractor(url string, params modelsim.Action, reads modelsim.Script) modelsim.Script {
	params["name"] = "extract"
	return func(c modelsim.Call) modelsim.Reply {
		switch {
		case strings.HasPrefix(c.Messages[0].Text, "Query:"):
			return reads(c)
		case strings.Contains(c.Page(), "PAGE none"):
			return modelsim.Decide("open", modelsim.Navigate(url))
		case strings.Contains(c.Page(), "1. extract:"):
			return modelsim.Decide("report", modelsim.Done("read", nil, true))
		}
		return modelsim.Decide("read", params)
	}
}

// extracted is what the one extract action of a run brought.
func extracted(t *testing.T, run event.Run) (content, failed string) {
	t.Helper()
	for _, step := range run.History {
		if a := step.Actions[0]; a.Name == "extract" {
			return *orEmpty(a.ExtractedContent), *orEmpty(a.Error)
		}
	}
	t.Fatalf("nothing was extracted: %s, error %+v", raw(run.History), run.Error)
	return "", ""
}

func orEmpty(s *string) *string {
	if s == nil {
		return new("")
	}
	return s
}

// inData is an answer to extract in the form that the wire schema asks for.
func inData(data any) modelsim.Reply {
	return modelsim.Reply{JSON: map[string]any{"data": string(raw(data))}}
}

// longList is a page of so many rows, each in a text that makes it long.
func longList(rows int) (html string, prices []int) {
	var b strings.Builder
	b.WriteString("<!doctype html><title>List</title>")
	for i := range rows {
		price := 1000 + i*7
		prices = append(prices, price)
		fmt.Fprintf(&b, "<p>Offer: %d euros. And much is said about it, as people do who sell.</p>", price)
	}
	return b.String(), prices
}

var anOffer = regexp.MustCompile(`Offer: (\d+) euros`)

// collects answers as it is asked to: with all that it is told was found before, and what this part adds.
func collects(c modelsim.Call) modelsim.Reply {
	before, part, _ := strings.Cut(c.Page(), "The page, part")
	var prices []json.Number
	if _, found, ok := strings.Cut(before, "<found "); ok {
		found = found[strings.IndexByte(found, '\n'):strings.LastIndex(found, "\n</found")]
		if err := json.Unmarshal([]byte(found), &prices); err != nil {
			return modelsim.Reply{Status: 400, Text: "what was found is no list: " + found}
		}
	}
	for _, m := range anOffer.FindAllStringSubmatch(part, -1) {
		prices = append(prices, json.Number(m[1]))
	}
	return inData(prices)
}

const listOfPrices = `{"type":"array","items":{"type":"integer"},"minItems":1500,"uniqueItems":true}`

func TestAListThatSpansThePartsOfAPageComesOutWholeAndOnce(t *testing.T) {
	t.Parallel()
	html, prices := longList(1500)
	url := page(t, html)
	for name, data := range map[string]any{"a string that holds the schema": listOfPrices, "the schema itself": json.RawMessage(listOfPrices)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, extractor(url, modelsim.Action{"query": "all prices", "data": data}, collects)).withBrowser()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "collect", Means: event.Means{ExtractModel: "small"}}))
			content, failed := extracted(t, run)
			if content != string(raw(prices)) || failed != "" {
				t.Errorf("error %q, extracted %.300s", failed, content)
			}
			parts := 0
			for _, c := range r.sim.Calls() {
				if !strings.HasPrefix(c.Page(), "Query:") {
					continue
				}
				parts++
				if c.Model != "small" || c.Way != "json_schema" || !strings.Contains(c.System, `"minItems":1500`) || strings.Contains(string(c.Schema), "minItems") {
					t.Errorf("%s was asked by %s with the schema %s and told %s", c.Model, c.Way, c.Schema, c.System)
				}
			}
			if parts < 3 {
				t.Errorf("the page was read in %d parts", parts)
			}
		})
	}
}

// A list that loads as it is scrolled is read to its end, or the model is told that there is more.
func TestAnExtractReadsWhatLoadsOnScrollingOrSaysThatItDidNot(t *testing.T) {
	t.Parallel()
	url := page(t, `<!doctype html><title>Talks</title><h1>Talks</h1><ul id=l></ul><div id=end style='height:40px'>...</div><script>let n=0;
function more(){for(let i=0;i<10&&n<40;i++){const x=document.createElement('li');x.style='height:120px';x.textContent='Talk '+n++;l.append(x)}}
new IntersectionObserver(e=>{if(e[0].isIntersecting)more()}).observe(end)</script>`)
	counts := func(c modelsim.Call) modelsim.Reply {
		return modelsim.Reply{Text: fmt.Sprintf("%d talks", len(regexp.MustCompile(`Talk \d+`).FindAllString(c.Page(), -1)))}
	}
	for params, wanted := range map[string]string{
		`{}`:           "40 talks",
		`{"pages": 1}`: "30 talks\n(cut here: a list loads more when it is scrolled; it was scrolled to its end 1 times)",
	} {
		t.Run(params, func(t *testing.T) {
			t.Parallel()
			extract := modelsim.Action{"query": "all talks"}
			_ = json.Unmarshal([]byte(params), &extract)
			r := newRig(t, extractor(url, extract, counts)).withBrowser()
			r.serve()
			if content, failed := extracted(t, r.run(r.dispatch(event.Request{Prompt: "list the talks"}))); content != wanted || failed != "" {
				t.Errorf("error %q, extracted %q", failed, content)
			}
		})
	}
}

const aPrice = `{"type":"object","properties":{"price":{"type":"number"}},"required":["price"]}`

func TestAnExtractThatMissesItsSchemaIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	url := page(t, "<h1>Kettle: 39 euros</h1>")
	for name, c := range map[string]struct {
		answers       []modelsim.Reply
		content, says string
	}{
		"mended":                       {[]modelsim.Reply{inData(map[string]any{"price": "39"}), inData(map[string]any{"price": 39})}, `{"price":39}`, ""},
		"not mended":                   {[]modelsim.Reply{inData(map[string]any{"price": "39"}), inData(map[string]any{"cost": 39})}, "", "missing property 'price'"},
		"prose, then JSON":             {[]modelsim.Reply{{Text: "It is 39."}, inData(map[string]any{"price": 39})}, `{"price":39}`, ""},
		"without the object around it": {[]modelsim.Reply{{JSON: map[string]any{"price": 39}}}, `{"price":39}`, ""},
		"an object for the string":     {[]modelsim.Reply{{JSON: map[string]any{"data": map[string]any{"price": 39}}}}, `{"price":39}`, ""},
		"nothing":                      {[]modelsim.Reply{{JSON: map[string]any{"data": nil}}}, "", "does not tell"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads := modelsim.Sequence(c.answers...)
			r := newRig(t, extractor(url, modelsim.ExtractAs("the price", json.RawMessage(aPrice)), reads)).withBrowser()
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "price?"}))
			content, failed := extracted(t, run)
			if content != c.content || !strings.Contains(failed, c.says) || c.says == "" && failed != "" {
				t.Errorf("extracted %q, error %q", content, failed)
			}
			if run.Usage.ModelCalls != int64(3+len(c.answers)) || string(run.Result) != `"read"` {
				t.Errorf("%d calls, result %s, error %+v", run.Usage.ModelCalls, run.Result, run.Error)
			}
			told := r.sim.Calls()[3].Page()
			if len(c.answers) > 1 && name != "prose, then JSON" && !strings.Contains(told, "at '/price': got string, want number") {
				t.Errorf("the model was told %q", told)
			}
		})
	}
}

func TestAnExtractWithASchemaThatIsNoneSaysSoAndAsksNobody(t *testing.T) {
	t.Parallel()
	url := page(t, "<h1>Kettle: 39 euros</h1>")
	for _, schema := range []any{"the price as a number", `{"type":"price"}`, `{"$ref":"https://example.com/schema"}`} {
		r := newRig(t, extractor(url, modelsim.Action{"query": "the price", "data": schema}, nil)).withBrowser()
		r.serve()
		run := r.run(r.dispatch(event.Request{Prompt: "price?"}))
		if _, failed := extracted(t, run); !strings.Contains(failed, "must be a JSON Schema") || run.Usage.ModelCalls != 3 {
			t.Errorf("%v: error %q after %d calls", schema, failed, run.Usage.ModelCalls)
		}
	}
}

func TestWhatWasReadBeforeTheBudgetRanOutIsKept(t *testing.T) {
	t.Parallel()
	html, prices := longList(1500)
	r := newRig(t, extractor(page(t, html), modelsim.Action{"query": "all prices", "data": listOfPrices}, collects)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "collect", Means: event.Means{Budget: &event.Budget{MaxModelCalls: ref(int64(3))}}}))
	wantCode(t, run, "budget_exceeded")
	content, failed := extracted(t, run)
	kept, note, _ := strings.Cut(content, "\n")
	var got []int
	if err := json.Unmarshal([]byte(kept), &got); err != nil || len(got) < 100 || !slices.Equal(got, prices[:len(got)]) {
		t.Errorf("kept %.200s, %v", kept, err)
	}
	if !strings.HasPrefix(note, "(only 1 of ") || !strings.Contains(failed, "max_model_calls is 3") {
		t.Errorf("note %q, error %q", note, failed)
	}
}

func TestWhatOfAPageIsNotReadIsSaid(t *testing.T) {
	t.Parallel()
	html, _ := longList(6000)
	adds := func(c modelsim.Call) modelsim.Reply {
		_, part, _ := strings.Cut(c.Page(), "The page, part")
		if !strings.Contains(part, "Offer: 1000 euros") {
			return modelsim.Reply{Text: "NOTHING"}
		}
		return modelsim.Reply{Text: "1000 euros"}
	}
	r := newRig(t, extractor(page(t, html), modelsim.Action{"query": "the first price"}, adds)).withBrowser()
	r.serve()
	run := r.run(r.dispatch(event.Request{Prompt: "price?"}))
	content, _ := extracted(t, run)
	if !regexp.MustCompile(`^1000 euros\n\(the page is longer: its last \d+ characters were not read\)`).MatchString(content) || !strings.Contains(content, "(cut here: the page is longer)") {
		t.Errorf("extracted %.300q", content)
	}
	read := r.sim.Calls()[2 : len(r.sim.Calls())-1]
	if len(read) != 8 || strings.Contains(read[0].Page(), "brought") || !strings.Contains(read[1].Page(), "1000 euros\n</found") {
		t.Errorf("read in %d parts, the second with %.300s", len(read), read[1].Page())
	}
}
