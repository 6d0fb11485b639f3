package action

// Parameters that several actions share.
var (
	index = Param{Name: "index", Type: Element, Required: true}
	path  = Param{Name: "path", Type: String, Value: true, Aliases: []ParamAlias{{Name: "file_name"}}}
	text  = Param{Name: "text", Type: String, Required: true, Value: true}
	tabID = Param{Name: "tab_id", Type: String}
	query = Param{Name: "query", Type: String}
)

// What a pointer's action may have besides its element. Neither holds a value of the task.
var (
	held  = Param{Name: "keys", Type: String, Aliases: []ParamAlias{{Name: "modifiers"}}}
	place = Param{Name: "path", Type: String, Aliases: []ParamAlias{{Name: "at"}}}
)

func required(p Param) Param { p.Required = true; return p }
func optional(p Param) Param { p.Required = false; return p }

// named gives a parameter another name that it is known by.
func named(p Param, alias string) Param {
	p.Aliases = append(p.Aliases[:len(p.Aliases):len(p.Aliases)], ParamAlias{Name: alias})
	return p
}

var table = []Spec{
	{
		Name:      "navigate",
		Aliases:   []Alias{{Name: "go_to_url"}, {Name: "open_tab", Implied: map[string]any{"new_tab": true}}},
		Params:    []Param{{Name: "url", Type: String, Required: true}, {Name: "new_tab", Type: Bool}},
		Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
	},
	{
		Name: "go_back", Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Undoes: Visit},
	},
	{
		Name: "go_forward", Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always},
	},
	{
		Name: "reload", Aliases: []Alias{{Name: "refresh"}}, Effectful: true, Unaimed: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
	},
	{
		Name:      "click",
		Aliases:   []Alias{{Name: "click_element"}, {Name: "click_element_by_index"}},
		Params:    []Param{index, held, place},
		Effectful: true,
		Replay:    Replay{Keep: Always, Chosen: true, Replaces: SameElement, Toggles: true},
		Prompt:    "keys: held, as Control+Shift. path: a point \"x,y\" in it or, without index, in the last screenshot.",
	},
	{
		Name: "double_click", Params: []Param{index, held, place}, Effectful: true,
		Replay: Replay{Keep: Always, Chosen: true},
	},
	{
		Name: "right_click", Params: []Param{index, held, place}, Effectful: true,
		Replay: Replay{Keep: Always, Chosen: true},
	},
	{
		Name: "hover", Aliases: []Alias{{Name: "hover_element"}}, Params: []Param{index}, Effectful: true,
		Replay: Replay{Keep: Always, Chosen: true, Replaces: SameElement},
	},
	{
		Name:      "drag",
		Aliases:   []Alias{{Name: "drag_drop"}, {Name: "drag_and_drop"}},
		Params:    []Param{index, {Name: "to", Type: Element}, held, place},
		Effectful: true,
		Replay:    Replay{Keep: Always, Chosen: true},
		Prompt:    "onto to (path: a point in that), or through path \"x,y x,y\".",
	},
	{
		Name: "input", Aliases: []Alias{{Name: "input_text"}},
		Params:    []Param{index, text, {Name: "clear", Type: Bool}},
		Effectful: true,
		Replay:    Replay{Keep: Always, Replaces: SameElement},
		Prompt:    "clear false appends.",
	},
	{
		Name: "replace_text", Params: []Param{index, required(query), text}, Effectful: true,
		Replay: Replay{Keep: Always},
		Prompt: "text in place of query.",
	},
	{
		Name: "select_text", Params: []Param{optional(index), text}, Effectful: true,
		Replay: Replay{Keep: Always, Anywhere: true},
	},
	{
		Name: "read_field", Params: []Param{index}, ReadOnly: true,
		Replay: Replay{Keep: LeftOut},
	},
	{
		Name: "select_dropdown", Aliases: []Alias{{Name: "select_dropdown_option"}},
		Params: []Param{index, text, {Name: "clear", Type: Bool}}, Effectful: true,
		Replay: Replay{Keep: Always, Replaces: SameElement},
		Prompt: "clear true unselects.",
	},
	{
		Name: "dropdown_options", Aliases: []Alias{{Name: "get_dropdown_options"}},
		Params: []Param{index}, ReadOnly: true,
		Replay: Replay{Keep: LeftOut},
	},
	{
		Name: "upload_file", Params: []Param{index, required(path)}, Effectful: true,
		Replay: Replay{Keep: Always, Lasts: true},
	},
	{
		Name: "send_keys", Params: []Param{{Name: "keys", Type: String, Required: true, Value: true}}, Effectful: true,
		Replay: Replay{Keep: Always, Anywhere: true},
		Prompt: "Enter, Escape, Control+a or text, to the focus.",
	},
	{
		Name:     "scroll",
		Aliases:  []Alias{{Name: "scroll_down"}, {Name: "scroll_up", Implied: map[string]any{"down": false}}},
		Params:   []Param{{Name: "down", Type: Bool}, {Name: "pages", Type: Number}, optional(index)},
		ReadOnly: true,
		Replay:   Replay{Keep: IfNeeded},
		Prompt:   "screens; with index, in that element.",
	},
	{
		Name: "find_text", Aliases: []Alias{{Name: "scroll_to_text"}}, Params: []Param{text}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "scroll to it.",
	},
	{
		Name: "search_page", Params: []Param{named(query, "pattern")}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "find a text.",
	},
	{
		Name: "find_elements", Params: []Param{named(query, "selector")}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "by CSS selector.",
	},
	{
		Name: "wait", Params: []Param{{Name: "seconds", Type: Number}}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
	},
	{
		Name: "switch", Aliases: []Alias{{Name: "switch_tab"}}, Params: []Param{required(tabID)}, Effectful: true,
		Replay: Replay{Keep: Always, Replaces: Whatever},
	},
	{
		Name: "close", Aliases: []Alias{{Name: "close_tab"}}, Params: []Param{tabID}, Effectful: true,
		Replay: Replay{Keep: Always, Undoes: Tab},
	},
	{
		Name: "screenshot", ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "adds a picture to the next page.",
	},
	{
		Name: "whole_page", ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "shows all of the next page.",
	},
	{
		Name: "save_as_pdf", Aliases: []Alias{{Name: "save_pdf"}}, Params: []Param{path}, Unaimed: true,
		Replay: Replay{Keep: Always, Lasts: true},
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
		Prompt:  "the user gets all files.",
	},
	{
		Name: "replace_file", Aliases: []Alias{{Name: "replace_file_str"}},
		Params:  []Param{required(path), named(query, "old_str"), optional(named(text, "new_str"))},
		Unaimed: true,
		Replay:  Replay{Keep: Always, Lasts: true},
		Prompt:  "text in place of query.",
	},
	{
		Name: "read_file", Params: []Param{required(path), query}, ReadOnly: true, Unaimed: true,
		Replay: Replay{Keep: LeftOut},
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
		Params:   []Param{query, {Name: "data", Type: Any}, {Name: "pages", Type: Number}},
		ReadOnly: true, Unaimed: true, ByAgent: true,
		Replay: Replay{Keep: LeftOut},
		Prompt: "answers query from the whole page, with link addresses; as JSON if data is a JSON Schema. Scrolls up to pages (40) screens.",
	},
	{
		Name: "done",
		Params: []Param{
			{Name: "text", Type: String}, {Name: "success", Type: Bool},
			{Name: "data", Type: Any},
		},
		ByAgent: true,
		Replay:  Replay{Keep: Always},
		Prompt:  "alone in its step. text: the answer, or why success is false. data: the result, if JSON is asked for.",
	},
}
