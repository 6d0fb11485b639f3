package browser_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

func newEager(t testing.TB) *user {
	t.Helper()
	return userOf(t, sharedEngine(t), browser.SessionOptions{Eager: true})
}

// does finds a control by its role and name and acts on it.
func (u *user) does(role, name string, a browser.Action) browser.Outcome {
	u.Helper()
	found := u.find(browser.Wanted{Targets: []json.RawMessage{marks(map[string]any{"role": role, "name": name})}, Within: 10 * time.Second})
	a.Index = &found.Index
	return u.act(a)
}

func TestAnEagerFlowReachesTheServer(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<form method=post action=/sent><label>Name <input name=name></label> <label>Country <select name=country><option>Austria<option>Belgium</select></label>
<label><input type=checkbox name=terms> Agreed</label> <button>Send</button></form><a href=/next target=_blank>More</a>`,
		"/sent": `<h1>Thank you</h1>`, "/next": `<h1>Another tab</h1>`})
	u := newEager(t)
	u.must(browser.Action{Name: "navigate", URL: s.URL})
	for _, c := range []struct {
		role, name string
		action     browser.Action
	}{
		{"textbox", "Name", browser.Action{Name: "input", Text: "Zoë Łuk"}}, {"select", "Country", browser.Action{Name: "select_dropdown", Text: "Belgium"}},
		{"checkbox", "Agreed", browser.Action{Name: "click"}},
	} {
		if out := u.does(c.role, c.name, c.action); out.Success == nil || !*out.Success || out.Sends || len(out.Target) == 0 || out.PageChanged {
			t.Errorf("%s %s gave %+v", c.action.Name, c.name, out)
		}
	}
	if out := u.does("link", "More", browser.Action{Name: "click", SkipFingerprint: true}); out.Sends || len(out.Target) > 0 || !out.PageChanged {
		t.Errorf("the click that opens a tab gave %+v", out)
	}
	if seen, err := u.Sight(t.Context()); err != nil || strings.Join(seen.Headings, "") != "Another tab" {
		t.Errorf("behind it the session sees %+v, %v", seen, err)
	}
	u.must(browser.Action{Name: "close"})
	if out := u.does("button", "Send", browser.Action{Name: "click"}); !out.Sends || !out.PageChanged || out.Error != "" {
		t.Errorf("the click that submits gave %+v", out)
	}
	if seen, err := u.Sight(t.Context()); err != nil || strings.Join(seen.Headings, "") != "Thank you" {
		t.Errorf("then the session sees %+v, %v", seen, err)
	}
	if got := s.received(); len(got) != 1 || got[0] != "/sent?country=Belgium&name=Zo%C3%AB+%C5%81uk&terms=on" {
		t.Errorf("the server got %q", got)
	}
}

func TestAnActionTellsWhetherThePageSentSomething(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/in": `<button onclick="fetch('/x', {method: 'PUT'})">Inside</button>`, "/x": "", "/form": `<p>x`}
	s := serve(t, pages)
	pages["/"] = `<button onclick="fetch('/x')">Get</button><button onclick="fetch('/x', {method: 'POST'})">Post</button>
<button onclick="navigator.sendBeacon('/x', 'seen')">Beacon</button><button onclick="fetch('/x', {method: 'DELETE'}).catch(() => 0)">Delete</button>
<form method=post action=/form target=_blank><button>Open</button></form><iframe src="` + s.elsewhere("/in") + `"></iframe>`
	for _, u := range []*user{newEager(t), newUser(t)} {
		for name, sends := range map[string]bool{"Get": false, "Post": true, "Beacon": false, "Delete": true, "Inside": true, "Open": true} {
			u.must(browser.Action{Name: "navigate", URL: s.URL})
			if out := u.does("button", name, browser.Action{Name: "click"}); out.Sends != sends || out.Error != "" {
				t.Errorf("the click on %s gave %+v", name, out)
			}
		}
	}
}

func TestAnEagerClickReachesNothingElse(t *testing.T) {
	t.Parallel()
	jumpy := func(event string) string {
		return tells + `<style>button { position: absolute; left: 10px; width: 200px; height: 60px } </style><button data-me=wrong id=b style="top:200px">Wrong</button>
<button data-me=right id=a style="top:10px">Right</button><script>addEventListener('` + event + `', () => { [a.style.top, b.style.top] = [b.style.top, a.style.top] }, ` +
			map[bool]string{true: "{once: true}", false: "true"}[event == "mousemove"] + `)</script>`
	}
	s := serve(t, map[string]string{"/once": jumpy("mousemove"), "/always": jumpy("pointermove"),
		"/veiled": tells + `<button data-me=right>Right</button><div id=v style="position:fixed;inset:0;background:#fff">Loading</div><script>setTimeout(() => v.remove(), 300)</script>`})
	u := newEager(t)
	for path, refused := range map[string]bool{"/once": false, "/veiled": false, "/always": true} {
		u.must(browser.Action{Name: "navigate", URL: s.URL + path})
		out := u.does("button", "Right", browser.Action{Name: "click"})
		title, err := u.Script(t.Context(), "document.title")
		if err != nil {
			t.Fatal(err)
		}
		if refused != strings.Contains(out.Error, "does not hold still") || refused != (title == `""`) || !refused && title != `"right"` {
			t.Errorf("on %s the click reached %s: %+v", path, title, out)
		}
	}
}

func TestWhatComesTrueALittleLaterIsNoFailure(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<label><input type=checkbox onclick="event.preventDefault(); setTimeout(() => { this.checked = true }, 30)"> Late</label>
<label>Code <input oninput="setTimeout(() => { this.value = this.value.toUpperCase() })"></label>
<label>Refused <input oninput="this.value = ''"></label>`})
	u := newEager(t)
	u.must(browser.Action{Name: "navigate", URL: s.URL})
	if out := u.does("checkbox", "Late", browser.Action{Name: "click"}); out.Success == nil || !*out.Success {
		t.Errorf("a box that is checked late gave %+v", out)
	}
	if out := u.does("textbox", "Code", browser.Action{Name: "input", Text: "ab-12"}); out.Success == nil || !*out.Success {
		t.Errorf("a field that changes case gave %+v", out)
	}
	if out := u.does("textbox", "Refused", browser.Action{Name: "input", Text: "no"}); out.Success == nil || *out.Success || out.Error == "" {
		t.Errorf("a field that takes nothing gave %+v", out)
	}
}
