package shop

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// guest is a visitor with cookies of their own.
type guest struct {
	t    *testing.T
	http *http.Client
	base string
}

func visit(t *testing.T, s *Shop) guest {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return guest{t, &http.Client{Jar: jar}, srv.URL}
}

func (g guest) read(resp *http.Response, err error) (int, string) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (g guest) get(path string) (int, string) { return g.read(g.http.Get(g.base + path)) }

func (g guest) post(path string, form url.Values) (int, string) {
	return g.read(g.http.PostForm(g.base+path, form))
}

var kettles = url.Values{"product": {"ferry"}, "colour": {"Blue"}, "quantity": {"2"}}

func buyer() url.Values {
	return url.Values{
		"name": {"Ada Lovelace"}, "email": {"ada@example.com"}, "street": {"Rue Haute 12"}, "postcode": {"1000"},
		"city": {"Brussels"}, "country": {"Belgium"}, "shipping": {"standard"}, "terms": {"yes"},
	}
}

func TestAnOrderIsWhatWasPutInTheCartAndSentToWhomTheFormSays(t *testing.T) {
	s := New()
	g := visit(t, s)
	if status, page := g.post("/cart", kettles); status != http.StatusOK || !strings.Contains(page, "€78.00") {
		t.Fatalf("cart: %d\n%s", status, page)
	}
	status, page := g.post("/checkout", buyer())
	orders := s.Orders()
	if len(orders) != 1 {
		t.Fatalf("%d orders, want 1; %d\n%s", len(orders), status, page)
	}
	o := orders[0]
	if o.Total() != 8290 || o.Lines[0].Quantity != 2 || o.Buyer.City != "Brussels" || o.Shipping.ID != "standard" {
		t.Errorf("order: %+v", o)
	}
	for _, want := range []string{o.Number, "€82.90", "Ada Lovelace"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page after the order does not show %s:\n%s", want, page)
		}
	}
	if _, page := g.get("/cart"); !strings.Contains(page, "Your cart is empty") {
		t.Error("the cart is not empty after the order")
	}
}

func TestACheckoutWithMistakesIsShownAgainAndOrdersNothing(t *testing.T) {
	for field, complaint := range map[string]string{
		"name": "full name", "email": "valid email", "country": "country", "shipping": "send it", "terms": "accept the terms",
	} {
		s := New()
		g := visit(t, s)
		g.post("/cart", kettles)
		form := buyer()
		form.Del(field)
		status, page := g.post("/checkout", form)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, complaint) || len(s.Orders()) != 0 {
			t.Errorf("without %s: status %d, %d orders, page:\n%s", field, status, len(s.Orders()), page)
		}
	}
}

func TestWhatIsNotOnSaleCannotBePutInTheCart(t *testing.T) {
	g := visit(t, New())
	for _, form := range []url.Values{
		{"product": {"marsh"}, "colour": {"Blue"}, "quantity": {"1"}}, // sold out
		{"product": {"ferry"}, "colour": {"Pink"}, "quantity": {"1"}},
		{"product": {"ferry"}, "colour": {"Blue"}, "quantity": {"0"}},
		{"product": {"anchor"}, "colour": {"Blue"}, "quantity": {"1"}},
	} {
		if status, _ := g.post("/cart", form); status != http.StatusUnprocessableEntity {
			t.Errorf("%v: status %d, want 422", form, status)
		}
	}
}

func TestSearchShowsOnlyWhatMatches(t *testing.T) {
	_, page := visit(t, New()).get("/?q=KETTLE+steel")
	if !strings.Contains(page, "Ferry kettle") || strings.Contains(page, "Pier mug") {
		t.Errorf("search for steel kettles:\n%s", page)
	}
}

func TestVisitorsHaveCartsOfTheirOwn(t *testing.T) {
	s := New()
	visit(t, s).post("/cart", kettles)
	if _, page := visit(t, s).get("/cart"); !strings.Contains(page, "Your cart is empty") {
		t.Error("another visitor sees the cart")
	}
}

func TestARemovedLineIsGone(t *testing.T) {
	g := visit(t, New())
	g.post("/cart", kettles)
	if _, page := g.post("/cart/remove", url.Values{"line": {"0"}}); !strings.Contains(page, "Your cart is empty") {
		t.Errorf("cart after the removal:\n%s", page)
	}
}

func TestMissingPagesSaySo(t *testing.T) {
	g := visit(t, New())
	for _, path := range []string{"/nowhere", "/products/anchor", "/orders/KT-000000"} {
		if status, page := g.get(path); status != http.StatusNotFound || !strings.Contains(page, "no such page") {
			t.Errorf("%s: %d", path, status)
		}
	}
}
