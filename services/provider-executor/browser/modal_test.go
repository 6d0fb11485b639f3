package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

func TestADialogThatCoversThePageComesFirstAndAlone(t *testing.T) {
	t.Parallel()
	site := `<h1>Orders</h1><p>Order 7</p><button>Delete</button><a href=/x>Help</a>`
	shade := `<div style="position:fixed;inset:0;background:#0008"><div role=dialog aria-label=Sure style="margin:100px;background:white"><h2>Really delete?</h2><button>Yes</button></div></div>`
	toast := `<div style="position:fixed;bottom:0;right:0;width:200px;height:50px;z-index:9">Saved as draft</div>`
	s := serve(t, map[string]string{
		"/shade":  site + shade + toast,
		"/native": site + `<dialog id=d><h2>Really delete?</h2><button>Yes</button></dialog><script>d.showModal()</script>`,
		"/panel":  site + `<div role=dialog style="position:fixed;bottom:0;height:80px;width:100%"><h2>Cookies</h2><button>Yes</button></div>`,
		"/menu":   site + shade + `<ul role=listbox style="position:fixed;top:0;left:0;z-index:9;background:white"><li role=option>Estonia</ul>`,
	})
	u := newUser(t)
	for path, alone := range map[string]bool{"/shade": true, "/native": true, "/panel": false, "/menu": false} {
		text := u.visit(s.URL + path)
		if !strings.Contains(text, "button Yes") || strings.Contains(text, "button Delete") == alone {
			t.Errorf("%s is shown as\n%s", path, text)
		}
		if alone && (!strings.Contains(text, "--- dialog ---\n## Really delete?") || !strings.Contains(text, "--- the dialog covers the page: controls behind it, 2, are not shown and cannot be reached while it is open ---")) {
			t.Errorf("%s is shown as\n%s", path, text)
		}
		if path == "/shade" && !strings.Contains(text, "Saved as draft") {
			t.Errorf("the message over the page is missing:\n%s", text)
		}
	}
}

func TestWhatOpensUnderThePointerHasANumber(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<style>.sub{display:none} .menu > li:hover > .sub, .tip:hover .sub{display:block} p:hover{color:red}</style>
<ul class=menu><li>Products<ul class=sub><li><a href=/k>Kettles</a></ul></li><li><a href=/a>About</a><ul class=sub><li><a href=/t>Team</a></ul></li></ul><p>Plain</p>`})
	u := newUser(t)
	u.visit(s.URL)
	u.sees("clickable Products opens on hover", "\n[2]link About\n", "\nPlain")
	u.must(browser.Action{Name: "hover", Index: u.index("clickable Products")})
	u.sees("link Kettles")
}

// A page that has crashed is not asked for its listeners again.
func TestAPageThatHasCrashedIsReadWithoutWhatMayHaveCrashedIt(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>Shop</h1><div id=d>Card</div><button>Buy</button><script>d.addEventListener('click', () => {})</script>`})
	u := newUser(t)
	u.visit(s.URL)
	u.sees("clickable Card")
	u.CrashPage()
	u.AwaitCrash(t.Context())
	_, _ = u.Do(t.Context(), browser.Action{Name: "wait", Seconds: new(0.0)})
	u.visit(s.URL)
	if u.sees("Card", "button Buy"); strings.Contains(u.seen.Text, "clickable Card") {
		t.Errorf("it was asked for listeners again:\n%s", u.seen.Text)
	}
}
