package browser_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// More than the default take a while; 500 were run when the rules were written.
var locateCases = flag.Int("locate-cases", 48, "generated pages on which a recorded control is looked for again")

// control is one control of a generated page. What it is called or shows may be shared with others; me is its identity.
type control struct {
	me, name, icon string
	row            string // of the table row that it stands in, empty for none
	kind           string // button, link, icon, class or field
}

// icons are what pictures are drawn from. The bell stands on replaced controls only.
var icons = map[string]string{
	"trash": "M3 6h18M8 6V4h8v2", "star": "M12 2l3 7h7l-6 4 2 7-6-4", "pen": "M4 20l4-1L20 7l-3-3", "eye": "M1 12s4-8 11-8", "lock": "M5 11h14v10H5z", "bell": "M18 8a6 6 0 0 0-12 0",
}

func (c control) html() string {
	me := fmt.Sprintf(`data-me=%q`, c.me)
	switch c.kind {
	case "link":
		return fmt.Sprintf(`<a %s href="/%s" onclick="return false">%s</a>`, me, strings.ReplaceAll(c.me, " ", "-"), c.name)
	case "icon":
		return fmt.Sprintf(`<button %s type=button class="btn icon"><svg width=16 height=16><path d="%s"/></svg></button>`, me, icons[c.icon])
	case "class":
		return fmt.Sprintf(`<button %s type=button class=btn><i class="fa fa-%s" style="display:inline-block;width:16px;height:16px"></i></button>`, me, c.icon)
	case "field":
		return fmt.Sprintf(`<label>%s <input %s></label>`, c.name, me)
	}
	return fmt.Sprintf(`<button %s type=button class=btn>%s</button>`, me, c.name)
}

var someNames = []string{"Continue", "Log in", "Log out", "Archive", "Approve", "Print", "Save", "Delete", "Help", "Invoice", "Subscribe", "Unsubscribe", "Upgrade to Premium for 99 euro a month"}
var someLabels = []string{"Name", "First name", "Last name", "Coupon code", "E-mail", "Street", "Remarks"}

// newControls is a page of controls of all kinds, some of them in rows of a table.
func newControls(r *rand.Rand) (all []control) {
	for i, n := range r.Perm(len(someNames))[:3+r.IntN(4)] {
		kind := "button"
		if r.IntN(2) == 0 {
			kind = "link"
		}
		all = append(all, control{me: fmt.Sprintf("c%d", i), name: someNames[n], kind: kind})
	}
	for i, n := range r.Perm(len(someLabels))[:1+r.IntN(4)] {
		all = append(all, control{me: fmt.Sprintf("f%d", i), name: someLabels[n], kind: "field"})
	}
	shown := []string{"trash", "star", "pen", "eye", "lock"}
	for i, n := range r.Perm(len(shown))[:2+r.IntN(3)] {
		all = append(all, control{me: fmt.Sprintf("i%d", i), icon: shown[n], kind: []string{"icon", "class"}[r.IntN(2)]})
	}
	for row := range 2 + r.IntN(4) {
		number := fmt.Sprint(1001 + row)
		all = append(all, control{me: "d" + number, name: "Delete", row: number, kind: "button"}, control{me: "t" + number, icon: "trash", row: number, kind: "icon"})
	}
	return all
}

func pageOf(all []control) string {
	var loose, fields, rows strings.Builder
	byRow, order, at := map[string]string{}, []string{}, 0
	for _, c := range all {
		switch {
		case c.row != "":
			if _, seen := byRow[c.row]; !seen {
				order = append(order, c.row)
			}
			byRow[c.row] += "<td>" + c.html() + "</td>"
		case c.kind == "field":
			at++ // the form numbers its fields, whatever belongs in them
			fields.WriteString("<p>" + strings.Replace(c.html(), "<input", fmt.Sprintf("<input name=field%d", at), 1) + "</p>")
		default:
			loose.WriteString(c.html() + " ")
		}
	}
	for _, row := range order {
		fmt.Fprintf(&rows, "<tr><td>%s</td><td>EUR 4</td>%s</tr>", row, byRow[row])
	}
	return tells + "<h1>Page</h1><main><div>" + loose.String() + "</div><table>" + rows.String() + "</table><form>" + fields.String() + "</form></main>"
}

// changed is the page as it is when a replay comes, and what was done to it.
func changed(r *rand.Rand, all []control, wanted int) (now []control, how string) {
	now = append(now, all...)
	w := now[wanted]
	switch how = []string{"removed", "replaced", "renamed", "swapped", "reordered", "row gone"}[r.IntN(6)]; how {
	case "removed":
		now = append(now[:wanted], now[wanted+1:]...)
	case "replaced": // by another control in the same place
		now[wanted] = control{me: "other", name: "Win a car", icon: "bell", row: w.row, kind: w.kind}
	case "renamed":
		now[wanted].name, now[wanted].icon = "Something else", "bell"
	case "swapped":
		other := r.IntN(len(now))
		now[wanted], now[other] = now[other], now[wanted]
	case "reordered":
		r.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
	case "row gone":
		var left []control
		for _, c := range now {
			if w.row == "" && c.me == w.me || w.row != "" && c.row == w.row {
				continue
			}
			left = append(left, c)
		}
		now = left
	}
	return now, how
}

// A recorded control that is not there is never replaced by what stands in its place.
func TestAReplayTakesTheRecordedControlOrNone(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	site, u := serve(t, pages), newEager(t)
	outcomes := map[string]int{}
	for seed := range *locateCases {
		r := rand.New(rand.NewPCG(uint64(seed), 21))
		all := newControls(r)
		wanted := r.IntN(len(all))
		me := all[wanted].me
		now, how := changed(r, all, wanted)
		before, after := fmt.Sprintf("/%d/a", seed), fmt.Sprintf("/%d/b", seed)
		pages[before], pages[after] = pageOf(all), pageOf(now)
		u.must(browser.Action{Name: "navigate", URL: site.URL + before})
		recorded := u.find(browser.Wanted{CSS: fmt.Sprintf("[data-me=%q]", me)})
		action := browser.Action{Name: "hover", Index: &recorded.Index}
		w := browser.Wanted{Targets: []json.RawMessage{u.must(action).Target}, Irreversible: all[wanted].name == "Delete"}
		u.must(browser.Action{Name: "navigate", URL: site.URL + after})
		found, err := u.Resolve(t.Context(), w)
		if _, missing := errors.AsType[*browser.NotFoundError](err); missing {
			outcomes[how+": none"]++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := u.clicked(found); got != me {
			t.Errorf("seed %d, %s: wanted %s, the click reached %q by %s (%.2f)\n%s\nthen\n%s\n%s", seed, how, me, got, found.Level, found.Score, pages[before], pages[after], w.Targets[0])
			continue
		}
		outcomes[how+": found"]++
	}
	t.Logf("%d pages: %v", *locateCases, outcomes)
	if outcomes["reordered: found"]+outcomes["swapped: found"] == 0 {
		t.Error("nothing that only moved was found: the test does not find what it could")
	}
}
