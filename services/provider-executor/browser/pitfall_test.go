package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const post = `function tell(path) { const r = new XMLHttpRequest(); r.open('POST', path, false); r.send(); }`

// last is the newest thing that the server was told.
func (s *site) last() string {
	all := s.received()
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// A virtual list has few rows and puts other items into them as it is scrolled.
func TestARowOfAVirtualListIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<div id=list style="height:400px;overflow:auto;position:relative" aria-label=Mails><div style="height:100000px"></div></div><script>` + post + `
const rows = Array.from({length: 10}, () => { const b = document.createElement('button'); b.style = 'position:absolute;left:0;height:40px'; b.onclick = () => tell('/opened/' + b.item); list.append(b); return b; });
list.onscroll = () => rows.forEach((b, i) => { b.item = Math.floor(list.scrollTop / 40) + i; b.textContent = 'Mail ' + b.item + '.'; b.style.top = b.item * 40 + 'px'; });
list.onscroll();</script>`})
	u := newUser(t)
	u.visit(s.URL)
	third := u.index("button Mail 3.")
	verified(t, u.must(browser.Action{Name: "scroll", Index: u.index("scrollarea Mails"), Pages: new(5.0)}))
	refused(t, u.act(browser.Action{Name: "click", Index: third}), `it is now button "Mail 53."`)
	u.sees("*[")
	if *u.index("button Mail 53.") == *third {
		t.Error("the number of one item is another's now")
	}
	u.click("button Mail 53.")
	if got := s.last(); got != "/opened/53?" {
		t.Errorf("the click opened %q", got)
	}
}

func TestAnEndlessPageGrowsAsItIsScrolled(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/more": "ok", "/": `<div id=feed></div><p id=end>end</p><script>
let n = 0;
const grow = () => fetch('/more').then(() => { for (let i = 0; i < 20; i++) { const a = document.createElement('a'); a.href = '/' + n; a.style = 'display:block;height:100px'; a.textContent = 'Post ' + n++ + '.'; feed.append(a); } });
new IntersectionObserver(seen => seen[0].isIntersecting && grow()).observe(end);</script>`})
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "the first posts are there", func() bool { return strings.Contains(u.look(), "link Post 3.") })
	for range 4 {
		verified(t, u.must(browser.Action{Name: "scroll", Pages: new(2.0)}))
	}
	u.sees("link Post 59.")
	if !regexp.MustCompile(`--- \d+ more controls above ---`).MatchString(u.seen.Text) {
		t.Errorf("what was scrolled past is not counted:\n%s", u.seen.Text)
	}
}

// Of a long row of siblings only those near the window are looked at one by one.
func TestALongListIsCountedWhole(t *testing.T) {
	t.Parallel()
	const rows = 5000
	s := serve(t, map[string]string{"/": times(rows, func(i int) string { return fmt.Sprintf("<a href=/%d>row %d</a><br>\n", i, i) })})
	u := newUser(t)
	u.visit(s.URL)
	number := regexp.MustCompile(`--- (\d+) more controls (above|below) ---`)
	for _, pages := range []float64{0, 1, 20, 60, 1000} {
		u.act(browser.Action{Name: "scroll", Pages: new(pages)})
		u.look()
		sum := u.seen.Controls
		for _, told := range number.FindAllStringSubmatch(u.seen.Text, -1) {
			n, _ := strconv.Atoi(told[1])
			sum += n
		}
		if sum != rows || u.seen.Controls < 30 {
			t.Errorf("after %v screens %d controls are shown, and with those above and below %d", pages, u.seen.Controls, sum)
		}
	}
	o, err := u.ObserveWhole(t.Context(), 400e3)
	if err != nil {
		t.Fatal(err)
	}
	if o.Controls != rows || !strings.Contains(o.Text, "row 0\n") || !strings.Contains(o.Text, "row 4999\n") || strings.Contains(o.Text, "---") {
		t.Errorf("the whole page has %d controls", o.Controls)
	}
}

func TestAWholePageShowsWhatIsScrolledOutOfSight(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/inner": `<div style="height:3000px">top</div><button>In frame</button>`,
		"/": `<div style="height:100px;overflow:auto"><div style="height:900px">rows</div><button>In list</button></div><div style="height:0;overflow:hidden"><button>Folded</button></div>
<iframe src=/inner style="height:100px"></iframe><div style="height:4000px"></div><button>At the end</button>`,
		"/fat": times(3000, func(i int) string { return fmt.Sprintf("<p>Paragraph %d</p><a href=/>Link</a>", i) })})
	u := newUser(t)
	if text := u.visit(s.URL); strings.Contains(text, "button In ") || strings.Contains(text, "At the end") {
		t.Errorf("the window shows what is out of sight:\n%s", text)
	}
	o, err := u.ObserveWhole(t.Context(), 400e3)
	if err != nil {
		t.Fatal(err)
	}
	if o.Controls != 4 || strings.Contains(o.Text, "Folded") { // the list itself is one
		t.Errorf("the whole page is shown as:\n%s", o.Text)
	}
	u.seen = o
	verified(t, u.must(browser.Action{Name: "find_text", Text: "At the end"}))
	u.click("button At the end")
	u.must(browser.Action{Name: "navigate", URL: s.URL + "/fat"})
	if o, err = u.ObserveWhole(t.Context(), 50e3); err != nil || len(o.Text) > 60e3 || !strings.Contains(o.Text, "--- cut here:") {
		t.Errorf("%d characters and no word of a cut: %v", len(o.Text), err)
	}
}

func TestWhatLiesUnderAStickyBarIsBroughtOutAndClicked(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<div style="position:sticky;top:0;height:150px;background:#ddd;z-index:1">Bar</div><script>` + post + `</script>
<div style="height:900px">start</div><button onclick="tell('/clicked')">Below</button><div style="height:2000px">end</div>
<div style="position:fixed;bottom:0;left:0;right:0;height:150px;background:#ddd">Cookies <button>Fine</button></div>`})
	u := newUser(t)
	u.visit(s.URL)
	verified(t, u.must(browser.Action{Name: "scroll", Pages: new(1.2)}))
	u.sees("button Below covered")
	u.click("button Below")
	if got := s.last(); got != "/clicked?" {
		t.Errorf("the click reached %q", got)
	}
}

// Chromium itself crashes at 3,000 blocks in one another.
func TestWhatLiesVeryDeepIsSeenAndClicked(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<body><script>` + post + `
let at = document.body;
for (let i = 0; i < 2300; i++) at = at.appendChild(document.createElement('div'));
at.innerHTML = '<p>The bottom</p><button onclick="tell(\'/clicked\')">Deep</button>';</script>`})
	u := newUser(t)
	u.visit(s.URL)
	u.sees("The bottom", "button Deep")
	u.click("button Deep")
	if got := s.last(); got != "/clicked?" {
		t.Errorf("the click reached %q", got)
	}
	text, err := u.Content(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "The bottom") {
		t.Errorf("the content lacks what lies deep: %q", text)
	}
}

func TestADataAddressIsNoWayOut(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<a href="data:text/html,<h1>Out</h1>">Leave</a><button onclick="location = 'data:text/html,Out'">Go</button>
<iframe src="data:text/html,<button>Inside</button>" style="width:300px;height:60px"></iframe>`})
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "the frame is there", func() bool { return strings.Contains(u.look(), "button Inside") })
	u.sees("--- frame data:")
	for _, control := range []string{"link Leave", "button Go"} {
		u.act(browser.Action{Name: "click", Index: u.index(control)})
		if text := u.look(); !strings.Contains(text, "URL "+s.URL) {
			t.Errorf("%s led away:\n%s", control, text)
		}
	}
}

func TestAPageThatWantsToKeepItsVisitorIsLeftIfAskedTwice(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<input aria-label=Draft><script>onbeforeunload = e => e.preventDefault()</script>`, "/next": "next page"})
	u := newUser(t)
	u.visit(s.URL)
	u.must(browser.Action{Name: "input", Index: u.index("textbox Draft"), Text: "x"}) // a page may ask only after it was used
	leave := browser.Action{Name: "navigate", URL: s.URL + "/next"}
	if out := u.act(leave); !strings.Contains(out.Error, "asks whether to leave") {
		t.Errorf("the page was left with what was typed there: %+v", out)
	}
	u.sees("textbox Draft")
	verified(t, u.must(leave))
	u.sees("next page")
}

func TestItemsOfAListThatListensForThemAreControls(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<ul id=list>` + times(4, func(i int) string { return fmt.Sprintf("<li data-n=%d>Row %d.</li>", i, i) }) + `</ul>
<div id=panel><p>One</p><span>Two</span></div><script>` + post + `
list.addEventListener('click', e => tell('/row/' + e.target.closest('li').dataset.n));
panel.addEventListener('click', () => tell('/panel'));</script>`})
	u := newUser(t)
	u.visit(s.URL)
	if n := strings.Count(u.seen.Text, "clickable"); n != 5 {
		t.Errorf("%d things can be clicked, want the 4 rows and the panel:\n%s", n, u.seen.Text)
	}
	row := regexp.MustCompile(`\[(\d+)\]clickable Row 2\.`).FindString(u.seen.Text)
	if row == "" {
		t.Fatalf("no row can be clicked:\n%s", u.seen.Text)
	}
	u.click("clickable Row 2.")
	if got := s.last(); got != "/row/2?" {
		t.Errorf("the click reached %q", got)
	}
}

func TestARedirectAfterAClickIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href=/a>Go</a>`)
	})
	mux.Handle("/a", http.RedirectHandler("/b", http.StatusFound))
	mux.Handle("/b", http.RedirectHandler("/c", http.StatusSeeOther))
	mux.HandleFunc("/c", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the end") })
	s := httptest.NewServer(mux)
	defer s.Close()
	u := newUser(t)
	u.visit(s.URL)
	if out := u.click("link Go"); !out.PageChanged {
		t.Errorf("the page changed and the outcome does not say so: %+v", out)
	}
	u.sees("the end", "URL "+s.URL+"/c")
}
