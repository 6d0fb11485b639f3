package demo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/services/standalone/demo/shop"
)

// shopper plays the model: it is given the same page text as a model would be and decides by what stands there,
// so every index, price and order number comes from the page. What it does not have is an understanding of any
// other errand.
type shopper struct {
	site     string // URL of the shop
	litres   float64
	quantity int
	colour   string
	buyer    shop.Buyer
	thinking time.Duration // before each answer
}

// prompt is the errand in the words that a person would use for it.
func (s shopper) prompt() string {
	b := s.buyer
	return fmt.Sprintf("Go to %s and find the cheapest kettle that is in stock and holds at least %.1f litres. Order %d of them in %s, "+
		"with standard shipping, for %s, %s, %s, %s %s, %s. Report the order number, the product, the quantity and the total that was paid.",
		s.site, s.litres, s.quantity, strings.ToLower(s.colour), b.Name, b.Email, b.Street, b.Postcode, b.City, b.Country)
}

// schema is what the errand's result must look like.
const schema = `{
  "type": "object",
  "properties": {
    "order_number": {"type": "string", "pattern": "^KT-[0-9]{6}$"},
    "product": {"type": "string"},
    "quantity": {"type": "integer", "minimum": 1},
    "total_eur": {"type": "number"}
  },
  "required": ["order_number", "product", "quantity", "total_eur"],
  "additionalProperties": false
}`

// Answer is the model's script.
func (s shopper) Answer(c modelsim.Call) modelsim.Reply {
	r := s.decide(c)
	r.Delay = s.thinking
	return r
}

var title = regexp.MustCompile(`(?m)^URL \S+  TITLE (.*?)  TAB `)

func (s shopper) decide(c modelsim.Call) modelsim.Reply {
	task := c.Messages[0].Text
	if !strings.Contains(task, s.site) {
		prompt, _, _ := strings.Cut(task, "<page")
		return addUp(prompt)
	}
	page := c.Page()
	found := title.FindStringSubmatch(page)
	if found == nil {
		return modelsim.Decide("Open the shop", modelsim.Navigate(s.site))
	}
	switch name, _, _ := strings.Cut(found[1], " · "); name {
	case "Everything for tea":
		return s.choose(page)
	case "Your cart":
		return click(page, "Go to the checkout", "link", "Checkout")
	case "Checkout":
		return s.checkOut(page)
	case "Thank you":
		return s.report(page)
	case "Not found":
		return giveUp("the shop has no such page")
	default:
		return s.addToCart(page, name)
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

// choose searches, and then opens the cheapest kettle that will do.
func (s shopper) choose(page string) modelsim.Reply {
	const word = "kettle"
	if !strings.Contains(page, "results for “"+word+"”") {
		field, ok1 := modelsim.Find(page, "searchbox", "Search products")
		button, ok2 := modelsim.Find(page, "button", "Search")
		if !ok1 || !ok2 {
			return giveUp("I see no search field")
		}
		return modelsim.Decide("Search for kettles", modelsim.Input(field, word), modelsim.Click(button))
	}
	var best offer
	for _, o := range offers(page) {
		if !o.sold && o.litres >= s.litres && (best.index == 0 || o.price < best.price) {
			best = o
		}
	}
	if best.index == 0 {
		return giveUp("no kettle on the page is in stock and large enough")
	}
	return modelsim.Decide(fmt.Sprintf("Open the %s: of those in stock with %.1f litres or more it is the cheapest, at €%.2f", best.name, s.litres, best.price),
		modelsim.Click(best.index))
}

func (s shopper) addToCart(page, product string) modelsim.Reply {
	colour, ok1 := modelsim.Find(page, "select", "Colour")
	quantity, ok2 := modelsim.Find(page, "number", "Quantity")
	button, ok3 := modelsim.Find(page, "button", "Add to cart")
	if !ok1 || !ok2 || !ok3 {
		return giveUp("the page of the " + product + " cannot be ordered from")
	}
	return modelsim.Decide(fmt.Sprintf("Put %d of the %s in %s into the cart", s.quantity, product, strings.ToLower(s.colour)),
		modelsim.SelectDropdown(colour, s.colour), modelsim.Input(quantity, strconv.Itoa(s.quantity)), modelsim.Click(button))
}

// checkOut does what the form still lacks, five actions at a time, and sends it when nothing is missing.
func (s shopper) checkOut(page string) modelsim.Reply {
	goal, missing := "Fill in who and where", []modelsim.Action{}
	for _, f := range []struct{ role, name, value string }{
		{"textbox", "Full name", s.buyer.Name}, {"textbox", "Email", s.buyer.Email}, {"textbox", "Street and number", s.buyer.Street},
		{"textbox", "Postcode", s.buyer.Postcode}, {"textbox", "City", s.buyer.City}, {"select", "Country", s.buyer.Country},
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

// after is what stands on the page between a control's number and the next control, or the end of its line.
func after(page string, index int) string {
	_, rest, _ := strings.Cut(page, fmt.Sprintf("[%d]", index))
	rest, _, _ = strings.Cut(rest, "\n")
	rest, _, _ = strings.Cut(rest, "[")
	return rest
}

var (
	orderNumber = regexp.MustCompile(`Order number\s+(KT-\d+)`)
	orderItem   = regexp.MustCompile(`Item\s+(\d+) × ([^,\n]+), (\w+)`)
	orderTotal  = regexp.MustCompile(`Total paid\s+€([\d.]+)`)
)

// receipt is the errand's result.
type receipt struct {
	OrderNumber string  `json:"order_number"`
	Product     string  `json:"product"`
	Quantity    int     `json:"quantity"`
	TotalEUR    float64 `json:"total_eur"`
}

func (s shopper) report(page string) modelsim.Reply {
	number, item, total := orderNumber.FindStringSubmatch(page), orderItem.FindStringSubmatch(page), orderTotal.FindStringSubmatch(page)
	if number == nil || item == nil || total == nil {
		return giveUp("the confirmation does not name the order")
	}
	r := receipt{OrderNumber: number[1], Product: item[2]}
	r.Quantity, _ = strconv.Atoi(item[1])
	r.TotalEUR, _ = strconv.ParseFloat(total[1], 64)
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

// question is an errand that needs no browser.
const question = "Add up the numbers 17, 25 and 398, and answer with the sum alone."

var number = regexp.MustCompile(`\d+`)

// addUp answers the question from what stands in it.
func addUp(prompt string) modelsim.Reply {
	sum := 0
	for _, n := range number.FindAllString(prompt, -1) {
		v, _ := strconv.Atoi(n)
		sum += v
	}
	return modelsim.Decide("Add up the numbers", modelsim.Done(strconv.Itoa(sum), nil, true))
}
