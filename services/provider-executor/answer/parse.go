package answer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep objects and arrays may be nested.
const maxDepth = 200

// A SyntaxError is JSON that ends too early or holds what cannot be repaired without guessing.
type SyntaxError struct {
	Line, Column int    // both from 1, the column in characters
	After        string // the text just before that place
	What         string // what is wrong there
}

// slip is a place in a text where its JSON breaks, and why.
type slip struct {
	at   int
	what string
}

func (s *slip) Error() string { return s.what }

// in says where in the text the slip is.
func (s *slip) in(text string) *SyntaxError {
	before := text[:s.at]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	after := []rune(strings.ToValidUTF8(before[max(0, len(before)-200):], ""))
	return &SyntaxError{
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(line) + 1,
		After: string(after[max(0, len(after)-shown):]), What: s.what,
	}
}

// shown is how much of the text before a slip an error quotes, in characters.
const shown = 40

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the JSON breaks at line %d, column %d, after `%s`: %s", e.Line, e.Column, e.After, e.What)
}

const cutOff = "it is cut off there"

// parser reads one JSON value. Beyond JSON it takes what can mean one thing only: commas before a closing bracket,
// comments, names without quotes, strings in single quotes, raw line ends and tabs in strings, and None, True, False,
// NaN and undefined. What it writes is strict JSON.
type parser struct {
	text     string
	at       int
	out      []byte
	repaired bool
}

// parseAt reads the value that begins at start. It returns the value, verbatim where nothing was repaired, and where
// it ends; with an error, where the text stopped making sense.
func parseAt(text string, start int) (value json.RawMessage, end int, wrong *slip) {
	p := &parser{text: text, at: start}
	p.space()
	start = p.at
	if wrong := p.value(0); wrong != nil {
		return nil, p.at, wrong
	}
	if p.repaired {
		return p.out, p.at, nil
	}
	return json.RawMessage(text[start:p.at]), p.at, nil
}

// parseWhole reads a text that is one value and nothing else.
func parseWhole(text string) (json.RawMessage, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	value, end, wrong := parseAt(text, 0)
	if wrong == nil && strings.TrimSpace(text[end:]) != "" {
		wrong = &slip{end, "more text follows the end of the value"}
	}
	if wrong != nil {
		return nil, wrong.in(text)
	}
	return value, nil
}

func (p *parser) fail(what string) *slip { return &slip{p.at, what} }

// expected is the error of a place that holds something else than it should.
func (p *parser) expected(what string) *slip {
	if p.at >= len(p.text) {
		return p.fail(cutOff)
	}
	return p.fail(what)
}

func (p *parser) value(depth int) *slip {
	p.space()
	if p.at >= len(p.text) {
		return p.fail(cutOff)
	}
	switch c := p.text[p.at]; {
	case depth > maxDepth:
		return p.fail("it is nested too deep")
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"' || c == '\'':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.word()
	}
}

// space skips white space and comments.
func (p *parser) space() {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.at++
		case strings.HasPrefix(rest, "//"):
			p.skip(strings.IndexByte(rest, '\n'), 1)
		case strings.HasPrefix(rest, "/*"):
			p.skip(strings.Index(rest, "*/"), 2)
		default:
			return
		}
	}
}

// skip goes behind a comment's end, found at n and so many bytes long; to the end of the text where there is none.
func (p *parser) skip(n, size int) {
	p.repaired = true
	if n < 0 {
		p.at = len(p.text)
		return
	}
	p.at += n + size
}

func (p *parser) object(depth int) *slip {
	return p.list('}', func() *slip {
		if err := p.key(); err != nil {
			return err
		}
		p.space()
		if !p.take(':') {
			return p.expected("a colon is missing")
		}
		return p.value(depth + 1)
	})
}

func (p *parser) array(depth int) *slip {
	return p.list(']', func() *slip { return p.value(depth + 1) })
}

// list reads the elements between two brackets, of which the first is at hand.
func (p *parser) list(closing byte, element func() *slip) *slip {
	p.out = append(p.out, p.text[p.at])
	p.at++
	for first := true; ; first = false {
		p.space()
		comma := !first && p.at < len(p.text) && p.text[p.at] == ','
		if comma {
			p.at++
			p.space()
		}
		if p.at < len(p.text) && p.text[p.at] == closing {
			p.at++
			p.repaired = p.repaired || comma // before a closing bracket it is one too many
			p.out = append(p.out, closing)
			return nil
		}
		if comma {
			p.out = append(p.out, ',')
		} else if !first {
			return p.expected(fmt.Sprintf("a comma or %c is missing", closing))
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// take reads one byte, which is written, if it is the next.
func (p *parser) take(c byte) bool {
	if p.at >= len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	p.out = append(p.out, c)
	return true
}

func (p *parser) key() *slip {
	if p.at < len(p.text) && (p.text[p.at] == '"' || p.text[p.at] == '\'') {
		return p.str()
	}
	name := p.identifier()
	if name == "" {
		return p.expected("a name in double quotes is missing")
	}
	p.repaired = true
	p.at += len(name)
	p.out = append(append(append(p.out, '"'), name...), '"')
	return nil
}

// identifier is the word at hand, empty for none.
func (p *parser) identifier() string {
	end := p.at
	for end < len(p.text) && (isLetter(p.text[end]) || end > p.at && p.text[end] >= '0' && p.text[end] <= '9') {
		end++
	}
	return p.text[p.at:end]
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}

// words are the words that are values, and what they are in JSON.
var words = map[string]string{
	"true": "true", "false": "false", "null": "null",
	"True": "true", "False": "false", "None": "null", "NaN": "null", "undefined": "null",
}

func (p *parser) word() *slip {
	name := p.identifier()
	value, known := words[name]
	if !known {
		return p.fail("a value is missing, or is not JSON")
	}
	p.repaired = p.repaired || value != name
	p.at += len(name)
	p.out = append(p.out, value...)
	return nil
}

func (p *parser) number() *slip {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[p.at]) >= 0 {
		p.at++
	}
	number := p.text[start:p.at]
	if p.at < len(p.text) && isLetter(p.text[p.at]) || !json.Valid([]byte(number)) {
		if p.at < len(p.text) {
			p.at = start
		}
		return p.expected("that is not a number")
	}
	p.out = append(p.out, number...)
	return nil
}

// str reads a string in the quotes that are at hand.
func (p *parser) str() *slip {
	quote := p.text[p.at]
	p.repaired = p.repaired || quote == '\''
	p.at++
	p.out = append(p.out, '"')
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == quote:
			p.at++
			p.out = append(p.out, '"')
			return nil
		case c == '\\':
			if err := p.escape(); err != nil {
				return err
			}
		case c < ' ':
			p.repaired = true
			p.out = fmt.Appendf(p.out, `\u%04x`, c)
			p.at++
		case c == '"': // in single quotes
			p.out = append(p.out, '\\', '"')
			p.at++
		default:
			p.out = append(p.out, c)
			p.at++
		}
	}
	return p.fail("it is cut off there, inside a string")
}

func (p *parser) escape() *slip {
	rest := p.text[p.at:]
	switch {
	case len(rest) < 2:
		p.at = len(p.text)
		return p.fail("it is cut off there, inside a string")
	case rest[1] == '\'':
		p.repaired = true
		p.out = append(p.out, '\'')
		p.at += 2
		return nil
	case strings.IndexByte(`"\/bfnrt`, rest[1]) >= 0:
		p.out = append(p.out, rest[:2]...)
		p.at += 2
		return nil
	case rest[1] == 'u' && len(rest) >= 6 && json.Valid([]byte(`"`+rest[:6]+`"`)):
		p.out = append(p.out, rest[:6]...)
		p.at += 6
		return nil
	}
	return p.fail(fmt.Sprintf("\\%c is not an escape: write \\\\ for a backslash", rest[1]))
}
