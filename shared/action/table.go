package action

// Parameters that several actions share.
var (
	index = Param{Name: "index", Type: Element, Required: true, Doc: "N of the control [N]"}
	path  = Param{Name: "path", Type: String, Value: true, Doc: "a file's name", Aliases: []ParamAlias{{Name: "file_name"}}}
	text  = Param{Name: "text", Type: String, Required: true, Value: true}
	tabID = Param{Name: "tab_id", Type: String}
	query = Param{Name: "query", Type: String}
)

func required(p Param) Param { p.Required = true; return p }
func optional(p Param) Param { p.Required = false; return p }

// named gives a parameter another name that it is known by.
func named(p Param, alias string) Param {
	p.Aliases = append(p.Aliases[:len(p.Aliases):len(p.Aliases)], ParamAlias{Name: alias})
	return p
}

// doc gives a parameter a meaning of its own in one action.
func doc(p Param, words string) Param { p.Doc = words; return p }

var table = []Spec{
	{
		Name:      "navigate",
		Aliases:   []Alias{{Name: "go_to_url"}, {Name: "open_tab", Implied: map[string]any{"new_tab": true}}},
		Params:    []Param{{Name: "url", Type: String, Required: true}, {Name: "new_tab", Type: Bool}},
		Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
		Prompt: "open an http(s) address.",
	},
	{
		Name: "go_back", Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Undoes: Visit},
		Prompt: "one page back in this tab.",
	},
	{
		Name: "go_forward", Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always},
		Prompt: "one page forward.",
	},
	{
		Name: "reload", Aliases: []Alias{{Name: "refresh"}}, Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
		Prompt: "load the page again.",
	},
	{
		Name:      "click",
		Aliases:   []Alias{{Name: "click_element"}, {Name: "click_element_by_index"}},
		Params:    []Param{index},
		Effectful: true,
		Replay:    Replay{Keep: Always, Chosen: true, Replaces: SameElement, Toggles: true},
	},
	{
		Name: "hover", Aliases: []Alias{{Name: "hover_element"}}, Params: []Param{index}, Effectful: true,
		Replay: Replay{Keep: Always, Chosen: true, Replaces: SameElement},
		Prompt: "rest the pointer there, for what opens only then.",
	},
	{
		Name:      "drag",
		Aliases:   []Alias{{Name: "drag_drop"}, {Name: "drag_and_drop"}},
		Params:    []Param{index, {Name: "to", Type: Element, Doc: "N of what to drop on"}},
		Effectful: true,
		Replay:    Replay{Keep: Always, Chosen: true},
		Prompt:    "drop one control on another.",
	},
	{
		Name: "input", Aliases: []Alias{{Name: "input_text"}},
		Params:    []Param{index, text, {Name: "clear", Type: Bool}},
		Effectful: true,
		Replay:    Replay{Keep: Always, Replaces: SameElement},
		Prompt:    "type into a field, in place of what stands there; with clear false behind it.",
	},
	{
		Name: "replace_text", Params: []Param{index, doc(required(query), "the old text"), text}, Effectful: true,
		Replay: Replay{Keep: Always},
		Prompt: "put text in place of query within a field; query must be in it just once.",
	},
	{
		Name: "read_field", Params: []Param{index}, ReadOnly: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "see all that a field holds, with its line ends.",
	},
	{
		Name: "select_dropdown", Aliases: []Alias{{Name: "select_dropdown_option"}},
		Params: []Param{index, text}, Effectful: true,
		Replay: Replay{Keep: Always, Replaces: SameElement},
		Prompt: "choose an option by its text.",
	},
	{
		Name: "dropdown_options", Aliases: []Alias{{Name: "get_dropdown_options"}},
		Params: []Param{index}, ReadOnly: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "see all options first.",
	},
	{
		Name: "upload_file", Params: []Param{index, required(path)}, Effectful: true,
		Replay: Replay{Keep: Always, Lasts: true},
		Prompt: "put a file of the task, by its name, into a file field or what stands for it. What you download, write or save becomes a file of the task, which its user gets.",
	},
	{
		Name: "send_keys", Params: []Param{{Name: "keys", Type: String, Required: true, Value: true}}, Effectful: true,
		Replay: Replay{Keep: Always, Anywhere: true},
		Prompt: "keys such as Enter, Escape, Control+a, or text, to where the focus is.",
	},
	{
		Name:     "scroll",
		Aliases:  []Alias{{Name: "scroll_down"}, {Name: "scroll_up", Implied: map[string]any{"down": false}}},
		Params:   []Param{{Name: "down", Type: Bool}, {Name: "pages", Type: Number}, optional(index)},
		ReadOnly: true,
		Replay:   Replay{Keep: IfNeeded},
		Prompt:   "by screens; with index inside that element.",
	},
	{
		Name: "find_text", Aliases: []Alias{{Name: "scroll_to_text"}}, Params: []Param{text}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "scroll to where a text stands.",
	},
	{
		Name: "search_page", Params: []Param{named(query, "pattern")}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "find a text anywhere on the page, with what stands around it.",
	},
	{
		Name: "find_elements", Params: []Param{doc(named(query, "selector"), "a CSS selector")}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "list what a CSS selector matches.",
	},
	{
		Name: "wait", Params: []Param{{Name: "seconds", Type: Number}}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "at most 30, where a page is still at work.",
	},
	{
		Name: "switch", Aliases: []Alias{{Name: "switch_tab"}}, Params: []Param{required(tabID)}, Effectful: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
		Prompt: "go to a tab.",
	},
	{
		Name: "close", Aliases: []Alias{{Name: "close_tab"}}, Params: []Param{tabID}, Effectful: true,
		Replay: Replay{Keep: Always, Undoes: Tab},
		Prompt: "close a tab.",
	},
	{
		Name: "screenshot", ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "see the next page as a picture too; only where its text does not tell enough.",
	},
	{
		Name: "whole_page", ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "see the next page from its top to its end at once, controls included; long, so only where scrolling would take many steps.",
	},
	{
		Name: "save_as_pdf", Aliases: []Alias{{Name: "save_pdf"}}, Params: []Param{path}, Unaimed: true,
		Replay: Replay{Keep: Always, Lasts: true},
		Prompt: "the page as a PDF.",
	},
	{
		Name:    "write_file",
		Aliases: []Alias{{Name: "append_file", Implied: map[string]any{"clear": false}}},
		Params: []Param{
			required(path), optional(named(text, "content")),
			{Name: "clear", Type: Bool, Aliases: []ParamAlias{{Name: "append", Negated: true}}},
		},
		Unaimed: true,
		Replay:  Replay{Keep: Always, Lasts: true},
		Prompt:  "write a text file of that name; with clear false behind what it holds.",
	},
	{
		Name: "replace_file", Aliases: []Alias{{Name: "replace_file_str"}},
		Params:  []Param{required(path), doc(named(query, "old_str"), "the old text"), optional(named(text, "new_str"))},
		Unaimed: true,
		Replay:  Replay{Keep: Always, Lasts: true},
		Prompt:  "text in place of query.",
	},
	{
		Name: "read_file", Params: []Param{required(path), query}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "what a file holds, or what stands around query in it.",
	},
	{
		Name: "evaluate", Aliases: []Alias{{Name: "execute_javascript"}},
		Params:    []Param{{Name: "text", Type: String, Required: true, Aliases: []ParamAlias{{Name: "code"}}}},
		Effectful: true, OnRequest: true,
		Replay: Replay{Keep: Always, Lasts: true, Anywhere: true},
		Prompt: "run text as JavaScript in the page and get its value as JSON; an expression, or a function that is called. Only where no other action does it.",
	},
	{
		Name: "extract", Aliases: []Alias{{Name: "extract_content"}, {Name: "extract_structured_data"}},
		Params:   []Param{query, {Name: "data", Type: Any, Doc: "a string that holds a JSON Schema"}},
		ReadOnly: true, Unaimed: true, ByAgent: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "have the whole page read, also what is not shown, and get what the query asks for; as JSON where data is a JSON Schema, as a string that holds it, else null.",
	},
	{
		Name: "done",
		Params: []Param{
			{Name: "text", Type: String}, {Name: "success", Type: Bool},
			{Name: "data", Type: Any, Doc: "a string that holds JSON"},
		},
		ByAgent: true,
		Replay:  Replay{Keep: Always},
		Prompt:  "ends the task; alone, as the only action of its step. text: the answer to the user. success: whether all that the task asks has been done; false where it cannot be done, and text says why. data: a string that holds JSON, where the task asks for JSON, else null.",
	},
}
