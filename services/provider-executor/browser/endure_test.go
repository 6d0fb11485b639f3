package browser_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// mishaps keeps the errors that an engine logs.
type mishaps struct {
	mu    sync.Mutex
	lines []string
}

func (m *mishaps) Write(line []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, string(line))
	return len(line), nil
}

// take returns what was logged since the last call.
func (m *mishaps) take() (lines []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines, m.lines = m.lines, nil
	return lines
}

// newEndurer opens a session in an engine whose errors are kept.
func newEndurer(t testing.TB) (*user, *mishaps) {
	kept := &mishaps{}
	cfg := local()
	cfg.Log = slog.New(slog.NewTextHandler(kept, &slog.HandlerOptions{Level: slog.LevelWarn}))
	needBrowser(t)
	return userOf(t, runEngine(t, cfg), browser.SessionOptions{}), kept
}

func TestEveryPageOfTheSetIsReadWithoutACrashOrAThrow(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	for name, page := range pageSet() {
		pages["/"+name] = page
	}
	s := serve(t, pages)
	u, kept := newEndurer(t)
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		text := u.visit(s.URL + path)
		if strings.Contains(text, "does not answer") || strings.Contains(text, "could not") || strings.Contains(text, "crashed") || u.seen.Controls == 0 {
			t.Errorf("%s is read as %.300s", path, text)
		}
		if lines := kept.take(); len(lines) > 0 {
			t.Errorf("%s: %q", path, lines)
		}
	}
}

// crashProne are kinds of pages on which a browser that is asked for listeners in the wrong way crashes, or on which our
// script throws. The first control of each page is clicked, and a text field is typed into.
var crashProne = map[string]string{
	"calendar": `<input id=d aria-label=Date><table id=t></table><script>function draw(m) { t.innerHTML = ''; for (let r = 0; r < 6; r++) { const row = t.insertRow();
for (let c = 0; c < 7; c++) { const a = document.createElement('a'); a.href = '#'; a.textContent = r * 7 + c + 1; for (const e of ['click', 'mouseover', 'mouseenter', 'mousedown']) a.addEventListener(e, () => e === 'click' && draw(m + 1)); row.insertCell().append(a) } } }
draw(0)</script>`,
	"autocomplete": `<input aria-label=Country><ul id=l></ul><script>const f = document.querySelector('input'); const list = () => { l.replaceChildren(...Array.from({ length: 120 }, (_, i) => {
const o = document.createElement('li'); o.role = 'option'; o.tabIndex = -1; o.textContent = f.value + i; for (const e of ['click', 'mousemove', 'touchstart', 'pointerdown']) o.addEventListener(e, list); return o })) };
f.addEventListener('input', list); f.addEventListener('keydown', () => {}); list()</script>`,
	"editor": `<button>Bold</button><div contenteditable aria-label=Text></div><script>const e = document.querySelector('div'); new MutationObserver(() => {}).observe(e, { childList: true, subtree: true });
for (const t of ['keydown', 'input', 'compositionstart', 'paste', 'drop', 'selectionchange']) { e.addEventListener(t, () => {}); document.addEventListener(t, () => {}) } document.body.onclick = () => {}</script>`,
	"listeners": `<div id=w></div><script>for (let i = 0; i < 2000; i++) { const d = document.createElement('div'); d.textContent = 'Day ' + i; d.onclick = () => {}; w.append(d) }
for (const t of [window, document, document.documentElement, document.body]) t.addEventListener('click', () => {})</script>`,
	"frames": `<button>Outer</button>` + strings.Repeat(`<iframe srcdoc="<body><p>In</p><div onclick=1>Inside</div><script>document.body.addEventListener('click', () => {})</script>"></iframe>`, 6) + `<script>document.body.onclick = () => {}</script>`,
	"closed": `<div id=a></div><p id=b></p><script>for (const h of [a, b]) { const r = h.attachShadow({ mode: 'closed' }); r.innerHTML = '<button>Hidden</button>'; r.firstChild.addEventListener('click', () => h.textContent = '') }</script><button>Seen</button>`,
}

const crashLoads = 50 // of each kind

// BenchmarkCrashProneLoads loads each kind of page, acts on it and reads it again, and counts crashes and throws.
func BenchmarkCrashProneLoads(b *testing.B) {
	pages := map[string]string{}
	for kind, html := range crashProne {
		pages["/"+kind] = "<!doctype html><h1>" + kind + "</h1>" + html
	}
	s := serve(b, pages)
	for b.Loop() {
		var crashes, errors int
		for _, kind := range slices.Sorted(maps.Keys(crashProne)) {
			u, kept := newEndurer(b)
			for n := range crashLoads {
				if !endures(u, fmt.Sprintf("%s/%s?%d", s.URL, kind, n)) {
					crashes++
				}
			}
			lines := kept.take()
			errors += len(lines)
			fmt.Printf("%-14s %d loads, crashes so far %d, logged %.300q\n", kind, crashLoads, crashes, lines)
		}
		b.ReportMetric(float64(crashes), "crashes")
		b.ReportMetric(float64(errors), "errors")
	}
}

// endures reports whether the page lives after it was read, its first control clicked, a text typed, and read again.
func endures(u *user, url string) bool {
	u.must(browser.Action{Name: "navigate", URL: url})
	u.Forgive() // or a page that has crashed once is read with more care
	o, err := u.Observe(u.Context())
	for _, do := range []struct{ before, action, text string }{{"]textbox", "input", "es"}, {"]", "click", ""}} {
		i := strings.Index(o.Text, do.before)
		if i < 0 || err != nil {
			continue
		}
		var index int
		_, _ = fmt.Sscanf(o.Text[strings.LastIndexByte(o.Text[:i], '[')+1:], "%d", &index)
		_, err = u.Do(u.Context(), browser.Action{Name: do.action, Index: &index, Text: do.text})
	}
	if err == nil {
		o, err = u.Observe(u.Context())
	}
	return err == nil && !strings.Contains(o.Text, "crashed") && !strings.Contains(o.Text, "does not answer")
}
