package reading

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/errand-run/errand/shared/workflow"
)

var (
	quoted = regexp.MustCompile(`“([^”]+)”|"([^"]+)"|«([^»]+)»|„([^“”]+)[“”]`)
	// numeral is a word that holds a digit, as 39.00 and A-17 do.
	numeral = regexp.MustCompile(`-?[\p{L}\p{N}]*\p{N}[\p{L}\p{N}]*(?:[.,'’:/_-][\p{L}\p{N}]+)*`)
	// capitals are words that begin with a capital letter, with what joins them.
	capitals = regexp.MustCompile(`\p{Lu}[\p{L}\p{M}’'-]*(?: (?:(?:of|the|de|von|van|di|la|&) )?\p{Lu}[\p{L}\p{M}’'-]*)*`)
)

// quotation is a piece of a text result that could be a value of a page.
type quotation struct {
	start, end int
	text       string
	open       bool // it begins a sentence, and could be capitalised for that
}

// quotes finds them, in their order; none overlaps another.
func quotes(text string) (list []quotation) {
	add := func(start, end int) {
		overlaps := slices.ContainsFunc(list, func(q quotation) bool { return start < q.end && q.start < end })
		if !overlaps && end > start {
			list = append(list, quotation{start, end, text[start:end], opens(text[:start])})
		}
	}
	for _, m := range quoted.FindAllStringSubmatchIndex(text, -1) {
		for i := 2; i < len(m); i += 2 {
			add(max(m[i], 0), m[i+1])
		}
	}
	for _, place := range workflow.Dates(text) {
		add(place[0], place[1])
	}
	for _, pattern := range []*regexp.Regexp{numeral, capitals} {
		for _, m := range pattern.FindAllStringIndex(text, -1) {
			add(m[0], m[1])
		}
	}
	slices.SortFunc(list, func(a, b quotation) int { return a.start - b.start })
	return list
}

// opens: what comes next begins a sentence.
func opens(before string) bool {
	before = strings.TrimRight(before, " \t\n*_-•“\"")
	return before == "" || strings.ContainsAny(before[len(before)-1:], ".!?:")
}

// quotations are the values that a text result may quote.
func quotations(text string) []any {
	var list []any
	for _, q := range quotes(text) {
		list = append(list, q.values()...)
	}
	return list
}

// values are what the quotation may be on a page: its very words, or the number that they are.
func (q quotation) values() []any {
	values := []any{q.text}
	if json.Valid([]byte(q.text)) && !strings.ContainsAny(q.text, `"{[eE`) && q.certain() {
		values = append(values, json.Number(q.text))
	}
	return values
}

// certain: it holds a digit, so that it is a value and not just words.
func (q quotation) certain() bool { return strings.ContainsFunc(q.text, unicode.IsDigit) }

// text makes a template of a text result: what it quotes from a page becomes a field. A value that is found nowhere, and
// was not asked for, makes all of it need a model.
func (f *finder) text(text string) workflow.Sources {
	if strings.Contains(text, "{{") { // which a template could not tell from its own
		return workflow.Sources{NeedsModel: []string{""}}
	}
	if whole, ok := f.whole(text); ok {
		return whole
	}
	var template strings.Builder
	names, at := map[string]string{}, 0
	for _, q := range quotes(text) {
		name, known := names[q.text]
		if !known && !f.asked(q.text) {
			name = f.quote(text, q)
			names[q.text] = name
			if name == "" && (q.certain() || !q.open || strings.Contains(q.text, " ")) {
				return workflow.Sources{NeedsModel: []string{""}}
			}
		}
		if name != "" {
			template.WriteString(text[at:q.start] + "{{ " + name + " }}")
			at = q.end
		}
	}
	if at == 0 {
		return workflow.Sources{}
	}
	f.found.Text = template.String() + text[at:]
	return f.found
}

// whole finds a text that is nothing but one value of a page: under a label that was asked for, or in the first item of
// a list.
func (f *finder) whole(text string) (workflow.Sources, bool) {
	value := strings.TrimSpace(text)
	field := workflow.Field{}
	if list, step, ok := f.first(value, nil); ok {
		field = workflow.Field{Step: step, List: &list}
	} else if m, step, ok := f.only(value, nil); ok && f.asked(m.leaf.Label) && !m.leaf.Plain {
		field = workflow.Field{Step: step, Source: m.leaf.Source, Rule: &m.rule}
	} else {
		return workflow.Sources{}, false
	}
	f.found.Text = "{{ " + f.add(field, "answer") + " }}"
	return f.found, true
}

// quote finds a quotation's leaf and gives its field's name; "" where there is none.
func (f *finder) quote(text string, q quotation) string {
	called := q.around(text)
	for _, value := range q.values() {
		m, step, ok := f.only(value, called)
		if !ok || !q.certain() && m.leaf.Label == "" && !m.leaf.Title {
			continue
		}
		return f.add(workflow.Field{Step: step, Source: m.leaf.Source, Rule: &m.rule}, m.leaf.Label)
	}
	return ""
}

// around are the words of the sentence that stand next to a quotation: what it is called.
func (q quotation) around(text string) []string {
	before, after := words(text[:q.start]), words(text[q.end:])
	return slices.Concat(before[max(0, len(before)-6):], after[:min(len(after), 2)])
}
