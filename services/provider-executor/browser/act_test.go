package browser_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const shop = `<!doctype html><title>Cart</title><h1>Your cart</h1>
<form method="post" action="/order">
<p>Blue kettle — €39.00 <a href="/kettle">Remove</a> <label>Qty <input name="qty" type="number" value="1"></label></p>
<label for="c">Country</label><select id="c" name="country"><option>Austria<option selected>Belgium<option>Chile</select>
<label><input type="checkbox" name="terms"> I agree</label>
<label>Name <input name="name" required></label>
<label>Day <input name="day" type="date"></label>
<label>Note <textarea name="note">old</textarea></label>
<button>Checkout</button></form>`

func verified(t *testing.T, out browser.Outcome) {
	t.Helper()
	if out.Success == nil || !*out.Success {
		t.Errorf("outcome is not verified: %q %q", out.Content, out.Error)
	}
}

func refused(t *testing.T, out browser.Outcome, because string) {
	t.Helper()
	if out.Success == nil || *out.Success || !strings.Contains(out.Error, because) {
		t.Errorf("want a failure that says %q, got %q %q", because, out.Content, out.Error)
	}
}

func TestAFormIsReadFilledAndSubmitted(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": shop, "/order": "<title>Thanks</title><h1>Thank you</h1>"})
	u := newUser(t)
	u.visit(s.URL + "/")
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Name"), Text: "Ada Lovelace"}))
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("number Qty"), Text: "3"}))
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("date Day"), Text: "2026-11-23"}))
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Note"), Text: "one\ntwo"}))
	verified(t, u.must(browser.Action{Name: "select_dropdown", Index: u.index("select Country"), Text: "Chile"}))
	verified(t, u.click("checkbox I agree"))
	out := u.click("button Checkout")
	verified(t, out)
	if !out.PageChanged {
		t.Error("the page changed and the outcome does not say so")
	}
	u.sees("# Thank you", "URL "+s.URL+"/order")
	want := "/order?country=Chile&day=2026-11-23&name=Ada+Lovelace&note=one%0D%0Atwo&qty=3&terms=on"
	if got := s.received(); len(got) != 1 || got[0] != want {
		t.Errorf("server received %q, want %q", got, want)
	}
}

func TestInputKeepsWhatWasThereWhenToldSo(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": shop})
	u := newUser(t)
	u.visit(s.URL + "/")
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Note"), Text: " and new", Clear: new(false)}))
	u.sees(`textbox Note ="old and new"`)
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Note")}))
	if text := u.look(); strings.Contains(text, "old") {
		t.Errorf("an empty text did not clear the field:\n%s", text)
	}
}

// A framework that controls an input writes its own state back after every event.
const controlled = `<input aria-label="Name"><p id="out"></p><script>
const input = document.querySelector('input'), own = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
let state = '', tracked = '';
Object.defineProperty(input, 'value', {get() { return own.get.call(this); }, set(v) { tracked = v; own.set.call(this, v); }});
input.addEventListener('input', () => {
  const now = own.get.call(input);
  if (now !== tracked) { state = now; tracked = now; out.textContent = 'state: ' + state; }
  input.value = state;
});
setInterval(() => { if (own.get.call(input) !== state) input.value = state; }, 20);
</script>`

func TestAControlledInputKeepsItsValue(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": controlled})
	u := newUser(t)
	u.visit(s.URL + "/")
	verified(t, u.must(browser.Action{Name: "input", Index: u.index("textbox Name"), Text: "Grace Höpper ✓"}))
	u.sees("state: Grace Höpper ✓")
}

func TestAnInputThatHoldsSomethingElseIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<input aria-label=Code maxlength=3><input aria-label=Pin type=password maxlength=2>
<input aria-label=Phone oninput="this.value = this.value.replace(/(\d{3})(\d{2,})/, '$1-$2')">`})
	u := newUser(t)
	u.visit(s.URL + "/")
	refused(t, u.act(browser.Action{Name: "input", Index: u.index("textbox Code"), Text: "12345"}), `holds "123"`)
	out := u.act(browser.Action{Name: "input", Index: u.index("password Pin"), Text: "9876"})
	refused(t, out, "does not hold what was typed")
	if strings.Contains(out.Error+u.look(), "98") {
		t.Error("a password is shown")
	}
	out = u.act(browser.Action{Name: "input", Index: u.index("textbox Phone"), Text: "55512"})
	verified(t, out)
	if !strings.Contains(out.Content, "555-12") {
		t.Errorf("the reformatted value is not told: %s", out.Content)
	}
}

func TestASelectThatThePageRevertsIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<select aria-label=Size onchange="setTimeout(() => this.value = 'S', 10)"><option>S<option>M<option disabled>L</select>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	size := u.index("select Size")
	refused(t, u.act(browser.Action{Name: "select_dropdown", Index: size, Text: "M"}), "did not keep the choice")
	refused(t, u.act(browser.Action{Name: "select_dropdown", Index: size, Text: "XL"}), `"S" selected, "M", "L" off`)
	refused(t, u.act(browser.Action{Name: "select_dropdown", Index: size, Text: "L"}), "disabled")
	out := u.must(browser.Action{Name: "dropdown_options", Index: size})
	if !strings.Contains(out.Content, `"M"`) {
		t.Errorf("options are not listed: %s", out.Content)
	}
	refused(t, u.act(browser.Action{Name: "click", Index: size}), "use select_dropdown")
}

func TestAStaleIndexIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/": `<button onclick="note.remove()">Drop</button><button id=note>Note</button>
<button id=swap onclick="this.textContent = 'Delete'">Save</button>
<button onclick="box.innerHTML = box.innerHTML">Render</button><div id=box>Inner part <button onclick="fetch('/done', {method: 'POST'})">Inner</button></div>`,
		"/next": `<button>Save</button>`,
	})
	u := newUser(t)
	u.visit(s.URL + "/")
	note, save, inner := u.index("button Note"), u.index("button Save"), u.index("button Inner")
	u.click("button Drop")
	refused(t, u.act(browser.Action{Name: "click", Index: note}), `was button "Note": it is no longer on the page`)
	u.must(browser.Action{Name: "click", Index: save})
	refused(t, u.act(browser.Action{Name: "click", Index: save}), `was button "Save": it is now button "Delete"`)
	u.click("button Render")
	if out := u.must(browser.Action{Name: "click", Index: inner}); !strings.Contains(out.Content, "drawn it anew in the same place") {
		t.Errorf("a control that was drawn anew is clicked without a word: %q", out.Content)
	}
	eventually(t, "the click arrives", func() bool { return len(s.received()) == 1 })
	u.visit(s.URL + "/next")
	refused(t, u.act(browser.Action{Name: "click", Index: save}), "has been replaced")
	refused(t, u.act(browser.Action{Name: "click", Index: new(4711)}), "no element has had the index 4711")
	if *u.index("button Save") <= *inner {
		t.Error("a number was used again")
	}
	if got := s.received(); len(got) != 1 {
		t.Errorf("a stale click reached the page: %q", got)
	}
}

func TestACoveredElementIsNotClicked(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button style="margin:100px" onclick="fetch('/bought', {method: 'POST'})">Buy</button>
<div id=veil aria-label="Cookies" style="position:fixed;inset:0;background:#fff8"><button onclick="veil.remove()">Accept</button></div>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	u.sees("button Buy covered")
	refused(t, u.act(browser.Action{Name: "click", Index: u.index("button Buy")}), `covered by`)
	if got := s.received(); len(got) != 0 {
		t.Fatalf("the click went through: %q", got)
	}
	u.click("button Accept")
	u.look()
	u.click("button Buy")
	eventually(t, "the click arrives", func() bool { return len(s.received()) == 1 })
}

func TestDisabledAndReadOnlyControlsAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button disabled>Pay</button><input aria-label=Id readonly value=7><button>Go</button>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	u.sees("button Pay off", `textbox Id ="7" readonly`)
	refused(t, u.act(browser.Action{Name: "click", Index: u.index("button Pay")}), "disabled")
	refused(t, u.act(browser.Action{Name: "input", Index: u.index("textbox Id"), Text: "8"}), "read-only")
	refused(t, u.act(browser.Action{Name: "input", Index: u.index("button Go"), Text: "8"}), "takes no text")
}

func TestACheckboxThatDoesNotToggleIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<label><input type=checkbox onclick="return false"> News</label>
<label><input type=radio name=r checked> A</label><label><input type=radio name=r> B</label>
<label><input type=checkbox style="opacity:0;position:absolute"><span style="display:inline-block;width:20px;height:20px;background:#ccc"></span> Styled</label>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	refused(t, u.act(browser.Action{Name: "click", Index: u.index("checkbox News")}), "still unchecked")
	verified(t, u.click("radio B"))
	verified(t, u.click("radio A"))
	verified(t, u.click("checkbox Styled"))
	u.sees("checkbox Styled checked")
}

func TestKeysReachThePage(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<form method=post action=/f><input name=q aria-label=Q autofocus></form>`, "/f": "ok"})
	u := newUser(t)
	u.visit(s.URL + "/")
	u.must(browser.Action{Name: "click", Index: u.index("textbox Q")})
	u.must(browser.Action{Name: "send_keys", Keys: "wrong text"})
	u.must(browser.Action{Name: "send_keys", Keys: "Control+a"})
	u.must(browser.Action{Name: "send_keys", Keys: "right"})
	verified(t, u.must(browser.Action{Name: "send_keys", Keys: "Enter"}))
	if got := s.received(); len(got) != 1 || got[0] != "/f?q=right" {
		t.Errorf("server received %q", got)
	}
}

func TestScrollMovesThePageOrAnElement(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>Top</h1><div style="height:200px;overflow:auto" aria-label="Inner list"><div style="height:900px">first row</div><button>Last row</button></div>
<div style="height:3000px"></div><p>Bottom line</p><button>End</button>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	u.sees("scrollarea Inner list 0.0 up", "--- 2 more controls below ---")
	before := u.seen.Fingerprint
	verified(t, u.must(browser.Action{Name: "scroll", Index: u.index("scrollarea Inner list"), Pages: new(10.0)}))
	u.sees("button Last row")
	verified(t, u.must(browser.Action{Name: "scroll", Pages: new(10.0)}))
	u.sees("Bottom line", "button End", "0.0 down screens")
	if u.seen.Fingerprint == before {
		t.Error("the fingerprint did not change")
	}
	refused(t, u.act(browser.Action{Name: "scroll"}), "nothing moved")
	verified(t, u.must(browser.Action{Name: "scroll", Down: new(false), Pages: new(10.0)}))
	u.sees("# Top")
	verified(t, u.must(browser.Action{Name: "find_text", Text: "bottom LINE"}))
	u.sees("Bottom line")
	refused(t, u.act(browser.Action{Name: "find_text", Text: "no such thing"}), "not on the page")
}

func TestTheGateStopsAnActionBeforeItsInput(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<button onclick="fetch('/x', {method: 'POST'})">Go</button><input aria-label=Name>`})
	errLost := errors.New("lease lost")
	var closed bool
	u := userOf(t, sharedEngine(t), browser.SessionOptions{Gate: func() error {
		if closed {
			return errLost
		}
		return nil
	}})
	u.visit(s.URL)
	closed = true
	for _, a := range []browser.Action{
		{Name: "click", Index: u.index("button Go")},
		{Name: "input", Index: u.index("textbox Name"), Text: "x"},
		{Name: "navigate", URL: s.URL}, {Name: "send_keys", Keys: "Enter"}, {Name: "go_back"}, {Name: "close"},
	} {
		if _, err := u.Do(t.Context(), a); !errors.Is(err, errLost) {
			t.Errorf("%s: error %v, want the gate's", a.Name, err)
		}
	}
	if got := s.received(); len(got) != 0 {
		t.Errorf("input went through a closed gate: %q", got)
	}
}

func TestAClickWaitsForTheAnswerItAskedFor(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<button onclick="fetch('/slow').then(r => r.text()).then(t => out.textContent = t)">Load</button><p id=out></p>`))
	})
	release := make(chan struct{})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-release:
		case <-time.After(400 * time.Millisecond): // slower than any moment of quiet
		}
		_, _ = w.Write([]byte("the answer"))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	defer close(release)
	u := newUser(t)
	u.visit(s.URL)
	u.click("button Load")
	u.sees("the answer")
}

func TestAnUnknownActionIsRefused(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	refused(t, u.act(browser.Action{Name: "fly"}), `no browser action "fly"`)
}
