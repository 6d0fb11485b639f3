package answer

import (
	"encoding/json"
	"regexp"
	"strings"
)

// section is a part of a text between two marks that is not a thought.
type section struct {
	found   []json.RawMessage // the JSON values that stand in it
	broken  *slip             // the first that is not whole
	call    bool              // it is a tool call
	thought int               // it is a thought that does not end: the place of its last value's end, else -1
}

// scanner goes through a text once, from mark to mark and from bracket to bracket.
type scanner struct {
	text     string
	at       int
	marks    []mark
	sections []*section
	endless  bool // a thought has begun that does not end
}

func scan(text string) []*section {
	s := &scanner{text: text, marks: marksOf(text)}
	s.begin()
	for s.at < len(text) {
		for len(s.marks) > 0 && s.marks[0].start < s.at {
			s.marks = s.marks[1:] // inside a value
		}
		limit := len(text)
		if len(s.marks) > 0 {
			limit = s.marks[0].start
		}
		if s.at = s.start(limit); s.at < limit {
			s.read()
		} else if len(s.marks) > 0 {
			s.mark()
		}
	}
	return s.sections
}

func (s *scanner) begin() *section {
	s.sections = append(s.sections, &section{thought: -1})
	return s.now()
}

func (s *scanner) now() *section { return s.sections[len(s.sections)-1] }

// beginning is how an object or an array of JSON begins, in contrast to a bracket in prose such as [12] or {here}; and
// a string in a code fence, which may hold JSON.
var beginning = regexp.MustCompile(
	`^(?:\{\s*(?:"[\w $.-]*"|'[\w $.-]*'|[A-Za-z_$][\w$]*\s*:|\})|\[\s*(?:\{|\[\s*[\[{"]|"[^"\n]*"\s*[,\]]|\])|` +
		"```[A-Za-z0-9]*\\s*\")")

// beginningLength bounds how much of a text is looked at for a beginning, in bytes.
const beginningLength = 200

// start is the next place before limit where a value may begin, limit for none.
func (s *scanner) start(limit int) int {
	for at := s.at; at < limit; at++ {
		next := strings.IndexAny(s.text[at:limit], "{[`")
		if next < 0 {
			return limit
		}
		at += next
		if beginning.MatchString(s.text[at:min(len(s.text), at+beginningLength)]) {
			return at
		}
	}
	return limit
}

// read reads the value at hand.
func (s *scanner) read() {
	start, fenced := s.at, s.text[s.at] == '`'
	if fenced {
		start += strings.IndexByte(s.text[s.at:], '"')
	}
	value, end, wrong := parseAt(s.text, start)
	if afterColon(s.text[:s.at]) {
		wrong = &slip{s.at, "this value belongs to an object whose beginning is missing"}
	}
	now := s.now()
	switch {
	case wrong != nil && fenced:
	case wrong != nil && now.broken == nil:
		now.broken = wrong
	case wrong == nil:
		if value, _ = unquoted(value); value[0] == '{' || value[0] == '[' {
			now.found = append(now.found, value)
			if now.thought >= 0 {
				now.thought = end
			}
		}
	}
	s.at = max(end, s.at+1)
}

// afterColon reports whether a name in quotes and a colon end the text: what follows is a piece of an object.
func afterColon(before string) bool {
	before, ok := strings.CutSuffix(strings.TrimRight(before, " \t\r\n"), ":")
	return ok && strings.HasSuffix(strings.TrimRight(before, " \t\r\n"), `"`)
}

// mark heeds the next mark.
func (s *scanner) mark() {
	m := s.marks[0]
	s.marks, s.at = s.marks[1:], m.end
	switch m.kind {
	case opens, message:
		s.thought(m)
	case closes: // that nothing has opened
		s.sections = nil
		s.begin()
	case final:
		s.begin()
	case call:
		if !s.now().call {
			s.begin().call = true
		}
	case ends:
	}
}

// thought skips a thought.
func (s *scanner) thought(opening mark) {
	for i, m := range s.marks {
		if s.endless {
			break
		}
		if opening.kind == opens && m.kind == closes {
			s.at, s.marks = m.end, s.marks[i+1:]
			s.begin()
			return
		}
		if opening.kind == message && m.kind >= final { // the next message begins, or this one ends
			s.at, s.marks = m.start, s.marks[i:]
			s.begin()
			return
		}
	}
	s.endless = true
	s.begin().thought = 0
}

// unquoted takes a value out of the strings that it was sent in. wrapped is false where it is not in one.
func unquoted(value json.RawMessage) (inner json.RawMessage, wrapped bool) {
	for range maxWraps {
		var text string
		if value[0] != '"' || json.Unmarshal(value, &text) != nil {
			break
		}
		next, err := parseWhole(text)
		if err != nil {
			break
		}
		value, wrapped = next, true
	}
	return value, wrapped
}

// maxWraps bounds how often JSON may be wrapped in strings and in other objects.
const maxWraps = 4
