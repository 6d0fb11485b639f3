package browser_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// restless is a page of buttons, each with an identity of its own that its click tells
// the server together with what the button says at that moment. mutate changes the page
// as frameworks and other people do.
const restless = `<!doctype html><div id=box></div><script>
let last = 0;
const names = ['Buy', 'Delete', 'Save', 'Send'];
function row(name) {
  const row = document.createElement('p'), button = document.createElement('button');
  button.uid = ++last;
  button.textContent = name;
  button.onclick = () => {
    const request = new XMLHttpRequest();
    request.open('POST', '/clicked', false);
    request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
    request.send('uid=' + button.uid + '&name=' + button.textContent);
  };
  row.append('u' + button.uid + ' ', button);
  return row;
}
const at = n => box.children[n % box.children.length], buttonAt = n => at(n).querySelector('button');
const mutations = [
  (a, b) => at(a).remove(),
  (a, b) => at(a).before(at(b)),
  (a, b) => at(a).before(row(names[b % 4])),
  (a, b) => { const x = buttonAt(a), y = buttonAt(b), text = x.textContent; x.textContent = y.textContent; y.textContent = text; },
  (a, b) => buttonAt(a).replaceWith(row(buttonAt(a).textContent).lastChild),
  (a, b) => { buttonAt(a).textContent = names[b % 4]; },
  (a, b) => box.replaceChildren(...[...box.children].reverse()),
  (a, b) => buttonAt(a).setAttribute('role', names[b % 4] === 'Buy' ? 'link' : 'button'),
  (a, b) => { buttonAt(a).disabled = true; },
  (a, b) => { const veil = row(names[b % 4]); veil.lastChild.style = 'position:fixed;inset:0'; at(a).before(veil); },
  (a, b) => { box.replaceChildren(...[...box.children].map(r => row(r.lastChild.textContent))); },
  (a, b) => { at(a).style.marginTop = (b % 40) + 'px'; },
  (a, b) => { addEventListener('mousemove', () => mutations[b % 9](a, b + 1), {once: true}); },
];
function start() { box.replaceChildren(...Array.from({length: 9}, (_, i) => row(names[i % 4]))); }
function mutate(k, a, b) { mutations[k % mutations.length](a, b); if (!box.firstChild) box.append(row('Buy')); }
start();
</script>`

var restlessButton = regexp.MustCompile(`u(\d+) \*?\[(\d+)\]button (\w+)`)

// A click on what was shown reaches just that, or it says why not and reaches nothing.
func FuzzAnActReachesWhatWasShown(f *testing.F) {
	for seed := range byte(13) {
		f.Add([]byte{seed, 3, 5}, byte(3))
		f.Add([]byte{seed, 2, 7, seed + 4, 1, 0, seed + 7, 6, 2}, seed)
	}
	s := serve(f, map[string]string{"/": restless, "/clicked": "ok"})
	u := newUser(f)
	u.visit(s.URL)
	f.Fuzz(func(t *testing.T, changes []byte, pick byte) {
		u.TB = t
		u.script("start()")
		shown := restlessButton.FindAllStringSubmatch(u.look(), -1)
		if len(shown) != 9 {
			t.Fatalf("%d buttons are shown:\n%s", len(shown), u.seen.Text)
		}
		wanted := shown[int(pick)%len(shown)]
		for ; len(changes) >= 3; changes = changes[3:] {
			u.script(fmt.Sprintf("mutate(%d, %d, %d)", changes[0], changes[1], changes[2]))
		}
		before := len(s.received())
		index, _ := strconv.Atoi(wanted[2])
		out := u.act(browser.Action{Name: "click", Index: &index})
		got := s.received()[before:]
		switch {
		case out.Error != "" && len(got) > 0:
			t.Errorf("the click failed with %q and the page had %q", out.Error, got)
		case out.Error == "" && (len(got) != 1 || got[0] != fmt.Sprintf("/clicked?name=%s&uid=%s", wanted[3], wanted[1])):
			t.Errorf("the click on %q reached %q", wanted[0], got)
		}
	})
}

func (u *user) script(expression string) string {
	u.Helper()
	value, err := u.Script(u.Context(), expression)
	if err != nil {
		u.Fatalf("script: %v", err)
	}
	return value
}

// Whatever a page says, only its controls look like controls, and no line like ours.
func TestNoTextOfAPageLooksLikeOurs(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<!doctype html><style>body{margin:0;font:4px/4px sans-serif}p{margin:0}</style><div id=box></div><script>
function fill(lines) {
  box.replaceChildren(...lines.map((pieces, i) => {
    const p = document.createElement('p');
    for (const piece of pieces) {
      const el = document.createElement(['span', 'b', 'button', 'textarea', 'pre', 'h3', 'a'][i % 7]);
      if (el.localName === 'textarea') el.value = piece; else el.textContent = piece;
      if (el.localName === 'a') el.href = '/x', el.title = piece;
      p.append(el);
    }
    return p;
  }));
  document.title = lines.flat().join(' ').slice(0, 90);
}</script>`})
	u := newUser(t)
	u.visit(s.URL)
	control, ours := regexp.MustCompile(`\[\d+\]`), regexp.MustCompile(`(?m)^(---|URL |TABS |DIALOGS |NOTE )`)
	for seed := range uint64(4) {
		u.script("fill(" + randomLines(seed) + ")")
		text := u.look()
		if n := len(control.FindAllString(text, -1)); n != u.seen.Controls {
			t.Errorf("%d controls are shown and %d look like one:\n%s", u.seen.Controls, n, text)
		}
		for _, at := range ours.FindAllStringIndex(text, -1) {
			line, _, _ := strings.Cut(text[at[0]:], "\n")
			if at[0] > 0 && !strings.Contains(line, "more controls") {
				t.Errorf("a line of the page looks like ours: %q", line)
			}
		}
		unseen := func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Co, unicode.Bidi_Control) }
		if strings.ContainsFunc(text, unseen) || strings.Contains(strings.ToLower(text), "<page") || strings.Contains(strings.ToLower(text), "</page") {
			t.Errorf("noise or a delimiter came through:\n%q", text)
		}
	}
}

// randomLines writes lines of pieces as JavaScript, lone surrogates included.
func randomLines(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	atoms := []string{"[", "]", "1", "23", "---", "--- frame x ---", "URL ", "NOTE", "DIALOGS a", "TABS", "<page 1>", "</page", " ", "\\n", "word", "*", "=",
		"\\ud800", "\\udfff", "\\ue001", "\\u0001", "\\u0002", "\\u202e", "\\u200b", "\\u{10fffd}", "#", "[7]button", "é", "日本"}
	var b strings.Builder
	b.WriteString("[")
	for range 60 {
		b.WriteString("[")
		for range 1 + r.IntN(4) {
			b.WriteString(`"`)
			for range r.IntN(5) {
				b.WriteString(atoms[r.IntN(len(atoms))])
			}
			b.WriteString(`",`)
		}
		b.WriteString("],")
	}
	return b.String() + "]"
}
