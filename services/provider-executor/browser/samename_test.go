package browser

import "testing"

func TestAControlMayGainOrLoseWordsAndIsAnotherWhereBothNamesDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recorded, now string
		same          bool
	}{
		{"Continue", "Continue", true}, {"Log-in", "log in", true}, {"Send…", "Send", true}, {"Cart (2)", "Cart (3)", true},
		{"Create this page", "Create this page [e]", true}, {"Continue", "Continue to payment", true}, {"E-mail address", "Email", true},
		{"Pay €12.00", "Pay €13.50", true}, {"Submit order", "Submit orders", true}, {"Newsletter", "Newsletters", true},

		{"Continue", "Upgrade to Premium for 99 euro a month", false}, {"Log in", "Log out", false}, {"First name", "Last name", false},
		{"Follow", "Unfollow", false}, {"Subscribe", "Unsubscribe", false}, {"Enable", "Disable", false}, {"Add to cart", "Add to wishlist", false},
		{"Save", "Save without checking", false}, {"Delete", "Delete all", false}, {"Order 1002", "Order 1003", false}, {"Archive", "Approve", false},
		{"Old revisions", "Backlinks", false}, {"Name", "Coupon code", false}, {"Continue", "Continue and buy", false}, {"Invoice", "Win a car", false},
		{"Follow", "Following", false}, {"Next", "", false}, {"", "Next", false}, {"Room 7021", "Room 7", false},
	} {
		if got := sameName(c.recorded, c.now); got != c.same {
			t.Errorf("%q and %q: %t", c.recorded, c.now, got)
		}
	}
}
