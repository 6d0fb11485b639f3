package workflow

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValuesAreFilledInAsData(t *testing.T) {
	values := map[string]any{
		"name": "a \"b\" \\ {{ other }} \n {é}", "other": "x", "count": json.Number("1200"), "day": "2026-03-05", "yes": true,
	}
	in := map[string]any{
		"text":   "{{ name }}",
		"nested": []any{"Order {{count | 1,234}} on {{ day | D MMMM YYYY }}.", json.Number("1.50"), true, nil},
		"target": json.RawMessage(`{"name":"{{ name }}","rect":[0.50,1]}`),
		"plain":  `{{ "{{" }} name }} and {{ and { {x} }}`,
		"flag":   "{{ yes }}",
	}
	got, err := Fill(in, values)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"text":   values["name"],
		"nested": []any{"Order 1,200 on 5 March 2026.", json.Number("1.50"), true, nil},
		"target": json.RawMessage(`{"name":"a \"b\" \\ {{ other }} \n {é}","rect":[0.50,1]}`),
		"plain":  `{{ name }} and {{ and { {x} }}`,
		"flag":   "true",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("filled: %s\nwant: %s", got, want)
	}
	if in["text"] != "{{ name }}" {
		t.Error("what was given has changed")
	}
}

func TestAValueThatIsMissingOrHasNoSuchFormIsAnError(t *testing.T) {
	for template, part := range map[string]string{
		"{{ gone }}":              "gone: there is no value",
		"{{ day | 1,234.50 }}":    "not a number",
		"{{ name | DD/MM/YYYY }}": "not a date",
		"{{ name | bold }}":       "neither one of dates",
		"{{ list }}":              "not a text",
	} {
		_, err := Fill(template, map[string]any{"day": "2026-03-05", "name": "x", "list": []any{}})
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", template, err, part)
		}
	}
}

func TestAValueInAnAddressIsEscapedAndAWholeAddressIsNot(t *testing.T) {
	for address, want := range map[string]string{
		"{{ start }}":                      "https://shop.test/?a=1#b",
		"https://shop.test/s?q={{ q }}&n=": "https://shop.test/s?q=a%2Fb+%26c%3D%3F&n=",
		"https://shop.test/p/{{ q }}/x":    "https://shop.test/p/a%2Fb%20&c=%3F/x",
		"https://shop.test/p/{{ up }}/x":   "",
	} {
		w := Workflow{Steps: []Step{{Number: 1, Actions: []Action{{Name: "navigate", Params: map[string]any{"url": address}}}}}}
		got, err := w.Filled(map[string]any{"start": "https://shop.test/?a=1#b", "q": "a/b &c=?", "up": ".."})
		if want == "" {
			if err == nil {
				t.Errorf("%s was filled: %v", address, got.Steps)
			}
			continue
		}
		if err != nil || got.Steps[0].Actions[0].Params["url"] != want {
			t.Errorf("%s became %v (%v), want %s", address, got.Steps, err, want)
		}
	}
}

// full has a placeholder at every place that may hold one.
func full() Workflow {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	return Workflow{
		Version:        3,
		Parameters:     []Parameter{{Name: "item", Type: TypeString, ExampleValue: "kettle"}, {Name: "n", Type: TypeInteger, ExampleValue: json.Number("2")}},
		PromptTemplate: "Buy {{ n }} of {{ item }}",
		Steps: []Step{{
			Number: 1, Description: "Find {{ item }}",
			Actions: []Action{{
				Name: "click", Params: map[string]any{"target": map[string]any{"name": "{{ item }}"}, "css": "#x"},
				Alternatives: []json.RawMessage{raw(`{"name":"the {{ item }}"}`)}, Sends: true,
			}},
			Before: &Condition{URL: "https://shop.test/*"}, After: &Condition{URL: "https://shop.test/{{ item }}", Headings: []string{"{{ item }} <&>"}},
		}},
		Result: &Result{
			Text: "Bought {{ n }} for {{ total }}", Example: raw(`"Bought 2 for <78>"`), NeedsModel: []string{},
			Fields: []Field{
				{Name: "total", Path: "", Step: 2, Source: raw(`{"row":"{{ item }}"}`), Rule: &Rule{Type: "number", Prefix: "{{ item }}: ", Format: "1234.50"}},
				{Name: "again", Path: "", Step: 2, Value: "{{ item }}"},
				{Name: "rows", Path: "", Step: 2, List: &List{Source: raw(`{"heading":"{{ item }}"}`), Items: []Item{{Source: raw(`{}`), Rule: Rule{Type: "string", Suffix: " {{ item }}"}}}}},
			},
		},
	}
}

func TestAWorkflowIsFilledWhereItActsAndReads(t *testing.T) {
	w := full()
	before, _ := w.JSON()
	got, err := w.Filled(map[string]any{"item": "a {{ n }} b", "n": 2})
	if err != nil {
		t.Fatal(err)
	}
	after, _ := got.JSON()
	want := string(before)
	for _, place := range []string{`Find `, `"name":"`, `"name":"the `, `"headings":["`, `"row":"`, `"prefix":"`, `"heading":"`, `"suffix":" `} {
		want = strings.Replace(want, place+"{{ item }}", place+"a {{ n }} b", 1)
	}
	want = strings.Replace(want, "shop.test/{{ item }}", "shop.test/a%20%7B%7B%20n%20%7D%7D%20b", 1)
	if string(after) != want {
		t.Errorf("filled:\n%s\nwant:\n%s", after, want)
	}
	if again, _ := w.JSON(); string(again) != string(before) {
		t.Error("the workflow that was given has changed")
	}
	if _, err := w.Filled(map[string]any{"n": 2}); err == nil || !strings.Contains(err.Error(), "step 1: item") {
		t.Errorf("without a value: %v", err)
	}
}

func FuzzWhatIsEscapedOrFilledInComesOutUnchanged(f *testing.F) {
	for _, s := range []string{"{{ a }}", `{{ "{{" }}`, "{{{ a }}}", "{", "\"\\\n", "{{", "{{ a | b }}"} {
		f.Add(s, "x")
		f.Add("x", s)
		f.Add("{", s)
	}
	f.Fuzz(func(t *testing.T, literal, value string) {
		if !utf8.ValidString(literal) || !utf8.ValidString(value) {
			return // no text of JSON
		}
		template := escape(literal)
		if parts, malformed := pieces(template); malformed || len(parts) > 1 {
			t.Fatalf("%q escaped is %q", literal, template)
		}
		got, err := Fill(map[string]any{"s": template + "{{ v }}" + template, "l": template}, map[string]any{"v": value, "a": "!"})
		if err != nil {
			t.Fatal(err)
		}
		if m := got.(map[string]any); m["l"] != literal || m["s"] != literal+value+literal {
			t.Fatalf("%q with %q came out as %q", literal, value, m)
		}
	})
}
