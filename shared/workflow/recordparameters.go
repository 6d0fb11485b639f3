package workflow

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// book knows the values of a recording that the prompt has told, by which other runs differ.
type book struct {
	prompt *passage
	values []*value
	taken  map[string]bool // names of parameters and fields
	made   []filled        // slots whose values are made of others
}

// newBook finds the parameters: first the values that actions were done with, then the phrases by which elements were
// chosen.
func newBook(prompt string, moves []*move, taken map[string]bool) *book {
	b := &book{prompt: newPassage(prompt, address, secretRef), taken: taken}
	for _, m := range moves {
		for _, s := range m.slots() {
			b.add(s)
		}
	}
	b.allot()
	for _, m := range moves {
		b.choice(m)
	}
	for _, v := range b.values {
		v.name = b.unique(nameFor(v.label))
	}
	return b
}

func (b *book) add(s slot) {
	in := b.prompt
	if s.key == "url" && s.part == "" { // a whole address stands where no other value is looked for
		in = newPassage(string(in.text))
	}
	if s.key == "keys" && commonKey.MatchString(s.text) {
		return
	}
	v := s.find(in)
	if v == nil {
		return
	}
	for _, known := range b.values {
		if known.typ == v.typ && strings.EqualFold(known.value, v.value) || strings.EqualFold(known.text, v.text) {
			known.merge(v)
			return
		}
	}
	b.values = append(b.values, v)
}

// merge adds the slots of a value that the prompt tells in the same place. What one control takes for a number and
// another for a text is a text, unless it is written in different ways.
func (v *value) merge(other *value) {
	v.slots = append(v.slots, other.slots...)
	written := func(s filled) bool { return !strings.EqualFold(s.text, v.text) }
	switch {
	case v.typ == other.typ:
	case !slices.ContainsFunc(v.slots, written):
		v.reading = reading{typ: TypeString, value: v.text}
		for i := range v.slots {
			v.slots[i].format = ""
		}
	case v.typ == TypeString:
		v.reading = other.reading
	}
}

var commonKey = regexp.MustCompile(`(?i)^((control|ctrl|shift|alt|meta)\+)*(enter|tab|escape|backspace|delete|space|home|end|insert|page(up|down)|arrow\w+|f\d+|.)(:(down|up))?$`)

// allot gives each value its places in the prompt, the longest first. One that finds only places within a longer one
// tells that the longer is made of it: the longer one is no value then.
func (b *book) allot() {
	for again := true; again; {
		again = false
		order := slices.DeleteFunc(slices.Clone(b.values), func(v *value) bool { return v.within })
		slices.SortStableFunc(order, func(x, y *value) int { return cmp.Compare(len(y.text), len(x.text)) })
		for i, v := range order {
			free := slices.DeleteFunc(slices.Clone(v.spans), func(s span) bool { return overlapped(s, order[:i]) })
			if len(free) == 0 {
				for _, longer := range order[:i] {
					longer.within = longer.within || slices.ContainsFunc(v.spans, func(s span) bool { return overlapped(s, []*value{longer}) })
				}
				again = true
				break
			}
			v.spans = free
		}
		if again {
			b.restore()
		}
	}
	for _, v := range b.values {
		if v.within {
			b.made = append(b.made, v.slots...)
		}
	}
	b.values = slices.DeleteFunc(b.values, func(v *value) bool { return v.within })
	for _, v := range b.values {
		b.prompt.closed = append(b.prompt.closed, v.spans...)
	}
}

// restore finds all places of the values again.
func (b *book) restore() {
	for _, v := range b.values {
		if all := b.prompt.all(v.text); len(all) > 0 {
			v.spans = all
		}
	}
}

func overlapped(s span, values []*value) bool {
	return slices.ContainsFunc(values, func(v *value) bool { return slices.ContainsFunc(v.spans, s.overlaps) })
}

// choice looks for the phrase of the prompt by which the element of a move was chosen among its like.
func (b *book) choice(m *move) {
	if !forElement(m.name) {
		return
	}
	phrase := b.phraseFor(m)
	spans := b.prompt.all(phrase)
	if len(spans) == 0 {
		return
	}
	label := "item"
	if choiceRoles[m.mark("role")] {
		label = "choice"
	}
	b.values = append(b.values, &value{
		reading: reading{typ: TypeString, value: b.prompt.at(spans[0])}, text: b.prompt.at(spans[0]), spans: spans, label: label, chosen: true, by: m,
	})
	b.prompt.closed = append(b.prompt.closed, spans...)
}

var (
	choiceRoles = setOf(`option radio menuitemradio treeitem gridcell`)
	menus       = setOf(`nav navigation header banner footer contentinfo`)
)

// phraseFor: what the item says beside the control's own name, or the name of something that is chosen from a list.
func (b *book) phraseFor(m *move) string {
	name, key := m.mark("name"), m.rowKey()
	own := texts(newPassage(name).words())
	item := m.mark("role") != "button" || m.name == "double_click" || m.name == "right_click" // which no plain button is for
	named := specOf(m.name).Replay.Chosen && item && !menus[m.mark("landmark")]
	for _, q := range quotedIn(string(b.prompt.text)) {
		if len(b.prompt.all(q)) > 0 && (has(key, q) || named && has(name, q)) {
			return q
		}
	}
	if key != "" {
		beside := texts(newPassage(key).words())
		for i, w := range beside {
			if slices.Contains(own, w) {
				beside[i] = ""
			}
		}
		number, called := b.numberOf(key)
		phrase := run(b.prompt, b.prompt.words(), beside)
		kind := number != "" && called != "" && !has(phrase, number) && has(phrase, called) // what all of the rows are
		if telling(phrase) && has(key, phrase) && !kind {
			return phrase
		}
		if number != "" {
			return number
		}
	}
	if phrase := run(b.prompt, b.prompt.words(), own); named && telling(phrase) && (choiceRoles[m.mark("role")] || key != "" || strings.Contains(phrase, " ") || b.isName(phrase)) {
		return phrase
	}
	return ""
}

// rowKey is the text of the item that a move's element stands in.
func (m *move) rowKey() string {
	target, _ := m.params["target"].(map[string]any)
	list, _ := target["list"].(map[string]any)
	key, _ := list["key_text"].(string)
	return key
}

// numberOf is the number, however short, that the prompt and the text of a row call the same: the row begins with it, or
// the same word stands before it in both, which is what it is called. It is empty for none.
func (b *book) numberOf(row string) (number, called string) {
	in := newPassage(row)
	for i, w := range in.words() {
		spans := b.prompt.all(w.text)
		if !isDigits(w.text) || len(spans) != 1 {
			continue
		}
		called := in.wordBefore(w.span)
		if i == 0 || called != "" && !stopWords[called] && called == b.prompt.wordBefore(spans[0]) {
			return w.text, called
		}
	}
	return "", ""
}

// wordBefore is the word before a place, but for signs and what numbers are introduced by.
func (p *passage) wordBefore(s span) (before string) {
	for _, w := range (&passage{text: p.text}).words() {
		if w.span[1] <= s[0] && !introductions[w.text] {
			before = w.text
		}
	}
	return before
}

var introductions = setOf(`no nr num number nummer id`)

func texts(words []word) (list []string) {
	for _, w := range words {
		list = append(list, w.text)
	}
	return list
}

func has(text, phrase string) bool { return len(newPassage(text).all(phrase)) > 0 }

// telling reports whether a phrase can tell one item from another.
func telling(phrase string) bool {
	letters, digits := 0, 0
	for _, r := range phrase {
		if unicode.IsLetter(r) {
			letters++
		} else if unicode.IsDigit(r) {
			digits++
		}
	}
	return (letters >= 2 || digits >= 3) && !allCommon(phrase)
}

// isName reports whether a word has a capital letter where no sentence begins, or a digit.
func (b *book) isName(phrase string) bool {
	for _, s := range b.prompt.all(phrase) {
		before := strings.TrimRight(string(b.prompt.text[:s[0]]), " \n\t")
		begins := before == "" || strings.ContainsAny(before[len(before)-1:], ".!?:")
		if strings.ContainsAny(phrase, "0123456789") || !begins && unicode.IsUpper(b.prompt.text[s[0]]) {
			return true
		}
	}
	return false
}

func (b *book) unique(name string) string {
	unique := name
	for n := 2; b.taken[unique]; n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	b.taken[unique] = true
	return unique
}

// parameters are the values as parameters of the workflow.
func (b *book) parameters() []Parameter {
	list := []Parameter{}
	for _, v := range b.values {
		about := v.label
		if v.chosen {
			about = "what is chosen from a list"
		}
		list = append(list, Parameter{Name: v.name, Description: about, Type: v.typ, ExampleValue: v.example()})
	}
	return list
}

// template is the prompt with placeholders.
func (b *book) template() string {
	var marks []mark
	for _, v := range b.values {
		for _, s := range v.spans {
			marks = append(marks, mark{s, v.placeholder(v.format)})
		}
	}
	return marked(b.prompt.text, marks)
}

// mark is a span of a text and the template that takes its place.
type mark struct {
	span     span
	template string
}

// marked puts marks that do not overlap into a text.
func marked(text []rune, marks []mark) string {
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(a.span[0], b.span[0]) })
	var b strings.Builder
	at := 0
	for _, m := range marks {
		b.WriteString(escape(string(text[at:m.span[0]])) + m.template)
		at = m.span[1]
	}
	b.WriteString(escape(string(text[at:])))
	return b.String()
}

// put writes a text as a template: where it tells a value as the prompt or an action does, there is its placeholder.
// Short numbers are taken for a value only where loose says that it is certain that they are.
func (b *book) put(text string, loose func(*value) bool) string {
	return b.write(text, marking{loose: loose})
}

// marking says how values are looked for in a text.
type marking struct {
	loose    func(*value) bool // for which values short numbers count too; nil: for none
	keepCase bool              // a value in other letters than the prompt's is written so again
}

func (b *book) write(text string, how marking) string {
	p := newPassage(text, secretRef)
	var marks []mark
	for _, v := range b.values {
		for _, form := range v.forms() {
			if !form.telling() && (how.loose == nil || !how.loose(v)) {
				continue
			}
			for _, s := range p.all(form.text) {
				format := form.format
				if how.keepCase && format == "" && v.typ == TypeString {
					format = letterCase(form.text, string(p.text[s[0]:s[1]]))
				}
				marks = append(marks, mark{s, v.placeholder(format)})
			}
		}
	}
	slices.SortStableFunc(marks, func(x, y mark) int { return cmp.Compare(y.span[1]-y.span[0], x.span[1]-x.span[0]) })
	var apart []mark
	for _, m := range marks {
		if !slices.ContainsFunc(apart, func(other mark) bool { return other.span.overlaps(m.span) }) {
			apart = append(apart, m)
		}
	}
	return marked(p.text, apart)
}

// letterCase is the format in which a text writes a value in other letters; empty if it has the value's own.
func letterCase(value, text string) string {
	switch text {
	case value:
		return ""
	case strings.ToLower(value):
		return formatLower
	case strings.ToUpper(value):
		return formatUpper
	}
	return ""
}

// form is a text that a value is written as.
type form struct{ text, format string }

func (v *value) forms() []form {
	list := []form{{v.text, v.format}}
	for _, s := range v.slots {
		if f := (form{s.text, s.format}); !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

// telling reports whether the text is hardly there by chance.
func (f form) telling() bool {
	runes := []rune(f.text)
	return len(runes) >= 3 && (strings.ContainsFunc(f.text, unicode.IsLetter) || len(runes) >= 4 && !isDigits(f.text)) || len(runes) >= 5
}
