package browser_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each control's line is the last of its page; want is what stands after the number, its states and value left out.
var accnames = []struct{ html, want string }{
	// 2A: what is hidden, and not referred to.
	{`<button>Save<span hidden> draft</span><span style="visibility:hidden"> now</span><i aria-hidden=true> x</i></button>`, "button Save"},
	{`<button><span style="position:absolute;left:-9999px">Close</span>×</button>`, "button Close ×"},
	// 2B: aria-labelledby.
	{`<p id=a>Billing</p><p id=b>Name</p><input aria-labelledby="a b" aria-label=no title=no>`, "textbox Billing Name"},
	{`<p id=a hidden>Hidden <span hidden>twice</span><b aria-hidden=true> thrice</b></p><input aria-labelledby=a>`, "textbox Hidden twice thrice"},
	{`<p id=a>Seen <span hidden>unseen</span></p><input aria-labelledby=a>`, "textbox Seen"},
	{`<p id=a aria-hidden=true>Silent</p><input aria-labelledby=a>`, "textbox Silent"},
	{`<p id=f>report.pdf</p><button id=d aria-label=Delete aria-labelledby="d f">x</button>`, "button Delete report.pdf"},
	{`<p id=a aria-labelledby=b>First</p><p id=b>Second</p><input aria-labelledby=a>`, "textbox First"},
	{`<p id=a aria-label=Told>Text</p><input aria-labelledby=a>`, "textbox Told"},
	{`<img id=a alt=Logo><input aria-labelledby=a>`, "textbox Logo"},
	{`<input aria-labelledby="gone" aria-label="Instead">`, "textbox Instead"},
	{`<p id=t>Far</p><button><span aria-labelledby=t>near</span> away</button>`, "button Far away"},
	{`<table id=a><caption>Rates</caption><tr><td>1</table><input aria-labelledby=a>`, "textbox Rates"},
	{`<fieldset id=a><legend>Address</legend>rest</fieldset><input aria-labelledby=a>`, "textbox Address"},
	{`<figure id=a><img alt=pic><figcaption>A kettle</figcaption></figure><input aria-labelledby=a>`, "textbox A kettle"},
	{`<input id=x><p id=y>By script</p><script>x.ariaLabelledByElements = [y]</script>`, "textbox By script"},
	{`<div id=h></div><script>h.attachShadow({mode:'open'}).innerHTML = '<p id=l>Inner</p><input aria-labelledby=l>'</script><p id=l>Outer</p>`, "textbox Inner"},
	// 2C: controls within a label.
	{`<label><input type=checkbox> Flash <input value=3 style="display:none"> times</label>`, "checkbox Flash times"},
	{`<label for=c>Flash <input value=3 aria-label=times> times</label><br><input type=checkbox id=c>`, "checkbox Flash 3 times"},
	{`<label for=c>In <select><option>cm<option selected>inch</select></label><br><input type=checkbox id=c>`, "checkbox In inch"},
	{`<label for=c>Up to <input type=range value=7 max=9></label><br><input type=checkbox id=c>`, "checkbox Up to 7"},
	{`<label for=c>At <span role=slider aria-valuenow=5 aria-valuetext="five" tabindex=0>|</span></label><br><input type=checkbox id=c>`, "checkbox At five"},
	{`<label for=c>Key <input type=password value=hunter2></label><br><input type=checkbox id=c>`, "checkbox Key"},
	{`<label>Qty <input value=2></label>`, "textbox Qty"},
	// 2D: aria-label.
	{`<label>No<input aria-label="  Yes  "></label>`, "textbox Yes"},
	{`<label>Label<input aria-label="  "></label>`, "textbox Label"},
	{`<a href=/x><span aria-label="Ten">10</span> items</a>`, "link Ten items"},
	// 2E: what HTML names by.
	{`<label for=e>One</label> <label for=e>Two</label><br><input id=e title=no>`, "textbox One Two"},
	{`<label for=e hidden>Concealed</label><input id=e>`, "textbox Concealed"},
	{`<label for=e aria-label=Aria>Text</label><input id=e>`, "textbox Aria"},
	{`<input type=submit>`, "button Submit"},
	{`<input type=reset value=Clear>`, "button Clear"},
	{`<input type=button title=Tip>`, "button Tip"},
	{`<label>Outer <input type=submit value=Go></label>`, "button Outer"},
	{`<input type=image alt=Search src="data:,">`, "button Search"},
	{`<input type=image title=Find src="data:,">`, "button Find"},
	{`<a href=/x><img src="data:," alt=Home> page</a>`, "link Home page"},
	{`<button><img src="data:," alt=Spy role=presentation>Go</button>`, "button Go"},
	{`<button><svg width=9 height=9><title>Menu</title></svg></button>`, "button Menu"},
	{`<a href=/x><img src="data:," title=Tip></a>`, "link Tip"},
	// 2F: name from content, of roles that allow it.
	{`<div role=button tabindex=0>Do <b>it</b> <div>now</div></div>`, "button Do it now"},
	{`<button>in<span>line</span><div>block</div></button>`, "button inline block"},
	{`<button>a<span style="display:inline-block">b</span>c<br>d</button>`, "button abc d"},
	{`<div role=textbox contenteditable title=Note>content</div>`, "textbox Note"},
	{`<div role=combobox tabindex=0 aria-label=Size>Large</div>`, "combobox Size"},
	{`<div role="nonsense button" tabindex=0>Fallback</div>`, "button Fallback"},
	{`<button aria-owns=o>Own </button><span id=o>ed</span>`, "button Own ed"},
	{`<button>Sum <span title=tip></span></button>`, "button Sum tip"},
	{`<button><span style="display:contents">Boxless</span></button>`, "button Boxless"},
	{`<style>.s::before{content:"Go "} .s::after{content:" on" / " ahead"}</style><button class=s>slow</button>`, "button Go slow ahead"},
	{`<style>.s::before{content:"\f101" / "Star"}</style><button class=s></button>`, "button Star"},
	{`<style>.s::before{content:"\f101"}</style><button class=s title=Star></button>`, "button Star"},
	{`<style>@media screen { .s { &::before { content:"Nested" } } }</style><button><i class=s></i></button>`, "button Nested"},
	{`<style>.s::after{content:attr(data-x)}</style><button class=s data-x=" late">In</button>`, "button In late"},
	// 2I and after it.
	{`<input title=Tip placeholder=Hint>`, "textbox Tip"},
	{`<input placeholder=Hint>`, "textbox Hint"},
	{`<select aria-label=Land><option>BE</select>`, "select Land"},
	{`<button data-testid=go></button>`, "button go"},
}

func TestNamesAreThoseOfTheAccnameComputation(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	for i, c := range accnames {
		pages[fmt.Sprintf("/%d", i)] = "<!doctype html>" + c.html
	}
	s := serve(t, pages)
	u := newUser(t)
	beside := regexp.MustCompile(` (?:\{|\((?:id|class [^)]*|→[^)]*|[^)]* icon)\)|shows ")`)
	control := regexp.MustCompile(`\[\d+\]((?:textbox|button|link|checkbox|combobox|select)[^\n\[=!]*)`)
	for i, c := range accnames {
		text := u.visit(fmt.Sprintf("%s/%d", s.URL, i))
		var got []string
		for _, found := range control.FindAllStringSubmatch(text, -1) {
			name := beside.Split(found[1], 2)[0]
			got = append(got, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), " checked")))
		}
		if !slices.Contains(got, c.want) {
			t.Errorf("%s\n\tnames %q, want %q", c.html, got, c.want)
		}
	}
}
