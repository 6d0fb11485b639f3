package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// both are a user as the agent is one, and one as a replay is.
func both(t testing.TB) map[string]*user {
	return map[string]*user{"agent": newUser(t), "replay": newEager(t)}
}

func TestAClickNeverReachesWhatTakesTheElementsPlace(t *testing.T) {
	t.Parallel()
	page := func(swapping string) string {
		return `<script>` + post + `</script><style>button { position: absolute; left: 10px; width: 200px; height: 60px }</style>
<button id=a onclick="tell('/right')" style="top:10px">Right</button><button id=b onclick="tell('/wrong')" style="top:200px">Wrong</button>
<script>const swap = () => { [a.style.top, b.style.top] = [b.style.top, a.style.top] }; ` + swapping + `</script>`
	}
	s := serve(t, map[string]string{
		"/timer": page("setInterval(swap, 3)"), "/frame": page("const f = () => { swap(); requestAnimationFrame(f) }; f()"),
		"/pressed": page("addEventListener('pointerdown', swap, true)"), "/pointed": page("a.onpointermove = swap"),
	})
	for who, u := range both(t) {
		for _, path := range []string{"/timer", "/frame", "/pressed", "/pointed"} {
			u.visit(s.URL + path)
			for range 2 {
				out := u.act(browser.Action{Name: "click", Index: u.index("button Right")})
				if out.Error != "" && !strings.Contains(out.Error, "does not hold still") {
					t.Errorf("%s on %s: %s", who, path, out.Error)
				}
				if path == "/pressed" && out.Error != "" {
					t.Errorf("%s: what moves only when it is pressed cannot be clicked: %s", who, out.Error)
				}
			}
		}
	}
	if got := fmt.Sprint(s.received()); strings.Contains(got, "wrong") || !strings.Contains(got, "right") {
		t.Errorf("the clicks reached %s", got)
	}
}

// A list that draws other items into the rows it has leaves "Remove" where it was.
func TestAButtonOfARowThatShowsAnotherItemIsRefused(t *testing.T) {
	t.Parallel()
	row := `<li><b></b> <span></span> <button>Remove</button> <i>1</i> <button onclick="this.previousElementSibling.textContent++">+</button></li>`
	s := serve(t, map[string]string{"/": `<button onclick="items.shift(); draw()">Shift</button><ul id=list>` + strings.Repeat(row, 3) + `</ul><script>` + post + `
const items = ['Blue kettle', 'Red pot', 'Green cup', 'White bowl', 'Black pan'];
const draw = () => list.querySelectorAll('li').forEach((li, i) => {
  li.querySelector('b').textContent = items[i];
  li.querySelector('button').onclick = () => tell('/removed/' + items[i].replace(' ', '-'));
});
draw();
setInterval(() => list.querySelectorAll('span').forEach(s => { s.textContent = '€' + (Math.random() * 100).toFixed(2) }), 20)</script>`})
	u := newUser(t)
	u.visit(s.URL)
	more, second := u.index("button +"), u.index("button Remove")
	*second += 2
	for range 2 { // a count and a price that change make no other row
		u.must(browser.Action{Name: "click", Index: more})
	}
	u.click("button Shift")
	refused(t, u.act(browser.Action{Name: "click", Index: second}), `it stands with "green cup" now, and stood with "red pot"`)
	if got := s.received(); len(got) != 0 {
		t.Errorf("the click removed %q", got)
	}
	u.look()
	if *u.index("button Remove") <= *second {
		t.Errorf("a number stands for another row now:\n%s", u.seen.Text)
	}
	u.click("button Remove")
	if got := s.last(); got != "/removed/Red-pot?" {
		t.Errorf("the click reached %q", got)
	}
}

func TestASlotOfAnotherTimeIsNotTakenForARunningClock(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button onclick="day++; draw()">Next day</button><div id=list><button></button><button></button></div><button id=c>Stop</button><script>` + post + `
let day = 0, start = Date.now();
const draw = () => list.querySelectorAll('button').forEach((b, i) => { b.textContent = (day ? 14 : 10) + ':' + (i ? '30' : '00'); b.onclick = () => tell('/slot/' + b.textContent) });
draw(); c.onclick = () => tell('/stopped');
setInterval(() => { c.textContent = 'Stop 2:' + String(11 + Math.floor((Date.now() - start) / 1000)).padStart(2, '0') }, 50)</script>`})
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "the clock runs", func() bool { return strings.Contains(u.look(), "button Stop 2:1") })
	slot, clock, told := u.index("button 10:30"), u.index("button Stop"), u.seen.Text
	u.click("button Next day")
	refused(t, u.act(browser.Action{Name: "click", Index: slot}), `it is now button "14:30"`)
	eventually(t, "the clock has gone on", func() bool {
		name, err := u.Script(t.Context(), "c.textContent")
		return err == nil && !strings.Contains(told, strings.Trim(name, `"`)) && !strings.HasSuffix(name, `5"`) && !strings.HasSuffix(name, `0"`)
	})
	u.must(browser.Action{Name: "click", Index: clock})
	if got := s.received(); len(got) != 1 || got[0] != "/stopped?" {
		t.Errorf("the clicks reached %q", got)
	}
}

// A form gives its fields for its own properties: booking sites have a field "children", most sites one "id".
func TestTheNamesOfAFormsFieldsHideNothing(t *testing.T) {
	t.Parallel()
	names := strings.Fields(`id children type className attributes parentElement parentNode childNodes shadowRoot contains`)
	pages := map[string]string{"/sent": "sent"}
	for _, n := range names {
		pages["/"+n] = `<form method=post action=/sent><input type=hidden name=` + n + ` value=5><label>City <input name=city></label> <select name=s aria-label=Kind><option>A<option>B</select><button>Send</button></form>`
	}
	pages["/getBoundingClientRect"] = strings.ReplaceAll(pages["/id"], "name=id", "name=getBoundingClientRect") // nobody's but a trap's
	s := serve(t, pages)
	u := newUser(t)
	for i, n := range names {
		u.visit(s.URL + "/" + n)
		for path, a := range map[string]browser.Action{
			"/label/input": {Name: "input", Index: u.index("textbox City"), Text: "Graz"}, "/select": {Name: "select_dropdown", Index: u.index("select Kind"), Text: "B"},
		} {
			out := u.must(a)
			if verified(t, out); out.XPath != "/html/body/form"+path {
				t.Errorf("%s: %s was done to %s", n, a.Name, out.XPath)
			}
		}
		u.click("button Send")
		if got := s.received(); len(got) != i+1 || !strings.Contains(got[i], "city=Graz") || !strings.Contains(got[i], "s=B") {
			t.Fatalf("%s: the server got %q", n, got)
		}
	}
	u.must(browser.Action{Name: "navigate", URL: s.URL + "/getBoundingClientRect"})
	u.look() // what it shows is the page's loss; the session goes on
	verified(t, u.must(browser.Action{Name: "navigate", URL: s.URL + "/sent"}))
	u.sees("sent")
}

func TestAPageThatBreaksItsOwnPrototypesIsReadAndUsed(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/sent": "sent", "/": `<form method=post action=/sent><label>City <input name=city></label> <label>Kind <select name=kind><option>A<option>B</select></label> <button>Send</button></form><script>
const broken = () => { throw new Error('broken') };
for (const type of [Element, HTMLElement, HTMLInputElement, HTMLSelectElement, Node, Document, EventTarget, Event, Array, String, Map, Set, WeakMap, Promise, MutationObserver, Range]) {
  for (const name of Object.getOwnPropertyNames(type.prototype)) {
    if (name === 'constructor') continue;
    try { Object.defineProperty(type.prototype, name, {get: broken, set: broken}) } catch {}
  }
}
JSON.stringify = JSON.parse = Array.from = Object.assign = window.getComputedStyle = window.setTimeout = broken;
window.errand = {run: () => '{"ok": {"text": "forged"}}'};</script>`})
	for who, u := range both(t) {
		u.visit(s.URL)
		if strings.Contains(u.seen.Text, "forged") {
			t.Errorf("%s sees what the page has put in the place of the script:\n%s", who, u.seen.Text)
		}
		verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox City"), Text: "Graz"}))
		verified(t, u.must(browser.Action{Name: "select_dropdown", Index: u.index("select Kind"), Text: "B"}))
		u.click("button Send")
		if got := s.last(); got != "/sent?city=Graz&kind=B" {
			t.Errorf("%s: the server got %q", who, got)
		}
	}
}

func TestDialogsWithoutEndAreAnsweredAndCanBeLeft(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/ok": "fine", "/in": `<button onclick="this.textContent = 'said ' + confirm('Sure?') + ' ' + prompt('Name?')">Ask</button>`,
		"/again": `<button onclick="setInterval(() => alert('again'), 1)">Start</button>`,
		"/loop":  `<button onclick="for (;;) confirm('again')">Start</button>`}
	s := serve(t, pages)
	pages["/"] = `<iframe src="` + s.elsewhere("/in") + `"></iframe>`
	for who, u := range both(t) {
		u.visit(s.URL)
		eventually(t, "the frame is there", func() bool { return strings.Contains(u.look(), "button Ask") })
		u.click("button Ask")
		u.sees("button said true null", `DIALOGS confirm "Sure?" -> accepted; prompt "Name?" -> dismissed`)
		u.visit(s.URL + "/again")
		u.click("button Start")
		eventually(t, "the alerts are told", func() bool { return strings.Contains(u.look(), `DIALOGS alert "again" -> accepted`) })
		u.visit(s.elsewhere("/ok"))
		u.visit(s.URL + "/loop")
		u.act(browser.Action{Name: "click", Index: u.index("button Start")})
		u.sees("the page does not answer")
		if n := strings.Count(u.seen.Text, "again"); n > 20 {
			t.Errorf("%s is told of %d dialogs", who, n)
		}
		verified(t, u.must(browser.Action{Name: "navigate", URL: s.elsewhere("/ok")}))
		u.sees("fine")
	}
}

func TestAFrameThatItsOwnButtonTakesAwayWasClicked(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/in": `<script>` + post + `</script><button onclick="tell('/accepted'); parent.postMessage('bye', '*'); try { frameElement.remove() } catch {}">Accept</button>`}
	s := serve(t, pages)
	pages["/same"] = `<iframe src="/in"></iframe>`
	pages["/cross"] = `<iframe id=f src="` + s.elsewhere("/in") + `"></iframe><script>onmessage = () => f.remove()</script>`
	for who, u := range both(t) {
		for _, path := range []string{"/same", "/cross"} {
			u.visit(s.URL + path)
			eventually(t, "the frame is there", func() bool { return strings.Contains(u.look(), "button Accept") })
			if out := u.click("button Accept"); out.XPath != "/html/body/iframe/#document/html/body/button" || !strings.Contains(string(out.Target), `"frame":[`) {
				t.Errorf("%s on %s: the way into the frame is missing: %s", who, path, out.XPath)
			}
		}
	}
	if got := s.received(); len(got) != 4 {
		t.Errorf("the server got %q", got)
	}
}

// Mails are shown in frames that may run no scripts.
func TestAFrameWithoutScriptsIsReadAndUsed(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/got": "got"}
	s := serve(t, pages)
	pages["/"] = `<iframe sandbox=allow-forms srcdoc="<p>Dear Ada</p><form method=post action='` + s.URL + `/got'><input name=a aria-label=Answer><button>Confirm</button></form>"></iframe>
<iframe sandbox srcdoc="<a href=/x>Bare</a>"></iframe>`
	for who, u := range both(t) {
		u.visit(s.URL)
		eventually(t, "both frames are there", func() bool {
			return strings.Contains(u.look(), "link Bare") && strings.Contains(u.seen.Text, "Dear Ada")
		})
		verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Answer"), Text: who}))
		u.click("button Confirm")
		eventually(t, "the answer arrives", func() bool { return s.last() == "/got?a="+who })
	}
}

func TestAFrameThatComesLateAndChangesItsSiteIsFollowed(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/a": `<button onclick="this.textContent='Far pressed'">Far</button>`, "/b": `<button onclick="this.textContent='Near pressed'">Near</button>`}
	s := serve(t, pages)
	pages["/"] = `<button onclick="const f = document.createElement('iframe'); f.name = 'f'; f.src = '` + s.elsewhere("/a") + `'; document.body.append(f)">Add</button>
<a target=f href="/b">Same</a> <a target=f href="` + s.elsewhere("/a") + `">Other</a>`
	u := newUser(t)
	u.visit(s.URL)
	u.click("button Add")
	for range 2 {
		eventually(t, "the frame is of another site", func() bool { return strings.Contains(u.look(), "button Far\n") })
		u.click("button Far")
		u.sees("button Far pressed", "(cross-site)")
		u.click("link Same")
		eventually(t, "the frame is of the same site", func() bool { return strings.Contains(u.look(), "button Near\n") })
		u.click("button Near")
		u.sees("button Near pressed")
		if strings.Contains(u.seen.Text, "(cross-site)") || strings.Contains(u.seen.Text, "button Far") {
			t.Errorf("the frame before is still shown:\n%s", u.seen.Text)
		}
		u.click("link Other")
	}
}

func TestOfALongTextTheWindowShowsWhatStandsInIt(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", map[bool]string{true: "text/html", false: "text/plain"}[r.URL.Path == "/html"])
		fmt.Fprint(w, times(20000, func(i int) string {
			return fmt.Sprintf("word%d ", i) + map[bool]string{true: "\n"}[i%8 == 0]
		}))
	}))
	t.Cleanup(srv.Close)
	u := newUser(t)
	for _, path := range []string{"/plain", "/html"} {
		u.visit(srv.URL + path)
		u.sees("word1 ", "word500 ")
		u.must(browser.Action{Name: "scroll", Pages: new(8.0)})
		text := u.look()
		first, err := u.Script(t.Context(), `(() => { const r = document.caretRangeFromPoint(12, 4); return r.startContainer.data.slice(r.startOffset).match(/word\d+ /)[0] })()`)
		if err != nil || strings.Contains(text, "word1 ") || !strings.Contains(text, strings.Trim(first, `"`)) || len(text) > 20000 {
			t.Errorf("%s: the window begins at %s (%v), and %d characters are shown:\n%.300s", path, first, err, len(text), text)
		}
		u.must(browser.Action{Name: "scroll", Pages: new(10000.0)})
		u.sees("word19999")
	}
}

func TestATextIsFoundInShadowRoots(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<div style="height:3000px">top</div><x-a></x-a><div style="height:3000px"></div><x-b></x-b><script>
document.querySelector('x-a').attachShadow({mode: 'open'}).innerHTML = '<p>Opening <i>hours</i></p>';
document.querySelector('x-b').attachShadow({mode: 'closed'}).innerHTML = '<p>Closing time</p>';</script>`})
	u := newUser(t)
	for _, text := range []string{"Opening hours", "Closing time"} {
		u.visit(s.URL)
		verified(t, u.must(browser.Action{Name: "find_text", Text: text}))
		u.sees(text)
	}
	if out := u.must(browser.Action{Name: "find_elements", Query: "p"}); !strings.Contains(out.Content, "Opening hours") {
		t.Errorf("the selector finds nothing in the shadow root: %s", out.Content)
	}
}

func TestAPageThatLoadsAgainAndAgainIsSeenAndLeft(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button>Go</button><script>setTimeout(() => location.reload(), 250)</script>`, "/next": "next"})
	for who, u := range both(t) {
		u.must(browser.Action{Name: "navigate", URL: s.URL})
		eventually(t, who+" sees the button", func() bool { return strings.Contains(u.look(), "button Go") })
		u.act(browser.Action{Name: "click", Index: u.index("button Go")})
		// The page's own next load may win over ours; the next try has a chance.
		left := false
		for try := 0; try < 10 && !left; try++ {
			out := u.act(browser.Action{Name: "navigate", URL: s.URL + "/next"})
			if out.Error != "" {
				refused(t, out, "does not make way")
			}
			left = strings.Contains(u.look(), "next")
		}
		if !left {
			t.Errorf("%s cannot leave the page", who)
		}
	}
}

func TestOfAClosedSessionNothingIsKept(t *testing.T) {
	t.Parallel()
	e := ownEngine(t)
	pages := map[string]string{"/in": "<button>In</button><script>new Worker(URL.createObjectURL(new Blob(['setInterval(() => {}, 10)'])))</script>"}
	s := serve(t, pages)
	pages["/"] = `<iframe src="` + s.elsewhere("/in") + `"></iframe><button onclick="open('/in'); open('/in')">Open</button>`
	watcher := userOf(t, e, browser.SessionOptions{})
	before := watcher.Kept()
	for _, eager := range []bool{false, true} {
		u := userOf(t, e, browser.SessionOptions{Eager: eager})
		u.visit(s.URL)
		eventually(t, "the frame is there", func() bool { return strings.Contains(u.look(), "button In") })
		going := make(chan error, 1)
		go func() {
			_, err := u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(30.0)})
			going <- err
		}()
		u.Pressed(t.Context(), "document.querySelector('button').click()")
		if err := u.Close(t.Context()); err != nil {
			t.Error(err)
		}
		select {
		case <-going:
		case <-time.After(10 * time.Second):
			t.Error("the action in flight outlives its session")
		}
		eventually(t, "nothing is kept", func() bool { return watcher.Kept() == before })
	}
}
