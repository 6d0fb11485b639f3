package workflow

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// slot is a value of an action that may come from the prompt.
type slot struct {
	move  *move
	key   string // of the move's params
	part  string // of an address: the value; empty for the whole
	label string // what the control is called
	text  string
}

// slots lists the values that a move was done with.
func (m *move) slots() (list []slot) {
	if m.initial {
		return nil
	}
	label := cmp.Or(m.mark("label"), m.mark("name"), m.mark("placeholder"), m.mark("name_attr"))
	otherwise := map[string]string{"path": "file", "keys": "text"}
	for _, p := range specOf(m.name).Params {
		text, ok := m.params[p.Name].(string)
		if ok && text != "" && p.Value && !secretRef.MatchString(text) {
			list = append(list, slot{move: m, key: p.Name, label: cmp.Or(label, otherwise[p.Name]), text: text})
		}
	}
	slices.SortFunc(list, func(a, b slot) int { return strings.Compare(a.key, b.key) })
	if address, ok := m.params["url"].(string); ok {
		list = append(list, slot{move: m, key: "url", label: "url", text: address})
		rewritten(address, func(name, value string) (string, bool) {
			if len([]rune(value)) > 1 && !allCommon(value) {
				list = append(list, slot{move: m, key: "url", part: value, label: name, text: value})
			}
			return "", false
		})
	}
	return list
}

// allCommon reports whether a text has only words that controls are called by.
func allCommon(text string) bool {
	for _, w := range newPassage(text).words() {
		if !commonWords[w.text] && !stopWords[w.text] {
			return false
		}
	}
	return true
}

// reading is what a text may mean, and the format that it is written in.
type reading struct {
	typ, value, format string
}

var (
	verbatim = regexp.MustCompile(`(?i)phone|\btel|zip|post|plz|code|\bpin\b|iban|card|account|\bid\b|user|password|name`)
	amount   = regexp.MustCompile(`(?i)price|amount|cost|sum|weight|betrag|preis|rate|percent`)
)

// readings lists what a text may mean as a date or a number, for a control of that kind.
func (s slot) readings(text string) (list []reading) {
	for _, f := range dateFormats(text) {
		date, _ := readDate(text, f)
		list = append(list, reading{TypeDate, date, strings.Replace(f, "YYYY-MM-DD", "", 1)})
	}
	role := s.move.mark("role")
	if role != "number" && role != "spinbutton" && role != "slider" && (verbatim.MatchString(s.label) || s.move.mark("type") == "tel") {
		return list
	}
	for _, f := range numberFormats(text) {
		number, _ := readNumber(text, f)
		typ := TypeInteger
		if strings.Contains(number, ".") || amount.MatchString(s.label) {
			typ = TypeNumber
		}
		if number == text {
			f = ""
		}
		list = append(list, reading{typ, number, f})
	}
	return list
}

var mentions = regexp.MustCompile(`\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}\.? ?-?[A-Za-z]+[ .,-]+\d{4}|[A-Za-z]+\.? \d{1,2},? \d{4}|-?\d(?:[\d.,'’ \x{a0}\x{202f}]*\d)?`)

// value is a value that stands in the prompt and in actions.
type value struct {
	reading        // of the prompt's text
	text    string // as the prompt has it
	spans   []span
	label   string
	slots   []filled // where actions have it
	chosen  bool     // by which an element was chosen,
	by      *move    // that of this move
	within  bool     // it is told by another one that is a part of it
	name    string   // of the parameter
}

// filled is a slot and the format of the value there.
type filled struct {
	slot
	format string
}

// find looks for a slot's value in the prompt: its text, or a date or a number that is written otherwise there.
func (s slot) find(prompt *passage) *value {
	spans := prompt.all(s.text)
	if len(spans) > 0 && (len([]rune(s.text)) > 1 || isDigits(s.text)) {
		v := &value{reading: reading{typ: TypeString, value: prompt.at(spans[0])}, text: prompt.at(spans[0]), spans: spans, label: s.label}
		if r := s.readings(s.text); len(r) == 1 {
			v.reading = r[0]
		}
		v.slots = []filled{{s, v.format}}
		return v
	}
	own := s.readings(s.text)
	var found *value
	for _, m := range mentions.FindAllStringIndex(string(prompt.text), -1) {
		start := len([]rune(string(prompt.text)[:m[0]]))
		at := span{start, start + len([]rune(string(prompt.text)[m[0]:m[1]]))}
		if !prompt.whole(at) || !prompt.open(at) {
			continue
		}
		for _, there := range s.readings(prompt.at(at)) {
			i := slices.IndexFunc(own, func(r reading) bool { return r.value == there.value })
			switch {
			case i < 0:
			case found == nil:
				found = &value{reading: there, text: prompt.at(at), spans: []span{at}, label: s.label, slots: []filled{{s, own[i].format}}}
			case found.value != there.value:
				return nil // it may be either
			}
		}
	}
	return found
}

// example is the value of the recording, as a parameter has it.
func (v *value) example() any {
	if v.typ == TypeNumber || v.typ == TypeInteger {
		return json.Number(v.value)
	}
	return v.value
}

// placeholder is the value's place in a text where it has that format.
func (v *value) placeholder(format string) string {
	return piece{name: v.name, format: format}.String()
}

// nameFor makes a parameter's name of what a control is called.
func nameFor(label string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(label)) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case r == 'ß':
			b.WriteString("ss")
		case !unicode.Is(unicode.Mn, r):
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	name := strings.Join(words[:min(4, len(words))], "_")
	switch {
	case name == "q" || name == "s":
		return "search"
	case name == "":
		return "value"
	case unicode.IsDigit(rune(name[0])):
		return "value_" + name
	}
	return name[:min(40, len(name))]
}
