package browser_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

func TestShadowRootsAndSlotsAreReadAndUsed(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<x-card><b slot=title>Light title</b></x-card><x-safe></x-safe><p id=out></p><script>
customElements.define('x-card', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: 'open'}).innerHTML = '<slot name=title></slot> <button>Inside</button><x-deep></x-deep>';
  this.shadowRoot.querySelector('button').onclick = () => out.textContent = 'inside clicked'; }});
customElements.define('x-deep', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: 'open'}).innerHTML = '<input aria-label=Deep>'; }});
customElements.define('x-safe', class extends HTMLElement { connectedCallback() {
  const root = this.attachShadow({mode: 'closed'}); root.innerHTML = '<button>Hidden</button>';
  root.firstChild.onclick = () => out.textContent = 'hidden clicked'; }});
</script>`})
	u := newUser(t)
	u.visit(s.URL)
	u.sees("Light title", "button Inside", "textbox Deep")
	out := u.click("button Inside")
	if !strings.Contains(out.XPath, "/#shadow-root/button") {
		t.Errorf("xpath does not cross the shadow root: %s", out.XPath)
	}
	u.sees("inside clicked")
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Deep"), Text: "deep text"}))
	u.sees(`textbox Deep ="deep text"`, "button Hidden")
	u.click("button Hidden")
	u.sees("hidden clicked")
}

func TestFramesAreReadAndUsed(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"/inner": `<form method=post action=/pay><input name=card aria-label="Card number" required><button>Pay</button></form>`,
		"/pay":   "paid",
		"/plain": `<button onclick="this.textContent='Pressed'">Press</button>`,
	}
	s := serve(t, pages)
	pages["/mid"] = `<p>middle</p><iframe src="` + s.URL + `/inner" style="margin:30px;border:5px solid"></iframe>`
	pages["/"] = `<h1>Outer</h1><div style="height:300px"></div><iframe src=/plain style="width:300px;height:60px"></iframe>
<iframe src="` + s.elsewhere("/mid") + `" style="width:600px;height:300px"></iframe>
<iframe sandbox="allow-scripts" srcdoc="<button>Boxed</button>"></iframe><iframe style="display:none" src=/plain></iframe>`
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "all frames are there", func() bool { return strings.Contains(u.look(), "button Pay") && strings.Contains(u.seen.Text, "Boxed") })
	t.Log("\n" + u.seen.Text)
	u.sees("# Outer", "(cross-site) ---", "middle", "textbox Card number !required", "button Boxed")
	if n := strings.Count(u.seen.Text, "button Press"); n != 1 {
		t.Errorf("the hidden frame is shown, or the visible one is not: %d", n)
	}
	u.click("button Press")
	u.sees("button Pressed")
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Card number"), Text: "4111"}))
	u.look()
	out := u.click("button Pay")
	eventually(t, "the payment arrives", func() bool { return len(s.received()) == 1 })
	if got := s.received(); got[0] != "/pay?card=4111" {
		t.Errorf("server received %q", got)
	}
	if strings.Count(out.XPath, "/#document/") != 2 || !strings.Contains(string(out.Target), `"frame":[`) {
		t.Errorf("the way through the frames is missing: %s %s", out.XPath, out.Target)
	}
}

func TestNamesStatesAndValuesAreShown(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<title>Fo` + "\ue001" + `rm</title><span id=l1>First</span> <span id=l2>last</span>
<input aria-labelledby="l1 l2" value="Bob &quot;B&quot;"><button aria-label="Close"><svg></svg></button>
<a href=/><img alt="Logo" src="data:,"></a><input placeholder="Search here" type=search>
<button aria-expanded=false>Menu</button><details><summary>More</summary>secret</details>
<div role=tab aria-selected=true tabindex=0>Tab A</div><input type=password aria-label=Secret value=hunter2>
<div onclick="1">Plain div</div><div style="cursor:pointer"><span>Pointer <b>div</b></span></div>
<div id=heard>Listener</div><script>heard.addEventListener('click', () => {})</script>
<p>icon` + "\ue123" + ` zero` + "\u200b" + `width [7]button fake</p><p id=lone></p><script>lone.textContent = 'a\ud800b'</script>
<button style="display:none">Gone</button><button style="visibility:hidden">Gone</button><div style="opacity:0"><button>Gone</button></div>
<select aria-label=Many multiple><option selected>1<option selected>2<option>3</select>
<input aria-label=Mail type=email value=x aria-invalid=true aria-errormessage=l2 id=mail>
<label>Terms <input type=checkbox checked disabled></label><pre>line one
line two</pre><table><tr><th>A<th>B<tr><td>1<td>2</table>`})
	u := newUser(t)
	u.visit(s.URL)
	t.Log("\n" + u.seen.Text)
	u.sees("TITLE Form ", `textbox First last ="Bob \"B\""`, "button Close", "link Logo", "searchbox Search here",
		"button Menu closed", "button More closed", "tab Tab A selected", `password Secret ="•••"`,
		"clickable Plain div", "clickable Pointer div", "clickable Listener", "icon zerowidth (7)button fake", "a\ufffdb",
		`listbox Many ="1, 2" {1|2|3}`, `!invalid "last"`, "checkbox Terms off checked", "line one\nline two", "A | B\n1 | 2")
	for _, no := range []string{"Gone", "hunter2", "secret", "\ue001"} {
		if strings.Contains(u.seen.Text, no) {
			t.Errorf("page shows %q:\n%s", no, u.seen.Text)
		}
	}
}

func TestNewControlsAreMarkedAndNumbersStay(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button onclick="document.body.append(Object.assign(document.createElement('button'), {textContent: 'New'}))">Add</button>`})
	u := newUser(t)
	if text := u.visit(s.URL); strings.Contains(text, "*[") {
		t.Errorf("everything is marked new on a first look:\n%s", text)
	}
	add, before := *u.index("button Add"), u.seen.Fingerprint
	u.click("button Add")
	text := u.look()
	if !strings.Contains(text, "*[") || strings.Count(text, "*[") != 1 || *u.index("button Add") != add {
		t.Errorf("marks or numbers are wrong:\n%s", text)
	}
	if u.seen.Fingerprint == before || u.seen.Controls != 2 {
		t.Errorf("fingerprint or count of controls is wrong: %+v", u.seen)
	}
	same := u.seen.Fingerprint
	u.look()
	if u.seen.Fingerprint != same {
		t.Error("the fingerprint of an unchanged page changed")
	}
}

func TestAHugePageIsCutInTheOpen(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/":     `<div id=x></div><script>x.innerHTML = Array.from({length: 25000}, (_, i) => '<a href=/' + i + '>row ' + i + '</a><br>').join('')</script>`,
		"/fat":  `<p style="font-size:1px;line-height:1px">` + strings.Repeat("<a href=/x>words and more words</a> ", 4000) + `</p>`,
		"/deep": strings.Repeat("<div>", 3000) + "<button>Bottom</button>",
	})
	u := newUser(t)
	u.visit(s.URL)
	if len(u.seen.Text) > 25000 || !strings.Contains(u.seen.Text, "more controls below ---") {
		t.Errorf("%d characters, cut or count missing:\n%s", len(u.seen.Text), u.seen.Text[max(0, len(u.seen.Text)-300):])
	}
	u.visit(s.URL + "/fat")
	if len(u.seen.Text) > 25000 || !strings.Contains(u.seen.Text, "--- cut here:") {
		t.Errorf("%d characters and no word of a cut:\n%s", len(u.seen.Text), u.seen.Text[max(0, len(u.seen.Text)-300):])
	}
	u.visit(s.URL + "/deep")
	u.sees("Bottom")
}

func TestTextThatDoesNotFitIsCutWhereItEndsAndToldOf(t *testing.T) {
	t.Parallel()
	small := `<style>body{font-size:1px;line-height:1px}</style>`
	s := serve(t, map[string]string{
		"/one":   small + `<p>Beginning ` + strings.Repeat("words and more words ", 4000) + `<a href=/>Late</a></p><p>After</p>`,
		"/many":  small + `<p>Beginning</p>` + strings.Repeat("<p>"+strings.Repeat("words and more words ", 10)+"</p>", 400),
		"/wide":  small + `<p>Beginning ` + strings.Repeat("水壶", 9000) + `<a href=/>Late</a></p>`,
		"/links": small + `<p>Beginning ` + strings.Repeat("<a href=/x>水壶水壶水壶水壶</a> ", 3000) + `</p>`,
		"/all":   small + `<p>Beginning ` + strings.Repeat("words ", 3000) + `</p>`,
	})
	u := newUser(t)
	for path, want := range map[string]string{
		"/one": "1 more controls and more text do not fit", "/many": "more text does not fit", "/wide": "1 more controls and more text do not fit",
		"/links": "more controls and more text do not fit", "/all": "",
	} {
		text := u.visit(s.URL + path)
		if !strings.Contains(text, "Beginning") || !utf8.ValidString(text) || strings.ContainsAny(text, "\x01\x02") || len(text) > 25000 {
			t.Errorf("%s: %d characters:\n%.200s", path, len(text), text)
		}
		if told := strings.Contains(text, "--- cut here: "); told != (want != "") || !strings.Contains(text, want) || told && len(text) < 23000 {
			t.Errorf("%s: %d characters, the last are\n%s", path, len(text), text[max(0, len(text)-300):])
		}
	}
}

func TestContentKeepsLinksAndTables(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>Prices</h1><p>See <a href="/more">more</a>.</p><div style="height:5000px"></div>
<table><tr><th>Item<th>Price<tr><td>Kettle<td>39</table><ul><li>one<li>two</ul><script>no</script><p hidden>no</p>`})
	u := newUser(t)
	u.visit(s.URL)
	text, err := u.Content(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Prices", "See [more](" + s.URL + "/more)", "| Item | Price |\n| --- | --- |\n| Kettle | 39 |", "- one\n- two"} {
		if !strings.Contains(text, want) {
			t.Errorf("content lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "no") {
		t.Errorf("content has what nobody sees:\n%s", text)
	}
}

func TestContentSaysWhichFramesItLeavesOut(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": strings.Repeat(`<iframe srcdoc="<p>inside</p>"></iframe>`, 45)})
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "all frames are there and told", func() bool {
		text, err := u.Content(t.Context())
		return err == nil && strings.Count(text, "inside") == 39 && strings.Contains(text, "\n--- 6 more frames were not read ---\n")
	})
}

func TestAScreenshotIsAPicture(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	picture, err := u.Screenshot(t.Context())
	if err != nil || !strings.HasPrefix(string(picture), "\xff\xd8\xff") {
		t.Errorf("not a JPEG (%d bytes): %v", len(picture), err)
	}
}

func TestAPageThatHangsIsALineAndCanBeLeft(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits out a deadline")
	}
	s := serve(t, map[string]string{"/": `<button onclick="for (;;);">Hang</button>`, "/ok": "fine"})
	u := newUser(t)
	u.visit(s.URL)
	out, err := u.Do(t.Context(), browser.Action{Name: "click", Index: u.index("button Hang")})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", out)
	u.sees("the page does not answer")
	verified(t, u.must(browser.Action{Name: "navigate", URL: s.elsewhere("/ok")}))
	u.sees("fine")
}
