package browser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const samples = 15 // observations of each page

// measured is one page of the set as it was seen.
type measured struct {
	cold, p50, p95      time.Duration
	asked, whole        time.Duration // a page as the action shows it, and one without its limit
	tokens, wholeTokens int
	aria                int // tokens of Playwright's snapshot; 0: not measured
	ariaTook            time.Duration
}

// BenchmarkObservation prints what the pages of the set cost to observe, in time and in
// tokens, beside Playwright's aria snapshot of the same pages where PLAYWRIGHT_CORE names
// a playwright-core module or a node_modules folder above holds one.
func BenchmarkObservation(b *testing.B) {
	pages := map[string]string{}
	for name, page := range pageSet() {
		pages["/"+name] = page
	}
	s := serve(b, pages)
	names := slices.Sorted(maps.Keys(pages))
	for b.Loop() {
		got := map[string]*measured{}
		u := newUser(b)
		for _, name := range names {
			got[name] = u.gauge(s.URL + name)
		}
		beside(b, s.URL, got)
		report(b, names, got)
	}
}

func (u *user) gauge(url string) *measured {
	m := &measured{}
	u.must(browser.Action{Name: "navigate", URL: url})
	took := make([]time.Duration, samples)
	start := time.Now()
	u.look()
	m.cold = time.Since(start)
	for i := range took {
		start := time.Now()
		u.look()
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	m.p50, m.p95, m.tokens = took[samples/2], took[samples*95/100], tokens(u.seen.Text)
	start = time.Now()
	if _, err := u.ObserveWhole(u.Context(), 80e3); err != nil {
		u.Fatal(err)
	}
	m.asked = time.Since(start)
	start = time.Now()
	o, err := u.ObserveWhole(u.Context(), 400e3)
	if err != nil {
		u.Fatal(err)
	}
	m.whole, m.wholeTokens = time.Since(start), tokens(o.Text)
	return m
}

// beside adds Playwright's figures.
func beside(b *testing.B, site string, got map[string]*measured) {
	module := playwright()
	if module == "" {
		b.Log("no playwright-core found: its column stays empty")
		return
	}
	cmd := exec.Command("node", "testdata/aria.cjs", module, site)
	names, _ := json.Marshal(slices.Collect(maps.Keys(got)))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(names), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("playwright: %v", err)
	}
	var answers map[string]struct {
		Text string
		MS   float64
	}
	if err := json.Unmarshal(out, &answers); err != nil {
		b.Fatal(err)
	}
	for name, a := range answers {
		got[name].aria, got[name].ariaTook = tokens(a.Text), time.Duration(a.MS*float64(time.Millisecond))
	}
}

// playwright finds the module: PLAYWRIGHT_CORE, or in a node_modules folder above.
func playwright() string {
	if path := os.Getenv("PLAYWRIGHT_CORE"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		path := filepath.Join(dir, "node_modules", "playwright-core")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

func report(b *testing.B, names []string, got map[string]*measured) {
	var table strings.Builder
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Fprintf(&table, "%-12s %8s %8s %8s %8s %8s %8s %8s %8s %8s %6s\n", "page", "first ms", "p50 ms", "p95 ms", "tokens", "asked ms", "whole ms", "tokens", "aria ms", "tokens", "ratio")
	var p50s, first, windows []float64
	var ours, theirs int
	for _, name := range names {
		m := got[name]
		fmt.Fprintf(&table, "%-12s %8.1f %8.1f %8.1f %8d %8.1f %8.1f %8d %8.1f %8d", name[1:], ms(m.cold), ms(m.p50), ms(m.p95), m.tokens, ms(m.asked), ms(m.whole), m.wholeTokens, ms(m.ariaTook), m.aria)
		if m.aria > 0 {
			fmt.Fprintf(&table, " %6.2f", float64(m.wholeTokens)/float64(m.aria))
		}
		table.WriteString("\n")
		p50s, first, windows = append(p50s, ms(m.p50)), append(first, ms(m.cold)), append(windows, float64(m.tokens))
		ours, theirs = ours+m.wholeTokens, theirs+m.aria
	}
	fmt.Print("\n" + table.String()) // b.Log keeps ten lines only
	b.ReportMetric(median(p50s), "p50-ms")
	b.ReportMetric(median(first), "first-ms")
	b.ReportMetric(median(windows), "tokens")
	if theirs > 0 {
		b.ReportMetric(float64(ours)/float64(theirs), "of-aria-tokens")
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

var piece = regexp.MustCompile(`\p{L}+|\p{N}{1,3}|[^\p{L}\p{N}\s]+|\n+| {2,}`)

// tokens approximates o200k: its pieces, where long ones count for more. On the texts of
// the page set it was within 10 % of the tokenizer's sums: 3 % below for windows, 8 % below
// for whole pages, 6 % above for Playwright's.
func tokens(text string) int {
	n := 0
	for _, p := range piece.FindAllString(text, -1) {
		r, _ := utf8.DecodeRuneInString(p)
		n += 1 + (utf8.RuneCountInString(p)-1)/pieceLength(r)
	}
	return n
}

func pieceLength(first rune) int {
	if first < 128 && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n0123456789", first) {
		return 3 // punctuation
	}
	return 10
}

// BenchmarkNewSession is a run's wait for its browser, without the end of the run before.
func BenchmarkNewSession(b *testing.B) {
	e := sharedEngine(b)
	newUser(b).visit("about:blank")
	var took []float64
	for b.Loop() {
		for range samples {
			start := time.Now()
			s, err := e.NewSession(b.Context(), browser.SessionOptions{})
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, float64(time.Since(start).Microseconds())/1000)
			if err := s.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(median(took), "p50-ms")
}

// BenchmarkSettle is how long a click takes that changes the page at once, on each page of the set.
func BenchmarkSettle(b *testing.B) {
	pages := map[string]string{}
	for name, page := range pageSet() {
		pages["/"+name] = page + `<button onclick="this.nextSibling.textContent += '!'" style="position:fixed;top:0;left:0;z-index:99999">Probe</button><b>Clicked</b>`
	}
	s := serve(b, pages)
	var p50s []float64
	for b.Loop() {
		u := newUser(b)
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			u.must(browser.Action{Name: "navigate", URL: s.URL + name})
			u.look()
			probe := u.index("button Probe")
			var took []float64
			for range samples {
				start := time.Now()
				u.must(browser.Action{Name: "click", Index: probe})
				took = append(took, float64(time.Since(start).Microseconds())/1000)
			}
			p50s = append(p50s, median(took))
			fmt.Printf("%-12s click p50 %.1f ms\n", name[1:], median(took))
		}
	}
	b.ReportMetric(median(p50s), "p50-ms")
}
