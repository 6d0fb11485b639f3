package reading_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/reading"
	"github.com/errand-run/errand/shared/workflow"
)

func TestAValueIsReadOnTheNewestPageThatHasIt(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	var pages []reading.Page
	result := asJSON(object{"total": 39, "code": "K-1755", "guest": "Ada Lovelace"})
	for i, page := range []string{
		`<h1>Cart</h1><dl><dt>Code<dd>K-1755<dt>Total<dd>€39.00</dl>`, `<h1>Guest</h1><dl><dt>Guest<dd>Ada Lovelace<dt>Total<dd>€39.00</dl>`, `<h1>Thanks</h1><dl><dt>Code<dd>K-1755</dl>`,
	} {
		v.show(page)
		leaves, err := v.Leaves(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, reading.Page{Step: i + 1, Leaves: leaves})
	}
	found := reading.Find(reading.Recorded{Result: result, JSON: true, Pages: pages})
	steps := map[string]int{}
	for _, f := range found.Fields {
		steps[f.Path] = f.Step
	}
	if len(found.NeedsModel) > 0 || steps["/total"] != 2 || steps["/code"] != 3 || steps["/guest"] != 2 {
		t.Errorf("values are read at the steps %v, and %q need a model", steps, found.NeedsModel)
	}
}

func TestAValueThatWasAskedForStaysInATextAsItIs(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.show(`<h1>Cart</h1><dl><dt>Total<dd>€39.00</dl>`)
	result := v.record("Buy 3 of the Blue Kettle", asJSON("The total for 3 of the Blue Kettle is €39.00."), false)
	if result.Text != "The total for 3 of the Blue Kettle is €{{ total }}." || len(result.NeedsModel) > 0 {
		t.Errorf("the template is %q, and %q need a model", result.Text, result.NeedsModel)
	}
}

func TestAResultIsPutTogetherFromWhatWasReadAndWhatWasGiven(t *testing.T) {
	source := json.RawMessage(`{"css":"b"}`)
	result := &workflow.Result{
		Example: json.RawMessage(`{"a/b":{"list":[{"sum":1},{"sum":2}]},"pieces":7,"who":"Ada","open":true,"7":"7"}`),
		Fields: []workflow.Field{
			{Name: "sum", Path: "/a~1b/list/1/sum", Source: source}, {Name: "pieces", Path: "/pieces", Value: "{{ count }}"},
			{Name: "who", Path: "/who", Value: "{{ name }}"}, {Name: "seven", Path: "/7", Value: "{{ count }}"},
		},
		NeedsModel: []string{"/open"},
	}
	values := map[string]json.RawMessage{"sum": json.RawMessage("41.5")}
	params := map[string]any{"count": json.Number("12"), "name": `Grace "}} Hopper`}
	got, missing, err := reading.Assemble(result, values, params)
	want := `{"a/b":{"list":[{"sum":1},{"sum":41.5}]},"pieces":12,"who":"Grace \"}} Hopper","open":true,"7":"12"}`
	if err != nil || !same(got, json.RawMessage(want)) || !slices.Equal(missing, []string{"/open"}) {
		t.Errorf("the result is %s, missing %q (%v), want %s", got, missing, err, want)
	}
	text := &workflow.Result{Text: "{{ name }} pays {{ sum }} for {{ pieces }}.", Fields: result.Fields[:2], Example: json.RawMessage(`"x"`)}
	if got, _, err := reading.Assemble(text, values, params); err != nil || !same(got, asJSON(`Grace "}} Hopper pays 41.5 for 12.`)) {
		t.Errorf("the text is %s (%v)", got, err)
	}
	for because, broken := range map[string]*workflow.Result{
		"/a~1b/list/1/sum of the result: it was not read": {Example: result.Example, Fields: []workflow.Field{{Name: "other", Path: "/a~1b/list/1/sum", Source: source}}},
		`nothing named "c"`: {Example: result.Example, Fields: []workflow.Field{{Name: "sum", Path: "/a~1b/c/1", Source: source}}},
		`no element "5"`:    {Example: result.Example, Fields: []workflow.Field{{Name: "sum", Path: "/a~1b/list/5", Source: source}}},
		"gone":              {Example: result.Example, Fields: []workflow.Field{{Name: "who", Path: "/who", Value: "{{ gone }}"}}},
	} {
		if got, _, err := reading.Assemble(broken, values, params); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("%s (%v), want an error that says %q", got, err, because)
		}
	}
}

func TestWhatCouldBeReadComesBackBesideWhatCouldNot(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	page := `<dl><dt>Total<dd>€39.00<dt>Code<dd>K-17</dl>`
	v.show(page)
	result := v.record("", asJSON(object{"total": 39, "code": "K-17"}), true)
	v.show(strings.Replace(page, "Total", "Sum", 1))
	values, err := reading.Read(t.Context(), v, result.Fields)
	if unread, typed := errors.AsType[*reading.UnreadError](err); !typed || unread.Field != "total" || string(values["code"]) != `"K-17"` || len(values) != 1 {
		t.Errorf("read %s (%v)", values, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reading.Read(ctx, v, result.Fields); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context it says %v", err)
	}
}
