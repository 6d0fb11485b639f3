package browser_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// lists are pages whose lists are never in the page as a whole.
var lists = map[string]string{
	"/endless": `<h1>Talks (40)</h1><ul id=l></ul><div id=end style="height:40px">...</div><script>let n = 0;
function more() { for (let i = 0; i < 10 && n < 40; i++) { const x = document.createElement('li'); x.style = 'height:120px'; x.textContent = 'Talk ' + n++ + '.'; l.append(x) } }
new IntersectionObserver(e => { if (e[0].isIntersecting) more() }).observe(end)</script>`,
	"/late": `<h1>Posts</h1><div id=box style="height:400px;overflow:auto"><ul id=l></ul></div><p>The end</p><script>let n = 0, busy;
const more = () => { busy = 0; for (let i = 0; i < 10 && n < 40; i++) l.insertAdjacentHTML('beforeend', '<li style="height:60px">Talk ' + n++ + '.') };
box.onscroll = () => { if (!busy && box.scrollTop + 400 > box.scrollHeight - 50) busy = setTimeout(() => fetch('/beat').then(more), 200) }; more()</script>`,
	"/window": `<h1>Rows</h1><p>Above</p><div id=box style="height:400px;overflow:auto"><div style="height:1600px;position:relative" id=in></div></div><p>Below</p><script>
const draw = () => { const from = Math.floor(box.scrollTop / 40); in_.innerHTML = '';
  for (let i = Math.max(0, from - 1); i < Math.min(40, from + 12); i++) in_.insertAdjacentHTML('beforeend', '<div style="position:absolute;height:40px;top:' + i * 40 + 'px"><b>Talk ' + i + '.</b> <p>in stock</p></div>') };
const in_ = document.getElementById('in'); box.onscroll = draw; draw()</script>`,
	"/page": `<header>Shop</header><main id=m style="position:relative;height:9600px"></main><footer>Imprint</footer><script>
const draw = () => { const from = Math.floor(scrollY / 240); m.innerHTML = '';
  for (let i = Math.max(0, from - 2); i < Math.min(40, from + 6); i++) m.insertAdjacentHTML('beforeend', '<div style="position:absolute;height:240px;top:' + i * 240 + 'px">Talk ' + i + '.</div>') };
addEventListener('scroll', draw); draw()</script>`,
	"/endless-window": `<div id=box role=grid aria-rowcount=100000 style="height:400px;overflow:auto"><div style="position:relative" id=in></div></div><script>
let n = 60; const draw = () => { if (box.scrollTop + 500 > n * 40) n += 20; in_.style.height = n * 40 + 'px'; const from = Math.floor(box.scrollTop / 40); in_.innerHTML = '';
  for (let i = Math.max(0, from - 1); i < Math.min(n, from + 12); i++) in_.insertAdjacentHTML('beforeend', '<div style="position:absolute;height:40px;top:' + i * 40 + 'px">Talk ' + i + '.</div>') };
const in_ = document.getElementById('in'); box.onscroll = draw; draw()</script>`,
	"/still": `<h1>Still</h1>` + strings.Repeat(`<p style="height:300px">A paragraph</p>`, 40),
	"/clock": `<h1>Clock</h1><p id=c></p><script>setInterval(() => { c.textContent = performance.now() }, 10)</script><div style="height:3000px"></div>`,
}

func TestAListThatLoadsOrDrawsMoreWhenScrolledIsReadWhole(t *testing.T) {
	t.Parallel()
	s := serve(t, lists)
	u := newUser(t)
	u.Wait()
	for _, path := range []string{"/endless", "/late", "/window", "/page"} {
		u.visit(s.URL + path)
		text, err := u.ContentScrolled(t.Context(), 40)
		if err != nil {
			t.Fatal(err)
		}
		var wanted []string
		for i := range 40 {
			wanted = append(wanted, fmt.Sprintf("Talk %d.", i))
		}
		if got := strings.Join(regexp.MustCompile(`Talk \d+\.`).FindAllString(text, -1), " "); got != strings.Join(wanted, " ") || strings.Contains(text, "---") {
			t.Errorf("%s reads as:\n%s", path, text)
		}
		eventually(t, path+" is left at its top, as it was", func() bool { // some lists draw their top in their own time
			o := u.look()
			return strings.Contains(o, "Talk 0.") && strings.Contains(o, "SCROLL 0.0 up")
		})
	}
}

func TestWhatOfAListWasNotReadIsSaid(t *testing.T) {
	t.Parallel()
	s := serve(t, lists)
	u := newUser(t)
	for _, c := range []struct {
		path    string
		screens int
		says    string
	}{
		{"/endless", 2, "--- cut here: a list loads more when it is scrolled; it was scrolled to its end 2 times ---"},
		{"/endless-window", 3, "--- cut here: a list draws only what is in view; 3 screens of it were read, about "},
		{"/endless-window", 3, "% of it (it says that it has 100000 items) ---"},
		{"/endless", 0, "--- cut here: the page was not scrolled, and may load more if it is ---"},
		{"/still", 40, ""},
		{"/clock", 40, ""},
	} {
		u.visit(s.URL + c.path)
		text, err := u.ContentScrolled(t.Context(), c.screens)
		if err != nil || !strings.Contains(text, c.says) || c.says == "" && strings.Contains(text, "---") {
			t.Errorf("%s, %d screens: %v\n%s", c.path, c.screens, err, text)
		}
	}
}

// A list that was recorded when scrolling had filled it is not read as what a fresh page shows of it.
func TestAListThatScrollingFilledIsScrolledWhenItIsReadAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, lists)
	u := newUser(t)
	u.visit(s.URL + "/endless")
	if _, err := u.ContentScrolled(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	leaves, err := u.Leaves(t.Context(), []string{"talk 39"})
	if err != nil || len(leaves) != 1 || len(leaves[0].Items) == 0 || leaves[0].Items[0].Count != 40 {
		t.Fatalf("leaves %+v, %v", leaves, err)
	}
	talk := leaves[0].Items[0]
	for first, rows := range map[int]int{0: 40, 3: 3} {
		u.visit(s.URL + "/endless")
		if got, err := u.ReadList(t.Context(), talk.List, []json.RawMessage{talk.Field}, first); err != nil || len(got) != rows {
			t.Errorf("of the first %d it reads %d rows (%v)", first, len(got), err)
		}
	}
}
