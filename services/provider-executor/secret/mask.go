package secret

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// shortest is the length, in characters, from which on values are looked for in texts: what is shorter stands in
	// them by chance.
	shortest = 4
	// headSize is how much of a value, in bytes, gives it away where a text has been cut.
	headSize = 16
	// shortestCode is the length from which on an encoded value is looked for.
	shortestCode = 8
)

// mask knows the forms in which values may come out.
type mask struct {
	forms [256][]form // by first byte, longest first
}

// form is one way to write a value.
type form struct{ text, head, name string }

func (m *mask) add(name, value string) {
	if utf8.RuneCountInString(value) < shortest {
		return
	}
	for _, text := range spellings(value) {
		f := form{text, text[:min(len(text), headSize)], name}
		list := &m.forms[text[0]]
		if slices.Contains(*list, f) {
			continue
		}
		*list = append(*list, f)
		slices.SortStableFunc(*list, func(a, b form) int { return cmp.Compare(len(b.text), len(a.text)) })
	}
}

// spellings are a value as pages, addresses, protocols and errors write it.
func spellings(value string) []string {
	query, path := url.QueryEscape(value), url.PathEscape(value)
	component := strings.ReplaceAll(query, "+", "%20")
	escaped := html.EscapeString(value)
	all := []string{
		value, strings.Join(strings.Fields(value), " "), strings.ToUpper(value), strings.ToLower(value),
		query, path, component, lowerHex(query), lowerHex(path), lowerHex(component),
		escaped, strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(escaped), inJSON(value, true), inJSON(value, false),
	}
	coded := append(base64Cores(value), hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))))
	for _, c := range coded {
		if len(c) >= shortestCode {
			all = append(all, c)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return utf8.RuneCountInString(s) < shortest })
}

// lowerHex writes percent escapes in lower case, as some do.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func inJSON(value string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(value) // a string
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// base64Cores are what base64 of any text that holds the value holds itself: one for each place of its first byte in a
// group of three, less the characters that depend on its neighbours.
func base64Cores(value string) []string {
	var cores []string
	for shift, skip := range []int{0, 2, 3} {
		shifted := append(make([]byte, shift), value...)
		whole := len(shifted) * 8 / 6
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if text := encoding.EncodeToString(shifted); whole > skip {
				cores = append(cores, text[skip:whole])
			}
		}
	}
	return cores
}

// apply replaces every form of a value in text, also where only its first part is left. Names of secrets that stand in
// it already stay.
func (m *mask) apply(text string) string {
	var b strings.Builder
	kept := 0 // text up to here is in b
	for i := 0; i < len(text); {
		if text[i] == '<' {
			if at := named.FindStringIndex(text[i:min(len(text), i+80)]); at != nil && at[0] == 0 {
				i += at[1]
				continue
			}
		}
		name, length := m.at(text[i:])
		if length == 0 {
			i++
			continue
		}
		b.WriteString(text[kept:i])
		b.WriteString(placeholder(name))
		i += length
		kept = i
	}
	if kept == 0 {
		return text
	}
	return b.String() + text[kept:]
}

// at finds a form at the beginning of text. length is 0 where there is none.
func (m *mask) at(text string) (name string, length int) {
	for _, f := range m.forms[text[0]] {
		if !strings.HasPrefix(text, f.head) {
			continue
		}
		n := len(f.head)
		for n < len(f.text) && n < len(text) && f.text[n] == text[n] {
			n++
		}
		if n > length {
			name, length = f.name, n
		}
	}
	return name, length
}

// Mask writes <secret:name> where a value of the set, or an obvious encoding of one, stands in text. Values of fewer
// than four characters are not looked for.
func (s *Set) Mask(text string) string {
	if s.Empty() {
		return text
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mask.apply(text)
}

// MaskJSON masks the strings, names and numbers of a JSON text; a number that is masked becomes a string. What holds no
// value comes back as it is, and what is no JSON is masked as a text.
func (s *Set) MaskJSON(raw json.RawMessage) json.RawMessage {
	if s.Empty() || len(raw) == 0 {
		return raw
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if !json.Valid(raw) || d.Decode(&value) != nil {
		return json.RawMessage(s.Mask(string(raw)))
	}
	changed := false
	masked := s.walk(value, &changed)
	if !changed {
		return raw
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(masked) != nil {
		return json.RawMessage(`null`) // never: it was decoded a moment ago
	}
	return bytes.TrimSpace(out.Bytes())
}

func (s *Set) walk(value any, changed *bool) any {
	switch v := value.(type) {
	case string:
		masked := s.Mask(v)
		*changed = *changed || masked != v
		return masked
	case json.Number:
		if masked := s.Mask(v.String()); masked != v.String() {
			*changed = true
			return masked
		}
	case []any:
		for i := range v {
			v[i] = s.walk(v[i], changed)
		}
	case map[string]any:
		masked := make(map[string]any, len(v))
		for name, field := range v {
			name, _ := s.walk(name, changed).(string)
			masked[name] = s.walk(field, changed)
		}
		return masked
	}
	return value
}

// Masked gives v with all its strings masked, by way of its JSON.
func Masked[T any](s *Set, v T) (T, error) {
	if s.Empty() {
		return v, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return v, err
	}
	var masked T
	return masked, json.Unmarshal(s.MaskJSON(raw), &masked)
}
