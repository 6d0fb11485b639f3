package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const files = `<!doctype html><title>Files</title><h1>Files</h1>
<button id=file>notes.txt</button> <button id=row>draft.txt</button> <input type=checkbox id=box aria-label="Star"> <p id=menu></p><p id=log></p>
<script>
let clicks = 0;
file.onclick = () => clicks++;
file.ondblclick = e => { log.textContent = 'renaming after ' + clicks + ' clicks, detail ' + e.detail };
file.oncontextmenu = e => { e.preventDefault(); menu.innerHTML = '<button onclick="log.textContent = \'deleted with \' + clicks + \' clicks\'">Delete notes</button>' };
row.onclick = () => { const twin = row.cloneNode(true); row.replaceWith(twin); twin.ondblclick = twin.onclick = () => { menu.textContent = 'the second press arrived' } };
</script>`

// What a site does with a double click and with the right button is done by real presses: handlers of all their events run.
func TestDoubleClicksAndRightClicksAreRealPresses(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": files})
	u := newUser(t)
	for _, c := range []struct{ action, on, says, shows string }{
		{"double_click", "button notes.txt", `Double-clicked [`, "renaming after 2 clicks, detail 2"},
		{"right_click", "button notes.txt", `Right-clicked [`, "Delete notes"},
		{"double_click", "button draft.txt", `Double-clicked [`, "the second press arrived"},
		{"double_click", "checkbox Star", `Double-clicked [`, "Files"},
	} {
		u.visit(s.URL + "/")
		out := u.must(browser.Action{Name: c.action, Index: u.index(c.on)})
		if !strings.HasPrefix(out.Content, c.says) || out.Target == nil {
			t.Errorf("%s on %s says %q, with the fingerprint %s", c.action, c.on, out.Content, out.Target)
		}
		u.sees(c.shows)
	}
	u.visit(s.URL + "/")
	u.must(browser.Action{Name: "right_click", Index: u.index("button notes.txt")})
	u.sees("Delete notes")
	u.click("button Delete notes")
	u.sees("deleted with 0 clicks")
}
