package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// A browser that is asked for listeners with a document of an isolated world crashes on pages such as these, and nodes
// that are resolved into another frame's world break that world.
func TestPagesFullOfListenersAreReadAgainAndAgain(t *testing.T) {
	t.Parallel()
	widgets := `<div id=w></div><script>for (const target of [document, document.body, document.documentElement]) target.addEventListener('click', () => {});
function draw() { w.innerHTML = ''; for (let i = 0; i < 700; i++) { const d = document.createElement('div'); d.textContent = 'Day ' + i;
  for (const type of ['mousedown', 'pointerup', 'click']) d.addEventListener(type, e => { if (e.type === 'click') draw() }); w.append(d) } } draw()</script>`
	s := serve(t, map[string]string{
		"/": `<h1>Days</h1><iframe srcdoc="<body><p>Inner</p><div id=i>Inside</div><script>document.body.onclick = () => {}; i.onclick = () => i.textContent = 'Pressed inside'</script>"></iframe>` + widgets,
	})
	u := newUser(t)
	for i := range 4 {
		u.visit(s.URL + "/?" + strings.Repeat("x", i+1))
		eventually(t, "the frame is read", func() bool { return strings.Contains(u.look(), "clickable Inside") })
		u.sees("# Days", "clickable Day 1")
		u.click("clickable Day 1")
		u.sees("clickable Day 2")
		u.click("clickable Inside")
		u.sees("Pressed inside")
	}
}

func TestAPageThatBreaksOurScriptIsReadInASimplerWay(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>Shop</h1><p>Kettles for all</p><button onclick="this.textContent='Bought'">Buy</button>`})
	u := newUser(t)
	u.visit(s.URL)
	if err := u.InOurWorld(t.Context(), `Element.prototype.getBoundingClientRect = () => { throw new TypeError('Illegal invocation') }`); err != nil {
		t.Fatal(err)
	}
	u.sees("Kettles for all", "button Buy")
}

func TestABrokenWorldIsReplacedByAnother(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>Shop</h1><button onclick="this.textContent='Bought'">Buy</button>`})
	u := newUser(t)
	u.visit(s.URL)
	if err := u.InOurWorld(t.Context(), `Object.defineProperty(document, 'body', { get: () => ({}) })`); err != nil {
		t.Fatal(err)
	}
	u.sees("# Shop", "button Buy")
	u.click("button Buy")
	u.sees("button Bought")
	u.must(browser.Action{Name: "navigate", URL: s.URL + "/?again"})
	u.sees("button Buy")
}
