package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// A form that counts how often it is sent, a chat that sends on Enter, editors that change what is typed, fields with
// forms of their own, and one that listens to keys and pastes only.
const fields = `<h1>Fields</h1><form id=form><label>Text <textarea name=c></textarea></label><label>Other <input name=o></label><button>Send</button></form>
<label>Chat <textarea id=chat></textarea></label><div id=rich contenteditable role=textbox aria-label=Rich></div>
<div id=paragraphs contenteditable role=textbox aria-label=Paragraphs><p>old</p></div>
<label>Import <textarea id=keyed></textarea></label><p id=log></p>
<label>Taker <textarea id=taker></textarea></label><label>Refuser <textarea id=refuser></textarea></label>
<label>Code <textarea id=code></textarea></label>
<label>Amount <input type=number step=any></label>
<label>Unsigned <input oninput="this.value = this.value.replace(/[^\d]/g, '')"></label>
<label>Cents <input oninput="const d = this.value.replace(/\D/g, ''); this.value = d ? (d / 100).toFixed(2) : ''"></label>
<label>Price <input oninput="this.value = '€' + this.value.replace(/[^\d.]/g, '').replace(/\B(?=(\d{3})+(?!\d))/g, ',')"></label>
<label>Phone <input type=tel oninput="this.value = this.value.replace(/\D/g, '').replace(/(\d{3})(\d{3})(\d)/, '($1) $2-$3')"></label>
<label>Expiry <input oninput="this.value = this.value.replace(/\D/g, '').replace(/(\d\d)(\d)/, '$1/$2')"></label>
<label>Short <input maxlength=5></label><label>Range <input oninput="this.value = this.value.replace('-', '')"></label>
<script>
const log = text => document.getElementById('log').textContent += text + ';';
form.onsubmit = e => { e.preventDefault(); log('sent'); };
chat.onkeydown = e => { if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); log('chatted'); } };
rich.onkeydown = e => { if (e.key === 'Enter') { e.preventDefault(); log('posted'); } };
keyed.onkeyup = () => log('key ' + keyed.value.length);
keyed.onpaste = () => setTimeout(() => log('paste ' + keyed.value.length));
taker.onpaste = e => { e.preventDefault(); const text = e.clipboardData.getData('text'); setTimeout(() => taker.value += text, 30); };
refuser.onpaste = e => e.preventDefault();
code.oninput = e => { if (e.data === '{') code.setRangeText('}'); };
</script>`

func TestAFieldHoldsWhatWasTypedOrTheOutcomeSaysWhatItHolds(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": fields})
	u := newUser(t)
	u.visit(s.URL)
	table := "name\tprice\nkettle\t39\nteapot\t25"
	long := strings.Repeat("word ", 60) + "end"
	for _, c := range []struct {
		field, text, holds string
		says               string // in an outcome that is verified; or, with ! before it, in an error
	}{
		{"textbox Text", table, table, "Enter was not pressed"},
		{"textbox Other", "Ada\tLovelace", "Ada\tLovelace", "Typed"},
		{"textbox Other", "one\ntwo\n", "one two", "Enter was not pressed"},
		{"textbox Chat", "Hello\nAda", "Hello\nAda", "Enter was not pressed"},
		{"textbox Rich", "Hello\nAda", "Hello\nAda", "Enter was not pressed"},
		{"textbox Rich", "a\tb", "a\tb", "Typed"},
		{"textbox Paragraphs", "one\ntwo", "one\ntwo", "Typed"},
		{"textbox Import", long, long, "Typed"},
		{"textbox Taker", table, table, "Typed"},
		{"textbox Refuser", table, table, "Typed"},
		{"textbox Code", "f() {", "f() {", "Typed"},
		{"number Amount", "12,50", "1250", `!holds "1250" instead of "12,50": it is a number field`},
		{"number Amount", "12.5", "12.5", "Typed"},
		{"textbox Unsigned", "-1.50", "150", `!holds "150" instead of "-1.50"`},
		{"textbox Unsigned", "-15", "15", `!holds "15" instead of "-15"`},
		{"textbox Cents", "1250", "12.50", `!holds "12.50" instead of "1250"`},
		{"textbox Price", "1234.5", "€1,234.5", "shows it as"},
		{"textbox Phone", "5551234567", "(555) 123-4567", "shows it as"},
		{"textbox Expiry", "1227", "12/27", "shows it as"},
		{"textbox Short", "abcdefgh", "abcde", "!at most 5 characters"},
		{"textbox Range", "5-10", "510", `!holds "510" instead of "5-10"`},
	} {
		out := u.act(browser.Action{Name: "input", Index: u.index(c.field), Text: c.text})
		if wrong, fails := strings.CutPrefix(c.says, "!"); fails {
			refused(t, out, wrong)
		} else if verified(t, out); !strings.Contains(out.Content, c.says) {
			t.Errorf("%s: the outcome is %q, and does not say %q", c.field, out.Content, c.says)
		}
		if held := u.must(browser.Action{Name: "read_field", Index: u.index(c.field)}).Content; !strings.HasSuffix(held, " holds:\n"+c.holds) {
			t.Errorf("%s holds %q after %q, not %q", c.field, held, c.text, c.holds)
		}
	}
	text := u.must(browser.Action{Name: "find_elements", Query: "#log"}).Content
	for _, unwanted := range []string{"sent", "chatted", "posted"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("something was %s by a line end:\n%s", unwanted, text)
		}
	}
	for _, wanted := range []string{"paste 303", "key 303"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("the page was not told of a long text by a %s:\n%s", wanted, text)
		}
	}
}

func TestAPartOfAFieldIsReplaced(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": fields})
	u := newUser(t)
	u.visit(s.URL)
	for _, field := range []string{"textbox Text", "textbox Paragraphs", "textbox Import"} {
		u.must(browser.Action{Name: "input", Index: u.index(field), Text: "| A1 | 3 m |\n| A2 | 4 m |\n| A3 | 4 m |"})
		out := u.must(browser.Action{Name: "replace_text", Index: u.index(field), Query: "A2 | 4 m", Text: "A2 | 12,5 m"})
		verified(t, out)
		if got := u.must(browser.Action{Name: "read_field", Index: u.index(field)}).Content; !strings.HasSuffix(got, "\n| A1 | 3 m |\n| A2 | 12,5 m |\n| A3 | 4 m |") {
			t.Errorf("%s: %q", field, got)
		}
		refused(t, u.act(browser.Action{Name: "replace_text", Index: u.index(field), Query: " m |", Text: "x"}), "3 times")
	}
}
