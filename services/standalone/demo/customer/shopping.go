package customer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/services/standalone/demo/shop"
)

var title = regexp.MustCompile(`(?m)^URL \S+  TITLE (.*?)  TAB `)

// titled is the title of a page without the shop's name; ok is false where no page is open.
func titled(page string) (name string, ok bool) {
	found := title.FindStringSubmatch(page)
	if found == nil {
		return "", false
	}
	name, _, _ = strings.Cut(found[1], " · ")
	return name, true
}

func (e Errand) decide(page string) modelsim.Reply {
	name, open := titled(page)
	if !open {
		return modelsim.Decide("Open the shop", modelsim.Navigate(e.Site))
	}
	switch name {
	case "Everything for tea":
		return e.choose(page)
	case "Your cart":
		return click(page, "Go to the checkout", "link", "Checkout")
	case "Checkout":
		return e.checkOut(page)
	case "Thank you":
		return e.report(page)
	case "Not found":
		return giveUp("the shop has no such page")
	default:
		return e.addToCart(page, name)
	}
}

// offer is a product as the shop's list shows it.
type offer struct {
	index  int
	name   string
	litres float64
	price  float64
	sold   bool
}

var (
	productLink  = regexp.MustCompile(`\[(\d+)\]link (.+)$`)
	productFacts = regexp.MustCompile(`([\d.]+) litres · €([\d.]+) · (In stock|Sold out)`)
)

// offers reads the list: a product's link, then its facts.
func offers(page string) (all []offer) {
	var o offer
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		facts := productFacts.FindStringSubmatchIndex(line)
		before := line
		if facts != nil {
			before = strings.TrimSpace(line[:facts[0]])
		}
		if link := productLink.FindStringSubmatch(before); link != nil {
			o = offer{name: link[2]}
			o.index, _ = strconv.Atoi(link[1])
		}
		if facts != nil && o.index > 0 {
			o.litres, _ = strconv.ParseFloat(line[facts[2]:facts[3]], 64)
			o.price, _ = strconv.ParseFloat(line[facts[4]:facts[5]], 64)
			o.sold = line[facts[6]:facts[7]] == "Sold out"
			all = append(all, o)
			o = offer{}
		}
	}
	return all
}

// choose searches, and then opens the product.
func (e Errand) choose(page string) modelsim.Reply {
	word := e.Product
	if word == "" {
		word = "kettle"
	}
	if !strings.Contains(page, "results for “"+word+"”") {
		field, ok1 := modelsim.Find(page, "searchbox", "Search products")
		button, ok2 := modelsim.Find(page, "button", "Search")
		if !ok1 || !ok2 {
			return giveUp("I see no search field")
		}
		return modelsim.Decide("Search for what is wanted", modelsim.Input(field, word), modelsim.Click(button))
	}
	if e.Product != "" {
		return click(page, "Open the product", "link", e.Product)
	}
	return e.cheapest(page)
}

// cheapest opens the cheapest kettle that will do.
func (e Errand) cheapest(page string) modelsim.Reply {
	var best offer
	for _, o := range offers(page) {
		if !o.sold && o.litres >= e.Litres && (best.index == 0 || o.price < best.price) {
			best = o
		}
	}
	if best.index == 0 {
		return giveUp("no kettle on the page is in stock and large enough")
	}
	return modelsim.Decide(fmt.Sprintf("Open the %s: of those in stock with %.1f litres or more it is the cheapest, at €%.2f", best.name, e.Litres, best.price),
		modelsim.Click(best.index))
}

func (e Errand) addToCart(page, product string) modelsim.Reply {
	colour, ok1 := modelsim.Find(page, "select", "Colour")
	quantity, ok2 := modelsim.Find(page, "number", "Quantity")
	button, ok3 := modelsim.Find(page, "button", "Add to cart")
	if !ok1 || !ok2 || !ok3 {
		return giveUp("the page of the " + product + " cannot be ordered from")
	}
	return modelsim.Decide(fmt.Sprintf("Put %d of the %s in %s into the cart", e.Quantity, product, strings.ToLower(e.Colour)),
		modelsim.SelectDropdown(colour, e.Colour), modelsim.Input(quantity, strconv.Itoa(e.Quantity)), modelsim.Click(button))
}

// checkOut does what the form still lacks, five actions at a time, and sends it when nothing is missing.
func (e Errand) checkOut(page string) modelsim.Reply {
	goal, missing := "Fill in who and where", []modelsim.Action{}
	for _, f := range []struct{ role, name, value string }{
		{"textbox", "Full name", e.Buyer.Name}, {"textbox", "Email", e.Buyer.Email}, {"textbox", "Street and number", e.Buyer.Street},
		{"textbox", "Postcode", e.Buyer.Postcode}, {"textbox", "City", e.Buyer.City}, {"select", "Country", e.Buyer.Country},
	} {
		index, ok := modelsim.Find(page, f.role, f.name)
		switch {
		case !ok:
			return giveUp("the checkout has no field " + f.name)
		case strings.Contains(after(page, index), `="`+f.value+`"`):
		case f.role == "select":
			missing = append(missing, modelsim.SelectDropdown(index, f.value))
		default:
			missing = append(missing, modelsim.Input(index, f.value))
		}
	}
	if len(missing) < 2 {
		goal = "Choose country and shipping, accept the terms"
	}
	for _, box := range []struct{ role, name string }{{"radio", "Standard, 3 to 5 days"}, {"checkbox", "I accept the terms"}} {
		index, ok := modelsim.Find(page, box.role, box.name)
		if !ok {
			return giveUp("the checkout has no " + box.role + " " + box.name)
		}
		if !strings.Contains(after(page, index), " checked") {
			missing = append(missing, modelsim.Click(index))
		}
	}
	if len(missing) > 0 {
		return modelsim.Decide(goal, missing[:min(5, len(missing))]...)
	}
	return click(page, "Place the order", "button", "Place order")
}

// after is what stands on the page between a control's number and the next control, or the end of its line. Sentences
// about earlier actions name the number too, but with a space behind it.
func after(page string, index int) string {
	number := fmt.Sprintf("[%d]", index)
	for found := true; found; {
		_, page, found = strings.Cut(page, number)
		if found && !strings.HasPrefix(page, " ") {
			break
		}
	}
	rest, _, _ := strings.Cut(page, "\n")
	rest, _, _ = strings.Cut(rest, "[")
	return rest
}

var (
	orderNumber  = regexp.MustCompile(`Order number\s+(KT-\d+)`)
	orderProduct = regexp.MustCompile(`(?m)Product\s+(.+?)(?:\s+Quantity|$)`)
	orderCount   = regexp.MustCompile(`Quantity\s+(\d+)`)
	orderTotal   = regexp.MustCompile(`Total paid\s+€([\d.]+)`)
)

// Receipt is the errand's result.
type Receipt struct {
	OrderNumber string  `json:"order_number"`
	Product     string  `json:"product"`
	Quantity    int     `json:"quantity"`
	TotalEUR    float64 `json:"total_eur"`
}

// Of is the receipt that the shop's own order deserves.
func Of(o shop.Order) Receipt {
	return Receipt{o.Number, o.Lines[0].Product.Name, o.Lines[0].Quantity, float64(o.Total()) / 100}
}

func (e Errand) report(page string) modelsim.Reply {
	var found []string
	for _, value := range []*regexp.Regexp{orderNumber, orderProduct, orderCount, orderTotal} {
		m := value.FindStringSubmatch(page)
		if m == nil {
			return giveUp("the confirmation does not name the order")
		}
		found = append(found, m[1])
	}
	r := Receipt{OrderNumber: found[0], Product: found[1]}
	r.Quantity, _ = strconv.Atoi(found[2])
	r.TotalEUR, _ = strconv.ParseFloat(found[3], 64)
	return modelsim.Decide("Report the order", modelsim.Done("Ordered: "+r.OrderNumber, r, true))
}

func click(page, goal, role, name string) modelsim.Reply {
	index, ok := modelsim.Find(page, role, name)
	if !ok {
		return giveUp(fmt.Sprintf("I see no %s %q", role, name))
	}
	return modelsim.Decide(goal, modelsim.Click(index))
}

func giveUp(why string) modelsim.Reply {
	return modelsim.Decide("Give up", modelsim.Done(why, nil, false))
}
