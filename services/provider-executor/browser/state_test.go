package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// keeper is a site that logs in by a cookie that no script can read, keeps a token in localStorage, a draft in
// sessionStorage and a basket in IndexedDB, and writes down what it is asked.
type keeper struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

const keeperPage = `<!doctype html><title>Keeper</title><body style="height: 5000px">
<form method=post action=/order>
<input name=plain value=old aria-label=Plain><input type=password name=secret aria-label=Password><input name=card autocomplete=cc-number aria-label=Card>
<input type=checkbox name=gift aria-label=Gift><select name=size aria-label=Size><option>S<option>L</select><button>Order</button></form>
<p id=out></p><script>
const wait = (r) => new Promise((y, n) => { r.onsuccess = () => y(r.result); r.onerror = () => n(r.error); });
async function open() {
  const o = indexedDB.open('basket', 3);
  o.onupgradeneeded = () => { const s = o.result.createObjectStore('lines', {keyPath: 'id', autoIncrement: true}); s.createIndex('by', 'name', {unique: false}); o.result.createObjectStore('loose'); };
  return wait(o);
}
async function fill(n) {
  const db = await open();
  const t = db.transaction(['lines', 'loose'], 'readwrite');
  t.objectStore('lines').put({name: 'kettle', at: new Date(5), tags: new Set(['a']), photo: new Blob(['jpeg'], {type: 'image/jpeg'}), n: 9007199254740993n});
  t.objectStore('loose').put(new Uint8Array([1, 2, n]), 'bytes');
  await new Promise((y) => { t.oncomplete = y; });
  db.close();
}
async function show() {
  const db = await open();
  const lines = await wait(db.transaction('lines').objectStore('lines').index('by').getAll('kettle'));
  const loose = await wait(db.transaction('loose').objectStore('loose').get('bytes'));
  db.close();
  const l = lines[0];
  return JSON.stringify({token: localStorage.token, draft: sessionStorage.draft, lines: lines.length, at: l?.at?.getTime(), tag: l?.tags?.has('a'), photo: await l?.photo?.text(), n: String(l?.n), loose: loose && [...loose],
    plain: document.forms[0].plain.value, gift: document.forms[0].gift.checked, size: document.forms[0].size.value, secret: document.forms[0].secret.value, card: document.forms[0].card.value, y: scrollY, history: history.length});
}
</script>`

func newKeeper(t testing.TB) *keeper {
	k := &keeper{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login, _ := r.Cookie("login")
		k.mu.Lock()
		k.asked = append(k.asked, fmt.Sprintf("%s %s %v", r.Method, r.URL, login))
		k.mu.Unlock()
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "login", Value: "ada", HttpOnly: true, Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "lasting", Value: "1", Expires: time.Now().Add(time.Hour), SameSite: http.SameSiteStrictMode})
		}
		w.Header().Set("Content-Type", "text/html")
		if r.Method == http.MethodPost {
			fmt.Fprint(w, "<title>Thanks</title><h1>Order 4711 is placed</h1>")
			return
		}
		fmt.Fprint(w, keeperPage)
	}))
	t.Cleanup(k.Close)
	return k
}

// heard takes what the site was asked for since the last call, but for icons.
func (k *keeper) heard() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.DeleteFunc(k.asked, func(a string) bool { return strings.Contains(a, "favicon") })
	k.asked = nil
	return all
}

func (u *user) evaluates(expression string) string {
	u.Helper()
	got, err := u.Script(u.Context(), expression)
	if err != nil {
		u.Fatal(err)
	}
	return got
}

// saved is the session's state as it comes out of storage.
func (u *user) saved() *browser.State {
	u.Helper()
	state, err := u.State(u.Context())
	if err != nil {
		u.Fatal(err)
	}
	raw, err := json.Marshal(state)
	if err != nil {
		u.Fatal(err)
	}
	state = browser.State{}
	if err := json.Unmarshal(raw, &state); err != nil {
		u.Fatal(err)
	}
	return &state
}

func TestABrowserGoesOnWhereAnotherStood(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	first := newUser(t)
	first.visit(k.URL + "/login")
	first.evaluates(`fill(3).then(() => { localStorage.token = 't1'; sessionStorage.draft = 'd1'; })`)
	first.must(browser.Action{Name: "input", Index: first.index(`textbox Plain`), Text: "typed"})
	first.must(browser.Action{Name: "input", Index: first.index(`password Password`), Text: "hunter2"})
	first.must(browser.Action{Name: "input", Index: first.index(`textbox Card`), Text: "4111111111111111"})
	first.click("checkbox Gift")
	first.must(browser.Action{Name: "select_dropdown", Index: first.index("select Size"), Text: "L"})
	first.evaluates(`scrollTo(0, 700)`)
	if state := first.saved(); !strings.Contains(string(state.Origins[0].Databases), "kettle") {
		t.Errorf("a database is not saved: %s", state.Origins[0].Databases)
	}
	first.evaluates(`fill(4)`) // after the database was read once
	before := first.evaluates(`show()`)
	state := first.saved()
	if raw, _ := json.Marshal(state); strings.Contains(string(raw), "hunter2") || strings.Contains(string(raw), "4111111") {
		t.Errorf("the state holds a secret: %s", raw)
	}
	k.heard()

	second := userOf(t, sharedEngine(t), browser.SessionOptions{Restore: state})
	if got := k.heard(); len(got) != 1 || got[0] != "GET /login login=ada" {
		t.Errorf("while it was restored the site was asked %q", got)
	}
	want := strings.NewReplacer(`\"secret\":\"hunter2\"`, `\"secret\":\"\"`, `\"card\":\"4111111111111111\"`, `\"card\":\"\"`, `\"history\":2`, `\"history\":1`).Replace(before)
	if after := second.evaluates(`show()`); after != want {
		t.Errorf("the page is\n%s\nand was\n%s", after, want)
	}
	if said := fmt.Sprint(second.Restored()); !strings.Contains(said, "2 cookies") || !strings.Contains(said, "password fields") {
		t.Errorf("it says %s", said)
	}
	second.evaluates(`scrollTo(0, 0)`)
	second.look()
	second.click("button Order")
	if got := k.heard(); len(got) != 1 || got[0] != "POST /order login=ada" {
		t.Fatalf("the site was asked %q", got)
	}
	answer := second.saved()

	third := userOf(t, sharedEngine(t), browser.SessionOptions{Restore: answer})
	if got := k.heard(); len(got) > 0 {
		t.Errorf("a page that came from a POST was asked for again: %q", got)
	}
	if said := fmt.Sprint(third.Restored()); !strings.Contains(said, "not asked for again") || !strings.Contains(said, "Order 4711 is placed") {
		t.Errorf("it says %s", said)
	}
	third.visit(k.URL + "/account")
	if got := k.heard(); len(got) != 1 || got[0] != "GET /account login=ada" {
		t.Errorf("the site was asked %q", got)
	}
	if got := third.evaluates(`show()`); !strings.Contains(got, "t1") || !strings.Contains(got, "d1") || !strings.Contains(got, "jpeg") {
		t.Errorf("the storage is %s", got)
	}
}

// BenchmarkState prints what saving a state costs: the time and the size.
func BenchmarkState(b *testing.B) {
	k := newKeeper(b)
	u := newUser(b)
	u.visit(k.URL + "/login")
	u.evaluates(`fill(3).then(() => { localStorage.token = 't1'; sessionStorage.draft = 'd1'; })`)
	raw, _ := json.Marshal(u.saved())
	for b.Loop() {
		if _, err := u.State(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(raw)), "bytes")
}
