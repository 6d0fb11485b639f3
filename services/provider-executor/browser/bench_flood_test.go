package browser_test

import (
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// floods are pages that give their browser more to tell than anybody reads.
var floods = map[string]string{
	"title":     `<title>x</title><script>(function f(n) { for (let i = 0; i < 200; i++) document.title = n + i; setTimeout(f, 0, n + 1) })(0)</script>`,
	"pushState": `<script>(function f(n) { for (let i = 0; i < 50; i++) history.pushState(0, "", "?" + n + i); setTimeout(f, 0, n + 1) })(0)</script>`,
}

// BenchmarkNeighbourOfAFlood gives what is left of a session's speed, in pages opened and read, beside one whose page floods
// the browser: 1 is all of it. Phases with and without the flood alternate. In a shared browser nothing is left, and the
// browser may be lost: see the ADR on one Chromium a run.
func BenchmarkNeighbourOfAFlood(b *testing.B) {
	needBrowser(b)
	const phases, loops = 3, 10
	for name, page := range floods {
		b.Run(name, func(b *testing.B) {
			s := serve(b, map[string]string{"/": "<h1>Tea</h1><a href=/>again</a>", "/flood": page})
			e := runEngine(b, separate())
			neighbour := userOf(b, e, browser.SessionOptions{})
			work := func() time.Duration {
				began := time.Now()
				for range loops {
					neighbour.visit(s.URL)
					neighbour.look()
				}
				return time.Since(began)
			}
			work()
			var alone, beside time.Duration
			for b.Loop() {
				for range phases {
					alone += work()
					flooding, err := e.NewSession(b.Context(), browser.SessionOptions{})
					if err != nil {
						b.Fatal(err)
					}
					_, _ = flooding.Do(b.Context(), browser.Action{Name: "navigate", URL: s.URL + "/flood"})
					beside += work()
					if err := flooding.Close(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(alone.Seconds()/beside.Seconds(), "x-of-its-speed-alone")
		})
	}
}
