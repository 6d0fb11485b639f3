package agent

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/event"
)

func TestAModelIsToldOfATakeoverWhateverTheLastStepWas(t *testing.T) {
	open := event.StepData{Number: 1, Description: "Open the shop", Actions: []event.Action{{Name: "navigate", Params: map[string]any{"url": "https://shop.test/"}}}}
	ordered := event.StepData{Number: 2, Description: "Place the order", URL: "https://shop.test/cart", Actions: []event.Action{{Name: "click", Params: map[string]any{}, Sends: true}}}
	interrupted := event.StepData{Number: 3, Description: "Pay", Interrupted: true, Actions: []event.Action{{Name: "click", Params: map[string]any{}}, {Name: "extract", Params: map[string]any{"query": "number"}}}}
	unfinished := event.StepData{Number: 3, Description: "Pay", Actions: []event.Action{{Name: "click", Params: map[string]any{}, Unfinished: true, Error: ref("not finished: x")}}}
	const sent, unknown = "Do not do these again:\n- step 2, click (Place the order)", "before you repeat any of these:\n- step 3, click (Pay)"
	for name, c := range map[string]struct {
		history []event.StepData
		told    []string
		not     []string
	}{
		"nothing sent":       {[]event.StepData{open}, nil, []string{"Do not do these", "repeat any of these"}},
		"done, then thought": {[]event.StepData{open, ordered}, []string{sent, "the open page (https://shop.test/cart before the last step)", "Restored: nothing"}, []string{"repeat any of these"}},
		"interrupted":        {[]event.StepData{open, ordered, interrupted}, []string{sent, unknown}, []string{"extract query=number ("}},
		"unfinished":         {[]event.StepData{open, unfinished}, []string{unknown}, []string{"Do not do these"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := resumed(Task{Prompt: "t", History: c.history}, browser.Restored{}).ask("THE PAGE", 9)[0].Text
			_, notice, told := strings.Cut(text, "# A new browser")
			if !told || !strings.Contains(notice, "THE PAGE") {
				t.Fatalf("no word of the new browser before the page:\n%s", text)
			}
			for _, want := range c.told {
				if !strings.Contains(notice, want) {
					t.Errorf("not told: %q in\n%s", want, notice)
				}
			}
			for _, not := range c.not {
				if strings.Contains(notice, not) {
					t.Errorf("told: %q in\n%s", not, notice)
				}
			}
		})
	}
	if text := resumed(Task{Prompt: "t"}, browser.Restored{}).ask("p", 9)[0].Text; strings.Contains(text, "new browser") {
		t.Errorf("a first attempt is told of a takeover: %s", text)
	}
}

func TestAModelIsToldWhatItsNewBrowserHasAndLacks(t *testing.T) {
	history := []event.StepData{{Number: 1, Description: "Open", Actions: []event.Action{{Name: "navigate"}}}}
	c := resumed(Task{Prompt: "t", History: history}, browser.Restored{
		Has: []string{"2 cookies"}, Lost: []string{"the page https://shop.test/order: it was the answer to a form"}, Texts: []string{"Order 4711"},
	})
	text := c.ask("THE PAGE", 9)[0].Text
	for _, want := range []string{"Restored: 2 cookies.", "Lost: the page https://shop.test/order", "<page " + c.nonce + ">\nOrder 4711\n</page " + c.nonce + ">"} {
		if !strings.Contains(text, want) {
			t.Errorf("not told: %q in\n%s", want, text)
		}
	}
}
