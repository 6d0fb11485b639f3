package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// shop asks for an item, a number and a day.
func shop(template string) Workflow {
	return Workflow{PromptTemplate: template, Parameters: []Parameter{
		{Name: "item", Type: TypeString, ExampleValue: "blue kettle"},
		{Name: "n", Type: TypeInteger, ExampleValue: json.Number("2")},
		{Name: "day", Type: TypeDate, ExampleValue: "2026-03-05"},
	}}.only(template)
}

// only keeps the parameters that the template names.
func (w Workflow) only(template string) Workflow {
	w.Parameters = slices.DeleteFunc(w.Parameters, func(p Parameter) bool { return !slices.Contains(names(template), p.Name) })
	return w
}

func bound(values map[string]any) string {
	var list []string
	for _, name := range sortedKeys(values) {
		list = append(list, fmt.Sprintf("%s=%v", name, values[name]))
	}
	return strings.Join(list, " | ")
}

func TestAPromptIsReadAsTheTemplate(t *testing.T) {
	for _, c := range []struct{ template, prompt, want string }{
		{"Buy {{ n }} of {{ item }} by {{ day | D MMMM YYYY }}.", "Buy 2 of blue kettle by 5 March 2026.", "day=2026-03-05 | item=blue kettle | n=2"},
		{"Buy {{ n }} of {{ item }} by {{ day | D MMMM YYYY }}.", "buy  12 of Größe \"M\" {{ n }} \\ by\n7 april 2027", "day=2027-04-07 | item=Größe \"M\" {{ n }} \\ | n=12"},
		{"Buy {{ n }} {{ item }}", "Buy 3 red teapots of tin", "item=red teapots of tin | n=3"},
		{"Buy {{ n | 1,234 }} {{ item }}", "Buy 3,000 red teapots", "item=red teapots | n=3000"},
		{"Buy {{ n }} {{ item }}", "Buy 3,000,000 red teapots", "item=red teapots | n=3000000"},
		{"Find \"{{ item }}\" and \"{{ n }}\" there", "Find \"a \\ b\" and \"5\" there", "item=a \\ b | n=5"},
		{"Find \"{{ item }}\" there", "Find \"a \"b\" c\" there", "item=a \"b\" c"},
		{"Find '{{ item }}' there", "Find '日本 茶' there", "item=日本 茶"},
		{"{{ item }}: compare {{ item }} with the rest", "tea: compare tea with the rest", "item=tea"},
		{"On {{ day }} buy", "On 2026-04-01 buy", "day=2026-04-01"},
		{"On {{ day | DD/MM/YYYY }} buy", "On 2026-04-01 buy", "day=2026-04-01"},
		{"Find {{ item }}.", "Find tea", "item=tea"},
		{"Find {{ item }}.", "Find tea.", "item=tea"},
		{"Buy {{ n }}", "Buy 5.", "n=5"},
		{"Do this: {{ \"{{\" }} x }} {{ n }}", "do this: {{ x }} 4", "n=4"},
	} {
		values, err := Bind(shop(c.template), Binding{Prompt: c.prompt})
		if err != nil || bound(values) != c.want {
			t.Errorf("%q as %q: %s (%v), want %s", c.prompt, c.template, bound(values), err, c.want)
		}
	}
}

func TestAPromptThatCanBeReadInTwoWaysOrNoneIsNotBound(t *testing.T) {
	for _, c := range []struct {
		template, prompt string
		names            string
		ambiguous        bool
	}{
		{"Send {{ item }} to {{ day }} to {{ n }}", "Send it", "item n day", false},
		{"Buy {{ item }} and tea", "Buy a and tea and tea", "", false}, // one reading: item = a and tea
		{"Buy {{ item }} and {{ n }}", "Buy a and 2 and 3", "", false},
		{"Buy {{ item }} now {{ item }}", "Buy a now b", "item", false},
		{"Find {{ item }}", "Find tea.", "item", true},
		{"Buy {{ n }} of it", "Buy two of it", "n", false},
		{"Buy {{ n }} of it", "Buy 2.5 of it", "n", false},
		{"Buy {{ n }} of it", "Buy 007 of it", "n", false},
		{"On {{ day }} buy", "On 03/04/2026 buy", "day", false},
	} {
		_, err := Bind(shop(c.template), Binding{Prompt: c.prompt})
		if c.names == "" {
			if err != nil {
				t.Errorf("%q as %q: %v", c.prompt, c.template, err)
			}
			continue
		}
		unbound, ok := errors.AsType[*UnboundError](err)
		if !ok || strings.Join(unbound.Names, " ") != c.names || unbound.Ambiguous != c.ambiguous {
			t.Errorf("%q as %q: %v", c.prompt, c.template, err)
		}
	}
}

func TestTwoTextsSideBySideAreAmbiguous(t *testing.T) {
	w := Workflow{PromptTemplate: "{{ a }} {{ b }}", Parameters: []Parameter{{Name: "a", Type: TypeString, ExampleValue: "x"}, {Name: "b", Type: TypeString, ExampleValue: "y z"}}}
	if values, err := Bind(w, Binding{Prompt: "p q"}); err != nil || bound(values) != "a=p | b=q" {
		t.Errorf("two words: %s %v", bound(values), err)
	}
	_, err := Bind(w, Binding{Prompt: "p q r"})
	if unbound, ok := errors.AsType[*UnboundError](err); !ok || !unbound.Ambiguous || !strings.Contains(err.Error(), "a, b") {
		t.Errorf("three words: %v", err)
	}
	if values, err := Bind(w, Binding{Prompt: "p q r", Parameters: json.RawMessage(`{"a": "p"}`)}); err == nil {
		t.Errorf("with one of them given: %s", bound(values))
	}
	if values, err := Bind(w, Binding{Prompt: "X y  Z"}); err != nil || bound(values) != "a=x | b=y z" {
		t.Errorf("the recorded prompt: %s %v", bound(values), err)
	}
}

func TestValuesOfTheCallerWin(t *testing.T) {
	w := shop("Buy {{ n }} of {{ item }} by {{ day }}")
	for _, c := range []struct{ prompt, parameters, want string }{
		{"Buy 2 of blue kettle by 2026-03-05", `{"item": "cup"}`, "day=2026-03-05 | item=cup | n=2"},
		{"Buy 5 of tea by 2026-03-06", `{"item": "{{ n }}", "n": "7"}`, "day=2026-03-06 | item={{ n }} | n=7"},
		{"something else", `{"item": "cup", "n": 3.0, "day": "2026-01-01"}`, "day=2026-01-01 | item=cup | n=3"},
	} {
		values, err := Bind(w, Binding{Prompt: c.prompt, Parameters: json.RawMessage(c.parameters)})
		if err != nil || bound(values) != c.want {
			t.Errorf("%s with %s: %s (%v), want %s", c.prompt, c.parameters, bound(values), err, c.want)
		}
	}
	for parameters, want := range map[string]string{
		`{"item": "cup", "colour": "red"}`: `parameters.colour: is not a parameter of the workflow; its parameters are item (string), n (integer), day (date)`,
		`{"n": "two"}`:                     `parameters.n: must be a number, not "two"`,
		`{"n": 1.5, "item": 5}`:            `parameters.item: must be a string, not 5; parameters.n: must be a whole number, not 1.5`,
		`{"n": true}`:                      `parameters.n: must be a number, not true`,
		`{"day": "5 March"}`:               `parameters.day: must be a date as YYYY-MM-DD, not "5 March"`,
		`{"item": null}`:                   `parameters.item: must be a string, not null`,
		`[]`:                               `parameters: must be an object of values by name`,
	} {
		_, err := Bind(w, Binding{Prompt: "Buy 2 of tea by 2026-03-05", Parameters: json.RawMessage(parameters)})
		if _, ok := errors.AsType[*InvalidError](err); !ok || err.Error() != want {
			t.Errorf("%s: %v, want %s", parameters, err, want)
		}
	}
}

func TestAWorkflowWithoutParametersIsForItsPromptOnly(t *testing.T) {
	w := Workflow{PromptTemplate: "List the kettles"}
	for _, c := range []struct {
		b  Binding
		ok bool
	}{
		{Binding{Prompt: "list the  Kettles."}, true},
		{Binding{Prompt: "Delete the kettles"}, false},
		{Binding{Prompt: "Delete the kettles", Parameters: json.RawMessage(`{}`)}, true},
		{Binding{Prompt: "Delete the kettles", Parameters: json.RawMessage(`null`)}, false},
	} {
		values, err := Bind(w, c.b)
		unbound, isUnbound := errors.AsType[*UnboundError](err)
		if c.ok && (err != nil || len(values) > 0) || !c.ok && (!isUnbound || len(unbound.Names) > 0) {
			t.Errorf("%+v: %v %v", c.b, values, err)
		}
	}
	if _, err := Bind(Workflow{}, Binding{Prompt: "anything"}); err != nil {
		t.Errorf("without a template: %v", err)
	}
}

func TestTheInitialURLIsTheRuns(t *testing.T) {
	w := shop("Buy {{ item }}")
	w.Parameters = append(w.Parameters, Parameter{Name: InitialURL, Type: TypeString, ExampleValue: "https://shop.test/"})
	for url, want := range map[string]string{"https://other.test/": "https://other.test/", "": "https://shop.test/"} {
		values, err := Bind(w, Binding{Prompt: "Buy tea", InitialURL: url})
		if err != nil || values[InitialURL] != want || values["item"] != "tea" {
			t.Errorf("%q: %s %v", url, bound(values), err)
		}
		if !w.Differs(values) {
			t.Error("tea is the recorded item")
		}
	}
	values, err := Bind(w, Binding{Prompt: "Buy blue kettle", InitialURL: "https://shop.test/"})
	if err != nil || w.Differs(values) {
		t.Errorf("the recorded values: %s %v", bound(values), err)
	}
}

func TestAPromptThatCouldBeReadInManyWaysIsGivenUpSoon(t *testing.T) {
	w := Workflow{}
	for i := range 20 {
		name := fmt.Sprintf("p%d", i/2)
		w.PromptTemplate += "{{ " + name + " }} "
		if i%2 == 0 {
			w.Parameters = append(w.Parameters, Parameter{Name: name, Type: TypeString, ExampleValue: "x"})
		}
	}
	_, err := Bind(w, Binding{Prompt: strings.Repeat("a b ", 2000) + "c"})
	if _, ok := errors.AsType[*UnboundError](err); !ok {
		t.Errorf("bound: %v", err)
	}
}

func FuzzAPromptMadeFromTheTemplateBindsToItsValuesOrNotAtAll(f *testing.F) {
	f.Add("blue kettle", int64(2), "Find", "there")
	f.Add("a \"b\" {{ n }}", int64(-7), "x", "x")
	f.Add("2 of 3", int64(3), "of", "2")
	f.Fuzz(func(t *testing.T, item string, n int64, before, behind string) {
		for _, s := range []string{item, before, behind} {
			if !utf8.ValidString(s) || strings.TrimSpace(s) != s || s == "" || strings.IndexFunc(s, unicode.IsControl) >= 0 {
				return
			}
		}
		w := shop(escape(before) + " {{ item }} x {{ n }} " + escape(behind))
		want := map[string]any{"item": item, "n": json.Number(fmt.Sprint(n))}
		got, err := Bind(w, Binding{Prompt: w.Prompt(want)})
		if err != nil {
			if unbound, ok := errors.AsType[*UnboundError](err); !ok || !unbound.Ambiguous {
				t.Fatalf("%q: %v", w.Prompt(want), err)
			}
			return
		}
		if again := w.Prompt(got); !strings.EqualFold(spaced(again), spaced(w.Prompt(want))) {
			t.Fatalf("%q bound to %v", w.Prompt(want), got)
		}
	})
}
