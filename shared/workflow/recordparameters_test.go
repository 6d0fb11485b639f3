package workflow

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

// act is one action and the fingerprint of its element.
type act struct{ name, text, role, label, more string }

func (a act) on(f *film) {
	switch a.name {
	case "navigate":
		f.act("navigate", jsonText(map[string]any{"url": a.text}))
	case "click":
		f.act("click", `{`+element(a.role, a.label, a.more)+`}`)
	default:
		f.act(a.name, `{"text": `+jsonText(a.text)+`, `+element(a.role, a.label, a.more)+`}`)
	}
}

func jsonText(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// filmed is a run that does these acts for a prompt, all on one page.
func filmed(prompt string, acts ...act) *film {
	f := &film{Recording{Prompt: prompt}}
	for _, a := range acts {
		f.on(shopURL, "")
		a.on(f)
	}
	return f.on(shopURL, "").done(`"ok"`)
}

func row(key string) string { return `, "list": {"key_text": ` + jsonText(key) + `, "index": 2}` }

func TestWhatThePromptSaysBecomesAParameter(t *testing.T) {
	input := func(text, label string) act { return act{"input", text, "textbox", label, ""} }
	for _, c := range []struct {
		prompt   string
		acts     []act
		template string // of the prompt
		told     string // of the actions
		values   string
	}{
		{"Say 'Grüße, \"Welt\"' now", []act{input(`Grüße, "Welt"`, "Grußtext")}, "Say '{{ grusstext }}' now", "", ""},
		{"Search KETTLES in the kettleshop", []act{input("Kettles", "Search")}, "Search {{ search }} in the kettleshop", "input {{ search }} [Search]", "search=KETTLES"},
		{"Find ann@shop.test and ann", []act{input("ann", "Who")}, "Find ann@shop.test and {{ who }}", "input {{ who }} [Who]", "who=ann"},
		{"Find tea on https://tea.test/tea or tea.test", []act{input("tea", "q")}, "Find {{ search }} on https://tea.test/tea or tea.test", "", ""},
		{"Book 5.3.2026", []act{input("03/05/2026", "Day")}, "Book {{ day | D.M.YYYY }}", "input {{ day | MM/DD/YYYY }} [Day]", "day=2026-03-05"},
		{"Book 05/03/2026", []act{input("05/03/2026", "Day")}, "Book {{ day }}", "input {{ day }} [Day]", "day=05/03/2026"},
		{"Book 25/03/2026", []act{input("25/03/2026", "Day")}, "Book {{ day | DD/MM/YYYY }}", "input {{ day | DD/MM/YYYY }} [Day]", "day=2026-03-25"},
		{"Book 03/04/2026", []act{input("3/4/2026", "Day")}, "Book 03/04/2026", "input 3/4/2026 [Day]", ""}, // March or April
		{"Pay 1,234.50 now", []act{input("1234.5", "Amount")}, "Pay {{ amount | 1,234.00 }} now", "input {{ amount }} [Amount]", "amount=1234.5"},
		{"Pay 39 now", []act{input("39.00", "Price")}, "Pay {{ price }} now", "input {{ price | 1234.00 }} [Price]", "price=39"},
		{"Call 01234 567", []act{input("01234 567", "Phone")}, "Call {{ phone }}", "input {{ phone }} [Phone]", "phone=01234 567"},
		{"Send it to 12345 Berlin", []act{input("12345", "Postal code"), input("Berlin", "City")}, "Send it to {{ postal_code }} {{ city }}", "", "city=Berlin | postal_code=12345"},
		{"Order 2 kettles", []act{input("2", "Quantity")}, "Order {{ quantity }} kettles", "", "quantity=2"},
		{"Answer y to all", []act{input("y", "Answer")}, "Answer y to all", "input y [Answer]", ""},
		{"Order 2 kettles to 2 Main Street", []act{input("2", "Quantity"), input("2 Main Street", "Address")}, "Order {{ quantity }} kettles to {{ address }}", "input {{ quantity }} [Quantity] > input {{ address }} [Address]", "address=2 Main Street | quantity=2"},
		{"Find the blue kettle", []act{input("kettle", "Search"), input("Blue kettle", "Note")}, "Find the blue {{ search }}", "input {{ search }} [Search] > input Blue {{ search }} [Note]", "search=kettle"},
		{"Send it to 2 Main Street", []act{input("2", "Quantity"), input("2 Main Street", "Address"), {"navigate", "https://shop.test/s?q=2+Main+Street", "", "", ""}}, "Send it to {{ quantity }} Main Street",
			"input {{ quantity }} [Quantity] > input {{ quantity }} Main Street [Address] > navigate https://shop.test/s?q={{ quantity }}%20Main%20Street", "quantity=2"},
		{"Take 1234 of it", []act{input("1234", "Account"), input("1234", "Quantity")}, "Take {{ account }} of it", "input {{ account }} [Account] > input {{ account }} [Quantity]", "account=1234"},
		{"Take 1234 of it", []act{input("1234", "Quantity"), input("1234", "Account")}, "Take {{ quantity }} of it", "input {{ quantity }} [Quantity] > input {{ quantity }} [Account]", "quantity=1234"},
		{"Greet Ann", []act{input("Ann", "Name"), input("Dear Ann, hello", "Message")}, "Greet {{ name }}", "input {{ name }} [Name] > input Dear {{ name }}, hello [Message]", "name=Ann"},
		{"Greet Ann and Bob", []act{input("Ann", "Name"), {"input", "Bob", "searchbox", "Name", ""}}, "Greet {{ name }} and {{ name_2 }}", "input {{ name }} [Name] > input {{ name_2 }} [Name]", "name=Ann | name_2=Bob"},
		{"Log in as <secret:user> at noon", []act{input("<secret:user>", "User")}, "Log in as <secret:user> at noon", "input <secret:user> [User]", ""},
		{"Type {{ x }} twice", []act{input("{{ x }}", "Text")}, "Type {{ text }} twice", "input {{ text }} [Text]", "text={{ x }}"},
		{"Type {{ x }} twice", []act{input("{{ y }}", "Text")}, `Type {{ "{{" }} x }} twice`, `input {{ "{{" }} y }} [Text]`, ""},
		{"Ship to Belgium", []act{{"select_dropdown", "Belgium", "select", "Country", row("Country Austria Belgium") + `, "id": "country"`}}, "Ship to {{ country }}", "select_dropdown {{ country }} [Country]", "country=Belgium"},
		{"Find blue kettle in section 42", []act{{"navigate", "https://shop.test/sections/42/search?q=blue+kettle&sort=price#top", "", "", ""}}, "Find {{ search }} in section {{ section }}", "navigate https://shop.test/sections/{{ section }}/search?q={{ search }}&sort=price#top", "search=blue kettle | section=42"},
		{"Open https://shop.test/a/b?c=1 and look", []act{{"navigate", "https://shop.test/a/b?c=1", "", "", ""}}, "Open {{ url }} and look", "navigate {{ url }}", "url=https://shop.test/a/b?c=1"},
	} {
		f := filmed(c.prompt, c.acts...)
		w, _ := f.recorded(t)
		if w.PromptTemplate != c.template {
			t.Errorf("%s: the template is %s", c.prompt, w.PromptTemplate)
		}
		if got := strings.TrimSuffix(w.told(), " > done"); c.told != "" && got != c.told {
			t.Errorf("%s: it does %s, want %s", c.prompt, got, c.told)
		}
		values, err := Bind(w, Binding{Prompt: c.prompt})
		if err != nil || c.values != "" && bound(values) != c.values || w.Differs(values) {
			t.Errorf("%s: bound to %s (%v), want %s", c.prompt, bound(values), err, c.values)
		}
	}
}

func TestAnElementIsChosenByAPhraseOfThePrompt(t *testing.T) {
	for _, c := range []struct {
		prompt, role, name, more string
		template                 string // of the prompt
		target                   string
	}{
		{"Put the blue kettle into the cart", "button", "Add to cart", row("Blue kettle €39.00 Add to cart") + `, "id": "b7"`,
			"Put the {{ item }} into the cart", `{"list":{"key_text":"{{ item }}"},"name":"Add to cart","role":"button","v":1}`},
		{"Cancel order 1042 please", "button", "Cancel", row("Order 1042 shipped Cancel"),
			"Cancel {{ item }} please", `{"list":{"key_text":"{{ item }}"},"name":"Cancel","role":"button","v":1}`},
		{"Close ticket 13 there", "button", "Close", row("Ticket #13 open since 5 days Close"),
			"Close ticket {{ item }} there", `{"list":{"key_text":"{{ item }}"},"name":"Close","role":"button","v":1}`},
		{"Free room no. 7 for 2 nights", "button", "Free", row("Room No 7 of 9 Free"),
			"Free room no. {{ item }} for 2 nights", `{"list":{"key_text":"{{ item }}"},"name":"Free","role":"button","v":1}`},
		{"Open the 5 there", "button", "Open", row("Kettle 5 Open"), "Open the 5 there", `{"list":{"index":2,"key_text":"Kettle 5 Open"},"name":"Open","role":"button","v":1}`},
		{"Open the blue kettle", "link", "Blue kettle €39.00", row("Blue kettle €39.00 in stock") + `, "href_path": "/p/17", "heading": "All kettles"`,
			"Open the {{ item }}", `{"heading":"All kettles","list":{"key_text":"{{ item }}"},"name":"{{ item }}","part":true,"role":"link","v":1}`},
		{"Send it by express delivery", "radio", "Express", `, "id": "x"`,
			"Send it by {{ choice }} delivery", `{"name":"{{ choice }}","role":"radio","v":1}`},
		{`Open "Terms of use" there`, "link", "Terms of use", `, "css": "a.terms"`,
			`Open "{{ item }}" there`, `{"name":"{{ item }}","role":"link","v":1}`},
		{"Open the page of Falcon there", "link", "Falcon", ``, "Open the page of {{ item }} there", `{"name":"{{ item }}","role":"link","v":1}`},
		{"Then go to the cart", "link", "Cart", `, "id": "cart"`, "Then go to the cart", `{"id":"cart","name":"Cart","role":"link","v":1}`},
		{"Press 'Sign in' there", "button", "Sign in", `, "id": "go"`, "Press 'Sign in' there", `{"id":"go","name":"Sign in","role":"button","v":1}`},
		{"Open the blue kettle", "link", "Blue kettle", `, "landmark": "nav", "id": "k"`, "Open the blue kettle", `{"id":"k","landmark":"nav","name":"Blue kettle","role":"link","v":1}`},
	} {
		w, _ := filmed(c.prompt, act{"click", "", c.role, c.name, c.more}).recorded(t)
		if w.PromptTemplate != c.template {
			t.Errorf("%s: the template is %s", c.prompt, w.PromptTemplate)
		}
		params := w.Steps[0].Actions[0].Params
		if got := jsonOf(t, params["target"]); got != c.target {
			t.Errorf("%s: the target is %s", c.prompt, got)
		}
		if _, kept := params["xpath"]; kept == strings.Contains(c.template, "{{") {
			t.Errorf("%s: the path is %v", c.prompt, params["xpath"])
		}
	}
}

func TestASuggestionIsChosenByWhatWasTyped(t *testing.T) {
	w, _ := filmed("Fly to Oslo", act{"input", "Oslo", "combobox", "Where to", ""}, act{"click", "", "option", "Oslo, Norway", `, "id": "oslo-1", "css": "#list > li"`}).recorded(t)
	if got := jsonOf(t, w.Steps[1].Actions[0].Params); got != `{"target":{"name":"{{ where_to }}, Norway","role":"option","v":1}}` || w.PromptTemplate != "Fly to {{ where_to }}" {
		t.Errorf("%s: %s", w.PromptTemplate, got)
	}
}

// TestARecordedWorkflowDoesTheRecordedAgain: whatever the prompt and the actions, a workflow filled with its examples
// types what was typed, and the recorded prompt gives these examples.
func TestARecordedWorkflowDoesTheRecordedAgain(t *testing.T) {
	words := strings.Fields(`kettle blue Blue Ann O'Neil 2 12 007 39.00 1,234.50 2026-03-05 05/03/2026 5.3.2026 "red tea" {{ x }} <secret:a> a@b.test https://shop.test/p/2?q=tea cart to and . Größe 日本`)
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(seed, 1))
		some := func(most int) string {
			var list []string
			for range 1 + random.IntN(most) {
				list = append(list, words[random.IntN(len(words))])
			}
			return strings.Join(list, " ")
		}
		f := &film{Recording{Prompt: "Do " + some(12)}}
		var typed []string
		for i := range 1 + random.IntN(4) {
			typed = append(typed, some(2))
			f.on(shopURL+some(1), some(3), some(2))
			act{"input", typed[i], "textbox", fmt.Sprintf("Field %d", i), row(some(4))}.on(f)
			act{"click", "", "link", some(3), row(some(4))}.on(f)
		}
		f.on(shopURL, "").done(jsonText("Result " + some(3)))
		w, _ := f.recorded(t)
		values, err := Bind(w, Binding{Prompt: f.in.Prompt})
		if err != nil || w.Differs(values) {
			t.Fatalf("%d: %q as %q: %v %v", seed, f.in.Prompt, w.PromptTemplate, values, err)
		}
		filled, err := w.Filled(values)
		if err != nil {
			t.Fatalf("%d: %q: %v", seed, f.in.Prompt, err)
		}
		var again []string
		for _, a := range actionsOf(filled) {
			if a.Name == "input" {
				again = append(again, a.Params["text"].(string))
			}
		}
		if !strings.EqualFold(strings.Join(again, "|"), strings.Join(typed, "|")) {
			t.Fatalf("%d: %q: typed %q, then %q", seed, f.in.Prompt, typed, again)
		}
	}
}

func actionsOf(w Workflow) (list []Action) {
	for _, s := range w.Steps {
		list = append(list, s.Actions...)
	}
	return list
}

func FuzzARecordingMakesAWorkflowOrAnError(f *testing.F) {
	f.Add("Order 2 of \"Blue kettle\"", "2", "Quantity", "Blue kettle {{ x", "https://shop.test/a%2/x?y=%zz&q=2#{{ a }}")
	f.Add("{{ a }} of 1.2.2026", "1.2.2026", "1 {{", "\x00", "about:blank")
	f.Fuzz(func(t *testing.T, prompt, text, label, name, url string) {
		film := &film{Recording{Prompt: prompt, InitialURL: url}}
		film.on(url, name, name, label).act("navigate", jsonText(map[string]any{"url": url}))
		for _, a := range []event.Action{
			{Name: "input", Params: map[string]any{"text": text, "target": map[string]any{"label": label, "css": name}}},
			{Name: "click", Params: map[string]any{"target": map[string]any{"name": name, "list": map[string]any{"key_text": prompt}}}},
		} {
			film.last().Actions = append(film.last().Actions, a)
		}
		film.on(url, "", prompt).done(jsonText(text + name))
		w, _, err := Record(film.in)
		if err != nil {
			t.Fatal(err)
		}
		values, err := Bind(w, Binding{Prompt: prompt, InitialURL: url})
		if err != nil {
			t.Fatalf("%q as %q: %v", prompt, w.PromptTemplate, err)
		}
		if _, err := w.Filled(values); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatIsDraggedAndWhatItIsDroppedOnAreToldApart(t *testing.T) {
	f := &film{Recording{Prompt: "Move the blue kettle to the shelf"}}
	f.on(shopURL, "").act("drag", `{"to": 7, `+element("listitem", "Blue kettle", row("Blue kettle €39")+`, "id": "k17"`)+`, "to_target": {"name": "Shelf", "id": "shelf"}, "to_xpath": "/html/div[2]"}`)
	f.on(shopURL, "").act("drag", `{"to": 7, `+element("listitem", "Lamp", "")+`}`)
	w, notes := f.on(shopURL, "").done(`"ok"`).recorded(t)
	if got, want := jsonOf(t, w.Steps[0].Actions[0].Params), `{"target":{"list":{"key_text":"{{ item }}"},"name":"{{ item }}","role":"listitem","v":1},"to_target":{"id":"shelf","name":"Shelf"},"to_xpath":"/html/div[2]"}`; got != want {
		t.Errorf("it drags %s", got)
	}
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "Step 2 drags something") {
		t.Errorf("the notes are %q", notes)
	}
}

func TestAPlaceThatDependsOnAValueIsNotAskedForByIt(t *testing.T) {
	f := &film{Recording{Prompt: "Look up Blue Kettle"}}
	f.on(shopURL, "", "Shop").act("input", `{"text": "Blue Kettle", `+element("searchbox", "Search", "")+`}`).act("click", `{`+element("button", "Go", "")+`}`)
	f.on(shopURL+"p/blue-kettle/3f2a9c7b1d", "", "Shop", "Lowest price today").act("click", `{`+element("button", "Open", `, "heading": "Blue Kettle", "css": "#blue-kettle > button", "xpath": "//button", "id": "open"`)+`}`)
	f.on(shopURL+"p/blue-kettle/3f2a9c7b1d", "", "Shop", "Lowest price today", "Details").done(`"ok"`)
	w, _ := f.recorded(t)
	if got := jsonOf(t, w.Steps[0].After); got != `{"url":"https://shop.test/p/*/*"}` {
		t.Errorf("the product's page is told by %s", got)
	}
	if got := jsonOf(t, w.Steps[1].After); got != `{"url":"https://shop.test/p/*/*","headings":["Details"]}` {
		t.Errorf("what the button opens is told by %s", got)
	}
	if got := jsonOf(t, w.Steps[1].Actions[0].Params); got != `{"target":{"heading":"{{ search }}","id":"open","name":"Open","role":"button","v":1,"xpath":"//button"},"xpath":"/html/button[Open]"}` {
		t.Errorf("the button is %s", got)
	}
}

func TestAShortNumberOfTheResultIsNoParameterByChance(t *testing.T) {
	f := filmed("Order 2 kettles", act{"input", "2", "number", "Quantity", ""})
	f.in.Result, f.in.JSON = json.RawMessage(`{"in_stock": 2, "order": {"quantity": 2, "paid": true}, "tags": []}`), true
	w, notes := f.recorded(t)
	if got := jsonOf(t, w.Result); !strings.HasSuffix(got, `"fields":[{"name":"quantity_2","path":"/order/quantity","step":2,"value":"{{ quantity }}"}],"needs_model":["/in_stock","/order/paid","/tags"]}`) {
		t.Errorf("the result is %s", got)
	}
	if len(notes) != 3 || !strings.Contains(notes[0], "/in_stock") {
		t.Errorf("the notes are %q", notes)
	}
}

func TestAButtonIsAnItemIfItIsDoubleClickedOrAskedForItsMenu(t *testing.T) {
	for name, item := range map[string]bool{"click": false, "double_click": true, "right_click": true} {
		f := &film{Recording{Prompt: `Open the file "Beta" there`}}
		w, _ := f.on(shopURL, "open").act(name, "{"+element("button", "Beta", "")+"}").on(shopURL, "").done(`"ok"`).recorded(t)
		if got := w.PromptTemplate == `Open the file "{{ item }}" there`; got != item {
			t.Errorf("%s: the template is %s", name, w.PromptTemplate)
		}
	}
}
