package browser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// marks is a fingerprint with only these fields.
func marks(fields map[string]any) json.RawMessage {
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return raw
}

// find resolves what must be there and gives its level.
func (u *user) find(w browser.Wanted) browser.Found {
	u.Helper()
	found, err := u.Resolve(u.Context(), w)
	if err != nil {
		u.Fatalf("Resolve: %v", err)
	}
	return found
}

// lacks resolves what must not be there and gives the sentence.
func (u *user) lacks(w browser.Wanted) string {
	u.Helper()
	found, err := u.Resolve(u.Context(), w)
	missing, ok := errors.AsType[*browser.NotFoundError](err)
	if !ok {
		u.Fatalf("Resolve gave %+v, %v", found, err)
	}
	return missing.Error()
}

// told is what the page says of the last click; every fixture's controls tell of themselves by data-me.
func (u *user) clicked(found browser.Found) string {
	u.Helper()
	u.must(browser.Action{Name: "click", Index: &found.Index})
	text, err := u.Script(u.Context(), `document.title`)
	if err != nil {
		u.Fatal(err)
	}
	return strings.Trim(text, `"`)
}

const tells = `<script>addEventListener('click', e => { const el = e.composedPath().find(n => n.dataset?.me); if (el) document.title = el.dataset.me; }, true)</script>`

func TestEachLevelFindsAnElementByItself(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": tells + `<main>
<button data-me=testid data-testid=pay-now>Pay now</button>
<button data-me=id id=keep>Keep</button>
<button data-me=name>Send</button> <nav><button data-me=other>Send</button></nav>
<input data-me=placeholder placeholder="you@example" aria-label=Mail>
<input data-me=field name=city aria-label=Town>
<label for=road>Street</label> <input id=road data-me=label aria-label=Road>
<table><tr><td>Anna Smith<td>€3.00<td><button data-me=anna>Edit</button><tr><td>Bob Smith<td>€4.00<td><button data-me=bob>Edit</button></table>
<section class=a><button data-me=css class=go>Go on then</button></section>
<section><p><button data-me=xpath>Really do it</button></p></section>
<section><h2>Your order</h2><button data-me=score title=x>Check out now</button></section></main>`})
	u := newUser(t)
	u.visit(s.URL)
	for level, fields := range map[string]map[string]any{
		"testid":      {"role": "button", "name": "Pay", "testid": "pay-now"},
		"id":          {"role": "link", "name": "Keep it", "id": "keep"},
		"name":        {"role": "button", "name": "Send", "landmark": "main"},
		"label":       {"role": "textbox", "name": "Lane", "label": "Street"},
		"placeholder": {"role": "textbox", "name": "Address", "placeholder": "you@example"},
		"field":       {"role": "textbox", "name": "City", "name_attr": "city"},
		"row":         {"role": "button", "name": "Edit", "list": map[string]any{"key_text": "Bob Smith €9.00 Edit", "count": 2}},
		"css":         {"role": "button", "name": "Go on", "css": "section.a > button"},
		"xpath":       {"role": "button", "name": "Really do that", "xpath": "//section[2]/p/button"},
		"score":       {"role": "button", "name": "Check out", "tag": "button", "heading": "Your order", "landmark": "main", "id": "gone"},
	} {
		want := map[string]string{"row": "bob"}[level]
		if want == "" {
			want = level
		}
		found := u.find(browser.Wanted{Targets: []json.RawMessage{marks(fields)}})
		if found.Level != level || found.Score <= 0 || found.Score > 1 {
			t.Errorf("%v was found by %q with %v", fields, found.Level, found.Score)
		}
		if got := u.clicked(found); got != want {
			t.Errorf("by %s the click reached %q", level, got)
		}
	}
}

func TestWhatIsWrittenByHandMustFindOneElement(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/inner": tells + `<x-box id=box></x-box><script>customElements.define('x-box', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: 'open'}).innerHTML = '<p><button data-me=deep>Deep</button></p>' } })</script>`}
	s := serve(t, pages)
	pages["/"] = tells + `<div data-me=plain class=plain>Plain</div><button data-me=one id=a1>One</button><button class=two>Two</button><button class=two>Two</button>
<iframe name=empty></iframe><iframe src="` + s.elsewhere("/inner") + `"></iframe>`
	u := newUser(t)
	u.visit(s.URL)
	for _, c := range []struct{ css, xpath, want string }{
		{"#a1", "", "one"}, {"", "//button[.='One']", "one"}, {"div.plain", "", "plain"},
	} {
		if got := u.clicked(u.find(browser.Wanted{CSS: c.css, XPath: c.xpath})); got != c.want {
			t.Errorf("%+v reached %q", c, got)
		}
	}
	deep := u.find(browser.Wanted{XPath: "/html/body/iframe[2]/#document/html/body/x-box/#shadow-root/p/button", Within: 5 * time.Second})
	if deep.Level != "xpath" || deep.Name != "Deep" {
		t.Errorf("through the frame and the shadow root: %+v", deep)
	}
	if css := u.find(browser.Wanted{CSS: "p > button"}); css.Name != "Deep" || css.Index != deep.Index {
		t.Errorf("by css in the frame: %+v", css)
	}
	if sentence := u.lacks(browser.Wanted{CSS: ".two"}); !strings.Contains(sentence, "not the only one") {
		t.Errorf("two are told as %q", sentence)
	}
	u.lacks(browser.Wanted{CSS: "#a1", Role: "textbox"})
	u.lacks(browser.Wanted{XPath: "/html/body/iframe[1]/#document/html/body/x-box/#shadow-root/p/button"})
	for _, w := range []browser.Wanted{{}, {CSS: "##"}, {XPath: "//["}, {Targets: []json.RawMessage{json.RawMessage(`"x"`)}}} {
		if found, err := u.Resolve(t.Context(), w); err == nil || found.Index != 0 {
			t.Errorf("Resolve of %+v gave %+v, %v", w, found, err)
		}
	}
}

const orderPage = `<header><a href=/cart class=c1>Cart</a></header><main><h2>Your order</h2><div class=w1><label>Voucher <input id=voucher class=f1></label>
<button id=buy class=b1 data-me=buy>Buy now</button><button id=back class=b2 data-me=back>Back to shop</button></div></main>`

// record gives the fingerprint of a control of a page.
func (u *user) record(url, control string) browser.Wanted {
	u.Helper()
	u.visit(url)
	return browser.Wanted{Targets: []json.RawMessage{u.click(control).Target}}
}

func TestARedesignIsSeenThrough(t *testing.T) {
	t.Parallel()
	const before, after = `<main><h2>Your order</h2>`, `</main>`
	s := serve(t, map[string]string{"/": tells + orderPage,
		"/same":    tells + `<section class=z9>` + before + `<p><button class=q data-me=back>Back to shop</button></p><p><button class=x data-me=buy>Buy now</button></p>` + after + `</section>`,
		"/slight":  tells + `<section class=z9>` + before + `<p><button class=q data-me=back>Back to shop</button></p><p><button class=x data-me=buy>Buy it now</button></p>` + after + `</section>`,
		"/renamed": tells + `<section class=z9>` + before + `<p><button class=q data-me=back>Back to shop</button></p><p><button class=x data-me=buy>Proceed to payment</button></p>` + after + `</section>`,
	})
	u := newUser(t)
	w := u.record(s.URL, "button Buy now")
	for path, level := range map[string]string{"/": "id", "/same": "name", "/slight": "score"} {
		u.visit(s.URL + path)
		found := u.find(w)
		if got := u.clicked(found); got != "buy" || found.Level != level {
			t.Errorf("on %s the click reached %q by %s", path, got, found.Level)
		}
	}
	u.visit(s.URL + "/slight")
	w.Irreversible = true
	if sentence := u.lacks(w); !strings.Contains(sentence, `button "Buy it now" (0.`) || !strings.Contains(sentence, "cannot be undone") {
		t.Errorf("an irreversible action is refused as %q", sentence)
	}
	w.Irreversible = false
	u.visit(s.URL + "/renamed")
	if sentence := u.lacks(w); !strings.HasPrefix(sentence, `the page has no such button "Buy now"; closest are `) || !strings.Contains(sentence, "Proceed to payment") {
		t.Errorf("a button that is called otherwise is told as %q", sentence)
	}
}

func TestAFormThatMovedIntoAFrameOrAShadowRootIsFound(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/": tells + orderPage, "/form": tells + orderPage}
	s := serve(t, pages)
	into := func(mode string) string {
		return tells + `<p>Now here:</p><new-shop></new-shop><script>customElements.define('new-shop', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: '` + mode + `'}).innerHTML = ` + "`" + strings.NewReplacer("id=", "data-x=", "class=", "data-y=").Replace(orderPage) + "`" + ` } })</script>`
	}
	pages["/open"], pages["/closed"] = into("open"), into("closed")
	pages["/same"] = `<h1>New</h1><iframe width=900 height=500 src=/form></iframe>`
	pages["/cross"] = `<h1>New</h1><iframe width=900 height=500 src="` + s.elsewhere("/form") + `"></iframe>`
	pages["/back"] = tells + orderPage
	u := newUser(t)
	w := u.record(s.URL, "button Buy now")
	w.Within = 10 * time.Second
	for _, path := range []string{"/open", "/closed", "/same", "/cross"} {
		u.must(browser.Action{Name: "navigate", URL: s.URL + path})
		found := u.find(w)
		if found.Name != "Buy now" {
			t.Errorf("on %s Resolve found %+v", path, found)
		}
		inner := browser.Wanted{Targets: []json.RawMessage{u.must(browser.Action{Name: "click", Index: &found.Index}).Target}, Within: w.Within}
		if again := u.find(inner); again.Index != found.Index {
			t.Errorf("on %s its new fingerprint leads to %+v, not to %+v", path, again, found)
		}
		u.must(browser.Action{Name: "navigate", URL: s.URL + "/back"})
		if out := u.find(inner); out.Name != "Buy now" {
			t.Errorf("moved out of %s again it is %+v", path, out)
		}
	}
}

func TestRowsAreToldApartByWhatTheySay(t *testing.T) {
	t.Parallel()
	row := func(name, price string) string {
		return fmt.Sprintf(`<li><b>%s</b> %s <button data-me="%s">Delete</button></li>`, name, price, name)
	}
	s := serve(t, map[string]string{"/": tells + `<ul>` + row("Blue kettle", "€39.00") + row("Red kettle", "€40.00") + row("Blue cup", "€5.00") + `</ul>`,
		"/moved":    tells + `<ul>` + row("Blue cup", "€5.00") + row("Blue cup", "€7.00") + row("Red kettle", "€12.00") + row("Blue kettle", "€41.50") + `</ul>`,
		"/gone":     tells + `<ul>` + row("Blue kettle", "€39.00") + row("Blue cup", "€40.00") + `</ul>`,
		"/last":     tells + `<ul>` + row("Blue kettle", "€40.00") + `</ul>`,
		"/twice":    tells + `<ul>` + row("Red kettle", "€1.00") + row("Red kettle", "€2.00") + `</ul>`,
		"/alike":    tells + `<ul>` + row("Red kettle", "€40.00") + row("Red kettle", "€40.00") + `</ul>`,
		"/cards":    tells + `<div>` + strings.NewReplacer("<li", "<div", "</li", "</div").Replace(row("Blue kettle", "€39.00")+row("Red kettle", "€40.00")) + `</div>`,
		"/lastcard": tells + `<div>` + strings.NewReplacer("<li", "<div", "</li", "</div").Replace(row("Blue kettle", "€40.00")) + `</div>`,
	})
	u := newUser(t)
	u.visit(s.URL)
	u.look()
	out := u.must(browser.Action{Name: "click", Index: u.index(`button Delete` + "\n" + `Blue cup`)})
	w := browser.Wanted{Targets: []json.RawMessage{out.Target}}
	for _, path := range []string{"/", "/moved", "/cards"} {
		u.visit(s.URL + path)
		found := u.find(w)
		if got := u.clicked(found); got != "Red kettle" || found.Level != "row" {
			t.Errorf("on %s the click reached %q by %s", path, got, found.Level)
		}
	}
	for _, path := range []string{"/gone", "/last", "/twice", "/alike", "/lastcard"} {
		u.visit(s.URL + path)
		u.lacks(w)
	}
}

func TestOfTwoThatAreAlikeNoneIsTaken(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": tells + `<button>Save</button>`, "/two": tells + `<p><button>Save</button></p><p><button>Save</button></p>`,
		"/likely": tells + `<p><button>Save all</button></p><p><button>Save one</button></p>`})
	u := newUser(t)
	w := u.record(s.URL, "button Save")
	for path, why := range map[string]string{"/two": "not the only one", "/likely": "too unlike"} {
		u.visit(s.URL + path)
		if sentence := u.lacks(w); !strings.Contains(sentence, why) {
			t.Errorf("on %s: %s", path, sentence)
		}
	}
}

func TestAPartOfANameFindsTheOnlyOneThatHasIt(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/":      tells + `<label><input type=radio name=s data-me=standard>Standard, 3 to 5 days (€4.90)</label><label><input type=radio name=s data-me=express>Express (€9.90)</label>`,
		"/two":   `<label><input type=radio>Standard (€4.90)</label><label><input type=radio>Standard plus (€5.90)</label>`,
		"/exact": tells + `<label><input type=radio name=s data-me=plus>Standard plus</label><label><input type=radio name=s data-me=plain>Standard</label>`,
		"/other": `<label><input type=radio>Substandard</label>`,
	})
	u := newUser(t)
	w := browser.Wanted{Targets: []json.RawMessage{marks(map[string]any{"v": 1, "role": "radio", "name": "standard", "part": true})}}
	u.visit(s.URL + "/")
	if found := u.find(w); found.Level != "name" || u.clicked(found) != "standard" {
		t.Errorf("found %+v", found)
	}
	w.Targets[0] = marks(map[string]any{"v": 1, "role": "radio", "name": "Standard", "part": true})
	u.visit(s.URL + "/exact")
	if found := u.find(w); u.clicked(found) != "plain" {
		t.Errorf("found %+v", found)
	}
	for _, path := range []string{"/two", "/other"} {
		u.visit(s.URL + path)
		u.lacks(w)
	}
}

func TestAnElementThatComesLateOrIsEnabledLateIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": tells + `<button data-me=go onclick="">Go</button>`,
		"/late": tells + `<div id=box></div><script>setTimeout(() => { box.innerHTML = '<button data-me=late>Go</button>' }, 300)</script>`,
		"/off":  tells + `<button id=b data-me=on disabled>Go</button><script>setTimeout(() => { b.disabled = false }, 300)</script>`,
		"/shut": tells + `<button disabled>Go</button>`, "/hidden": tells + `<button hidden>Go</button>`,
		"/likely": tells + `<button data-me=wrong>Go now</button><div id=box></div><script>setTimeout(() => { box.innerHTML = '<button data-me=right>Go</button>' }, 150)</script>`,
	})
	u := newUser(t)
	w := u.record(s.URL, "button Go")
	w.Within = 10 * time.Second
	for path, want := range map[string]string{"/late": "late", "/off": "on", "/likely": "right"} {
		u.must(browser.Action{Name: "navigate", URL: s.URL + path})
		if got := u.clicked(u.find(w)); got != want {
			t.Errorf("on %s the click reached %q", path, got)
		}
	}
	w.Within = 200 * time.Millisecond
	for path, why := range map[string]string{"/shut": `button "Go" (1.00: disabled)`, "/hidden": `button "Go" (1.00: not visible)`} {
		u.visit(s.URL + path)
		if sentence := u.lacks(w); !strings.Contains(sentence, why) {
			t.Errorf("on %s: %s", path, sentence)
		}
	}
}
