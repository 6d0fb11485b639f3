package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

func TestNavigateTellsWhereItEndedOrWhyNot(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": "home"})
	hop := httptest.NewServer(http.RedirectHandler(s.URL+"/", http.StatusFound))
	defer hop.Close()
	dead := httptest.NewServer(nil)
	dead.Close()
	u := newUser(t)
	out := u.must(browser.Action{Name: "navigate", URL: hop.URL})
	verified(t, out)
	if !strings.Contains(out.Content, s.URL+"/ (HTTP 200)") {
		t.Errorf("final address or status is missing: %s", out.Content)
	}
	refused(t, u.act(browser.Action{Name: "navigate", URL: s.URL + "/nowhere"}), "HTTP status 404")
	refused(t, u.act(browser.Action{Name: "navigate", URL: dead.URL}), "refuses connections")
	for _, u2 := range []string{"file:///etc/passwd", "chrome://version", "javascript:alert(1)", "view-source:" + s.URL, "data:text/html,x", "about:settings", "http://", ""} {
		refused(t, u.act(browser.Action{Name: "navigate", URL: u2}), "only http:// and https://")
	}
	verified(t, u.must(browser.Action{Name: "navigate", URL: "about:blank"}))
}

func TestGoBackReturnsToThePageBefore(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": "<a href=/two>Two</a>", "/two": "second <a href='#x'>Jump</a>"})
	u := newUser(t)
	u.visit(s.URL + "/")
	verified(t, u.click("link Two"))
	u.sees("second")
	u.click("link Jump")
	u.sees("URL " + s.URL + "/two#x")
	verified(t, u.must(browser.Action{Name: "go_back"}))
	u.sees("URL " + s.URL + "/two ")
	verified(t, u.must(browser.Action{Name: "go_back"}))
	u.sees("link Two")
	u.must(browser.Action{Name: "go_back"})
	refused(t, u.act(browser.Action{Name: "go_back"}), "no page to go back to")
}

func TestATabThatAClickOpensIsAdopted(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<a href=/help target=_blank>Help</a>`, "/help": `<title>Help</title>help text <button onclick="window.close()">Leave</button>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	out := u.click("link Help")
	verified(t, out)
	if !out.PageChanged {
		t.Error("another tab is active and the outcome does not say so")
	}
	u.sees("help text", "TAB 2/2", "NOTE the page opened tab t2", "*t2 Help")
	u.click("button Leave") // the browser closes the tab in its own time, which no outcome can wait for
	eventually(t, "the tab that closed itself is gone", func() bool { return strings.Contains(u.look(), "TAB 1/1") })
	u.click("link Help")
	u.look()
	verified(t, u.must(browser.Action{Name: "switch", TabID: "t1"}))
	u.sees("link Help", "TAB 1/2")
	verified(t, u.must(browser.Action{Name: "close", TabID: "t3"}))
	u.sees("TAB 1/1")
	refused(t, u.act(browser.Action{Name: "switch", TabID: "t2"}), `no tab "t2"; the tabs are t1`)
	verified(t, u.must(browser.Action{Name: "navigate", URL: s.URL + "/help", NewTab: new(true)}))
	u.sees("help text", "TAB 2/2")
	u.must(browser.Action{Name: "close"})
	u.sees("link Help", "TAB 1/1")
}

func TestDialogsAreAnsweredAndReported(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<script>addEventListener('load', () => { document.body.dataset.early = confirm('Early?'); })</script>
<button onclick="alert('Saved'); out.textContent = confirm('Sure?') + ' ' + prompt('Name?') + ' ' + document.body.dataset.early">Save</button><p id=out></p>`})
	u := newUser(t)
	u.must(browser.Action{Name: "navigate", URL: s.URL})
	u.sees(`DIALOGS confirm "Early?" -> accepted`) // it came of the navigation
	verified(t, u.act(browser.Action{Name: "wait", Seconds: new(0.0)}))
	u.click("button Save")
	u.sees("true null true", `DIALOGS alert "Saved" -> accepted; confirm "Sure?" -> accepted; prompt "Name?" -> dismissed`)
	if text := u.look(); strings.Contains(text, "DIALOGS") {
		t.Error("a dialog is reported twice")
	}
}

func TestAConfirmThatNoActionCausedIsDismissed(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button onclick="setTimeout(ask, 700)">Later</button><p id=out>…</p><script>function ask() { out.textContent = 'answer ' + confirm('Really?'); }</script>`})
	u := newUser(t)
	u.visit(s.URL)
	u.click("button Later")
	u.look()
	eventually(t, "the confirm is answered", func() bool { return strings.Contains(u.look(), "answer false") })
}

func TestAFloodOfTabsIsStopped(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button onclick="for (let i = 0; i < 15; i++) window.open('/x')">Flood</button>`, "/x": "popup"})
	u := newUser(t)
	u.visit(s.URL)
	u.act(browser.Action{Name: "click", Index: u.index("button Flood")}) // so many tabs may keep it from answering
	eventually(t, "the flood is told", func() bool { return strings.Contains(u.look(), "a further tab was closed at once") })
	if n := strings.Count(u.seen.Text, " | "); n >= 10 {
		t.Errorf("%d tabs are kept", n+1)
	}
	_, tabs, err := u.Contexts(t.Context())
	if err != nil || tabs > 25 {
		t.Errorf("%d tabs are open: %v", tabs, err)
	}
}

func TestASubmitWaitsForASlowAnswer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the answer is slow")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<form method=post><button>Pay</button></form>"))
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second): // longer than an action is settled for
		}
		_, _ = w.Write([]byte("Paid"))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	u := newUser(t)
	u.visit(s.URL)
	if out := u.click("button Pay"); !out.PageChanged {
		t.Errorf("the click did not wait for the page it leads to: %+v", out)
	}
	u.sees("Paid")
}

func TestThePagesWorkersRun(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<p id=p>waiting</p><script>
const inner = "postMessage('from a worker')";
const outer = "new Worker(URL.createObjectURL(new Blob([" + JSON.stringify(inner) + "]))).onmessage = (e) => postMessage('hello ' + e.data)";
new Worker(URL.createObjectURL(new Blob([outer]))).onmessage = (e) => { p.textContent = e.data }</script>`})
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "a worker of a worker is heard", func() bool { return strings.Contains(u.look(), "hello from a worker") })
}
