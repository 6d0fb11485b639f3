package browser

import (
	"context"
	"encoding/json"
)

// Action is one thing to do, flat as the model gives it: a name and the parameters
// that apply to it.
type Action struct {
	Name    string   `json:"name"`
	Index   *int     `json:"index,omitempty"`
	URL     string   `json:"url,omitempty"`
	NewTab  *bool    `json:"new_tab,omitempty"`
	Text    string   `json:"text,omitempty"`
	Clear   *bool    `json:"clear,omitempty"` // default true
	Down    *bool    `json:"down,omitempty"`  // default true
	Pages   *float64 `json:"pages,omitempty"` // screens, default 1
	Keys    string   `json:"keys,omitempty"`
	Seconds *float64 `json:"seconds,omitempty"` // default 3, at most 30
	TabID   string   `json:"tab_id,omitempty"`
	Query   string   `json:"query,omitempty"`
	Path    string   `json:"path,omitempty"` // a file of the run, by its name; or FileName
	To      *int     `json:"to,omitempty"`   // the index of what to drop on

	Pattern  string `json:"pattern,omitempty"`  // of search_page; or Query
	Selector string `json:"selector,omitempty"` // of find_elements; or Query

	// What browser-use calls Path, Text, the contrary of Clear, Text, Query and Text.
	FileName string `json:"file_name,omitempty"`
	Content  string `json:"content,omitempty"`
	Append   *bool  `json:"append,omitempty"`
	Code     string `json:"code,omitempty"` // Text of evaluate
	// Untraced says that the caller has a fingerprint of the element: the outcome has none.
	Untraced bool `json:"-"`

	OldText string `json:"old_str,omitempty"`
	NewText string `json:"new_str,omitempty"`
}

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
	// Drop describes likewise what the element was dropped on.
	Drop json.RawMessage
	// Sends says that the page has sent something, in this tab or one that it opened: a request that is neither GET nor
	// HEAD nor OPTIONS, reports about the visit and what workers and sockets send left out. It is about what was sent
	// when Do returned.
	Sends bool
	// PageChanged says that the page is another one now: the rest of the step's
	// actions was meant for what is gone.
	PageChanged bool
}

func failed(sentence string) Outcome { return Outcome{Success: new(false), Error: sentence} }

// kind is how one action is carried out and whether it may have effects outside.
type kind struct {
	do        func(*doing, context.Context) (Outcome, error)
	effectful bool
}

var kinds = map[string]kind{
	"navigate":         {(*doing).navigate, true},
	"click":            {(*doing).click, true},
	"input":            {(*doing).input, true},
	"select_dropdown":  {(*doing).selectDropdown, true},
	"dropdown_options": {(*doing).dropdownOptions, false},
	"scroll":           {(*doing).scroll, false},
	"send_keys":        {(*doing).sendKeys, true},
	"go_back":          {(*doing).goBack, true},
	"go_forward":       {(*doing).goForward, true},
	"reload":           {(*doing).reload, true},
	"hover":            {(*doing).hover, true},
	"drag":             {(*doing).drag, true},
	"upload_file":      {(*doing).uploadFile, true},
	"search_page":      {(*doing).searchPage, false},
	"find_elements":    {(*doing).findElements, false},
	"screenshot":       {(*doing).screenshot, false},
	"whole_page":       {(*doing).wholePage, false},
	"save_as_pdf":      {(*doing).saveAsPDF, false},
	"write_file":       {(*doing).writeFile, false},
	"replace_file":     {(*doing).replaceFile, false},
	"read_file":        {(*doing).readFile, false},
	"evaluate":         {(*doing).evaluate, true},
	"wait":             {(*doing).wait, false},
	"switch":           {(*doing).switchTab, true},
	"close":            {(*doing).closeTab, true},
	"find_text":        {(*doing).findText, false},
}

// aliases are the names that older browser-use versions gave the same actions.
var aliases = map[string]string{
	"go_to_url":              "navigate",
	"open_tab":               "navigate",
	"click_element":          "click",
	"click_element_by_index": "click",
	"input_text":             "input",
	"select_dropdown_option": "select_dropdown",
	"get_dropdown_options":   "dropdown_options",
	"scroll_down":            "scroll",
	"scroll_up":              "scroll",
	"scroll_to_text":         "find_text",
	"switch_tab":             "switch",
	"close_tab":              "close",
	"hover_element":          "hover",
	"drag_drop":              "drag",
	"drag_and_drop":          "drag",
	"refresh":                "reload",
	"append_file":            "write_file",
	"replace_file_str":       "replace_file",
	"save_pdf":               "save_as_pdf",
	"execute_javascript":     "evaluate",
}

// implied are the parameters that an old name stands for.
var implied = map[string]map[string]any{
	"scroll_up":   {"down": false},
	"open_tab":    {"new_tab": true},
	"append_file": {"clear": false},
}

// Implied gives the parameters that an old name of an action stands for, by the names that are used now; none for most.
func Implied(name string) map[string]any { return implied[name] }

// Known reports whether name, or an old alias, is an action of the browser.
func Known(name string) bool {
	_, ok := kinds[Canonical(name)]
	return ok
}

// Canonical gives the name that is used now for an action; an unknown name stays.
func Canonical(name string) string {
	if now, ok := aliases[name]; ok {
		return now
	}
	return name
}

// Effectful reports whether an action may have effects outside the browser, so that
// its plan must be on record before it is done.
func Effectful(name string) bool { return kinds[Canonical(name)].effectful }

// canonical rewrites an old action into the one that is used now.
func canonical(a Action) Action {
	if meant, err := json.Marshal(implied[a.Name]); err == nil {
		_ = json.Unmarshal(meant, &a) // parameters of an action
	}
	if a.Append != nil {
		a.Clear = new(!*a.Append)
	}
	a.Path, a.Query, a.Text = first(a.Path, a.FileName), first(a.Query, a.OldText), first(a.Text, a.Content, a.NewText, a.Code)
	a.Name = Canonical(a.Name)
	return a
}

// or gives what an optional parameter holds, or its default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
