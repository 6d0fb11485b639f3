package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// Labels and titles may change under the pointer: the control is the same if it does the same and no other word took
// the place of one.
func TestAControlWhoseNameGrowsOrShrinksUnderThePointerIsClicked(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<script>` + post + `</script>
<button onclick="tell('/create')" onmouseover="this.textContent='Create this page'">Create this page [e]</button>
<button onclick="tell('/chile')" onmouseover="this.textContent='Chile Press to select'">Chile</button>
<button onclick="tell('/wrong')" onmouseover="this.textContent='Message everything'">Message</button>
<button onclick="tell('/wrong')" onmouseover="this.textContent='Log out'">Log in</button>
<button onclick="tell('/wrong')" onmouseover="this.textContent='Room 7 21'">Room 7</button>
<button disabled>Import</button>`})
	u := newUser(t)
	u.visit(s.URL)
	for name, path := range map[string]string{"Create this page [e]": "/create?", "Chile": "/chile?"} {
		out := u.must(browser.Action{Name: "click", Index: u.index("button " + name)})
		if !strings.Contains(out.Content, "the same control, called") || s.last() != path {
			t.Errorf("%s: %s; the page was sent %q", name, out.Content, s.last())
		}
	}
	for name, why := range map[string]string{"Message": "it is now", "Log in": "it is now", "Room 7": "it is now", "Import": `button "Import" is disabled now`} {
		refused(t, u.act(browser.Action{Name: "click", Index: u.index("button " + name)}), why)
	}
	if strings.Contains(strings.Join(s.received(), " "), "/wrong") {
		t.Error("a control that had become another was clicked")
	}
}
