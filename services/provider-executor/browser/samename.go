package browser

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// sameName reports whether a control that was called recorded and one that is called now can be the same control. A
// name may gain or lose words, as "Continue" and "Continue to payment", but where each has words that the other lacks,
// as "Log in" and "Log out" or "First name" and "Last name", they are two. Numbers of three digits and more, such as
// that of an order, must be the same; shorter ones and prices count something and may change.
func sameName(recorded, now string) bool {
	if bareName(recorded) == bareName(now) {
		return true
	}
	before, after := nameWords(recorded), nameWords(now)
	if len(before) == 0 || len(after) == 0 {
		return false
	}
	gone, added := lacking(before, after), lacking(after, before)
	switch {
	case len(gone) > 0 && len(added) > 0:
		return false
	case slices.ContainsFunc(slices.Concat(gone, added), decisive):
		return false
	}
	return true
}

// sameWords reports whether two names have the same words, but for what changes by itself.
func sameWords(a, b string) bool {
	before, after := nameWords(a), nameWords(b)
	return bareName(a) == bareName(b) || len(before) > 0 && len(lacking(before, after)) == 0 && len(lacking(after, before)) == 0
}

// bareName is what a name says without case, spaces and punctuation.
func bareName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFKC.String(name)))
}

var (
	changing = regexp.MustCompile(`^\d{1,2}$|^\d+[.,:]\d+$|[€$£¥%]`) // counts, prices, times
	empty    = regexp.MustCompile(`^(a|an|the|this|that|these|those|it|my|your|our|please|now)$`)
	turning  = regexp.MustCompile(`^(no|not|none|without|un\w{3,}|dis\w{3,}|de\w{5,}|all|every|delete|remove|cancel|clear|reset|erase|buy|pay|purchase|order|upgrade|subscribe|unsubscribe|nicht|ohne|alle|löschen|kaufen|pas|sans|tout|supprimer|acheter|todos|eliminar|comprar)$`)
)

// nameWords are the words of a name, in lower case, without articles and what changes by itself.
func nameWords(name string) (words []string) {
	for _, field := range strings.FieldsFunc(strings.ToLower(norm.NFKC.String(name)), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("|·•,;()[]\"“”«»/", r) }) {
		field = strings.Trim(field, ".:!?…*-–—")
		if field == "" || changing.MatchString(field) || empty.MatchString(field) {
			continue
		}
		words = append(words, strings.ReplaceAll(field, "-", ""))
	}
	return words
}

// lacking are the words of a that b has not, not even in the plural.
func lacking(a, b []string) (list []string) {
	for _, word := range a {
		if !slices.ContainsFunc(b, func(other string) bool { return sameWord(word, other) }) {
			list = append(list, word)
		}
	}
	return list
}

func sameWord(a, b string) bool { return a == b || a+"s" == b || b+"s" == a }

// decisive reports whether a word makes another control of one that is called the same otherwise.
func decisive(word string) bool {
	return turning.MatchString(word) || strings.ContainsFunc(word, unicode.IsDigit)
}
