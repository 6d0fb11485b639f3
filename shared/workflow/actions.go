package workflow

import (
	"maps"
	"slices"
)

// kind is what a workflow may say of an action.
type kind struct {
	params   map[string]string // the parameters, by the type of their value
	needs    []string          // those that must be there: one of them
	element  bool              // it is for an element, which must be told
	eye      bool              // it only shows something to a model: no replay needs it
	optional bool              // it may be for an element
	chooses  bool              // what its element is called may be why it was chosen
}

// Types of the values of parameters.
const (
	aString  = "a string"
	aTruth   = "true or false"
	aNumber  = "a number"
	anObject = "an object"
	aValue   = "any value"
)

// places are the parameters that tell which element an action is for.
var places = map[string]string{"target": anObject, "css": aString, "xpath": aString}

// kinds are the actions that a workflow may hold, by the names that are used now.
var kinds = map[string]kind{
	"navigate":         {params: map[string]string{"url": aString, "new_tab": aTruth}, needs: []string{"url"}},
	"click":            {element: true, chooses: true},
	"hover":            {element: true, chooses: true},
	"drag":             {params: map[string]string{"to_target": anObject, "to_css": aString, "to_xpath": aString}, element: true, chooses: true},
	"input":            {params: map[string]string{"text": aString, "clear": aTruth}, needs: []string{"text"}, element: true},
	"select_dropdown":  {params: map[string]string{"text": aString}, needs: []string{"text"}, element: true},
	"dropdown_options": {element: true, eye: true},
	"upload_file":      {params: map[string]string{"path": aString, "file_name": aString}, needs: []string{"path", "file_name"}, element: true},
	"scroll":           {params: map[string]string{"down": aTruth, "pages": aNumber}, optional: true, eye: true},
	"send_keys":        {params: map[string]string{"keys": aString}, needs: []string{"keys"}},
	"go_back":          {},
	"go_forward":       {},
	"reload":           {},
	"wait":             {params: map[string]string{"seconds": aNumber}, eye: true},
	"switch":           {params: map[string]string{"tab_id": aString}, needs: []string{"tab_id"}},
	"close":            {params: map[string]string{"tab_id": aString}},
	"extract":          {params: map[string]string{"query": aString, "data": aValue}, eye: true},
	"find_text":        {params: map[string]string{"text": aString}, needs: []string{"text"}, eye: true},
	"search_page":      {params: map[string]string{"query": aString, "pattern": aString}, eye: true},
	"find_elements":    {params: map[string]string{"query": aString, "selector": aString}, eye: true},
	"screenshot":       {eye: true},
	"whole_page":       {eye: true},
	"evaluate":         {params: map[string]string{"text": aString, "code": aString}, needs: []string{"text", "code"}},
	"save_as_pdf":      {params: map[string]string{"path": aString, "file_name": aString}},
	"write_file":       {params: map[string]string{"path": aString, "file_name": aString, "text": aString, "content": aString, "clear": aTruth, "append": aTruth}, needs: []string{"path", "file_name"}},
	"replace_file":     {params: map[string]string{"path": aString, "file_name": aString, "query": aString, "old_str": aString, "text": aString, "new_str": aString}, needs: []string{"path", "file_name"}},
	"read_file":        {params: map[string]string{"path": aString, "file_name": aString}, needs: []string{"path", "file_name"}, eye: true},
	"done":             {params: map[string]string{"text": aString, "data": aValue, "success": aTruth}},
}

// aliases are older names of the same actions.
var aliases = map[string]string{
	"go_to_url":               "navigate",
	"open_tab":                "navigate",
	"click_element":           "click",
	"click_element_by_index":  "click",
	"input_text":              "input",
	"select_dropdown_option":  "select_dropdown",
	"get_dropdown_options":    "dropdown_options",
	"scroll_down":             "scroll",
	"scroll_up":               "scroll",
	"scroll_to_text":          "find_text",
	"switch_tab":              "switch",
	"close_tab":               "close",
	"hover_element":           "hover",
	"drag_drop":               "drag",
	"drag_and_drop":           "drag",
	"refresh":                 "reload",
	"append_file":             "write_file",
	"replace_file_str":        "replace_file",
	"save_pdf":                "save_as_pdf",
	"execute_javascript":      "evaluate",
	"extract_content":         "extract",
	"extract_structured_data": "extract",
}

// canonical is the name that is used now for an action; an unknown name stays.
func canonical(name string) string {
	if now, ok := aliases[name]; ok {
		return now
	}
	return name
}

// actionNames lists the actions that there are.
func actionNames() []string { return slices.Sorted(maps.Keys(kinds)) }

// param is the type of a parameter's value, empty where the action has no such parameter.
func (k kind) param(name string) string {
	if k.element || k.optional {
		if typ, ok := places[name]; ok {
			return typ
		}
	}
	return k.params[name]
}

// paramNames lists what the action takes.
func (k kind) paramNames() []string {
	list := slices.Sorted(maps.Keys(k.params))
	if k.element || k.optional {
		list = append(list, slices.Sorted(maps.Keys(places))...)
	}
	return list
}

// typed reports whether a decoded value is of a parameter's type.
func typed(v any, typ string) bool {
	switch typ {
	case aString:
		_, ok := v.(string)
		return ok
	case aTruth:
		_, ok := v.(bool)
		return ok
	case aNumber:
		_, ok := plainValue(v)
		return ok
	case anObject:
		_, ok := v.(map[string]any)
		return ok
	}
	return true
}
