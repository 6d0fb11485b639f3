// Package reading finds the values of a result on the pages where a run saw them, and reads them there again.
package reading

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/workflow"
)

// Page is what could be read on a page when a step was decided on.
type Page struct {
	Step   int
	Leaves []browser.Leaf
}

// Recorded is a result and what is known of where it came from.
type Recorded struct {
	Result json.RawMessage // JSON; of a text result the text as a JSON string
	JSON   bool            // whether the result is JSON and not text
	Prompt string          // what the run was asked: records are known by it, and how many of a list are wanted
	Pages  []Page          // the newest last: the page at the end, with the result's Needles
}

// Find finds the parts of a result on the pages: Fields with their sources, NeedsModel for what is not there, is there
// in several places, or is nowhere called anything. A text result becomes a template in Text; one in which there is
// nothing to look for gives nothing.
func Find(r Recorded) workflow.Sources {
	value, err := decode(r.Result)
	if err != nil {
		return workflow.Sources{NeedsModel: []string{""}}
	}
	f := newFinder(r, value)
	if text, isText := value.(string); isText && !r.JSON {
		return f.text(text)
	}
	f.value("", "", value)
	return f.found
}

// Needles are the texts by which Leaves finds what could be parts of the result. It is never nil.
func Needles(result json.RawMessage, isJSON bool) []string {
	value, err := decode(result)
	if err != nil {
		return []string{}
	}
	if text, isText := value.(string); isText && !isJSON {
		value = append(quotations(text), text)
	}
	needles := []string{}
	for _, scalar := range scalars(value) {
		needles = append(needles, workflow.Skeletons(scalar)...)
	}
	slices.Sort(needles)
	return slices.Compact(needles)
}

func decode(raw json.RawMessage) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return value, d.Decode(&value)
}

// scalars lists the texts and numbers of a value.
func scalars(value any) (list []any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range keysOf(value) {
			list = append(list, scalars(value[key])...)
		}
	case []any:
		for _, each := range value {
			list = append(list, scalars(each)...)
		}
	case string, json.Number:
		list = append(list, value)
	}
	return list
}

func keysOf[V any](object map[string]V) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// finder looks for the parts of one result.
type finder struct {
	pages   []page // the newest first
	prompt  string // its words, between spaces
	request string // it, without addresses
	said    map[string]bool
	found   workflow.Sources
}

func newFinder(r Recorded, value any) *finder {
	f := &finder{prompt: spaced(words(r.Prompt)), request: addresses.ReplaceAllString(r.Prompt, ""), said: map[string]bool{}}
	for _, p := range slices.Backward(r.Pages) {
		f.pages = append(f.pages, newPage(p))
	}
	for _, scalar := range scalars(value) {
		if text, isText := scalar.(string); isText {
			f.said[workflow.Skeleton(text)] = true
		}
	}
	return f
}

var addresses = regexp.MustCompile(`https?://\S+`)

// value looks for a part of the result at a path; key is the nearest name on it.
func (f *finder) value(path, key string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range keysOf(value) {
			f.value(path+"/"+pointerEscape.Replace(name), name, value[name])
		}
		if len(value) == 0 {
			f.needs(path)
		}
	case []any:
		f.list(path, key, value)
	case string, json.Number:
		f.scalar(path, key, value)
	default: // what is true, false or null is concluded, not read
		f.needs(path)
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func (f *finder) needs(path string) { f.found.NeedsModel = append(f.found.NeedsModel, path) }

var unnamable = regexp.MustCompile(`[^a-z0-9]+`)

// add keeps a field under a name that no other has.
func (f *finder) add(field workflow.Field, called string) string {
	base := strings.Trim(unnamable.ReplaceAllString(strings.ToLower(called), "_"), "_0123456789")
	if base == "" || len(base) > 60 {
		base = "f"
	}
	field.Name = base
	taken := func(other workflow.Field) bool { return other.Name == field.Name }
	for n := 2; slices.ContainsFunc(f.found.Fields, taken); n++ {
		field.Name = base + "_" + strconv.Itoa(n)
	}
	f.found.Fields = append(f.found.Fields, field)
	return field.Name
}

// scalar finds the one leaf that a text or number was read from. The newest page that has such a leaf wins.
func (f *finder) scalar(path, key string, value any) {
	if m, step, ok := f.only(value, words(key)); ok {
		f.add(workflow.Field{Path: path, Step: step, Source: m.leaf.Source, Rule: &m.rule}, cmp.Or(key, m.leaf.Label))
		return
	}
	if list, step, ok := f.first(value, words(key)); ok {
		f.add(workflow.Field{Path: path, Step: step, List: &list}, key)
		return
	}
	f.needs(path)
}

func (f *finder) only(value any, called []string) (match, int, bool) {
	for _, p := range f.pages {
		if m, ok := f.choose(p.matches(value), value, called); ok {
			return m, p.step, true
		}
	}
	return match{}, 0, false
}

// choose takes the one match that is called as the value is; or, where none is, the only match, if it is anchored.
func (f *finder) choose(matches []match, value any, called []string) (match, bool) {
	anchored := slices.DeleteFunc(slices.Clone(matches), func(m match) bool {
		return (!f.anchored(m.leaf.Anchors, called) || m.numbered()) && !f.introduced(m, called)
	})
	exactly := slices.DeleteFunc(slices.Clone(anchored), func(m match) bool { return !m.named(called, sameWords) })
	if len(exactly) == 1 {
		return exactly[0], true
	}
	nearly := slices.DeleteFunc(slices.Clone(anchored), func(m match) bool { return !m.named(called, someWords) })
	if len(exactly) == 0 && len(nearly) == 1 {
		return nearly[0], true
	}
	if len(nearly) != 0 || len(matches) != 1 || len(anchored) != 1 {
		return match{}, false
	}
	m := matches[0]
	if _, isNumber := value.(json.Number); isNumber {
		return m, f.related(m, called)
	}
	return m, m.telling(value) || f.about(m.leaf.Anchors, called)
}

// related: a number that is called something else than the value is, or nothing, may be there by chance, as in "Copyright
// 2026". An amount of money or one with decimals is hardly; of any other, something around it must say what is wanted.
func (f *finder) related(m match, called []string) bool {
	around := words(m.rule.Prefix + " " + m.rule.Suffix)
	if f.mentions(around, called) || f.about(m.leaf.Anchors, called) {
		return true
	}
	around = slices.DeleteFunc(around, func(w string) bool { return len([]rune(w)) < 2 || units[w] })
	return len(around) == 0 && m.isAmount()
}

// about: what the place of a leaf is called says some of what a value is called, or of what was asked.
func (f *finder) about(a browser.Anchors, called []string) bool {
	return f.mentions(slices.Concat(words(a.Label), words(a.Column), words(a.Row), words(a.Heading)), called)
}

func (f *finder) mentions(list, called []string) bool {
	return slices.ContainsFunc(list, func(w string) bool { return len([]rune(w)) > 1 && (slices.Contains(called, w) || f.asked(w)) })
}

// units stand with numbers of any meaning.
var units = map[string]bool{
	"eur": true, "euro": true, "usd": true, "dollar": true, "gbp": true, "chf": true, "kg": true, "km": true, "cm": true, "mm": true, "ml": true, "min": true, "pcs": true,
}

// anchored: where the leaf stands is called something that will be called the same with other data. The key of a record
// is one only if the run was asked for that record; else the model has chosen it.
func (f *finder) anchored(a browser.Anchors, called []string) bool {
	switch {
	case a.Own:
		return false
	case a.Row != "":
		asked := f.asked(a.Row) || sameWords(words(a.Row), called) && f.asked(a.Column)
		return asked && (a.Above == "" || f.asked(a.Above)) && !f.chosen(a.Label)
	case a.Label != "":
		return !f.chosen(a.Label) && (!a.Plain || !a.Repeated || someWords(words(a.Label), called) || f.asked(a.Label))
	case a.Title:
		return true
	}
	return !a.Repeated && (a.Column != "" || a.Heading != "" && (a.Sole || !f.chosen(a.Heading)))
}

// introduced: the text that a number stands in says what it is, as "17 kettles in stock" does.
func (f *finder) introduced(m match, called []string) bool {
	a := m.leaf.Anchors
	return !a.Own && !a.Repeated && a.Row == "" && f.mentions(words(m.rule.Prefix+" "+m.rule.Suffix), called)
}

// chosen: an anchor is itself a value of the result, and not one that was asked for.
func (f *finder) chosen(anchor string) bool {
	return anchor != "" && f.said[workflow.Skeleton(anchor)] && !f.asked(anchor)
}

// asked: the prompt says that.
func (f *finder) asked(text string) bool {
	said := words(text)
	return len(said) > 0 && strings.Contains(f.prompt, spaced(said))
}
