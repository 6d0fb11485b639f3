package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// replayForm is a small flow over two documents: fields, a choice, a box, a late part, a link.
var replayForm = map[string]string{
	"/": `<title>Order</title><form action=/done onsubmit="return check()"><h1>Your order</h1>
<p><label>Name <input id=name></label> <label>Mail <input id=mail type=email></label> <label>City <input id=city></label></p>
<p><label>Country <select id=country><option>Austria<option>Belgium<option>France</select></label>
<label><input type=checkbox id=terms> I agree</label> <button type=button id=more onclick="box.innerHTML = '<label>Note <input id=note></label>'">Add a note</button></p>
<div id=box></div><button id=send>Send order</button></form><script>function check() { return terms.checked && country.value === 'Belgium' }</script>`,
	"/done": `<title>Done</title><h1>Thank you</h1><a href="/#again" id=back>Back to the shop</a>`,
}

// stroke is one action of the flow: what a model has recorded, and what an expert would write.
type stroke struct {
	name, control, css, text string
}

var replayFlow = []stroke{
	{name: "input", control: "textbox Name", css: "#name", text: "Anna Smith"},
	{name: "input", control: "textbox Mail", css: "#mail", text: "anna@example.com"},
	{name: "input", control: "textbox City", css: "#city", text: "Ghent"},
	{name: "select_dropdown", control: "select Country", css: "#country", text: "Belgium"},
	{name: "click", control: "checkbox I agree", css: "#terms"},
	{name: "click", control: "button Add a note", css: "#more"},
	{name: "input", control: "textbox Note", css: "#note", text: "Ring twice, please"},
	{name: "click", control: "button Send order", css: "#send"},
	{name: "click", control: "link Back to the shop", css: "#back"},
	{name: "click", control: "checkbox I agree", css: "#terms"},
}

// recordFlow does the flow as an agent does and keeps what a replay needs.
func recordFlow(b testing.TB, url string) (targets []json.RawMessage) {
	u := newUser(b)
	u.visit(url)
	for _, s := range replayFlow {
		out := u.must(browser.Action{Name: s.name, Index: u.index(s.control), Text: s.text})
		targets = append(targets, out.Target)
		u.look()
	}
	return targets
}

func (u *user) replay(url string, targets []json.RawMessage, took map[string]time.Duration) {
	u.must(browser.Action{Name: "navigate", URL: url})
	for i, s := range replayFlow {
		start := time.Now()
		found := u.find(browser.Wanted{Targets: targets[i : i+1], Within: 5 * time.Second})
		took["resolve"] += time.Since(start)
		start = time.Now()
		u.must(browser.Action{Name: s.name, Index: &found.Index, Text: s.text, SkipFingerprint: true})
		took[s.name+" "+s.control] += time.Since(start)
	}
}

const replays = 15

// BenchmarkReplayFlow replays a flow of ten actions eagerly and prints its time beside that of a script over CDP that
// does the same, as an expert would write it, and beside the same replay that is not eager.
func BenchmarkReplayFlow(b *testing.B) {
	s := serve(b, replayForm)
	targets := recordFlow(b, s.URL)
	for b.Loop() {
		eager, patient := userOf(b, sharedEngine(b), browser.SessionOptions{Eager: true}), newUser(b)
		script := newUser(b)
		var ours, keyed, pasted, slow []time.Duration
		parts, slowParts := map[string]time.Duration{}, map[string]time.Duration{}
		timed := func(f func()) time.Duration { start := time.Now(); f(); return time.Since(start) }
		for i := range replays {
			ours = append(ours, timed(func() { eager.replay(s.URL, targets, parts) }))
			keyed = append(keyed, timed(func() { script.byHand(b, s.URL, false) }))
			pasted = append(pasted, timed(func() { script.byHand(b, s.URL, true) }))
			if i%5 == 0 {
				slow = append(slow, timed(func() { patient.replay(s.URL, targets, slowParts) }))
			}
		}
		fmt.Printf("replay of %d actions %v; by a script over CDP %v, ratio %.2f; by one that pastes texts %v, ratio %.2f; not eager %v\n",
			len(replayFlow), middle(ours), middle(keyed), ratio(ours, keyed), middle(pasted), ratio(ours, pasted), middle(slow))
		for name, took := range parts {
			fmt.Printf("%-30s %8v eager %8v else\n", name, (took / replays).Round(10*time.Microsecond), (slowParts[name] / time.Duration(len(slow))).Round(10*time.Microsecond))
		}
	}
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2].Round(100 * time.Microsecond)
}

func ratio(a, b []time.Duration) float64 { return float64(middle(a)) / float64(middle(b)) }

// byHand does the flow by hand.
func (u *user) byHand(b testing.TB, url string, paste bool) {
	if err := u.ByHand(context.Background(), url, func(p *browser.Page) error {
		p.Paste = paste
		for _, s := range replayFlow {
			if err := p.Stroke(s.name, s.css, s.text); err != nil {
				return fmt.Errorf("%s %s: %w", s.name, s.css, err)
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}
