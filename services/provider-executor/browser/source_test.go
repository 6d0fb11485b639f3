package browser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/secret"
)

// shift serves pages that a test replaces: what the site shows on a later visit.
type shift struct {
	*user
	pages map[string]string
	*httptest.Server
}

func newShift(t *testing.T, page string) *shift {
	pages := map[string]string{"/": page}
	s := &shift{newUser(t), pages, serve(t, pages).Server}
	s.show(page)
	return s
}

func (s *shift) show(page string) {
	s.Helper()
	s.pages["/"] = page
	s.visit(s.URL + "/")
}

// leaf is the innermost leaf of a text, which the page must have.
func (s *shift) leaf(text string) browser.Leaf {
	s.Helper()
	var found browser.Leaf
	all, err := s.Leaves(s.Context(), []string{text})
	if err != nil {
		s.Fatal(err)
	}
	for _, l := range all {
		if l.Text == text {
			found = l
		}
	}
	if found.Text == "" {
		s.Fatalf("no leaf %q among %+v", text, all)
	}
	return found
}

func (s *shift) reads(l browser.Leaf, want string) {
	s.Helper()
	if got, err := s.ReadSource(s.Context(), l.Source); err != nil || got != want {
		s.Errorf("%s reads %q (%v), want %q", l.Source, got, err, want)
	}
}

func (s *shift) fails(l browser.Leaf, because string) {
	s.Helper()
	got, err := s.ReadSource(s.Context(), l.Source)
	if _, typed := errors.AsType[*browser.NotReadError](err); !typed || !strings.Contains(err.Error(), because) {
		s.Errorf("%s reads %q (%v), want an error that says %q", l.Source, got, err, because)
	}
}

func TestALeafIsAnchoredAsAPersonWouldSayWhereItStands(t *testing.T) {
	t.Parallel()
	s := newShift(t, `<main><h1>Blue kettle</h1><p>€39.00</p><p>Ships: <b>tomorrow</b></p><p>Weight: 1.2 kg</p>
<section><h2>Summary</h2><dl><div><dt>Items (3)</dt><dd>€30.00</dd></div><div><dt>Total</dt><dd><b>€40.00</b></dd></div></dl></section>
<div class=line><span>Tax</span><b>€9.00</b></div><div class=line><span>Due</span><b>€49.00</b></div>
<table><tr><th>Colour</th><td>blue</td></tr><tr><th>Size</th><td>XL</td></tr></table>
<table><thead><tr><th>Order<th>Sum</thead><tbody><tr><td>A-1<td>€5.00</tr><tr><td>A-2<td>€6.00</tr></tbody></table>
<ul><li><h3>Pot</h3><p>€21.00</p></li><li><h3>Pan</h3><p>€22.00</p></li></ul>
<label>Pieces <input type=number value=7></label><select aria-label=Country><option>Chile<option selected>Peru</select>
<img alt="Four stars" width=9 height=9><span itemprop=sku>K-99</span><time datetime=2026-05-03>today</time></main>`)
	for text, want := range map[string]browser.Anchors{
		"Blue kettle": {Title: true},
		"€39.00":      {Heading: "Blue kettle", Sole: true},
		"tomorrow":    {Label: "Ships", Heading: "Blue kettle", Sole: true},
		"1.2 kg":      {Label: "Weight", Heading: "Blue kettle", Sole: true},
		"€30.00":      {Label: "Items (3)", Heading: "Summary", Repeated: true},
		"€40.00":      {Label: "Total", Heading: "Summary", Repeated: true},
		"€49.00":      {Label: "Due", Plain: true, Heading: "Blue kettle", Sole: true, Repeated: true},
		"XL":          {Label: "Size", Heading: "Blue kettle", Sole: true, Repeated: true},
		"€6.00":       {Row: "A-2", Column: "Sum", Heading: "Blue kettle", Sole: true, Repeated: true},
		"A-2":         {Own: true, Column: "Order", Heading: "Blue kettle", Sole: true, Repeated: true},
		"€22.00":      {Row: "Pan", Heading: "Pan", Repeated: true},
		"7":           {Label: "Pieces", Heading: "Blue kettle", Sole: true},
		"Peru":        {Label: "Country", Heading: "Blue kettle", Sole: true},
		"Four stars":  {Heading: "Blue kettle", Sole: true},
		"K-99":        {Label: "sku", Heading: "Blue kettle", Sole: true},
		"2026-05-03":  {Heading: "Blue kettle", Sole: true},
	} {
		l := s.leaf(text)
		if l.Anchors != want {
			t.Errorf("%q is anchored by %+v, want %+v", text, l.Anchors, want)
		}
		s.reads(l, text)
	}
}

func TestALeafIsReadAgainWhereItsAnchorsAre(t *testing.T) {
	t.Parallel()
	page := func(sum, more string) string {
		return `<h1>Cart</h1><div><dl><dt>Subtotal<dd>€1.00<dt>Total<dd>` + sum + `</dl></div>` + more
	}
	s := newShift(t, page("€39.00", ""))
	total := s.leaf("€39.00")
	s.show(page("€41.50", ""))
	s.reads(total, "€41.50")
	s.show(`<h1>Cart</h1><p>New: free shipping</p><table><tr><th>Total:</th><td id=x>€7.00</td></tr></table>`)
	s.reads(total, "€7.00")
	s.show(strings.Replace(page("€39.00", ""), "Total<dd>", "Sum<dd>", 1))
	s.fails(total, `labelled "Total" under the heading "Cart": the page has it nowhere; labels on it are "Subtotal", "Sum"`)
	s.show(page("€39.00", `<dl><dt>Total<dd>€100.00</dl>`))
	s.fails(total, "has 2 of it")
	s.show(`<h1>Cart</h1><h2>Last order</h2><dl><dt>Total<dd>€100.00</dl>`)
	s.fails(total, "nowhere")
}

func TestAValueWithoutALabelMustStandInItsVeryPlace(t *testing.T) {
	t.Parallel()
	page := func(name, rest string) string { return "<h1>" + name + "</h1><div class=offer>" + rest + "</div>" }
	s := newShift(t, page("Blue kettle", `<span class=price>€39.00</span>`))
	price := s.leaf("€39.00")
	s.show(page("Red pot", `<span class=price>€41.00</span>`))
	s.reads(price, "€41.00")
	for _, other := range []string{
		`<span class=price>€49.00</span><span class=now>€41.00</span>`, `<del><span class=price>€41.00</span></del>`,
		`<span class=price style="text-decoration:line-through">€49.00</span>`, `<span>from</span> <span class=price>€41.00</span>`,
		`<span class=cost>€41.00</span><b>€1.00</b>`, `<p>Was: <span class=price>€49.00</span></p>`, `<h2>Used</h2><span class=price>€9.00</span>`,
	} {
		s.show(page("Red pot", other))
		s.fails(price, "it")
	}
	s.show(`<h1>Red pot</h1><h1>Blue pan</h1><div class=offer><span class=price>€41.00</span></div>`)
	s.fails(price, "nowhere")
}

func TestARecordIsFoundByItsKeyAndColumnWhereverItStands(t *testing.T) {
	t.Parallel()
	row := func(name string, pieces, price int) string {
		return fmt.Sprintf("<tr><td><a href=/p>%s</a><td>%d<td>€%d.00</tr>", name, pieces, price)
	}
	table := func(rows ...string) string {
		return "<table><thead><tr><th>Item<th>Pieces<th>Price</thead><tbody>" + strings.Join(rows, "") + "</tbody></table>"
	}
	s := newShift(t, table(row("Pot", 1, 20), row("Pan", 2, 30)))
	price := s.leaf("€30.00")
	s.show(table(row("Pan", 5, 31), row("Lid", 1, 7), row("Pot", 1, 20)))
	s.reads(price, "€31.00")
	s.show(strings.Replace(table(row("Pan", 5, 32), row("Pot", 1, 20)), "<th>Pieces<th>Price", "<th>Price<th>Pieces", 1))
	s.reads(price, "5") // it stands under that name; the rule refuses it
	s.show(table(row("Pan", 5, 31), row("Pan", 1, 33)))
	s.fails(price, "has 2 of it")
	s.show(table(row("Pots", 5, 31), row("Lid", 1, 33)))
	s.fails(price, `in the row "Pan" in the column "Price"`)
}

func TestLeavesAreReadInFramesAndShadowRoots(t *testing.T) {
	t.Parallel()
	inner := `<h2>Pay</h2><dl><dt>Fee<dd>€3.00</dl>`
	s := newShift(t, "")
	s.pages["/inner"] = inner
	for name, page := range map[string]string{
		"frame":      `<h1>Shop</h1><iframe name=pay src="/inner"></iframe>`,
		"cross-site": `<h1>Shop</h1><iframe src="` + strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + `/inner"></iframe>`,
		"open":       `<x-pay></x-pay><script>document.querySelector('x-pay').attachShadow({mode: 'open'}).innerHTML = '` + inner + `'</script>`,
		"closed":     `<x-pay></x-pay><script>document.querySelector('x-pay').attachShadow({mode: 'closed'}).innerHTML = '` + inner + `'</script>`,
	} {
		s.show(page)
		eventually(t, "the page in the "+name, func() bool { return strings.Contains(s.look(), "€3.00") })
		fee := s.leaf("€3.00")
		if fee.Label != "Fee" || fee.Heading != "Pay" {
			t.Errorf("in the %s the anchors are %+v", name, fee.Anchors)
		}
		s.reads(fee, "€3.00")
		s.show(`<h1>Shop</h1><iframe name=other src="/inner"></iframe>`)
		eventually(t, "the frame", func() bool { return strings.Contains(s.look(), "€3.00") })
		s.reads(fee, "€3.00")
	}
}

func TestOnlyWhatHoldsANeedleComesBack(t *testing.T) {
	t.Parallel()
	s := newShift(t, `<p>Sum: 1 234,50 kr</p><div style="height:9000px"></div><p>Sum: 1,234.50</p><p>Other: 77</p><p hidden>1234.5</p><p style="opacity:0">1234.5</p>`)
	all, err := s.Leaves(t.Context(), []string{"1234.5"})
	if err != nil || len(all) != 4 { // both with and without their label
		t.Errorf("found %+v (%v)", all, err)
	}
	seen, err := s.Leaves(t.Context(), nil)
	if err != nil || len(seen) != 2 {
		t.Errorf("the window holds %+v (%v)", seen, err)
	}
	s.show(strings.Repeat("<p>7</p>", 700))
	if seen, err = s.Leaves(t.Context(), nil); err != nil || len(seen) == 0 || len(seen) > 600 {
		t.Errorf("the window of many holds %d (%v)", len(seen), err)
	}
	s.show(strings.Repeat("<p>7</p>", 5100))
	if _, err = s.Leaves(t.Context(), []string{"7"}); err == nil || !strings.Contains(err.Error(), "5100 texts") {
		t.Errorf("of too many the error is %v", err)
	}
}

func TestNoLeafTellsASecretOrAPassword(t *testing.T) {
	t.Parallel()
	secrets := secret.NewSet(nil)
	if err := secrets.Add(secret.Secret{Name: "pin", Value: "k3ttle-canary", Domains: []string{"127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	u := userOf(t, sharedEngine(t), browser.SessionOptions{Secrets: secrets})
	site := serve(t, map[string]string{"/": `<h1 id=k3ttle-canary>k3ttle-canary</h1><p>k3ttle-canary: yes</p><input type=password value=hunter2><ul><li>k3ttle-canary<li>b</ul>`})
	u.visit(site.URL)
	all, err := u.Leaves(t.Context(), nil)
	raw, _ := json.Marshal(all)
	if err != nil || len(all) == 0 || strings.Contains(string(raw), "k3ttle-canary") || strings.Contains(string(raw), "hunter2") {
		t.Errorf("leaves are %s (%v)", raw, err)
	}
	if text, err := u.ReadSource(t.Context(), json.RawMessage(`{"css":"h1"}`)); err != nil || text != "<secret:pin>" {
		t.Errorf("the secret is read as %q (%v)", text, err)
	}
}

func TestASourceMayBeWrittenByHand(t *testing.T) {
	t.Parallel()
	s := newShift(t, `<h1>Cart</h1><dl><dt>Total<dd id=sum>€5.00</dl><input id=q value=9>`)
	for source, want := range map[string]string{`{"css":"#sum"}`: "€5.00", `{"css":"#q"}`: "9", `{"label":"total"}`: "€5.00", `{"xpath":"/html/body/dl/dd"}`: "€5.00"} {
		s.reads(browser.Leaf{Source: json.RawMessage(source)}, want)
	}
	s.fails(browser.Leaf{Source: json.RawMessage(`{"css":"#gone"}`)}, "a text at #gone")
	s.fails(browser.Leaf{Source: json.RawMessage(`{"css":"<>"}`)}, "is no CSS selector")
	s.fails(browser.Leaf{Source: json.RawMessage(`{}`)}, "nowhere")
	s.fails(browser.Leaf{Source: json.RawMessage(`7`)}, "no object")
}

// card is an item of a list.
func card(name, price, badge string) string {
	return fmt.Sprintf("<div class=card>%s<h3><a href=/x>%s</a></h3><span class=price>%s</span></div>", badge, name, price)
}

func TestAListIsReadWholeAndInOrder(t *testing.T) {
	t.Parallel()
	page := func(cards ...string) string {
		return "<h1>Results</h1><div class=results>" + strings.Join(cards, "") + "</div>"
	}
	s := newShift(t, page(card("Pot", "€1.00", ""), card("Pan", "€2.00", "")))
	name, price := s.leaf("Pan").Items[0], s.leaf("€2.00").Items[0]
	if name.Container != price.Container || price.Index != 1 || price.Count != 2 {
		t.Fatalf("the places are %+v and %+v", name, price)
	}
	read := func(first int) ([][]string, error) {
		return s.ReadList(t.Context(), price.List, []json.RawMessage{name.Field, price.Field}, first)
	}
	s.show(page(card("Lid", "€7.00", "<em>new</em>"), card("Pan", "€9.00", ""), card("Cup", "€8.00", "")))
	want := [][]string{{"Lid", "€7.00"}, {"Pan", "€9.00"}, {"Cup", "€8.00"}}
	if rows, err := read(0); err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("the list is %v (%v)", rows, err)
	}
	if rows, err := read(2); err != nil || !reflect.DeepEqual(rows, want[:2]) {
		t.Errorf("its first two are %v (%v)", rows, err)
	}
	for because, changed := range map[string]string{
		"nowhere":          page(),
		"has nothing":      page(card("Lid", "€7.00", ""), `<div class=card><h3><a href=/x>Pan</a></h3>sold out</div>`),
		"goes on":          page(card("Lid", "€7.00", ""), card("Cup", "€8.00", "")) + `<a href="/?p=2">Next page ›</a>`,
		"is still loading": strings.Replace(page(card("Lid", "€7.00", "")), "class=results", "class=results aria-busy=true", 1),
	} {
		s.show(changed)
		if rows, err := read(0); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("of a list that %s it reads %v (%v)", because, rows, err)
		}
	}
}

func BenchmarkLeaves(b *testing.B) {
	row := func(i int) string {
		return fmt.Sprintf("<tr><td><a href=/p/%d>Item %d</a><td>%d pieces<td>€%d.00</tr>", i, i, i%7, i)
	}
	u := newUser(b)
	for _, size := range []int{30, 300, 1000} {
		s := serve(b, map[string]string{"/": "<h1>Stock</h1><table><thead><tr><th>Item<th>Pieces<th>Price</thead><tbody>" + times(size, row) + "</tbody></table>"})
		u.visit(s.URL)
		for name, needles := range map[string][]string{"window": nil, "needles": {"Item 17", "€23.00"}} {
			b.Run(fmt.Sprintf("%s of %d rows", name, size), func(b *testing.B) {
				for b.Loop() {
					if _, err := u.Leaves(b.Context(), needles); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
