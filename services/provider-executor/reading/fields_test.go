package reading_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/reading"
)

// object is what a server knows, and a result in JSON.
type object = map[string]any

// scene is a kind of page: its HTML and the result that a model would give, for the data of the first and second visit.
type scene struct {
	name   string
	prompt string
	page   func(visit int) string
	result func(visit int) any
	text   bool
}

// of picks a visit's value.
func of[T any](visit int, values ...T) T { return values[visit] }

func each(count int, html func(i int) string) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(html(i))
	}
	return b.String()
}

func order(visit, i int) object {
	return object{"id": fmt.Sprintf("A-%d", 100+i*7+visit), "date": fmt.Sprintf("2026-%02d-%02d", 1+visit+i%9, 13+i), "total": float64(10*i+visit) + 0.5}
}

func orders(visit, count int) []any {
	list := make([]any, count)
	for i := range list {
		list[i] = order(visit, i)
	}
	return list
}

func orderRow(visit, i int) string {
	o := order(visit, i)
	date := o["date"].(string)
	return fmt.Sprintf("<tr><td><a href=/o>%s</a><td>%s.%s.%s<td>%.2f €<td>%s</tr>", o["id"], date[8:], date[5:7], date[:4], o["total"], of(i%2, "open", "sent"))
}

func hit(visit, i int) object {
	return object{"name": fmt.Sprintf("%s no. %s", of(visit, "Kettle", "Teapot"), string(rune('A'+i%26))+string(rune('A'+i/26))), "price": float64(20+i*3+visit) + 0.99}
}

func hits(visit, count int) string {
	return `<h1>Results</h1><div class=grid>` + each(count, func(i int) string {
		h := hit(visit, i)
		badge := ""
		if (i+visit)%4 == 0 {
			badge = "<em class=badge>New</em>"
		}
		return fmt.Sprintf(`<div class="card c%d">%s<img alt="%s" width=9 height=9><h3><a href=/p/%d>%s</a></h3><span class=price>€%.2f</span><span class=stars>4 of 5</span></div>`,
			i%2, badge, h["name"], i, h["name"], h["price"])
	}) + `</div>`
}

func hitList(visit, count int) []any {
	list := make([]any, count)
	for i := range list {
		list[i] = hit(visit, i)
	}
	return list
}

// stories are a list that moves on between the visits.
func stories(visit int) string {
	titles := of(visit, []string{"Alpha one", "Beta two", "Gamma three"}, []string{"Delta four", "Alpha one", "Beta two"})
	return `<h1>News</h1><ol>` + each(len(titles), func(i int) string {
		slug := strings.ToLower(strings.Fields(titles[i])[0])
		return fmt.Sprintf(`<li><a href="https://x.test/%s">%s</a> <span class=by>by ada%d</span> <span class=points>%d7 points</span></li>`, slug, titles[i], i, 2+i+visit)
	}) + `</ol>`
}

var readable = []scene{
	{name: "a product", prompt: "What does the kettle cost?",
		page: func(v int) string {
			return `<h1>` + of(v, "Blue kettle", "Red pot") + `</h1><p class=price>` + of(v, "€39.00", "€1,041.50") + `</p><dl><dt>Weight<dd>` + of(v, "1.2 kg", "0.8 kg") + `<dt>SKU<dd>` + of(v, "K-17", "P-4") + `</dl>`
		},
		result: func(v int) any {
			return object{"name": of(v, "Blue kettle", "Red pot"), "price": of(v, 39, 1041.5), "details": object{"weight_kg": of(v, 1.2, 0.8), "sku": of(v, "K-17", "P-4")}}
		}},
	{name: "a cart whose totals are alike", prompt: "Put it into the cart",
		page: func(v int) string {
			row := func(label, value string) string {
				return "<div class=row><span>" + label + "</span><b>" + value + "</b></div>"
			}
			return `<h1>Cart</h1><section><h2>Summary</h2>` + row("Subtotal", of(v, "€39.00", "€50.00")) + row("Shipping", of(v, "€0.00", "€4.90")) + row("Total", of(v, "€39.00", "€54.90")) + `</section>`
		},
		result: func(v int) any {
			return object{"total": of(v, 39, 54.9), "subtotal": of(v, 39, 50), "shipping": of(v, 0, 4.9)}
		}},
	{name: "a German invoice", prompt: "Lies die Rechnung",
		page: func(v int) string {
			return `<h1>Rechnung</h1><p>Rechnungsdatum: ` + of(v, "3. März 2026", "14. Dezember 2026") + `</p><table><tr><th>Gesamtbetrag</th><td>` + of(v, "1.234,50 €", "99,00 €") + `</td></tr><tr><th>MwSt.</th><td>` + of(v, "197,11 €", "15,81 €") + `</td></tr></table>`
		},
		result: func(v int) any {
			return object{"datum": of(v, "2026-03-03", "2026-12-14"), "gesamtbetrag": of(v, 1234.5, 99), "steuer": of(v, 197.11, 15.81)}
		}},
	{name: "a Swiss account", prompt: "Read the balance",
		page: func(v int) string {
			return `<h2>Konto</h2><label>Saldo <input readonly value="` + of(v, "CHF 12'345.60", "CHF 7.05") + `"></label><p>Valuta: <time datetime="` + of(v, "2026-05-03", "2026-07-09") + `">` + of(v, "03/05/2026", "09/07/2026") + `</time></p>`
		},
		result: func(v int) any {
			return object{"balance": of(v, 12345.6, 7.05), "valuta": of(v, "2026-05-03", "2026-07-09")}
		}},
	{name: "one record that was asked for", prompt: "What does order A-107 cost, and when was it made?",
		page: func(v int) string {
			rows := []string{orderRow(0, 0), orderRow(0, 1), orderRow(0, 2)}
			if v == 1 {
				rows = []string{orderRow(0, 1), orderRow(0, 3), orderRow(0, 0)}
				rows[0] = strings.Replace(rows[0], "10.50 €", "77.70 €", 1)
			}
			return `<table><thead><tr><th>Order<th>Date<th>Total<th>State</thead><tbody>` + strings.ReplaceAll(strings.Join(rows, ""), ".50 €", ".50 €") + `</tbody></table>`
		},
		result: func(v int) any { return object{"total": of(v, 10.5, 77.7), "date": "2026-02-14"} }},
	{name: "a table of orders", prompt: "List all orders",
		page: func(v int) string {
			return `<h1>Orders</h1><table><thead><tr><th>Order<th>Date<th>Total<th>State</thead><tbody>` + each(of(v, 5, 9), func(i int) string { return orderRow(v, i) }) + `</tbody></table>`
		},
		result: func(v int) any { return object{"orders": orders(v, of(v, 5, 9))} }},
	{name: "thirty search results with badges", prompt: "Search",
		page:   func(v int) string { return hits(v, of(v, 30, 24)) },
		result: func(v int) any { return hitList(v, of(v, 30, 24)) }},
	{name: "the first five of them", prompt: "Give me the first five",
		page:   func(v int) string { return hits(v, of(v, 30, 24)) },
		result: func(v int) any { return object{"top": hitList(v, 5)} }},
	{name: "names only", prompt: "Names",
		page: func(v int) string {
			return `<h2>Cities</h2><ul>` + each(of(v, 3, 4), func(i int) string { return "<li>" + of(v, "Wien", "Graz") + string(rune('a'+i)) + "</li>" }) + `</ul>`
		},
		result: func(v int) any {
			var list []any
			for i := range of(v, 3, 4) {
				list = append(list, of(v, "Wien", "Graz")+string(rune('a'+i)))
			}
			return object{"cities": list}
		}},
	{name: "records whose states are said in other words", prompt: "List",
		page: func(v int) string {
			states := of(v, []string{"✓ Paid", "In transit", "✓ Paid", "In transit"}, []string{"In transit", "✓ Paid"})
			return `<table><thead><tr><th>No<th>State</thead>` + each(len(states), func(i int) string { return fmt.Sprintf("<tr><td>N%d<td>%s</tr>", 70+i+v, states[i]) }) + `</table>`
		},
		result: func(v int) any {
			states := of(v, []string{"done", "in_transit", "done", "in_transit"}, []string{"in_transit", "done"})
			var list []any
			for i, s := range states {
				list = append(list, object{"no": fmt.Sprintf("N%d", 70+i+v), "state": s})
			}
			return list
		}},
	{name: "labels in the line of their values", prompt: "Read all of it",
		page: func(v int) string {
			return `<h1>Kettle</h1><p>price <b>` + of(v, "39", "45") + `</b> euro</p><p><b>` + of(v, "4", "5") + `</b> points</p><p>Name <b>` + of(v, "Ada Lovelace", "Bob Ross") +
				`</b> Town <i>` + of(v, "London", "Paris") + `</i></p><p><strong>Tax</strong> ` + of(v, "3", "7") + ` euro</p><p>paid with (<i>` + of(v, "2", "6") + `</i> fees)</p><p>There are ` + of(v, "17", "11") +
				` lids in stock.</p><div><span>Net</span> <span>` + of(v, "30 €", "31 €") + `</span> <span>Gross</span> <span>` + of(v, "36 €", "30 €") + `</span></div>`
		},
		result: func(v int) any {
			return object{"price": of(v, 39, 45), "points": of(v, 4, 5), "name": of(v, "Ada Lovelace", "Bob Ross"), "town": of(v, "London", "Paris"), "tax": of(v, 3, 7),
				"fees": of(v, 2, 6), "lids": of(v, 17, 11), "net": of(v, 30, 31), "gross": of(v, 36, 30)}
		}},
	{name: "the newest of a list", prompt: "What is the newest story on https://news.test/over?", page: stories,
		result: func(v int) any {
			return object{"title": of(v, "Alpha one", "Delta four"), "points": of(v, 27, 37), "url": of(v, "https://x.test/alpha", "https://x.test/delta")}
		}},
	{name: "the headline of the top story", prompt: "Give me the title of the top story", text: true, page: stories,
		result: func(v int) any { return of(v, "Alpha one", "Delta four") }},
	{name: "one word under the label that was asked for", prompt: "What is the status of my parcel?", text: true,
		page:   func(v int) string { return `<h1>Parcel</h1><dl><dt>Status<dd>` + of(v, "shipped", "lost") + `</dl>` },
		result: func(v int) any { return of(v, "shipped", "lost") }},
	{name: "a sentence", prompt: "How much is it?", text: true,
		page: func(v int) string {
			return `<h1>Order</h1><dl><dt>Total<dd>` + of(v, "€39.00", "€1,200.50") + `<dt>Arrives<dd>` + of(v, "3 May 2026", "14 June 2026") + `<dt>Carrier<dd>` + of(v, "Blue Van", "Red Bike") + `</dl>`
		},
		result: func(v int) any {
			return fmt.Sprintf("The total is €%s. It arrives on %s with %s.", of(v, "39.00", "1,200.50"), of(v, "3 May 2026", "14 June 2026"), of(v, "Blue Van", "Red Bike"))
		}},
}

func TestAResultIsReadFreshFromAPageWithOtherData(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	for _, s := range readable {
		v.show(s.page(0))
		result := v.record(s.prompt, asJSON(s.result(0)), !s.text)
		if len(result.NeedsModel) > 0 || len(result.Fields) == 0 {
			t.Errorf("%s: found %d fields, and needs a model for %q", s.name, len(result.Fields), result.NeedsModel)
			continue
		}
		for visit := range 2 {
			v.show(s.page(visit))
			got, missing, err := v.again(result)
			if err != nil || len(missing) > 0 || !same(got, asJSON(s.result(visit))) {
				t.Errorf("%s: visit %d reads %s (%v), want %s", s.name, visit, got, err, asJSON(s.result(visit)))
			}
		}
	}
}

func TestWhatCannotBeLocatedNeedsAModel(t *testing.T) {
	t.Parallel()
	cart := `<h1>Cart</h1><ul><li><h3>Pot</h3><span>€20.00</span></li><li><h3>Pan</h3><span>€30.00</span></li></ul><dl><dt>Guests<dd>3</dl>`
	table := func(tail string) string {
		return `<table><thead><tr><th>Item<th>Price<th>Sum</thead><tbody><tr><td>Pot<td>€20.00<td>€20.00</tr><tr><td>Pan<td>€30.00<td>€30.00</tr>` + tail + `</tbody></table>`
	}
	v := newVisitor(t)
	for _, c := range []struct {
		name, prompt, page string
		result             any
		needs              []string
	}{
		{"a boolean", "", `<dl><dt>In stock<dd>true</dl>`, object{"in_stock": true}, []string{"/in_stock"}},
		{"null and nothing", "", cart, object{"coupon": nil, "x": object{}, "list": []any{}}, []string{"/coupon", "/list", "/x"}},
		{"a computed total", "", cart, object{"total": 50}, []string{"/total"}},
		{"a count that stands there for something else", "", cart, object{"items": 3}, []string{"/items"}},
		{"a number that nothing names", "", `<div><div>4711</div></div>`, object{"code": 4711}, []string{"/code"}},
		{"the same number twice", "", `<dl><dt>Now<dd>€39.00<dt>Then<dd>€39.00</dl>`, object{"price": 39}, []string{"/price"}},
		{"the best of several", "Which is the cheapest, and what does it cost?", cart, object{"name": "Pot", "price": 20}, []string{"/name", "/price"}},
		{"only the price of the best", "What does the cheapest cost?", cart, object{"price": 20}, []string{"/price"}},
		{"a list in another order", "", cart, []any{object{"name": "Pan", "price": 30}, object{"name": "Pot", "price": 20}}, []string{""}},
		{"a part of a list that nobody numbered", "cheap ones", cart, []any{object{"name": "Pot", "price": 20}}, []string{""}},
		{"a list with something said of each", "", cart, []any{object{"name": "Pot", "dear": false}, object{"name": "Pan", "dear": true}}, []string{""}},
		{"lists in a list", "", cart, []any{object{"name": "Pot", "tags": []any{"x"}}}, []string{""}},
		{"two columns that are alike", "", table(""), []any{object{"item": "Pot", "cost": 20}, object{"item": "Pan", "cost": 30}}, []string{""}},
		{"rows with their sum", "", table(`<tr><td colspan=2>Together<td>€50.00</tr>`), []any{object{"item": "Pot", "price": 20}, object{"item": "Pan", "price": 30}}, []string{""}},
		{"a date whose day may be its month", "", `<dl><dt>Day<dd>04/04/2026</dl>`, object{"day": "2026-04-04"}, []string{"/day"}},
		{"the last of a list", "What is the newest story?", stories(0), object{"title": "Gamma three"}, []string{"/title"}},
		{"the first of a list that met a condition", "What is the newest story with more than 20 points?", stories(0), object{"title": "Alpha one"}, []string{"/title"}},
		{"numbers that are there by chance", "How many are open?", `<h1>Top 50</h1><div>x</div><small>v 12</small><dl><dt>Uptime days<dd>117</dl><p>Page 3 of 9</p><footer>Copyright 2026, since 30 years</footer>`,
			object{"sum": 30, "stock": 2026, "count": 50, "messages": 12, "tickets": 117, "results": 3}, []string{"/count", "/messages", "/results", "/stock", "/sum", "/tickets"}},
		{"what is not on the page", "", cart, object{"name": "Lid"}, []string{"/name"}},
	} {
		v.show(c.page)
		result := v.record(c.prompt, asJSON(c.result), true)
		slices.Sort(result.NeedsModel)
		if len(result.Fields) > 0 || !slices.Equal(result.NeedsModel, c.needs) {
			t.Errorf("%s: needs a model for %q, want %q; fields are %s", c.name, result.NeedsModel, c.needs, asJSON(result.Fields))
		}
	}
	for _, text := range []string{"There are 17 of them.", "It is by Grace Hopper.", "It was shipped by Acme.", "Guests: 3, pots: 2.", "{{ it }}"} {
		if result := v.record("", asJSON(text), false); len(result.Fields) > 0 || !slices.Equal(result.NeedsModel, []string{""}) {
			t.Errorf("the text %q needs %q, by %s", text, result.NeedsModel, asJSON(result.Fields))
		}
	}
}

func TestAPageThatHasChangedFailsRatherThanGivesAnotherValue(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	page := `<h1>Cart</h1><dl><dt>Subtotal<dd>€30.00<dt>Total<dd>€39.00</dl>`
	v.show(page)
	result := v.record("", asJSON(object{"total": 39}), true)
	for because, changed := range map[string]string{
		`looked for a text labelled "Total"`:         strings.Replace(page, "Total", "Sum", 1),
		`labels on it are "Subtotal", "Grand total"`: strings.Replace(page, "<dt>Total", "<dt>Grand total", 1),
		"has 2 of it":                                   page + `<dl><dt>Total<dd>€100.00</dl>`,
		`"$39.00" is not between "€"`:                   strings.Replace(page, "€39", "$39", 1),
		`"12.000,50" is no number`:                      strings.Replace(page, "39.00", "12.000,50", 1),
		`"free" is not between`:                         strings.Replace(page, "€39.00", "free", 1),
		`read /total of the result: looked for a text`:  "<h1>Sorry</h1><p>Total: soon</p>",
		`under the heading "Cart": the page has it now`: "<h2>Last order</h2><dl><dt>Total<dd>€7.00</dl>",
	} {
		v.show(changed)
		got, _, err := v.again(result)
		unread, typed := errors.AsType[*reading.UnreadError](err)
		if !typed || unread.Path != "/total" || !strings.Contains(err.Error(), because) {
			t.Errorf("reads %s (%v), want an error that says %q", got, err, because)
		}
	}
}
