package modelsim

import "testing"

const cart = `URL https://shop.test/cart  TITLE Cart  TAB 2/3  SCROLL 0.0 up 2.4 down screens
DIALOGS alert "Saved" -> accepted
# Your cart
Blue kettle — €39.00 [12]link Remove [13]number Qty ="1"
[14]select Country ="Belgium" {Austria|Belgium|+27}
[21]button Checkout as guest
*[15]button Checkout off
See [22]link our terms before you pay.
--- frame pay.test (cross-site) ---
[16]textbox Card number ="12 \"34\"" !required !invalid "Card numbers have 16 digits"
[17]checkbox I agree checked focused
[18]textbox
--- 41 more controls below ---
`

func TestFindReadsControlsByRoleAndName(t *testing.T) {
	for _, c := range []struct {
		role, name string
		want       int
	}{
		{"link", "Remove", 12},
		{"number", "Qty", 13},
		{"select", "Country", 14},
		{"button", "Checkout", 15}, // not 21, whose name only begins so
		{"button", "Checkout as guest", 21},
		{"textbox", "Card number", 16},
		{"checkbox", "I agree", 17},
		{"", "I agree", 17},
		{"textbox", "", 18},
		{"link", "our terms", 22},
	} {
		if got, ok := Find(cart, c.role, c.name); !ok || got != c.want {
			t.Errorf("Find(%q, %q) = %d, %v; want %d", c.role, c.name, got, ok, c.want)
		}
	}
}

func TestFindSaysWhenThereIsNoSuchControl(t *testing.T) {
	for _, c := range [][2]string{{"button", "Remove"}, {"button", "Check"}, {"link", "Blue kettle"}, {"", "Saved"}} {
		if got, ok := Find(cart, c[0], c[1]); ok {
			t.Errorf("Find(%q, %q) = %d, want none", c[0], c[1], got)
		}
	}
}
