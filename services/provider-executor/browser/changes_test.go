package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

const changing = `<title>Order</title><h1>Order</h1>
<button onclick="d.showModal()">Delete</button><dialog id=d aria-label="Delete?"><button onclick="d.close()">Yes</button><button>No</button></dialog>
<button onclick="history.pushState(0, '', '/cart?x=1')">Cart</button> <button onclick="more.hidden = false">More</button> <p id=more hidden><a href=/a>A</a> <a href=/b>B</a></p>
<button onclick="note.textContent = 'saved'">Save</button> <p id=note></p> <button onclick="1">Idle</button>`

func TestAResultSaysWhatHasChanged(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": changing})
	u := newUser(t)
	u.visit(s.URL + "/")
	for _, c := range []struct{ control, says string }{
		{"button Delete", `Dialog "Delete?" opened, 2 controls new.`},
		{"button Yes", `Dialog "Delete?" closed, 2 controls gone.`},
		{"button More", "2 controls new."},
		{"button Save", "The page looks different now."},
		{"button Cart", "Address now /cart?x=1."},
	} {
		u.look()
		out := u.click(c.control)
		verified(t, out)
		if !strings.HasSuffix(out.Content, c.says) {
			t.Errorf("%s says %q, want %q", c.control, out.Content, c.says)
		}
	}
	u.look()
	if out := u.click("button Idle"); out.Success != nil || strings.Contains(out.Content, "now") {
		t.Errorf("a click that changes nothing: %v %q", out.Success, out.Content)
	}
}

// Parts that are drawn anew: by what stands beside them it is known whether a control is the same.
const anew = `<title>Parts</title><style>.tip{position:absolute;left:0;top:40px;width:300px;height:200px;background:#eee;display:none} #h:hover + .tip{display:block}</style>
<button id=h style="height:30px">Help</button><div class=tip>A long tip</div><p id=log></p><div style="height:20px"><button onclick="log.textContent = 'under'">Under</button></div>
<div id=form></div><div id=queue></div><script>
let order = 17;
const draw = () => form.innerHTML = '<h2>Field</h2><label>Value <input></label> <button onclick="log.textContent = \'added\'">Add</button>';
const next = () => queue.innerHTML = '<div><p>Order ' + order + '</p><button onclick="log.textContent = \'approved ' + order + '\'">Approve</button></div>';
draw(); next();
</script>`

func TestWhatIsDrawnAnewIsTakenOnlyWhereItIsTheSame(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": anew})
	u := newUser(t)
	u.visit(s.URL + "/")
	script := func(code string) {
		t.Helper()
		if _, err := u.Script(t.Context(), code+"; 0"); err != nil {
			t.Fatal(err)
		}
	}
	add, value, approve := u.index("button Add"), u.index("textbox Value"), u.index("button Approve")
	script("draw()")
	if out := u.must(browser.Action{Name: "input", Index: value, Text: "blue"}); !strings.Contains(out.Content, "drawn it anew") {
		t.Errorf("a field that was drawn anew: %q", out.Content)
	}
	u.must(browser.Action{Name: "click", Index: add})
	u.sees("added")
	for _, change := range []string{
		"order = 18; next()", // the next order, in the same place
		"order = 17; next(); queue.innerHTML += queue.innerHTML", // two of them
		"queue.style.paddingTop = '300px'; next()",               // elsewhere
	} {
		script(change)
		refused(t, u.act(browser.Action{Name: "click", Index: approve}), "was removed")
	}
	script("queue.style.paddingTop = ''; next()")
	u.must(browser.Action{Name: "click", Index: approve})
	u.sees("approved 17")

	u.must(browser.Action{Name: "hover", Index: u.index("button Help")})
	u.must(browser.Action{Name: "click", Index: u.index("button Under")}) // which our own hovering had covered
	u.sees("under")
}
