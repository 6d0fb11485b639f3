package browser

import (
	"context"
	"encoding/json"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// Action is one thing to do. Its parameters, and what each action is for, are said in package action.
type Action = action.Action

// Outcome is what became of an action that was carried out or refused.
type Outcome struct {
	// Success is true where the effect was verified, false where the action failed
	// (then Error is set), and nil where nothing could be verified.
	Success *bool
	// Content is for the model, and for the history as extracted_content.
	Content string
	// Error is a sentence that says why it failed and what to do.
	Error string
	// XPath and Target describe the element acted on, for replay.
	XPath  string
	Target json.RawMessage
	// Path is the action's path counted from the element that XPath and Target describe, if the action told it otherwise.
	Path string
	// Drop describes likewise what the element was dropped on.
	Drop json.RawMessage
	// Before and After are where the element stood when the action began and when it was done; nil: there is none.
	Before, After *event.Box
	// Sends says that the page has sent something, in this tab or one that it opened: a request that is neither GET nor
	// HEAD nor OPTIONS, reports about the visit and what workers and sockets send left out. It is about what was sent
	// when Do returned.
	Sends bool
	// Sent is what the ledger was told of by then.
	Sent []event.Sent
	// OpenedTabs is how many tabs the page has opened by it.
	OpenedTabs int
	// PageChanged says that the page is another one now: the rest of the step's
	// actions was meant for what is gone.
	PageChanged bool
}

func failed(sentence string) Outcome { return Outcome{Success: new(false), Error: sentence} }

// perform has the function of each action that the browser carries out; what else there is to know of an action stands in
// package action.
var perform = map[string]func(*doing, context.Context) (Outcome, error){
	"navigate":         (*doing).navigate,
	"click":            (*doing).click,
	"double_click":     (*doing).click,
	"right_click":      (*doing).click,
	"input":            (*doing).input,
	"replace_text":     (*doing).replaceText,
	"select_text":      (*doing).selectText,
	"read_field":       (*doing).readField,
	"select_dropdown":  (*doing).selectDropdown,
	"dropdown_options": (*doing).dropdownOptions,
	"scroll":           (*doing).scroll,
	"send_keys":        (*doing).sendKeys,
	"go_back":          (*doing).goBack,
	"go_forward":       (*doing).goForward,
	"reload":           (*doing).reload,
	"hover":            (*doing).hover,
	"drag":             (*doing).drag,
	"upload_file":      (*doing).uploadFile,
	"search_page":      (*doing).searchPage,
	"find_elements":    (*doing).findElements,
	"screenshot":       (*doing).screenshot,
	"whole_page":       (*doing).wholePage,
	"save_as_pdf":      (*doing).saveAsPDF,
	"write_file":       (*doing).writeFile,
	"replace_file":     (*doing).replaceFile,
	"read_file":        (*doing).readFile,
	"evaluate":         (*doing).evaluate,
	"wait":             (*doing).wait,
	"switch":           (*doing).switchTab,
	"close":            (*doing).closeTab,
	"find_text":        (*doing).findText,
}

// or gives what an optional parameter holds, or its default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
