package workflow

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// pins are the fields of a fingerprint that hold one item and not its like.
var pins = []string{"id", "testid", "css", "xpath", "href_path", "text_hash", "neighbors", "rect"}

// siteWords are the fields of a fingerprint whose words are the site's own: none of them is a value, even if it is spelt
// like one.
var siteWords = setOf(`tag role name_src type testid name_attr placeholder label landmark`)

// action is a move as the workflow does it.
func (b *book) action(m *move) Action {
	params := map[string]any{}
	for name, v := range m.params {
		if _, ok := recordable(specOf(m.name), name); ok && v != nil {
			params[name] = v
		}
	}
	for name, v := range params {
		if text, ok := v.(string); ok && !slices.Contains([]string{"xpath", "css", "to_xpath", "to_css"}, name) && !pointing(m, name) {
			params[name] = b.param(m, name, text)
		}
	}
	for target, path := range map[string]string{"target": "xpath", "to_target": "to_xpath"} {
		b.element(m, params, target, path)
	}
	if m.name == "done" {
		params = map[string]any{"success": true}
	}
	return Action{Name: m.name, Params: params, Sends: m.sends}
}

// pointing reports whether a parameter only says how the pointer acts: the keys held, the points it goes to.
func pointing(m *move, name string) bool {
	p, _ := specOf(m.name).Param(name)
	return specOf(m.name).Replay.Chosen && !p.Value
}

// element is what an action is for, told by its fingerprint and the path to it.
func (b *book) element(m *move, params map[string]any, target, path string) {
	item := false
	if found, ok := params[target].(map[string]any); ok {
		params[target], item = b.target(m, found)
	}
	if at, ok := params[path].(string); ok && item {
		delete(params, path)
	} else if ok {
		params[path] = escape(at)
	}
}

// param is a text that an action was done with: a value, or one that may hold values.
func (b *book) param(m *move, key, text string) string {
	for _, v := range b.values {
		for _, s := range v.slots {
			if s.move == m && s.key == key && s.part == "" {
				return v.placeholder(s.format)
			}
		}
	}
	if m.initial && key == "url" {
		return piece{name: InitialURL}.String()
	}
	if key == "url" {
		return rewritten(text, func(_, part string) (string, bool) { return b.part(m, part) })
	}
	made := slices.ContainsFunc(b.made, func(s filled) bool { return s.move == m && s.key == key })
	return b.write(text, marking{loose: func(v *value) bool { return made || v.typ == TypeString }, keepCase: true})
}

// part is a part of an address that an action opens, where it is a value or made of values.
func (b *book) part(m *move, part string) (template string, ok bool) {
	is := func(s filled) bool { return s.move == m && s.part == part && part != "" }
	for _, v := range b.values {
		if i := slices.IndexFunc(v.slots, is); i >= 0 {
			return v.placeholder(v.slots[i].format), true
		}
	}
	if !slices.ContainsFunc(b.made, is) {
		return "", false
	}
	parts, _ := pieces(b.put(part, func(*value) bool { return true }))
	for _, p := range parts {
		p.literal = url.PathEscape(p.literal)
		template += p.String()
	}
	return template, true
}

// target is the fingerprint of what stands where the old one stood: with the values that tell it, without what held the
// old item. item says that it was one of many.
func (b *book) target(m *move, target map[string]any) (_ map[string]any, item bool) {
	typed := func(v *value) bool {
		return slices.ContainsFunc(v.slots, func(s filled) bool { return s.move == m })
	}
	others := &book{values: slices.DeleteFunc(slices.Clone(b.values), typed)}
	target = maps.Clone(target)
	name, _ := target["name"].(string)
	here := func(v *value) bool { return v.chosen && (v.by == m || m.rowKey() != "" && v.by.rowKey() == m.rowKey()) } // however short it is
	named := others.put(name, here)
	list, _ := target["list"].(map[string]any)
	key, _ := list["key_text"].(string)
	keyed := others.put(key, here)
	item = len(names(named)) > 0 || len(names(keyed)) > 0
	for k, v := range target {
		if text, ok := v.(string); ok && siteWords[k] {
			target[k] = escape(text)
			continue
		}
		target[k] = others.text(v)
	}
	if item {
		for _, label := range []string{"label", "placeholder"} {
			if text, ok := target[label].(string); ok && len(names(others.put(text, here))) > 0 {
				delete(target, label) // the label of the item that was chosen
			}
		}
		for _, pin := range pins {
			delete(target, pin)
		}
		if name != "" {
			target["name"] = withoutVolatile(named)
		}
		if target["name"] != named {
			target["part"] = true // what is left of the name stands in it among other words
		}
	}
	for _, pin := range pins {
		if others.holds(target[pin]) {
			delete(target, pin)
		}
	}
	if list != nil {
		list = maps.Clone(list)
		list["key_text"] = onlyPlaceholders(keyed)
		if item {
			delete(list, "index")
		}
		if container, ok := list["container"].(string); ok {
			list["container"] = escape(container)
		}
		target["list"] = list
	}
	return target, item
}

// text writes every string of a decoded value as a template.
func (b *book) text(v any) any {
	switch v := v.(type) {
	case string:
		return b.put(v, nil)
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = b.text(list[i])
		}
		return list
	case map[string]any:
		m := maps.Clone(v)
		for k := range m {
			if s, ok := m[k].(string); ok && (k == "css" || k == "xpath") {
				if m[k] = escape(s); b.holds(s) {
					delete(m, k)
				}
				continue
			}
			m[k] = b.text(m[k])
		}
		return m
	}
	return v
}

// holds reports whether a selector, an id or a path is made of a value.
func (b *book) holds(v any) bool {
	text, ok := v.(string)
	if !ok || text == "" {
		return false
	}
	skeleton := Skeleton(text)
	return len(names(text)) > 0 || slices.ContainsFunc(b.values, func(v *value) bool {
		part := Skeleton(v.text)
		return len([]rune(part)) >= 4 && strings.Contains(skeleton, part)
	})
}

// withoutVolatile leaves of a name that tells a price or a count beside the value only the value: they are others for
// another item.
func withoutVolatile(template string) string {
	parts, _ := pieces(template)
	if slices.ContainsFunc(parts, func(p piece) bool { return strings.ContainsFunc(p.literal, unicode.IsDigit) }) {
		return onlyPlaceholders(template)
	}
	return template
}

// onlyPlaceholders leaves out all else, unless there are none.
func onlyPlaceholders(template string) string {
	var list []string
	parts, _ := pieces(template)
	for _, p := range parts {
		if p.name != "" {
			list = append(list, p.String())
		}
	}
	if list == nil {
		return template
	}
	return strings.Join(list, " ")
}
