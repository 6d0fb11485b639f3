package workflow

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var figures = regexp.MustCompile(`\d+(?:[.,]\d+)*`)

// result tells how the result comes about.
func (r *recorder) result(found Sources) (*Result, error) {
	example := cmp.Or(string(r.in.Result), "null")
	decoded, err := decode([]byte(example))
	if err != nil {
		return nil, err
	}
	result := &Result{Example: json.RawMessage(example), NeedsModel: slices.Clone(found.NeedsModel)}
	for _, f := range found.Fields {
		field, err := r.book.field(f)
		if err != nil {
			return nil, err
		}
		field.Step = r.renumbered(f.Step)
		result.Fields = append(result.Fields, field)
	}
	text, isText := decoded.(string)
	none := found.Text == "" && len(found.Fields) == 0 && len(found.NeedsModel) == 0
	if isText && !r.in.JSON {
		r.say(result, found, text)
		return result, nil
	}
	if none {
		result.NeedsModel = leaves(decoded, "")
	}
	r.repeat(result, decoded)
	return result, nil
}

// apart gives the fields of a result names that no parameter has: those are what callers write.
func (b *book) apart(found Sources) Sources {
	now := map[string]string{}
	found.Fields = slices.Clone(found.Fields)
	for i, f := range found.Fields {
		now[f.Name] = b.unique(f.Name)
		found.Fields[i].Name = now[f.Name]
	}
	parts, _ := pieces(found.Text)
	found.Text = ""
	for _, p := range parts {
		p.name = cmp.Or(now[p.name], p.name)
		found.Text += p.String()
	}
	return found
}

// field is a part of the result, read for whatever values the run has.
func (b *book) field(f Field) (_ Field, err error) {
	if f.Source, err = b.source(f.Source); err != nil {
		return f, err
	}
	if f.Rule != nil {
		rule := b.rule(*f.Rule)
		f.Rule = &rule
	}
	if f.List == nil {
		return f, nil
	}
	list := *f.List
	if list.Source, err = b.source(list.Source); err != nil {
		return f, err
	}
	list.Items, err = fillEach(list.Items, func(i Item) (_ Item, err error) {
		i.Source, err = b.source(i.Source)
		i.Rule = b.rule(i.Rule)
		return i, err
	})
	f.List = &list
	return f, err
}

// renumbered is the number of the first step that is left of those from the recorded one on: what is between them has
// not changed the page.
func (r *recorder) renumbered(recorded int) int {
	for i, at := range r.steps {
		if r.tape.steps[at].Number >= recorded {
			return i + 1
		}
	}
	return len(r.steps) + 1
}

func (b *book) source(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return encode(b.text(v))
}

func (b *book) rule(rule Rule) Rule {
	rule.Prefix, rule.Suffix = b.put(rule.Prefix, nil), b.put(rule.Suffix, nil)
	return rule
}

// say makes the template of a text result. What is left of the text beside its placeholders must say nothing about the
// recorded run that another one may find otherwise.
func (r *recorder) say(result *Result, found Sources, text string) {
	template := cmp.Or(found.Text, escape(text))
	known := map[string]bool{}
	for _, f := range found.Fields {
		known[f.Name] = true
	}
	parts, _ := pieces(template)
	constant := ""
	for _, p := range parts {
		if known[p.name] {
			result.Text += p.String()
			constant += " "
			continue
		}
		if p.name != "" {
			p = piece{literal: p.String()}
		}
		put := r.book.put(p.literal, func(v *value) bool { return r.meant(v, p.literal) })
		result.Text += put
		constant += r.literals(put)
	}
	sure := found.Text != "" && len(found.NeedsModel) == 0
	result.NeedsModel = nil
	if concludes(r.in.Prompt, constant, sure) {
		result.NeedsModel = []string{""}
	}
}

// literals is a template without its placeholders.
func (r *recorder) literals(template string) (text string) {
	parts, _ := pieces(template)
	for _, p := range parts {
		text += p.literal
	}
	return text
}

// meant reports whether a number of the text is the one of the prompt: the same word follows it in both.
func (r *recorder) meant(v *value, text string) bool {
	in := newPassage(text)
	with := 0
	for _, s := range v.spans {
		words := r.book.words(s[1])
		for _, w := range words {
			with += len(in.all(v.text + " " + w))
		}
	}
	return with > 0 && with == len(in.all(v.text))
}

// words are the next words of the prompt, and those that follow in a value there.
func (b *book) words(from int) (next []string) {
	for _, w := range (&passage{text: b.prompt.text}).words() {
		if w.span[0] >= from && len(next) < 3 && !stopWords[w.text] {
			next = append(next, w.text)
		}
	}
	return next
}

// repeat makes fields of what the result only repeats of the values that the run was given.
func (r *recorder) repeat(result *Result, example any) {
	var left []string
	for _, path := range result.NeedsModel {
		part, ok := lookup(example, path)
		template, repeats := r.book.repeated(part, path)
		if !ok || !repeats {
			left = append(left, path)
			continue
		}
		name := r.book.unique(nameFor(path[strings.LastIndex(path, "/")+1:]))
		result.Fields = append(result.Fields, Field{Name: name, Path: path, Step: len(r.steps), Value: template})
	}
	result.NeedsModel = left
}

// repeated is the template of a scalar that says a value. Short ones do only where their key is called as the value is.
func (b *book) repeated(part any, path string) (template string, ok bool) {
	key := nameFor(path[strings.LastIndex(path, "/")+1:])
	for _, v := range b.values {
		named := key == v.name || slices.ContainsFunc(strings.Split(key, "_"), func(w string) bool {
			return slices.Contains(strings.Split(v.name, "_"), w)
		})
		switch part := part.(type) {
		case string:
			if f, ok := v.formOf(part); ok && (named || f.telling()) {
				return v.placeholder(f.format), true
			}
		case json.Number:
			number, isPlain := plainNumber(part.String())
			if isPlain && named && number == v.value && (v.typ == TypeNumber || v.typ == TypeInteger) {
				return v.placeholder(""), true
			}
		}
	}
	return "", false
}

// formOf is how a text writes the value.
func (v *value) formOf(text string) (form, bool) {
	if strings.EqualFold(spaced(text), spaced(v.value)) {
		return form{text, ""}, true
	}
	for _, f := range v.forms() {
		if strings.EqualFold(spaced(text), spaced(f.text)) {
			return f, true
		}
	}
	if v.typ != TypeDate {
		return form{}, false
	}
	formats := dateFormats(text)
	i := slices.IndexFunc(formats, func(f string) bool { date, _ := readDate(text, f); return date == v.value })
	if i < 0 || len(formats) > 1 {
		return form{}, false
	}
	return form{text, formats[i]}, true
}
