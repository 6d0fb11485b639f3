package reading_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fact is one value that a generated site tells of its subject.
type fact struct {
	key, label string
	style      int
	value      any    // as the server has it
	text       string // as the page shows it
}

// subject is what a generated site tells on one visit.
type subject struct {
	name  string
	facts []fact
	items []object
	more  int // items that the page does not show
}

// kinds of facts: key, label, and whether the value is money, a whole number, a date, or a word.
var factKinds = [][3]string{
	{"total", "Total", "money"}, {"subtotal", "Subtotal", "money"}, {"shipping", "Shipping", "money"}, {"weight", "Weight in kg", "money"},
	{"order_code", "Order code", "word"}, {"owner", "Owner", "word"}, {"dueDate", "Due date", "date"}, {"pieces", "Pieces", "whole"},
	{"vat", "Tax", "money"}, {"note", "Remark", "word"},
}

// factStyles is how many ways there are to write a fact; see html.
const factStyles = 11

// generated is a kind of site: how it writes things, the same on each visit.
type generated struct {
	*rand.Rand
	kinds  [][3]string
	styles []int
	locale int
	list   int
	byName bool // its heading is the subject's name
}

func newSite(seed uint64) *generated {
	g := &generated{Rand: rand.New(rand.NewPCG(seed, 7))}
	g.locale, g.list, g.byName = g.IntN(3), g.IntN(4), g.IntN(2) == 0
	for _, i := range g.Perm(len(factKinds))[:2+g.IntN(4)] {
		g.kinds = append(g.kinds, factKinds[i])
		g.styles = append(g.styles, g.IntN(factStyles))
	}
	return g
}

func (g *generated) money(cents int) string {
	switch whole, rest := cents/100, cents%100; g.locale {
	case 1:
		return strings.ReplaceAll(group(whole), ",", ".") + fmt.Sprintf(",%02d €", rest)
	case 2:
		return "CHF " + strings.ReplaceAll(group(whole), ",", "'") + fmt.Sprintf(".%02d", rest)
	default:
		return "€" + group(whole) + fmt.Sprintf(".%02d", rest)
	}
}

func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (g *generated) word() string {
	return string(rune('A'+g.IntN(26))) + []string{"dam", "olt & Co", "-1", "ille ever", "7x"}[g.IntN(5)] + strconv.Itoa(g.IntN(9))
}

func (g *generated) fact(kind [3]string, style int) fact {
	f := fact{key: kind[0], label: kind[1], style: style}
	switch kind[2] {
	case "money":
		cents := []int{3900, g.IntN(10000), g.IntN(900000)}[g.IntN(3)] // some are alike
		f.value, f.text = float64(cents)/100, g.money(cents)
	case "whole":
		n := g.IntN(30)
		f.value, f.text = n, strconv.Itoa(n)
	case "date":
		y, m, d := 2020+g.IntN(9), 1+g.IntN(12), 1+g.IntN(28)
		f.value = fmt.Sprintf("%d-%02d-%02d", y, m, d)
		f.text = []string{fmt.Sprintf("%d/%d/%d", m, d, y), fmt.Sprintf("%02d.%02d.%d", d, m, y), fmt.Sprintf("%d/%02d/%02d", y, m, d)}[g.locale]
	default:
		f.text = g.word()
		f.value = f.text
	}
	return f
}

func (g *generated) subject() subject {
	s := subject{name: g.word()}
	for i, kind := range g.kinds {
		s.facts = append(s.facts, g.fact(kind, g.styles[i]))
	}
	for range g.IntN(5) + 1 {
		cents := g.IntN(9000) + 100
		s.items = append(s.items, object{"name": g.word() + g.word(), "price": float64(cents) / 100, "text": g.money(cents)})
	}
	return s
}

func (f fact) html() string {
	switch f.style {
	case 0:
		return "<dl><dt>" + f.label + "<dd>" + f.text + "</dl>"
	case 1:
		return "<table><tr><th>" + f.label + "</th><td>" + f.text + "</td></tr></table>"
	case 2:
		return "<div class=row><span>" + f.label + "</span><b>" + f.text + "</b></div>"
	case 3:
		return "<p>" + f.label + ": " + f.text + "</p>"
	case 4:
		return "<label>" + f.label + " <input readonly value=\"" + f.text + "\"></label>"
	case 5:
		return "<p>" + f.text + "</p>" // nothing says what it is
	case 6:
		return "<p>" + f.label + " <b>" + f.text + "</b></p>"
	case 7:
		return "<p><b>" + f.label + "</b> " + f.text + "</p>"
	case 8:
		return "<div>" + f.label + " <i>" + f.text + "</i> so far</div>"
	case 9:
		return "<p>It says " + f.label + " " + f.text + " here.</p>"
	default:
		return "<p class=" + f.key + ">" + f.text + "</p>"
	}
}

func (g *generated) items(s subject, badges bool) string {
	var b strings.Builder
	for i, item := range s.items {
		badge := ""
		if badges && i%2 == 0 {
			badge = "<span>Sale</span>"
		}
		switch g.list {
		case 0:
			fmt.Fprintf(&b, "<tr><td>%s%s<td>%s</tr>", item["name"], badge, item["text"])
		case 1:
			fmt.Fprintf(&b, "<li>%s<a href=/x>%s</a> <span class=price>%s</span></li>", badge, item["name"], item["text"])
		case 2:
			fmt.Fprintf(&b, "<div class=item>%s<span>%s</span><b>%s</b></div>", badge, item["name"], item["text"])
		case 3:
			fmt.Fprintf(&b, "<article>%s<h3>%s</h3><p>from <b>%s</b></p></article>", badge, item["name"], item["text"])
		}
	}
	if g.list == 0 {
		return "<table><thead><tr><th>Name<th>Price</thead><tbody>" + b.String() + "</tbody></table>"
	}
	return "<h2>Things</h2><div class=things>" + b.String() + "</div>"
}

// page shows a subject; twisted sites have changed since the recording.
func (g *generated) page(s subject, twisted bool) string {
	parts := []string{}
	for _, f := range s.facts {
		parts = append(parts, f.html())
	}
	list, before, after, next := g.items(s, false), "", "", ""
	twist := func() bool { return twisted && g.IntN(5) == 0 }
	if twist() {
		g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	dropped := twist()
	if dropped {
		parts = slices.Delete(parts, 0, 1)
	}
	added := twist() && !dropped // what was added could bear the name of what was dropped
	if added {
		other := g.fact(g.kinds[g.IntN(len(g.kinds))], g.IntN(factStyles))
		parts = slices.Insert(parts, g.IntN(len(parts)+1), other.html())
	}
	if twist() {
		after = "<h2>Last time</h2>" + g.fact(g.kinds[0], g.IntN(factStyles)).html()
	}
	if twist() {
		before = "<p>" + g.money(g.IntN(9999)) + " off</p><p>" + g.money(g.IntN(9999)) + "</p>"
	}
	if twist() {
		list = g.items(s, true)
	}
	if twist() && len(parts) > 0 && !added { // beside another of its name a struck one would be the old value
		parts[0] = "<del>" + parts[0] + "</del>"
	}
	if s.more > 0 {
		next = "<a href='?page=2'>Next</a>"
	}
	title := "Account"
	if g.byName {
		title = s.name
	}
	return "<h1>" + title + "</h1>" + before + "<section>" + strings.Join(parts, "") + "</section>" + list + next + after
}

// result is what a model that read the page right would say.
func (s subject) result() object {
	out := object{}
	for _, f := range s.facts {
		out[f.key] = f.value
	}
	var items []any
	for _, item := range s.items {
		items = append(items, object{"name": item["name"], "price": item["price"]})
	}
	for range s.more {
		items = append(items, object{"name": "on another page"})
	}
	out["items"] = items
	return out
}

// More than the default take a while; 400 were run when the rules were written.
var sites = flag.Int("sites", 12, "generated sites whose results are recorded and read again")

func TestOnOtherDataAResultIsRightOrNotReadAtAll(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	count := map[string]int{}
	for seed := range uint64(*sites) {
		g := newSite(seed)
		s := g.subject()
		v.show(g.page(s, false))
		result := v.record("Tell me all of it", asJSON(s.result()), true)
		count["values that need a model"] += len(result.NeedsModel)
		for visit := range 2 {
			s := g.subject()
			if visit == 1 && g.IntN(3) == 0 {
				s.more = 3
			}
			page := g.page(s, visit == 1)
			v.show(page)
			for _, field := range result.Fields {
				one := *result
				one.Fields = slices.DeleteFunc(slices.Clone(result.Fields), func(f recordedField) bool { return f.Path != field.Path })
				whole, _, err := v.again(&one)
				if err != nil {
					count["values not read"]++
					continue
				}
				var got, want object
				if json.Unmarshal(whole, &got) != nil || json.Unmarshal(asJSON(s.result()), &want) != nil {
					t.Fatal("no JSON")
				}
				if key := field.Path[1:]; !reflect.DeepEqual(got[key], want[key]) {
					count["values wrong"]++
					t.Errorf("seed %d visit %d: %s is read as %v, and the server has %v\n%s\nby %s", seed, visit, key, got[key], want[key], page, asJSON(field))
				} else {
					count["values right"]++
				}
			}
		}
	}
	t.Log(count)
	if count["values right"] < 3**sites {
		t.Errorf("hardly anything was read: %v", count)
	}
}
