package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/natstest"
)

// table is a site for the actions that need neither forms nor files.
func table(t *testing.T) (url string, beats chan string) {
	t.Helper()
	beats = make(chan string, 20)
	mux := http.NewServeMux()
	page := func(path, content string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, `<!doctype html><script>const beat = what => fetch('/beat?' + encodeURIComponent(what), {method: 'POST'})</script>`+content)
		})
	}
	mux.HandleFunc("POST /beat", func(w http.ResponseWriter, r *http.Request) { beats <- r.URL.RawQuery })
	page("/menu", `<style>#sub{display:none} #m:hover #sub{display:block}</style><div id=m><button>Products</button><div id=sub><a href=/one>Kettles</a></div></div>`)
	page("/native", `<div id=a draggable=true role=button style="width:100px;height:50px" ondragstart="event.dataTransfer.setData('text/plain','card 7')">Card</div>
		<div style="height:1200px"></div>
		<div id=b role=button aria-label=Done tabindex=0 style="width:200px;height:100px" ondragover="event.preventDefault()" ondrop="beat(event.dataTransfer.getData('text/plain'))"></div>`)
	page("/pointer", `<div role=slider aria-label=Handle tabindex=0 style="position:absolute;left:20px;top:40px;width:40px;height:40px"
			onpointerdown="this.setPointerCapture(event.pointerId);this.held=1" onpointermove="this.moves=(this.moves||0)+1"
			onpointerup="beat(this.held+' '+(this.moves>3)+' '+Math.round(event.clientX)+','+Math.round(event.clientY))"></div>
		<button style="position:absolute;left:400px;top:300px;width:60px;height:20px">Target</button>`)
	page("/one", `<h1>One</h1><p>The Kettle costs 39. A KETTLE lasts.</p><table><tr><td class=price>39</td><td class=price hidden>40</td></tr></table>
		<iframe srcdoc="<p class=price>kettle in a frame</p>"></iframe>`)
	page("/two", `<h1>Two</h1><script>beat('loaded')</script>`)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, beats
}

func TestHoveringOpensWhatAPointerOpens(t *testing.T) {
	t.Parallel()
	url, _ := table(t)
	u := newUser(t)
	if strings.Contains(u.visit(url+"/menu"), "Kettles") {
		t.Fatal("the menu is open before")
	}
	u.must(browser.Action{Name: "hover", Index: u.index("button Products")})
	if !strings.Contains(u.look(), "link Kettles") {
		t.Errorf("the menu is closed:\n%s", u.seen.Text)
	}
	u.must(browser.Action{Name: "click", Index: u.index("link Kettles")})
	if !strings.Contains(u.look(), "# One") {
		t.Errorf("page:\n%s", u.seen.Text)
	}
}

func TestADragIsCarriedAsThePageListensForIt(t *testing.T) {
	t.Parallel()
	url, beats := table(t)
	for path, c := range map[string]struct{ from, to, beat string }{
		"/native":  {"button Card", "button Done", "card%207"},
		"/pointer": {"slider Handle", "button Target", "1%20true%20432%2C312"},
	} {
		u := newUser(t)
		u.visit(url + path)
		out := u.must(browser.Action{Name: "drag", Index: u.index(c.from), To: u.index(c.to)})
		role, name, _ := strings.Cut(c.to, " ")
		if drop := string(out.Drop); !strings.Contains(drop, role) || !strings.Contains(drop, name) {
			t.Errorf("%s: it was dropped on %s", path, drop)
		}
		natstest.Eventually(t, func() error {
			select {
			case got := <-beats:
				if got != c.beat {
					t.Errorf("%s: the page got %q, want %q", path, got, c.beat)
				}
				return nil
			default:
				return fmt.Errorf("%s: nothing was dropped", path)
			}
		})
		if out := u.act(browser.Action{Name: "drag", Index: u.index(c.from)}); out.Error == "" {
			t.Errorf("a drag to nowhere: %+v", out)
		}
	}
}

func TestHistoryGoesBothWaysAndReloadLoadsAgain(t *testing.T) {
	t.Parallel()
	url, beats := table(t)
	u := newUser(t)
	u.visit(url + "/one")
	u.visit(url + "/two")
	<-beats
	u.must(browser.Action{Name: "go_back"})
	if out := u.must(browser.Action{Name: "go_forward"}); !strings.Contains(out.Content, "/two") || !out.PageChanged {
		t.Errorf("forward: %+v", out)
	}
	<-beats
	if out := u.act(browser.Action{Name: "go_forward"}); out.Error == "" {
		t.Errorf("forward from the last page: %+v", out)
	}
	if out := u.must(browser.Action{Name: "refresh"}); out.Success == nil || !*out.Success || !out.PageChanged {
		t.Errorf("reload: %+v", out)
	}
	<-beats
}

func TestPagesAreSearchedByTextAndBySelector(t *testing.T) {
	t.Parallel()
	url, _ := table(t)
	u := newUser(t)
	u.visit(url + "/one")
	for _, a := range []browser.Action{{Name: "search_page", Query: "kettle"}, {Name: "search_page", Query: "KETTLE"}} {
		if out := u.must(a); !strings.Contains(out.Content, "3 times") || !strings.Contains(out.Content, "costs 39") {
			t.Errorf("%+v: %s", a, out.Content)
		}
	}
	if out := u.must(browser.Action{Name: "search_page", Query: "teapot"}); !strings.Contains(out.Content, "nowhere") {
		t.Errorf("a text that is not there: %s", out.Content)
	}
	out := u.must(browser.Action{Name: "find_elements", Query: ".price"})
	for _, want := range []string{"3 elements match", "<td> 39", "<td> (hidden) 40", "<p> kettle in a frame"} {
		if !strings.Contains(out.Content, want) {
			t.Errorf("find_elements lacks %q: %s", want, out.Content)
		}
	}
	if out := u.act(browser.Action{Name: "find_elements", Query: "::["}); !strings.Contains(out.Error, "not a CSS selector") {
		t.Errorf("a bad selector: %+v", out)
	}
	for _, name := range []string{"search_page", "find_elements"} {
		if out := u.act(browser.Action{Name: name}); out.Error == "" {
			t.Errorf("%s for nothing: %+v", name, out)
		}
	}
}
