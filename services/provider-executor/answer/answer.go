// Package answer reads what language models write.
//
// A model that is asked for one JSON object thinks aloud before it, calls a tool in writing, wraps the object in
// others, or writes JSON that is none. Everything that is known about such answers stands here: the marks around
// thoughts (marks.go), where JSON begins in a text (find.go), what of its syntax can be repaired (parse.go), and the
// shapes that mean the same as the schema (shape.go). The rule of all of them: an answer is taken whole or not at all.
// Of broken JSON no piece is taken, and of several objects that differ none, unless a mark says which one is final.
package answer

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// Errors of Read and Data beside *SyntaxError. They are sentences for the model.
var (
	ErrNone    = errors.New("there is no JSON object in it")
	ErrSeveral = errors.New("there are several JSON objects in it that differ: give the final one only")
)

// Read finds the JSON object that an answer gives, and brings it into the shape of the form. A text that holds JSON in
// strings only, such as a string with an object in it, is read too. The result is valid JSON, an object or an array. An
// error is ErrNone, ErrSeveral or a *SyntaxError.
func (f Form) Read(text string) (json.RawMessage, error) {
	if whole, err := parseWhole(text); err == nil {
		whole, _ = unquoted(whole)
		if whole[0] != '{' && whole[0] != '[' {
			return nil, ErrNone
		}
		return f.shape(whole)
	}
	sections := scan(text)
	for i := len(sections) - 1; i >= 0; i-- {
		s := sections[i]
		switch {
		case s.thought >= 0 && (len(s.found) == 0 || strings.Trim(text[s.thought:], " \t\r\n`") != ""):
			continue // it ends in the midst of a thought
		case s.broken != nil:
			return nil, s.broken.in(text)
		case len(s.found) > 0:
			return f.only(s.found)
		}
	}
	return nil, ErrNone
}

// only is the one value that several say, in the form's shape. Values of other shapes do not count beside it.
func (f Form) only(found []json.RawMessage) (json.RawMessage, error) {
	var chosen json.RawMessage
	rank := -1
	for _, value := range found {
		shaped, err := f.shape(value)
		if err != nil {
			return nil, err
		}
		switch r := f.rank(shaped); {
		case r > rank:
			chosen, rank = shaped, r
		case r == rank && !same(chosen, shaped):
			return nil, ErrSeveral
		case r == rank:
			chosen = shaped
		}
	}
	return chosen, nil
}

// introduced is an object behind a few words that say so, such as "Here is the result: {...}".
var introduced = regexp.MustCompile(`(?s)^[^"{}\[\]]*\w[^"{}\[\]:]*\s[^"{}\[\]:]*\w\s*:?\s*(\{.*\})\s*\.?\s*$`)

// Data reads a text that should be one JSON value of any type, such as the data of a result. Around it only a code fence
// or a few words before it are taken. An error is ErrNone, ErrSeveral or a *SyntaxError.
func Data(text string) (json.RawMessage, error) {
	value, err := parseWhole(text)
	switch {
	case err == nil:
		return value, nil
	case beginsJSON(text):
		return nil, err
	}
	if before, fenced, found := strings.Cut(text, "```"); found && !strings.ContainsAny(before, "{[") {
		return inFence(fenced)
	}
	if object := introduced.FindStringSubmatch(text); object != nil {
		return parseWhole(object[1])
	}
	return nil, ErrNone
}

// inFence reads the one value of a code fence, from behind its beginning.
func inFence(text string) (json.RawMessage, error) {
	text = strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	value, end, wrong := parseAt(text, 0)
	if wrong != nil {
		return nil, wrong.in(text)
	}
	rest, _ := strings.CutPrefix(strings.TrimSpace(text[end:]), "```")
	if strings.ContainsAny(rest, "{[`") {
		return nil, ErrSeveral
	}
	return value, nil
}

func beginsJSON(text string) bool {
	return strings.IndexAny(strings.TrimSpace(text), "{[\"'") == 0
}

// Text is an answer in words, without what the model thought before it. Marks within the answer are part of it.
func Text(text string) string {
	var said strings.Builder
	at, blank, marks := 0, true, marksOf(text)
	for i, m := range marks {
		if m.start < at {
			continue
		}
		blank = blank && strings.TrimSpace(text[at:m.start]) == ""
		switch {
		case (m.kind == opens || m.kind == message) && blank:
			at = endOfThought(marks[i:], len(text))
		case m.kind == closes, m.kind == final && isMessage(text, m):
			said.Reset()
			at, blank = m.end, true
		case m.kind == ends:
			said.WriteString(text[at:m.start])
			at = m.end
		}
	}
	said.WriteString(text[at:])
	return strings.TrimPrefix(strings.TrimSpace(said.String()), "\ufeff")
}

// endOfThought is where the thought ends that the first mark opens, length where it does not.
func endOfThought(marks []mark, length int) int {
	for _, m := range marks[1:] {
		switch {
		case marks[0].kind == opens && m.kind == closes, marks[0].kind == message && m.kind == final:
			return m.end
		case marks[0].kind == message && m.kind >= call:
			return m.start
		}
	}
	return length
}

// isMessage reports whether a mark is gpt-oss's, with or without its signs.
func isMessage(text string, m mark) bool {
	return strings.HasPrefix(text[m.start:], "<|channel") || strings.HasPrefix(text[m.start:], "assistant") && strings.HasPrefix(text, "analysis")
}
