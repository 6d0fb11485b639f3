package workflow

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// span is a part of a text, in runes: from the first to before the second.
type span [2]int

func (s span) overlaps(t span) bool { return s[0] < t[1] && t[0] < s[1] }

// passage is a text in which phrases are looked for, and the spans of it that are not for them.
type passage struct {
	text   []rune
	closed []span
}

var (
	address   = regexp.MustCompile(`https?://[^\s"'<>“”]+`)
	secretRef = regexp.MustCompile(`<secret:[^>]*>`)
)

// newPassage closes addresses and references to secrets.
func newPassage(text string, closed ...*regexp.Regexp) *passage {
	p := &passage{text: []rune(text)}
	for _, re := range closed {
		for _, m := range re.FindAllStringIndex(text, -1) {
			start := len([]rune(text[:m[0]]))
			p.closed = append(p.closed, span{start, start + len([]rune(text[m[0]:m[1]]))})
		}
	}
	return p
}

func (p *passage) open(s span) bool { return !slices.ContainsFunc(p.closed, s.overlaps) }

func (p *passage) at(s span) string { return string(p.text[s[0]:s[1]]) }

// all finds a phrase as whole words, whatever its case and spaces.
func (p *passage) all(phrase string) (found []span) {
	for at := 0; at < len(p.text); at++ {
		if s, ok := p.here(phrase, at); ok {
			found = append(found, s)
			at = s[1] - 1
		}
	}
	return found
}

// here finds a phrase at a place.
func (p *passage) here(phrase string, at int) (s span, ok bool) {
	m := matcher{prompt: p.text}
	if phrase = strings.TrimSpace(phrase); phrase == "" {
		return s, false
	}
	end, ok := m.literal(phrase, at)
	s = span{at, end}
	return s, ok && p.whole(s) && p.open(s)
}

// whole reports whether a span is made of whole words.
func (p *passage) whole(s span) bool {
	return s[0] < s[1] && !p.joined(s[0]) && !p.joined(s[1])
}

// joined reports whether the runes before and at a place belong to one word, number, date, host or mail address.
func (p *passage) joined(at int) bool {
	if at <= 0 || at >= len(p.text) {
		return false
	}
	left, right := p.text[at-1], p.text[at]
	if isWordRune(left) || left == '_' {
		return isWordRune(right) || right == '_' || at+1 < len(p.text) && bridged(left, right, p.text[at+1])
	}
	return isWordRune(right) && at >= 2 && bridged(p.text[at-2], left, right)
}

// bridged reports whether a sign between two runes joins them.
func bridged(left, sign, right rune) bool {
	digits := unicode.IsDigit(left) && unicode.IsDigit(right)
	switch sign {
	case '.', '/', '-', '@', '+', '%':
		return isWordRune(left) && isWordRune(right)
	case ':', ',', '\'', '’':
		return digits
	}
	return false
}

// word is a word of a passage.
type word struct {
	span
	text string // in lower case
}

// words lists what is open of a passage.
func (p *passage) words() (list []word) {
	for at := 0; at < len(p.text); at++ {
		if !isWordRune(p.text[at]) {
			continue
		}
		end := at + 1
		for end < len(p.text) && (isWordRune(p.text[end]) || p.joined(end)) {
			end++
		}
		if s := (span{at, end}); p.open(s) {
			list = append(list, word{s, strings.ToLower(p.at(s))})
		}
		at = end
	}
	return list
}

var quotes = regexp.MustCompile(`"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|(?:^|[\s(])'([^']+)'|‘([^’]+)’`)

// quoted lists what stands in quotation marks.
func quotedIn(text string) (list []string) {
	for _, m := range quotes.FindAllStringSubmatch(text, -1) {
		for _, inner := range m[1:] {
			if inner = strings.TrimSpace(inner); inner != "" {
				list = append(list, inner)
			}
		}
	}
	return list
}

// run is the longest run of words that both have side by side, as it stands in the first.
func run(prompt *passage, words []word, others []string) string {
	var best span
	length := 0
	for i := range words {
		for j := range others {
			n := 0
			for i+n < len(words) && j+n < len(others) && words[i+n].text == others[j+n] && (n == 0 || adjacent(prompt, words[i+n-1], words[i+n])) {
				n++
			}
			if from, to := trimmed(words[i : i+n]); to-from > length {
				length, best = to-from, span{words[i+from].span[0], words[i+to-1].span[1]}
			}
		}
	}
	return prompt.at(best)
}

// adjacent: nothing but spaces stands between two words.
func adjacent(p *passage, a, b word) bool {
	return strings.TrimSpace(string(p.text[a.span[1]:b.span[0]])) == ""
}

// trimmed leaves out the words at both ends that say nothing.
func trimmed(words []word) (from, to int) {
	to = len(words)
	for from < to && stopWords[words[from].text] {
		from++
	}
	for to > from && stopWords[words[to-1].text] {
		to--
	}
	return from, to
}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

var (
	stopWords = setOf(`a an the this that these those of for to in on at by with from into and or not is are be was it its as all any my your our
		me i you we please then der die das ein eine und oder mit von zu im am le la les un une et ou de du des el los las y o`)
	// commonWords are what controls are called and people tell to do.
	commonWords = setOf(`add buy order cart basket bag checkout check out pay submit send save search find go open close show view see more
		details next previous back continue cancel delete remove edit change update select choose click press sign log in login logout up
		register home menu help contact about settings account profile page list item items product products button link form new create
		password passcode username user email mail phone telephone address secret code pin key field box text word message messages comment subject
		today tomorrow yesterday download upload print share filter sort apply reset ok yes no done confirm accept agree price total name number date results result first last`)
)
