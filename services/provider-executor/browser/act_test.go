package browser_test

import (
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const shop = `<!doctype html><title>Cart</title><h1>Your cart</h1>
<form method="post" action="/order">
<p>Blue kettle — €39.00 <a href="/kettle">Remove</a> <label>Qty <input name="qty" type="number" value="1"></label></p>
<label for="c">Country</label><select id="c" name="country"><option>Austria<option selected>Belgium<option>Chile</select>
<label><input type="checkbox" name="terms"> I agree</label>
<label>Name <input name="name" required></label>
<button>Checkout</button></form>`

func TestAFormIsReadFilledAndSubmitted(t *testing.T) {
	s := serve(t, map[string]string{"/": shop, "/order": "<title>Thanks</title><h1>Thank you</h1>"})
	u := newUser(t)
	text := u.visit(s.URL + "/")
	t.Log("\n" + text)
	u.must(browser.Action{Name: "input", Index: u.index("textbox Name"), Text: "Ada Lovelace"})
	u.must(browser.Action{Name: "input", Index: u.index("number Qty"), Text: "3"})
	u.must(browser.Action{Name: "select_dropdown", Index: u.index("select Country"), Text: "Chile"})
	u.click("checkbox I agree")
	out := u.click("button Checkout")
	if !out.PageChanged {
		t.Error("the page changed and the outcome does not say so")
	}
	u.sees("# Thank you", "/order")
	t.Log(u.seen.Text, out)
	if got := s.received(); len(got) != 1 || got[0] != "/order?country=Chile&name=Ada+Lovelace&qty=3&terms=on" {
		t.Errorf("server received %q", got)
	}
	if _, err := u.Screenshot(t.Context()); err != nil {
		t.Error(err)
	}
}
