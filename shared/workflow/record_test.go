package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

// film is a recording in the making.
type film struct{ in Recording }

// on begins a step on a page with headings.
func (f *film) on(url, description string, headings ...string) *film {
	raw, _ := encode(Sources{Headings: headings})
	f.in.Steps = append(f.in.Steps, event.StepData{
		Attempt: 1, Number: len(f.in.Steps) + 1, URL: url, Description: description, Sources: raw,
	})
	return f
}

func (f *film) last() *event.StepData { return &f.in.Steps[len(f.in.Steps)-1] }

// act adds an action; params are JSON.
func (f *film) act(name, params string, marks ...string) *film {
	a := event.Action{Name: name}
	if err := json.Unmarshal([]byte(params), &a.Params); err != nil {
		panic(name + ": " + err.Error())
	}
	for _, m := range marks {
		switch m {
		case "sends":
			a.Sends = true
		case "fails":
			a.Success, a.Error = new(false), new("no")
		case "opens":
			a.OpenedTabs = 1
		}
	}
	f.last().Actions = append(f.last().Actions, a)
	return f
}

// sources says what was found with the last step.
func (f *film) sources(s Sources) *film {
	var before Sources
	_ = json.Unmarshal(f.last().Sources, &before)
	s.Headings = before.Headings
	f.last().Sources, _ = encode(s)
	return f
}

func (f *film) done(result string) *film {
	f.act("done", `{"text": "it is done", "success": true}`)
	f.in.Result = json.RawMessage(result)
	return f
}

// recorded is the workflow of a film.
func (f *film) recorded(t *testing.T) (Workflow, []string) {
	t.Helper()
	w, notes, err := Record(f.in)
	if err != nil {
		t.Fatal(err)
	}
	return w, notes
}

// element is a fingerprint.
func element(role, name, more string) string {
	return fmt.Sprintf(`"xpath": %s, "target": {"v": 1, "role": %q, "name": %s%s}`, jsonText("/html/"+role+"["+name+"]"), role, jsonText(name), more)
}

// told writes the actions of a workflow, those of a step side by side.
func (w Workflow) told() string {
	var list []string
	for _, s := range w.Steps {
		for _, a := range s.Actions {
			m := move{params: a.Params}
			words := []string{a.Name}
			for _, k := range []string{"url", "text", "keys", "tab_id", "path"} {
				if text, ok := a.Params[k].(string); ok {
					words = append(words, text)
				}
			}
			if name := m.mark("name"); name != "" {
				words = append(words, "["+name+"]")
			}
			list = append(list, strings.Join(words, " "))
		}
	}
	return strings.Join(list, " > ")
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const shopURL = "https://shop.test/"

// order is the run of a shop: search, choose among the found, order.
func order() *film {
	f := &film{Recording{Prompt: `Order 2 of "Blue kettle" for Ann Lee by 5 March 2026 and tell the total.`, InitialURL: shopURL}}
	f.on("", "Open the initial page").act("navigate", `{"url": "https://shop.test/"}`)
	f.on(shopURL, "Search for Blue kettle", "Shop").
		act("input", `{"text": "blue kettle", `+element("searchbox", "Search products", `, "placeholder": "Search products"`)+`}`).
		act("send_keys", `{"keys": "Enter"}`)
	f.on(shopURL+"search?q=blue+kettle", "Open the Blue kettle", "Shop", "Results for blue kettle").
		act("scroll", `{"down": true}`)
	f.on(shopURL+"search?q=blue+kettle", "Open the Blue kettle", "Shop", "Results for blue kettle").
		act("click", `{`+element("button", "Add to cart", `, "id": "add-17", "css": "#add-17", "rect": [0.1, 0.5, 0.1, 0.1], "list": {"container": "ul.items", "key_text": "Blue kettle €39.00 Add to cart", "index": 3, "count": 9}`)+`}`, "sends")
	f.on(shopURL+"cart/4711", "Fill in the form", "Shop", "Your cart (1 item)").
		act("input", `{"text": "2", "clear": true, `+element("number", "Quantity", `, "name_attr": "qty", "id": "qty"`)+`}`).
		act("input", `{"text": "2026-03-05", `+element("date", "Delivery day", ``)+`}`).
		act("input", `{"text": "Ann Lee", `+element("textbox", "Your name", ``)+`}`).
		act("input", `{"text": "<secret:card>", `+element("textbox", "Card number", ``)+`}`).
		act("click", `{"index": 4, `+element("button", "Order", `, "id": "order"`)+`}`, "sends")
	f.on(shopURL+"orders/1007", "Tell the total", "Shop", "Thank you, Ann Lee").done(`{"item": "Blue kettle", "quantity": 2, "total": 78.5, "day": "5 March 2026"}`)
	f.in.JSON = true
	return f.sources(Sources{
		Fields:     []Field{{Name: "total", Path: "/total", Step: 6, Source: json.RawMessage(`{"label":"Total","row":"Blue kettle","css":"tr.blue-kettle > td"}`), Rule: &Rule{Type: "number", Format: "1,234.50"}}},
		NeedsModel: []string{"/item", "/quantity", "/day"},
	})
}

func TestARunBecomesAWorkflowWithoutAModel(t *testing.T) {
	w, notes := order().recorded(t)
	if want := `Order {{ quantity }} of "{{ search_products }}" for {{ your_name }} by {{ delivery_day | D MMMM YYYY }} and tell the total.`; w.PromptTemplate != want {
		t.Errorf("the template is %s", w.PromptTemplate)
	}
	if got, want := jsonOf(t, w.Parameters), `[{"name":"search_products","description":"Search products","type":"string","exampleValue":"Blue kettle"},`+
		`{"name":"quantity","description":"Quantity","type":"integer","exampleValue":2},`+
		`{"name":"delivery_day","description":"Delivery day","type":"date","exampleValue":"2026-03-05"},`+
		`{"name":"your_name","description":"Your name","type":"string","exampleValue":"Ann Lee"},`+
		`{"name":"initial_url","description":"the page that the run begins with","type":"string","exampleValue":"https://shop.test/"}]`; got != want {
		t.Errorf("the parameters are %s", got)
	}
	if got, want := w.told(), "navigate {{ initial_url }} > input {{ search_products }} [Search products] > send_keys Enter > click [Add to cart] > "+
		"input {{ quantity }} [Quantity] > input {{ delivery_day }} [Delivery day] > input {{ your_name }} [Your name] > input <secret:card> [Card number] > click [Order] > done"; got != want {
		t.Errorf("the actions are %s", got)
	}
	if got, want := jsonOf(t, w.Steps[2].Actions[0].Params), `{"target":{"list":{"container":"ul.items","count":9,"key_text":"{{ search_products }}"},"name":"Add to cart","role":"button","v":1}}`; got != want {
		t.Errorf("the chosen element is %s", got)
	}
	if got := w.Steps[3].Actions[4]; got.Params["xpath"] != "/html/button[Order]" || !got.Sends || got.Params["index"] != nil {
		t.Errorf("the order button is %+v", got)
	}
	if got, want := w.Steps[2].Description, "Open the {{ search_products }}"; got != want {
		t.Errorf("the description is %q", got)
	}
	if got, want := jsonOf(t, w.Result), `{"example":{"item": "Blue kettle", "quantity": 2, "total": 78.5, "day": "5 March 2026"},"fields":[`+
		`{"name":"total","path":"/total","step":5,"source":{"label":"Total","row":"{{ search_products }}"},"rule":{"type":"number","format":"1,234.50"}},`+
		`{"name":"item","path":"/item","step":5,"value":"{{ search_products }}"},{"name":"quantity_2","path":"/quantity","step":5,"value":"{{ quantity }}"},`+
		`{"name":"day","path":"/day","step":5,"value":"{{ delivery_day | D MMMM YYYY }}"}],"needs_model":[]}`; strings.ReplaceAll(got, `": `, `":`) != strings.ReplaceAll(strings.ReplaceAll(want, `": `, `":`), `, "`, `,"`) {
		t.Errorf("the result is\n%s\n%s", got, want)
	}
	if !slices.Equal(notes, []string{"1 of 11 actions are left out: they failed, were undone, or only looked at the page."}) {
		t.Errorf("the notes are %q", notes)
	}
	values, err := Bind(w, Binding{Prompt: order().in.Prompt, InitialURL: shopURL})
	if err != nil || w.Differs(values) {
		t.Errorf("the recorded prompt gives %v (%v)", values, err)
	}
	other := `Order 12 of "Red \ teapot" for Zoë {{ O'Neil by 24 December 2026 and tell the total.`
	if values, err = Bind(w, Binding{Prompt: other, InitialURL: shopURL}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Filled(values)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.told(); !strings.Contains(got, `input Red \ teapot [`) || !strings.Contains(got, `input 12 [`) || !strings.Contains(got, "input 2026-12-24 [") || !strings.Contains(got, "input Zoë {{ O'Neil [") {
		t.Errorf("with other values it does %s", got)
	}
}

func TestStepsAreToldByWhatTheirPagesLookedLike(t *testing.T) {
	w, _ := order().recorded(t)
	want := []string{
		`null {"url":"*//*/","headings":["Shop"]}`,
		`{"url":"*//*/","headings":["Shop"]} {"url":"*//*/search","headings":["Results for {{ search_products }}"]}`,
		`{"url":"*//*/search","headings":["Shop","Results for {{ search_products }}"]} {"url":"*//*/cart/*"}`,
		`{"url":"*//*/cart/*","headings":["Shop"]} {"url":"*//*/orders/*","headings":["Thank you, {{ your_name }}"]}`,
		`{"url":"*//*/orders/*","headings":["Shop","Thank you, {{ your_name }}"]} null`,
	}
	for i, s := range w.Steps {
		if got := jsonOf(t, s.Before) + " " + jsonOf(t, s.After); got != want[i] {
			t.Errorf("step %d: %s", i+1, got)
		}
	}
	f := &film{Recording{Prompt: "Look"}}
	f.on("about:blank", "").act("navigate", `{"url": "https://shop.test/"}`)
	f.on(shopURL, "", "Shop", "3 items").act("click", `{`+element("button", "More", "")+`}`)
	f.on(shopURL, "", "Shop", "1,003.5 items {{ x }}").done(`"ok"`)
	w, _ = f.recorded(t)
	if got := jsonOf(t, w.Steps[1].After); got != `{"url":"https://shop.test/","headings":["# items {{ \"{{\" }} x }}"]}` {
		t.Errorf("what appeared is %s", got)
	}
}

func TestWhatLedNowhereIsLeftOut(t *testing.T) {
	link := func(name string) string { return `{` + element("link", name, "") + `}` }
	typed := func(text, field string) string {
		return fmt.Sprintf(`{"text": %q, %s}`, text, element("textbox", field, ""))
	}
	low := `{` + element("link", "Low", `, "rect": [0, 7.5, 0.1, 0.1]`) + `}`
	high := `{` + element("link", "High", `, "rect": [0, 0.5, 0.1, 0.1]`) + `}`
	a, b, c := shopURL+"a", shopURL+"b", shopURL+"c"
	for name, tt := range map[string]struct {
		film func(f *film)
		want string
	}{
		"what failed": {func(f *film) {
			f.on(a, "").act("click", link("X"), "fails").act("click", link("Y"), "fails").on(a, "").act("click", link("Z"))
		}, "click [Z]"},
		"what only looked": {func(f *film) {
			f.on(a, "").act("wait", `{"seconds": 3}`).act("find_text", `{"text": "x"}`).act("search_page", `{"query": "x"}`).act("whole_page", `{}`)
			f.on(a, "").act("screenshot", `{}`).act("extract", `{"query": "x"}`).act("click", link("X")).act("wait", `{}`)
		}, "click [X]"},
		"a way that was gone back": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("input", typed("t", "T")).act("click", link("Y")).on(c, "").act("go_back", `{}`).on(b, "").act("go_back", `{}`).on(a, "").act("click", link("Z"))
		}, "click [Z]"},
		"a way that was gone back in part": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("click", link("Y")).on(c, "").act("go_back", `{}`).on(b, "").act("click", link("Z"))
		}, "click [X] > click [Z]"},
		"not one on which something was sent": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("click", link("Save"), "sends").on(b, "").act("go_back", `{}`).on(a, "").act("click", link("Z"))
		}, "click [X] > click [Save] > go_back > click [Z]"},
		"not one on which a file was made": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("save_as_pdf", `{}`).on(b, "").act("go_back", `{}`).on(a, "").act("click", link("Z"))
		}, "click [X] > save_as_pdf > go_back > click [Z]"},
		"not one that led elsewhere": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("go_back", `{}`).on(c, "").act("click", link("Z"))
		}, "click [X] > go_back > click [Z]"},
		"a tab that was closed again": {func(f *film) {
			f.on(a, "").act("click", link("X"), "opens").on(b, "").act("click", link("Y")).on(c, "").act("close", `{}`).on(a, "").act("navigate", `{"url": "https://x.test/", "new_tab": true}`).
				on("https://x.test/", "").act("switch", `{"tab_id": "t1"}`).on(a, "").act("switch", `{"tab_id": "t3"}`).on("https://x.test/", "").act("click", link("Z"))
		}, "navigate https://x.test/ > switch t2 > click [Z]"},
		"a loop": {func(f *film) {
			f.on(a, "", "H").act("click", link("X")).on(b, "").act("click", link("Home")).on(a, "", "H").act("click", link("X")).on(b, "").act("click", link("Z"))
		}, "click [X] > click [Z]"},
		"not a loop on a page that is another": {func(f *film) {
			f.on(a, "", "H").act("click", link("X")).on(b, "").act("click", link("Home")).on(a, "", "H", "New").act("click", link("X")).on(b, "").act("click", link("Z"))
		}, "click [X] > click [Home] > click [X] > click [Z]"},
		"not clicks that may count up": {func(f *film) {
			f.on(a, "").act("click", link("+")).on(a, "").act("click", link("+"))
		}, "click [+] > click [+]"},
		"what was typed over": {func(f *film) {
			f.on(a, "").act("input", typed("one", "T")).on(a, "").act("input", typed("two", "T")).act("input", typed("three", "U")).act("click", link("Z"))
		}, "input two [T] > input three [U] > click [Z]"},
		"not what was typed behind it": {func(f *film) {
			f.on(a, "").act("input", typed("one", "T")).act("input", strings.Replace(typed("two", "T"), "{", `{"clear": false, `, 1))
		}, "input one [T] > input two [T]"},
		"a page that was left at once": {func(f *film) {
			f.on(a, "").act("navigate", `{"url": "https://shop.test/b"}`).on(b, "").act("scroll", `{}`).on(b, "").act("navigate", `{"url": "https://shop.test/c"}`).on(c, "").act("click", link("Z"))
		}, "navigate https://shop.test/c > click [Z]"},
		"a box that was checked and unchecked": {func(f *film) {
			box := `{` + element("checkbox", "Gift", "") + `}`
			f.on(a, "").act("click", box).on(a, "").act("click", box).on(a, "").act("click", link("Z"))
		}, "click [Z]"},
		"scrolling to what was there": {func(f *film) {
			f.on(a, "").act("scroll", `{"down": true}`).on(a, "").act("scroll", `{"down": false}`).on(a, "").act("click", high).on(b, "").act("scroll", `{}`)
		}, "click [High]"},
		"not scrolling to what may have appeared by it": {func(f *film) {
			f.on(a, "").act("scroll", `{"down": true}`).on(a, "").act("scroll", `{"down": true}`).on(a, "").act("click", low)
		}, "scroll > scroll > click [Low]"},
		"an attempt that was lost": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("click", link("Y"))
			f.last().Interrupted = true
			f.on("", "").act("navigate", `{"url": "https://shop.test/a"}`)
			f.last().Attempt = 2
			f.on(a, "").act("click", link("Z"))
			f.last().Attempt = 2
		}, "navigate https://shop.test/a > click [Z]"},
		"not what an attempt had sent that was lost": {func(f *film) {
			f.on(a, "").act("click", link("X")).on(b, "").act("click", link("Save"), "sends").on(c, "").act("click", link("Y"))
			f.on("", "").act("navigate", `{"url": "https://shop.test/a"}`)
			f.last().Attempt = 2
			f.on(a, "").act("click", link("Z"))
			f.last().Attempt = 2
		}, "click [X] > click [Save] > navigate https://shop.test/a > click [Z]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &film{Recording{Prompt: "Do it"}}
			tt.film(f)
			attempt := f.last().Attempt
			f.on(shopURL+"end", "").done(`"ok"`)
			f.last().Attempt = attempt
			w, _ := f.recorded(t)
			if got := strings.TrimSuffix(strings.TrimSuffix(w.told(), "done"), " > "); got != tt.want {
				t.Errorf("left: %s\nwant: %s", got, tt.want)
			}
		})
	}
}

func TestAPageThatAFieldIsReadOnKeepsItsPlace(t *testing.T) {
	link := `{` + element("link", "X", "") + `}`
	a, b := shopURL+"a", shopURL+"b"
	f := &film{Recording{Prompt: "Compare"}}
	f.on(a, "").act("wait", `{}`).on(a, "").act("click", link).on(b, "").act("wait", `{}`).on(b, "").act("go_back", `{}`).on(a, "").act("click", `{`+element("link", "Z", "")+`}`)
	f.on(b, "").act("wait", `{}`).on(b, "").done(`{"here": 1, "there": 2, "end": 3}`)
	f.in.JSON = true
	source, rule := json.RawMessage(`{"label":"L"}`), &Rule{Type: "number"}
	f.sources(Sources{Fields: []Field{
		{Name: "here", Path: "/here", Step: 1, Source: source, Rule: rule}, {Name: "there", Path: "/there", Step: 3, Source: source, Rule: rule},
		{Name: "end", Path: "/end", Step: 7, Source: source, Rule: rule},
	}})
	w, _ := f.recorded(t)
	var at []int
	for _, field := range w.Result.Fields {
		at = append(at, field.Step)
	}
	if w.told() != "click [X] > go_back > click [Z] > done" || !slices.Equal(at, []int{1, 2, 4}) {
		t.Errorf("%s, read at %v", w.told(), at)
	}
}

func TestATextResultIsRebuiltFromWhatIsKnown(t *testing.T) {
	total := Field{Name: "f1", Step: 2, Source: json.RawMessage(`{"label":"Total"}`), Rule: &Rule{Type: "number"}}
	for _, c := range []struct {
		result  string
		sources Sources
		text    string
		model   bool
	}{
		{`The order is placed.`, Sources{}, `The order is placed.`, false},
		{`Ordered 2 kettles for Ann Lee at 39.`, Sources{}, `Ordered {{ quantity }} kettles for {{ name }} at 39.`, true},
		{`Ordered 2 kettles for Ann Lee.`, Sources{}, `Ordered {{ quantity }} kettles for {{ name }}.`, false},
		{`2 are left, 2 kettles ordered.`, Sources{}, `2 are left, 2 kettles ordered.`, true},
		{`Ordered "Blue kettle" {{ x }}.`, Sources{}, `Ordered "Blue kettle" {{ "{{" }} x }}.`, true},
		{`2 kettles are 78.00 €.`, Sources{Text: `2 kettles are {{ f1 }} €.`, Fields: []Field{total}, NeedsModel: []string{""}}, `{{ quantity }} kettles are {{ f1 }} €.`, false},
		{`It is 78.00 € of 90.`, Sources{Text: `It is {{ f1 }} € of 90.`, Fields: []Field{total}, NeedsModel: []string{""}}, `It is {{ f1 }} € of 90.`, true},
	} {
		f := &film{Recording{Prompt: "Order 2 kettles for Ann Lee"}}
		f.on(shopURL, "").act("input", `{"text": "2", `+element("number", "Quantity", "")+`}`).act("input", `{"text": "Ann Lee", `+element("textbox", "Name", "")+`}`)
		raw, _ := json.Marshal(c.result)
		f.on(shopURL, "").done(string(raw)).sources(c.sources)
		w, notes := f.recorded(t)
		if w.Result.Text != c.text || (len(w.Result.NeedsModel) == 1) != c.model || (len(notes) > 0) != c.model {
			t.Errorf("%s: %q, needs %q, notes %q", c.result, w.Result.Text, w.Result.NeedsModel, notes)
		}
	}
}

func TestARunThatCannotBeReplayedIsNotRecorded(t *testing.T) {
	for part, f := range map[string]*film{
		"no steps":                          {},
		"did not end with":                  (&film{}).on(shopURL, "").act("click", `{`+element("link", "X", "")+`}`),
		"step 1 does not say which element": (&film{}).on(shopURL, "").act("click", `{"index": 3}`).on(shopURL, "").done(`"ok"`),
		`an action "jump"`:                  (&film{}).on(shopURL, "").act("jump", `{}`).on(shopURL, "").done(`"ok"`),
	} {
		if _, _, err := Record(f.in); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v, want %q", err, part)
		}
	}
}

func TestThePageOfAnItemThatAValueHasChosenHasAnyAddress(t *testing.T) {
	for _, opens := range []string{"click", "double_click", "right_click"} {
		f := &film{in: Recording{Prompt: `Open the "Ferry kettle" and buy it`}}
		f.on("", "go").act("navigate", `{"url": "https://shop.test/"}`)
		f.on("https://shop.test/", "open").act(opens, `{"keys": "Shift", "path": "12,7", `+element("link", "Ferry kettle", `, "href_path": "/products/f-7"`)+"}")
		f.on("https://shop.test/products/f-7", "buy").act("click", "{"+element("button", "Buy", "")+"}")
		f.on("https://shop.test/cart", "done")
		w, _ := f.done(`"bought"`).recorded(t)
		if got := w.Steps[1].After.URL; got != "https://shop.test/products/*" {
			t.Errorf("%s: the item's page is %s", opens, got)
		}
		if p := w.Steps[1].Actions[0].Params; p["keys"] != "Shift" || p["path"] != "12,7" {
			t.Errorf("%s: the keys and the point are recorded as %v", opens, p)
		}
		if got := w.Steps[2].After.URL; got != "https://shop.test/cart" {
			t.Errorf("%s: the cart is %s", opens, got)
		}
	}
}

func TestAParameterKeepsItsNameWhereAPartOfTheResultHasItToo(t *testing.T) {
	f := &film{in: Recording{Prompt: "Order 12 mugs"}}
	f.on("https://shop.test/", "order").act("input", `{"text": "12", `+element("number", "Quantity", "")+"}").act("click", "{"+element("button", "Buy", "")+"}")
	f.on("https://shop.test/thanks", "report").sources(Sources{
		Text:   "{{ quantity }} mugs for {{ total }}",
		Fields: []Field{{Name: "quantity", Step: 2, Source: json.RawMessage(`{}`), Rule: &Rule{Type: TypeInteger}}, {Name: "total", Step: 2, Source: json.RawMessage(`{}`), Rule: &Rule{Type: TypeInteger}}},
	})
	w, _ := f.done(`"12 mugs for 48"`).recorded(t)
	if w.Parameters[0].Name != "quantity" || w.Result.Text != "{{ quantity_2 }} mugs for {{ total }}" || w.Result.Fields[0].Name != "quantity_2" {
		t.Errorf("parameter %s, text %q, fields %+v", w.Parameters[0].Name, w.Result.Text, w.Result.Fields)
	}
}

func TestAnAddressThatThePromptTellsMayBeOfAnotherHost(t *testing.T) {
	f := &film{in: Recording{Prompt: "Buy a mug at https://shop.test/ for me"}}
	f.on("", "go").act("navigate", `{"url": "https://shop.test/"}`)
	f.on("https://shop.test/", "buy").act("click", "{"+element("button", "Buy", "")+"}")
	f.on("https://shop.test/cart", "pay").act("click", "{"+element("button", "Pay", "")+"}")
	f.on("https://bank.test/done", "report")
	w, _ := f.done(`"bought"`).recorded(t)
	if got := w.Steps[1].After.URL; got != "*//*/cart" {
		t.Errorf("the cart is %s", got)
	}
	if got := w.Steps[2].After.URL; got != "https://bank.test/done" {
		t.Errorf("the bank is %s", got)
	}
	values, err := Bind(w, Binding{Prompt: "Buy a mug at http://localhost:8080/ for me"})
	if err != nil || !w.Steps[1].After.AtURL("http://localhost:8080/cart") || values["url"] != "http://localhost:8080/" {
		t.Errorf("values %v, %v", values, err)
	}
}
