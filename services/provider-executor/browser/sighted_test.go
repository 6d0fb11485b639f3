package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// pages whose text has to say what a person sees, and nothing of what a person cannot see.
var sighted = []struct{ name, page, has, lacks string }{
	{"a menu that its clipped ancestor does not contain", `<div style="overflow:hidden;height:30px">Bar A<div style="position:absolute;top:90px;left:20px"><button>Info</button></div></div>`, "button Info", "more controls"},
	{"a modal in a clipped card", `<div style="overflow:hidden;height:30px">Card<div style="position:fixed;top:200px;left:20px"><button>Confirm</button></div></div>`, "button Confirm", "more controls"},
	{"a menu in an ancestor without height", `<div style="overflow:hidden;height:0"><div style="position:absolute;top:90px"><button>Info</button></div><button>Shut</button></div>`, "button Info", "Shut"},
	{"a menu that its clipped ancestor contains", `<div style="overflow:hidden;height:30px;position:relative">Bar<div style="position:absolute;top:90px"><button>Info</button></div></div>`, "Bar", "controls"},
	{"a fixed box that a transformed ancestor contains", `<div style="overflow:hidden;height:30px;transform:translate(0)">Bar<div style="position:fixed;top:90px"><button>Info</button></div></div>`, "Bar", "controls"},
	{"a dialog at the end of a long page", `<p>Top</p><div style="height:5000px"></div><section><div role=dialog style="position:fixed;top:90px;left:9px"><button>Agree</button></div></section>`, "button Agree", "more controls"},
	{"what lies off the screen", `<p>Text</p><div style="height:3000px"></div><div style="position:absolute;left:-9000px;top:2500px"><button>Emoji</button></div><button>Last</button>`, "1 more control", "2 more"},
	{"what scrolls in a box", `<div style="overflow:auto;height:100px;width:300px"><p style="height:200px">Tall</p><button>Deep</button></div>`, "1 more control", "button Deep"},
	{"texts and parts of a drawing", `<svg width=400 height=200><text x=10 y=20>Revenue</text><g onclick="1"><rect x=0 y=40 width=90 height=40></rect><text x=5 y=60>inject node</text></g></svg>`, "Revenue", "rect"},
	{"a part of a drawing that is clicked", `<svg width=400 height=200><g onclick="1"><rect x=0 y=40 width=90 height=40></rect><text x=5 y=60>inject node</text></g></svg>`, "clickable inject node", ""},
	{"a small svg as a button", `<svg role=button tabindex=0 aria-label=Play width=24 height=24><path d="M0 0h24v24z"/></svg>`, "button Play", ""},
	{"a shape with a listener and a title", `<svg width=200 height=200><circle id=c cx=50 cy=50 r=40><title>Seat 4</title></circle></svg><script>c.addEventListener('click', () => {})</script>`, "clickable Seat 4", ""},
	{"a link in a drawing", `<svg width=200 height=100><a href="/x"><text x=5 y=40>Harbour</text></a></svg>`, "link Harbour", ""},
	{"a button in a clickable card", `<div style="cursor:pointer;width:300px;height:200px" onclick="1"><p>Kettle 39 EUR</p><div id=add style="width:90px">Add to cart</div></div><script>add.addEventListener('click', e => e.stopPropagation())</script>`, "clickable Add to cart", ""},
	{"grid cells without a place in the tab order", `<div role=grid><div role=row><div role=gridcell tabindex=-1>14</div><div role=gridcell tabindex=-1>15</div></div></div>`, "gridcell 15", ""},
	{"a calendar in a label", `<label>Day <input> <span role=dialog><b>May 2026</b> <button>Next month</button></span></label>`, "May 2026", ""},
	{"cards to drag", `<ul><li draggable=true>Write report</li><li draggable=true>Pay bill</li></ul><div id=done style="height:90px;width:200px">Done</div><script>done.addEventListener('drop', () => {})</script>`, "clickable Write report draggable", ""},
	{"a place to drop", `<div id=done style="height:90px;width:200px">Done</div><script>done.addEventListener('drop', () => {})</script>`, "clickable Done", ""},
	{"a select of opacity 0 over a box", `<div style="position:relative;width:200px;height:30px"><span>Choose</span><select aria-label=Country style="position:absolute;inset:0;opacity:0;width:100%"><option>-<option>Belgium</select></div>`, "select Country", ""},
	{"a plain text that reacts to the pointer", `<div id=m style="width:100px">Products</div><script>m.addEventListener('mouseenter', () => {})</script>`, "clickable Products", ""},
}

func TestThePageTextSaysWhatAPersonSees(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	pages := map[string]string{}
	s := serve(t, pages)
	for _, c := range sighted {
		pages["/"] = `<!doctype html><meta charset=utf-8>` + c.page
		text := u.visit(s.URL)
		if !strings.Contains(text, c.has) || c.lacks != "" && strings.Contains(text, c.lacks) {
			t.Errorf("%s: want %q and not %q in:\n%s", c.name, c.has, c.lacks, text)
		}
	}
}

func TestASelectOverADrawingIsChosenFromAndAPartOfADrawingClicked(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<div style="position:relative;width:200px;height:30px"><span>Choose</span><select aria-label=Country onchange="o.textContent='to '+this.value" style="position:absolute;inset:0;opacity:0;width:100%"><option>-<option>Belgium</select></div>
<p id=o></p><svg width=400 height=200><g onclick="o.textContent='injected'"><rect x=0 y=40 width=90 height=40></rect><text x=5 y=60>inject node</text></g></svg>`})
	u := newUser(t)
	u.visit(s.URL)
	u.must(browser.Action{Name: "select_dropdown", Index: u.index("select Country"), Text: "Belgium"})
	u.sees("to Belgium")
	u.click("clickable inject node")
	u.sees("injected")
	out := u.must(browser.Action{Name: "search_page", Query: "inject node"})
	if strings.Contains(out.Content, "nowhere") {
		t.Errorf("the text of a drawing is not found: %s", out.Content)
	}
}
