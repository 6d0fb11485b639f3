package reading

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/errand-run/errand/shared/workflow"
)

var (
	asksForFirst = regexp.MustCompile(`(?i)\b(first|newest|latest|top|topmost|most recent|neueste[nrs]?|erste[nrs]?|oberste[nrs]?)\b`)
	// asksForMore are conditions that the first item may meet by chance.
	asksForMore = regexp.MustCompile(`(?i)\b(with|without|over|under|above|below|between|more|less|fewer|than|about|from|whose|that|who|contain\w*|named|called|titled|where|if|only|except|unread|open|least|most (?:[^r\s]|r[^e\s])\w*|[a-z]{3,}est)\b`)
	superlative = regexp.MustCompile(`(?i)\b(new|lat)est\b`)
)

// leastRecords is how many items a list must have had: of fewer, any one is the first by chance.
const leastRecords = 3

// first finds a value in the first item of a list, if the run was asked for the first or newest of something and for
// nothing else of it.
func (f *finder) first(value any, called []string) (workflow.List, int, bool) {
	if !asksForFirst.MatchString(f.request) || asksForMore.MatchString(superlative.ReplaceAllString(f.request, "")) {
		return workflow.List{}, 0, false
	}
	for _, p := range f.pages {
		if list, ok := f.firstOf(p, value, called); ok {
			return list, p.step, true
		}
	}
	return workflow.List{}, 0, false
}

// firstOf finds the one place in the first items of a page's lists that gives a value, the same place of which is in
// other items too.
func (f *finder) firstOf(p page, value any, called []string) (workflow.List, bool) {
	matches := p.matches(value)
	if len(matches) > 1 {
		matches = slices.DeleteFunc(matches, func(m match) bool { return !m.named(called, someWords) })
	}
	if len(matches) != 1 || len(matches[0].leaf.Items) == 0 {
		return workflow.List{}, false
	}
	m := matches[0]
	item := m.leaf.Items[0]
	if item.Index != 0 || item.Count < leastRecords || !item.Recurs {
		return workflow.List{}, false
	}
	if _, isNumber := value.(json.Number); isNumber && !m.named(called, someWords) && !f.mentions(append(words(item.Column), words(m.around())...), called) {
		return workflow.List{}, false
	}
	return workflow.List{Source: item.List, First: 1, Single: true, Items: []workflow.Item{{Source: item.Field, Rule: m.rule}}}, true
}
