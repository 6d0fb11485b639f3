package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

func TestASightIsWhatThePageIsCalled(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/inner": `<h2>Pay here</h2>`}
	s := serve(t, pages)
	pages["/"] = `<title>Shop</title><h1>Your <b>cart</b></h1><h1 hidden>Never</h1><h4>Too small</h4><div role=heading>Offers</div><x-box></x-box>
<script>customElements.define('x-box', class extends HTMLElement { connectedCallback() { this.attachShadow({mode: 'open'}).innerHTML = '<h3>Inside</h3>' } })</script>
<dialog id=d aria-label="Are you sure?" open>Yes</dialog><dialog aria-label=Closed></dialog><div role=dialog id=nameless>?</div><h1>Your cart</h1>
<iframe src="` + s.elsewhere("/inner") + `"></iframe>`
	pages["/many"] = times(20, func(i int) string { return fmt.Sprintf("<h2>Chapter %d</h2>", i) })
	u := newUser(t)
	u.visit(s.URL + "/?q=1")
	sight := func() browser.Sight {
		seen, err := u.Sight(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	eventually(t, "the frame is there", func() bool { return len(sight().Headings) == 5 })
	if got := sight(); got.URL != s.URL+"/?q=1" || got.Title != "Shop" || strings.Join(got.Headings, "|") != "Are you sure?|Your cart|Offers|Inside|Pay here" {
		t.Errorf("the sight is %+v", got)
	}
	u.visit(s.URL + "/many")
	if got := sight().Headings; len(got) != 8 || got[7] != "Chapter 7" {
		t.Errorf("of many headings it has %q", got)
	}
}

func TestASightTellsNoSecret(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<title>` + canary + `</title><h1>Welcome ` + canary + `</h1>`})
	u := secretUser(t)
	u.visit(s.URL)
	seen, err := u.Sight(t.Context())
	if err != nil || len(seen.Headings) != 1 || !strings.HasPrefix(seen.Headings[0], "Welcome <secret:") {
		t.Errorf("the sight is %+v, %v", seen, err)
	}
	u.hidesCanary("the sight", fmt.Sprint(seen))
}

// BenchmarkSight prints what a glance at the largest pages of the set costs.
func BenchmarkSight(b *testing.B) {
	pages := map[string]string{}
	for name, page := range pageSet() {
		pages["/"+name] = page
	}
	s := serve(b, pages)
	for b.Loop() {
		u := newUser(b)
		for name := range pages {
			u.must(browser.Action{Name: "navigate", URL: s.URL + name})
			u.look()
			start := time.Now()
			for range samples {
				if _, err := u.Sight(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			fmt.Printf("%-20s %v\n", name, (time.Since(start) / samples).Round(10*time.Microsecond))
		}
	}
}
