package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

var reachable = map[string]string{
	"/toppings": `<select multiple aria-label=Toppings onchange="log.textContent = 'has ' + [...selectedOptions].map(o => o.text)"><option>Ham<option>Olives<option>Basil</select><p id=log></p>
<select aria-label=Size><option>S<option>M</select>`,
	"/volume": `<div id=v role=slider tabindex=0 aria-label=Volume aria-valuemin=0 aria-valuemax=100 aria-valuenow=30 style="width:20px;height:20px;background:red"></div>
<div id=w role=slider tabindex=0 aria-label=Wheel aria-valuenow=5 style="width:20px;height:20px;background:red"></div>
<span style="position:relative;display:inline-block;width:200px;height:40px"><input type=range aria-label=Balance min=0 max=10 style="position:absolute;opacity:0.01;inset:0;pointer-events:none"></span><p id=log></p><script>
v.onkeydown = e => {
  const by = {ArrowUp: 5, ArrowDown: -5, PageUp: 20, PageDown: -20}[e.key], end = {Home: 0, End: 100}[e.key];
  const now = end ?? Math.max(0, Math.min(100, Number(v.ariaValueNow) + (by || 0)));
  v.ariaValueNow = now; log.textContent = 'volume ' + now;
};
document.querySelector('input').oninput = e => log.textContent = 'balance ' + e.target.value;
</script>`,
	"/highlight": `<p>The quick <b>brown fox</b> jumps. A fox is a fox.</p><textarea aria-label=Note>one two three</textarea><p id=log></p><script>
document.onmouseup = () => log.textContent = 'marked ' + getSelection();
document.querySelector('textarea').onselect = e => log.textContent = 'chosen ' + e.target.value.slice(e.target.selectionStart, e.target.selectionEnd);
</script>`,
	"/feed": `<title>Feed</title><ul id=list></ul><div id=end>loading</div><script>
let n = 0;
const add = () => { for (let i = 0; i < 40 && n < 80; i++) list.insertAdjacentHTML('beforeend', '<li style="height:40px">Item ' + ++n); };
add();
let asked = false;
new IntersectionObserver(seen => {
  if (asked || n >= 80 || !seen.some(s => s.isIntersecting)) return;
  asked = true;
  end.ariaBusy = true;
  setTimeout(() => { add(); asked = false; end.ariaBusy = false }, 700);
}).observe(end);
</script>`,
	"/draft": `<title>Draft</title><a href=/other>Away</a> <textarea aria-label=Text></textarea> <button onclick="t.value = ''; saved = true">Save</button><script>
let saved = false;
onbeforeunload = e => { if (document.querySelector('textarea').value && !saved) e.preventDefault() };
</script>`,
	"/other": `<title>Other</title><h1>Other</h1>`,
}

func TestValuesAreTakenAwaySlidersSetAndTextsSelected(t *testing.T) {
	t.Parallel()
	s := serve(t, reachable)
	u := newUser(t)
	u.visit(s.URL + "/toppings")
	toppings := u.index("listbox Toppings")
	for _, c := range []struct {
		text  string
		clear *bool
		has   string
	}{{"Ham", nil, "has Ham"}, {"Basil", nil, "has Ham,Basil"}, {"Ham", new(true), "has Basil"}, {"Basil", new(true), "has"}} {
		verified(t, u.must(browser.Action{Name: "select_dropdown", Index: toppings, Text: c.text, Clear: c.clear}))
		u.sees(c.has + "\n")
	}
	refused(t, u.act(browser.Action{Name: "select_dropdown", Index: u.index("select Size"), Text: "S", Clear: new(true)}), "it holds one choice")

	u.visit(s.URL + "/volume")
	for _, c := range []struct{ control, text, shows string }{
		{"slider Volume", "75", "volume 75"}, {"slider Volume", "0", "volume 0"}, {"slider Volume", "100%", "volume 100"}, {"slider Balance", "7", "balance 7"},
	} {
		verified(t, u.must(browser.Action{Name: "input", Index: u.index(c.control), Text: c.text}))
		u.sees(c.shows + "\n")
	}
	for text, because := range map[string]string{"73": "goes no nearer", "200": "from 0 to 100", "loud": "takes a number"} {
		refused(t, u.act(browser.Action{Name: "input", Index: u.index("slider Volume"), Text: text}), because)
	}
	refused(t, u.act(browser.Action{Name: "input", Index: u.index("slider Wheel"), Text: "6"}), "drag it with path")

	u.visit(s.URL + "/highlight")
	verified(t, u.must(browser.Action{Name: "select_text", Text: "quick brown fox"}))
	u.sees("marked quick brown fox")
	verified(t, u.must(browser.Action{Name: "select_text", Index: u.index("textbox Note"), Text: "two"}))
	u.sees("chosen two")
	refused(t, u.act(browser.Action{Name: "select_text", Text: "fox"}), "3 times")
	refused(t, u.act(browser.Action{Name: "select_text", Text: "hedgehog"}), "0 times")
}

func TestScrollingWaitsForWhatAListLoadsAtItsEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, reachable)
	u := newUser(t)
	u.visit(s.URL + "/feed")
	if out := u.must(browser.Action{Name: "scroll", Pages: new(50.0)}); strings.Contains(out.Content, "and 0.0 down") {
		t.Errorf("the list that goes on is told to be at its end: %s", out.Content)
	}
	u.must(browser.Action{Name: "scroll", Pages: new(50.0)})
	u.sees("Item 80")
	refused(t, u.act(browser.Action{Name: "scroll"}), "it is at its end")
}

func TestAPageWithUnsavedTextIsLeftOnlyWhenAskedTwice(t *testing.T) {
	t.Parallel()
	s := serve(t, reachable)
	u := newUser(t)
	for _, leave := range []func() browser.Action{
		func() browser.Action { return browser.Action{Name: "navigate", URL: s.URL + "/other"} },
		func() browser.Action { return browser.Action{Name: "click", Index: u.index("link Away")} },
		func() browser.Action { return browser.Action{Name: "go_back"} },
		func() browser.Action { return browser.Action{Name: "reload"} },
	} {
		u.visit(s.URL + "/other")
		u.visit(s.URL + "/draft")
		u.must(browser.Action{Name: "input", Index: u.index("textbox Text"), Text: "hours of work"})
		a := leave()
		refused(t, u.act(a), "not saved and would be lost")
		u.sees("TITLE Draft", "hours of work")
		u.must(a)
		if text := u.look(); strings.Contains(text, "hours of work") {
			t.Errorf("%s: asked for twice, and the page is\n%s", a.Name, text)
		}
	}
	u.visit(s.URL + "/draft")
	u.must(browser.Action{Name: "navigate", URL: s.URL + "/other", NewTab: new(true)})
	u.look()
	u.must(browser.Action{Name: "switch", TabID: "t1"})
	u.look()
	u.must(browser.Action{Name: "input", Index: u.index("textbox Text"), Text: "more"})
	refused(t, u.act(browser.Action{Name: "close", TabID: "t1"}), "would be lost")
	verified(t, u.must(browser.Action{Name: "close", TabID: "t1"}))
	u.sees("TITLE Other")
}
