package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// latePage shows things some time after they were asked for, without a request or by one that a timer begins.
const latePage = `<!doctype html><meta charset=utf-8><title>Late</title><h1>Late things</h1>
<style>.tip{visibility:hidden} li:hover .tip{visibility:visible;transition:visibility 0s 250ms} #panel{display:none} .open #panel{display:block} .ripple{width:9px;height:9px;display:block}</style>
<button id=menu>Actions</button> <button id=ripple>More</button> <button id=icons aria-label=Emoji>:)</button> <button id=toast>Save</button> <button id=class>Filters</button>
<ul><li><a href=#x>Products</a> <span class=tip>Kettles</span></ul>
<p><input id=city aria-label=City> <input role=combobox aria-label=Country> <input placeholder="Search shops"> <input aria-label=Name> <textarea aria-label=Note></textarea>
<label><input type=checkbox> Agreed</label> <select aria-label=Size><option>S<option>M</select></p>
<x-menu></x-menu><div id=panel>Price range</div><div id=out></div>
<script>
const show = html => { out.innerHTML = html };
menu.onclick = () => setTimeout(show, 250, '<button>Archive</button>');
ripple.onclick = () => { ripple.className = 'pressed'; ripple.insertAdjacentHTML('beforeend', '<span class=ripple></span>'); setTimeout(show, 250, '<a href=#y>Rename</a>') };
icons.onclick = () => setTimeout(show, 250, '<button aria-label=Smile></button>');
toast.onclick = () => fetch('/beat').then(() => setTimeout(show, 250, '<p role=status>Saved as draft</p>'));
document.getElementById('class').onclick = () => setTimeout(() => { document.body.className = 'open' }, 250);
let timer;
const suggest = e => { clearTimeout(timer); timer = setTimeout(async () => show('<p>' + e.target.value + await (await fetch('/slow')).text() + '</p>'), 600) };
for (const field of document.querySelectorAll('#city,[role=combobox]')) field.addEventListener('input', suggest);
document.addEventListener('input', e => { if (e.target.placeholder) suggest(e) });
customElements.define('x-menu', class extends HTMLElement { connectedCallback() {
  const root = this.attachShadow({ mode: 'open' });
  root.innerHTML = '<button>Account</button><p></p>';
  root.querySelector('button').onclick = () => setTimeout(() => { root.querySelector('p').textContent = 'Sign out' }, 250);
} });
</script>`

func TestWhatComesLateAfterAnActionIsOnTheNextPage(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(latePage))
	})
	mux.HandleFunc("/beat", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(" Street")) })
	s := httptest.NewServer(mux)
	defer s.Close()
	u := newUser(t)
	u.Wait()
	u.visit(s.URL)
	for _, c := range []struct{ action, on, text, shows string }{
		{"click", "button Actions", "", "button Archive"},
		{"click", "button More", "", "link Rename"},
		{"click", "button Emoji", "", "button Smile"},
		{"click", "button Save", "", "Saved as draft"},
		{"click", "button Filters", "", "Price range"},
		{"click", "button Account", "", "Sign out"},
		{"hover", "link Products", "", "Kettles"},
		{"input", "textbox City", "Baker", "Baker Street"},
		{"input", "combobox Country", "Main", "Main Street"},
		{"input", "textbox Search shops", "High", "High Street"},
		{"send_keys", "", "er", "Higher Street"},
	} {
		a := browser.Action{Name: c.action, Text: c.text}
		if a.Keys = c.text; c.on != "" {
			a.Index = u.index(c.on)
		}
		u.must(a)
		u.sees(c.shows)
	}
}

func TestOnlyAnActionWithoutAnEffectIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": latePage})
	u := newUser(t)
	u.visit(s.URL)
	for _, c := range []struct {
		on            string
		typing        bool
		change        string
		before, after bool
	}{
		{"textbox Name", true, "", false, false},
		{"textbox Note", true, "", false, false},
		{"textbox City", true, "document.querySelector('#city').value = 'Ba'", true, true},
		{"textbox City", true, "show('<p>Bath</p>')", true, false},
		{"button Actions", false, "menu.className = 'active'", true, true},
		{"button Actions", false, "document.querySelector('select').value = 'M'", true, false},
		{"checkbox Agreed", false, "document.querySelector('[type=checkbox]').checked = true", true, false},
		{"button Actions", false, "menu.setAttribute('aria-expanded', 'true')", true, false},
		{"button Actions", false, "document.body.insertAdjacentHTML('beforeend', '<div role=tooltip>What can be done</div>')", true, true},
		{"button Actions", false, "document.body.className = 'open'", true, false},
		{"button Actions", false, "document.querySelector('select').focus()", true, false},
		{"button Actions", false, "menu.remove()", true, false},
	} {
		before, after, err := u.Awaits(t.Context(), *u.index(c.on), c.typing, c.change)
		if err != nil || before != c.before || after != c.after {
			t.Errorf("%s, then %q: waits %t and %t, want %t and %t (%v)", c.on, c.change, before, after, c.before, c.after, err)
		}
	}
}
