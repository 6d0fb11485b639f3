package browser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/action"
)

// clickTarget clicks a control and gives its fingerprint, which must be small.
func (u *user) clickTarget(control string) (found action.Target) {
	u.Helper()
	raw := u.click(control).Target
	if len(raw) > 2048 {
		u.Errorf("the target has %d bytes: %s", len(raw), raw)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&found); err != nil {
		u.Fatalf("the target is no action.Target: %v in %s", err, raw)
	}
	return found
}

func TestATargetTellsWhatReplayNeeds(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<main><h2>Kettles</h2><ul class=items>` + times(5, func(i int) string {
		return fmt.Sprintf(`<li class=item><b>Kettle %d</b> <button class="buy css-1q2w3e" id="radix-:r%d:">Buy %d</button></li>`, i, i, i)
	}) + `</ul><form><label>Mail <input name=mail type=email data-test-id=mail-field placeholder="you@example"></label>
<a id=terms href="/terms?v=2#x" onclick="return false">Terms</a></form></main>`})
	u := newUser(t)
	u.visit(s.URL)
	buy := u.clickTarget("button Buy 2")
	if buy.Tag != "button" || buy.Role != "button" || buy.Name != "Buy 2" || buy.Heading != "Kettles" || buy.Landmark != "main" || buy.ID != "" {
		t.Errorf("the button's own marks are %+v", buy)
	}
	if l := buy.List; l == nil || l.Container != "ul.items" || l.KeyText != "Kettle 2 Buy 2" || l.Index == nil || *l.Index != 2 || l.Count != 5 {
		t.Errorf("its place in the list is %+v", l)
	}
	if strings.Join(buy.Neighbors, ",") != "Buy 1,Buy 3" || buy.CSS != "li.item:nth-of-type(3) > button" && buy.CSS != "li:nth-of-type(3) > button" {
		t.Errorf("its neighbours are %q, its selector %q", buy.Neighbors, buy.CSS)
	}
	if buy.XPath != "/html/body/main/ul/li[3]/button" || len(buy.TextHash) != 8 || len(buy.Rect) != 4 || buy.Rect[0] <= 0 || buy.Rect[0] >= 1 {
		t.Errorf("its path, hash or place are %q %q %v", buy.XPath, buy.TextHash, buy.Rect)
	}
	u.look()
	mail := u.clickTarget("textbox Mail")
	if mail.TestID != "mail-field" || mail.NameAttr != "mail" || mail.Type != "email" || mail.Placeholder != "you@example" || mail.Label != "Mail" || mail.Landmark != "form" {
		t.Errorf("the field's marks are %+v", mail)
	}
	if mail.CSS != `[data-test-id="mail-field"]` {
		t.Errorf("the field's selector is %q", mail.CSS)
	}
	if terms := u.clickTarget("link Terms"); terms.ID != "terms" || terms.CSS != "#terms" || terms.HrefPath != "/terms" {
		t.Errorf("the link's marks are %+v", terms)
	}
}

func TestIDsThatAFrameworkMadeUpAreLeftOut(t *testing.T) {
	t.Parallel()
	made := []string{":r1:", "«r2»", "_r_3_", "ember492", "mui-17", "radix-:rb:", "headlessui-menu-button-4", "react-select-2-input", "x8f3a2b1", "input-102934", "css-1q2w3e"}
	kept := []string{"feedback", "decade", "save-button", "q", "step-2", "address_line_1"}
	s := serve(t, map[string]string{"/": times(len(made)+len(kept), func(i int) string {
		return fmt.Sprintf(`<button id="%s">B%d.</button> `, append(made, kept...)[i], i)
	})})
	u := newUser(t)
	u.visit(s.URL)
	for i, id := range append(made, kept...) {
		got := u.clickTarget(fmt.Sprintf("button B%d.", i))
		if want := i >= len(made); (got.ID == id) != want || strings.HasPrefix(got.CSS, "#") != want {
			t.Errorf("of the id %q the target keeps %q and the selector %q", id, got.ID, got.CSS)
		}
	}
}

func TestATargetCrossesFramesAndShadowRoots(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"/inner": `<x-box id=box></x-box><script>customElements.define('x-box', class extends HTMLElement { connectedCallback() {
  this.attachShadow({mode: 'open'}).innerHTML = '<p><button name=pay>Pay</button></p>' } })</script>`}
	s := serve(t, pages)
	pages["/"] = `<iframe></iframe><iframe name=checkout src="` + s.elsewhere("/inner?session=12345") + `"></iframe>`
	u := newUser(t)
	u.visit(s.URL)
	eventually(t, "the frame is there", func() bool { return strings.Contains(u.look(), "button Pay") })
	got := u.clickTarget("button Pay")
	if len(got.Frame) != 1 || got.Frame[0].Name != "checkout" || got.Frame[0].Ordinal != 1 || got.Frame[0].URL != s.elsewhere("/inner") || got.Frame[0].CSS != `iframe[name="checkout"]` {
		t.Errorf("the frame is %+v", got.Frame)
	}
	if strings.Join(got.Shadow, ",") != "#box" || got.CSS != `button[name="pay"]` || got.XPath != "/html/body/iframe[2]/#document/html/body/x-box/#shadow-root/p/button" {
		t.Errorf("the way through the shadow root is %q, %q, %q", got.Shadow, got.CSS, got.XPath)
	}
}

func TestATargetStaysSmall(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("very long words ", 400)
	s := serve(t, map[string]string{"/": `<style>*{font:2px/2px sans-serif}</style><h1>` + long + `</h1>` + strings.Repeat(`<div class="`+strings.Repeat("wrapper-of-it ", 20)+`">`, 400) +
		`<form title="` + long + `"><label>` + long + `<input name="` + long + `" placeholder="` + long + `" data-testid="` + long + `"></label><button id="` + strings.ReplaceAll(long, " ", "") + `">Deep</button>`})
	u := newUser(t)
	u.visit(s.URL)
	deep := u.clickTarget("button Deep")
	if deep.Role != "button" || deep.Name != "Deep" || !strings.HasPrefix(deep.XPath, "//div") {
		t.Errorf("the target is %+v", deep)
	}
	u.look()
	out := u.act(browser.Action{Name: "input", Index: u.index("textbox very long"), Text: "x"})
	if len(out.Target) == 0 || len(out.Target) > 2048 {
		t.Errorf("the target of a field with long names has %d bytes: %+v", len(out.Target), out)
	}
}
