package reading

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/workflow"
)

// page is a page's leaves, and what they say of each other.
type page struct {
	step   int
	leaves []browser.Leaf
	within map[int]int // element -> the nearest around it that is a leaf
}

func newPage(p Page) page {
	made := page{step: p.Step, leaves: p.Leaves, within: map[int]int{}}
	for _, l := range p.Leaves {
		made.within[l.Node] = l.Within
	}
	return made
}

// match is a leaf that a value can be read from, and how.
type match struct {
	leaf browser.Leaf
	rule workflow.Rule
}

// matches lists the leaves that give a value, each place once.
func (p page) matches(value any) []match {
	var all []match
	for _, l := range p.leaves {
		if l.Attr == "href" && l.Text != value { // an address is the value or no place of it
			continue
		}
		if rules := workflow.Rules(l.Text, value); len(rules) > 0 {
			all = append(all, match{l, rules[0]})
		}
	}
	return p.places(all)
}

// places keeps of matches in one another the innermost, of those of one element that with a label, and leaves out what
// only repeats in words what is seen.
func (p page) places(all []match) []match {
	var kept []match
	for _, m := range all {
		outer := slices.ContainsFunc(all, func(other match) bool { return p.isIn(other.leaf.Node, m.leaf.Node) })
		worse := slices.ContainsFunc(all, func(other match) bool {
			return other.leaf.Node == m.leaf.Node && string(other.leaf.Source) != string(m.leaf.Source) && other.better(m)
		})
		echo := m.leaf.Attr == "alt" && slices.ContainsFunc(all, func(other match) bool { return other.leaf.Attr == "" })
		if !outer && !worse && !echo {
			kept = append(kept, m)
		}
	}
	return kept
}

// isIn: an element is within another.
func (p page) isIn(inner, outer int) bool {
	for at, depth := p.within[inner], 0; at != 0 && depth < 50; at, depth = p.within[at], depth+1 {
		if at == outer {
			return true
		}
	}
	return false
}

// better: of two texts of one element, the one with a label, else the one for machines.
func (m match) better(other match) bool {
	if labelled := m.leaf.Label != ""; labelled != (other.leaf.Label != "") {
		return labelled
	}
	return m.leaf.Attr != "" && other.leaf.Attr == ""
}

// named: one of the leaf's anchors says what the value is called.
func (m match) named(called []string, says func(a, b []string) bool) bool {
	a := m.leaf.Anchors
	return slices.ContainsFunc([]string{a.Label, a.Column, a.Row, m.around()}, func(anchor string) bool { return says(words(anchor), called) })
}

// around is what the text of a number says of it; of a text that is a value itself it is empty.
func (m match) around() string {
	if m.rule.Type != workflow.TypeNumber && m.rule.Type != workflow.TypeInteger {
		return ""
	}
	return m.rule.Prefix + " " + m.rule.Suffix
}

// byNumber is a step to a paragraph, a heading or a cell that only its number tells from its like.
var byNumber = regexp.MustCompile(`(^|/)(p|h[1-6]|td|th|dt|dd)\[\d+/\d+\]`)

// numbered: nothing is called anything where the leaf stands, and its place is one of several: a page that puts them in
// another order would show another value there.
func (m match) numbered() bool {
	var source struct{ Steps string }
	a := m.leaf.Anchors
	return a.Label == "" && a.Row == "" && a.Column == "" && !a.Title && json.Unmarshal(m.leaf.Source, &source) == nil && byNumber.MatchString(source.Steps)
}

// isAmount: the number is one of money, or has decimals.
func (m match) isAmount() bool {
	beside := m.rule.Prefix + m.rule.Suffix
	return m.rule.Type == workflow.TypeNumber || strings.ContainsFunc(beside, func(r rune) bool { return unicode.Is(unicode.Sc, r) || r == '%' }) ||
		slices.ContainsFunc(words(m.rule.Prefix+" "+m.rule.Suffix), func(w string) bool { return units[w] })
}

// telling: the text is not one that stands on every other page for something else.
func (m match) telling(value any) bool {
	text, _ := value.(string)
	return len([]rune(workflow.Skeleton(text))) > 2
}

// sameWords: they are the same, in any order.
func sameWords(a, b []string) bool {
	return len(a) > 0 && subset(a, b) && subset(b, a)
}

// someWords: all words of the one are among those of the other.
func someWords(a, b []string) bool {
	return len(a) > 0 && len(b) > 0 && (subset(a, b) || subset(b, a))
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(word string) bool { return !slices.Contains(b, word) })
}

// words are those of a name or a text, in lower case and singular; snake_case and camelCase are taken apart.
func words(text string) (list []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, singular(strings.ToLower(string(word))))
		}
		word = nil
	}
	for _, r := range text {
		last := rune(0)
		if len(word) > 0 {
			last = word[len(word)-1]
		}
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) || unicode.IsUpper(r) && unicode.IsLower(last) {
			end()
		}
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			word = append(word, r)
		}
	}
	end()
	return list
}

func singular(word string) string {
	if len(word) > 3 && strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") {
		return word[:len(word)-1]
	}
	return word
}

// spaced is a list of words between spaces, for looking one up in another.
func spaced(words []string) string { return " " + strings.Join(words, " ") + " " }
