package browser_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/secret"
)

func evaluate(code string) browser.Action { return browser.Action{Name: "evaluate", Text: code} }

func TestCodeIsNotRunInPagesUnlessTheTaskAllowsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<title>Before</title>`})
	set := secret.NewSet(time.Now)
	if err := set.Add(secret.Secret{Name: "pin", Value: canary, Domains: []string{"127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	closed := errors.New("no lease")
	for want, o := range map[string]browser.SessionOptions{
		"allow_evaluate":       {},
		"the task has secrets": {AllowEvaluate: true, Secrets: set},
	} {
		u := userOf(t, sharedEngine(t), o)
		u.visit(s.URL)
		if out := u.act(evaluate("document.title = 'After'")); !strings.Contains(out.Error, want) {
			t.Errorf("%+v, want %q", out, want)
		}
		if u.look(); u.seen.Title != "Before" {
			t.Errorf("%s: the code was run", want)
		}
	}
	open := true
	u := userOf(t, sharedEngine(t), browser.SessionOptions{AllowEvaluate: true, Gate: func() error {
		if open {
			return nil
		}
		return closed
	}})
	u.visit(s.URL)
	open = false
	if _, err := u.Do(t.Context(), evaluate("document.title = 'After'")); !errors.Is(err, closed) {
		t.Errorf("without a lease: %v", err)
	}
	if u.look(); u.seen.Title != "Before" {
		t.Error("the code was run without a lease")
	}
}

func TestCodeRunsInThePagesOwnWorldAndGivesJSON(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'nonce-a'")
		fmt.Fprint(w, `<!doctype html><title>Shop</title><script nonce=a>var cart = {items: [1, 2], total: 39.5}</script><p>Text`)
	}))
	t.Cleanup(srv.Close)
	u := userOf(t, sharedEngine(t), browser.SessionOptions{AllowEvaluate: true})
	u.visit(srv.URL)
	for _, c := range []struct{ code, content, error string }{
		{"cart", `gave: {"items":[1,2],"total":39.5}`, ""},
		{"document.title", `gave: "Shop"`, ""},
		{"undefined", "gave: undefined", ""},
		{"let a = 2; a * 3", "gave: 6", ""},
		{"(async () => { await new Promise(r => setTimeout(r, 20)); return cart.total })()", "gave: 39.5", ""},
		{"navigator.userActivation.isActive", "gave: false", ""},
		{"'\\ud800 x'.length", "gave: 3", ""},
		{"'é'.repeat(9000)", "cut here: of 9002 characters 7000 are shown", ""},
		{"nowhere.x", "", "the code threw ReferenceError: nowhere is not defined"},
		{"return 1", "", "the code threw SyntaxError"},
		{"throw 'x'.repeat(1e8)", "", "the code threw xxx"},
		{"throw {toString() { throw 1 }}", "", "something without words"},
		{"const o = {}; o.o = o; o", "", "circular"},
		{"for (;;) {}", "", "the code was stopped"},
		{"new Promise(() => {})", "", "did not come to an end"},
		{"", "", "needs text"},
	} {
		out := u.act(evaluate(c.code))
		if !strings.Contains(out.Content, c.content) || !strings.Contains(out.Error, c.error) || (out.Error == "") != (c.error == "") || len(out.Content) > 20000 {
			t.Errorf("%s: %.300q, error %.300q", c.code, out.Content, out.Error)
		}
	}
	if out := u.must(browser.Action{Name: "execute_javascript", Text: "document.body.innerHTML = '<button>Made</button>'; 1"}); out.Success != nil {
		t.Errorf("it claims to know what the code did: %+v", out)
	}
	if !strings.Contains(u.look(), "button Made") {
		t.Errorf("the page:\n%s", u.seen.Text)
	}
	if out := u.act(evaluate("location.href = '/gone'; new Promise(() => {})")); !strings.Contains(out.Error, "went away") || !out.PageChanged {
		t.Errorf("a page that leaves under the code: %+v", out)
	}
	if out := u.must(evaluate("location.href = '/next'; 1")); !out.PageChanged {
		t.Errorf("a navigation by code: %+v", out)
	}
}

func TestAPageCannotBlowUpTheAnswerOfCode(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<title>Trap</title><script>
		JSON.stringify = () => 'y'.repeat(2e8); String.prototype.slice = String.prototype.substring = () => 'z'.repeat(2e8);
		Object.defineProperty(Object.prototype, 'threw', {set() { throw 1 }})</script>`})
	u := userOf(t, sharedEngine(t), browser.SessionOptions{AllowEvaluate: true})
	u.visit(s.URL)
	if out := u.must(evaluate("({})")); !strings.Contains(out.Content, "of 200000000 characters 7000 are shown") || len(out.Content) > 8000 {
		t.Errorf("%.200s", out.Content)
	}
	if u.look(); u.seen.Title != "Trap" {
		t.Error("the browser was lost")
	}
}
