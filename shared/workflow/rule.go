package workflow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Parse reads a text of a page as the value that the rule tells of. A text that does not fit is an error: nothing is
// guessed, and nothing left out.
func (r Rule) Parse(text string) (json.RawMessage, error) {
	rest := oneLine(text)
	if r.Type == "enum" {
		if value, ok := r.Enum[rest]; ok {
			return value, nil
		}
		return nil, fmt.Errorf("%q is not one of the known texts: %s", rest, strings.Join(sortedKeys(r.Enum), ", "))
	}
	rest, ok := cutAround(rest, r.Prefix, r.Suffix)
	if !ok {
		return nil, fmt.Errorf("%q is not between %q and %q", oneLine(text), r.Prefix, r.Suffix)
	}
	switch r.Type {
	case TypeString:
		if rest == "" {
			return nil, fmt.Errorf("%q holds nothing else", oneLine(text))
		}
		return encode(rest)
	case TypeNumber, TypeInteger:
		return r.number(rest)
	case TypeDate:
		return r.date(rest)
	}
	return nil, fmt.Errorf("there is no rule %q: use string, number, integer, date or enum", r.Type)
}

func (r Rule) number(text string) (json.RawMessage, error) {
	number, ok := readAmount(text, r.Format)
	if !ok || r.Type == TypeInteger && strings.Contains(number, ".") {
		return nil, fmt.Errorf("%q is no %s as %s", text, r.Type, cmp.Or(r.Format, "1234"))
	}
	return json.RawMessage(number), nil
}

// Rules lists the rules that turn a text into a value of decoded JSON (numbers as json.Number or float64), the strictest
// first. There is none for booleans and null, for a number among others, or where a date's day could be its month.
func Rules(text string, want any) []Rule {
	text = oneLine(text)
	var found []Rule
	switch want := want.(type) {
	case json.Number, float64:
		number, ok := plainValue(want)
		if !ok {
			return nil
		}
		found = numberRules(text, number)
	case string:
		want = oneLine(want)
		if want == "" || !hasAny(want, isWordRune) {
			return nil
		}
		found = append(dateRules(text, want), stringRules(text, want)...)
	}
	return slices.DeleteFunc(found, func(r Rule) bool { return !r.gives(text, want) })
}

func (r Rule) gives(text string, want any) bool {
	value, err := r.Parse(text)
	return err == nil && Same(value, want)
}

// Same compares a value as JSON with a decoded one; numbers by their value, texts but for runs of spaces.
func Same(value json.RawMessage, want any) bool {
	got, err := decode(value)
	if err != nil {
		return false
	}
	if a, ok := plainValue(got); ok {
		b, ok := plainValue(want)
		return ok && a == b
	}
	a, isText := got.(string)
	b, wantText := want.(string)
	return isText && wantText && oneLine(a) == oneLine(b)
}

// numberRules finds the number in a text that holds no other digits.
func numberRules(text, number string) []Rule {
	start := strings.IndexFunc(text, unicode.IsDigit)
	end := strings.LastIndexFunc(text, unicode.IsDigit)
	if start < 0 {
		return nil
	}
	end++
	start -= signBefore(text[:start])
	typ := TypeNumber
	amount := text[start:end]
	if !strings.Contains(number, ".") && isDigits(strings.TrimLeft(amount, "-−+")) {
		typ = TypeInteger
	}
	var rules []Rule
	for _, format := range amountFormats(amount) {
		if got, ok := readAmount(amount, format); ok && got == number {
			rules = append(rules, Rule{Type: typ, Prefix: strings.TrimSpace(text[:start]), Suffix: strings.TrimSpace(text[end:]), Format: format})
		}
	}
	if typ == TypeInteger { // others of a list may have decimals
		for _, r := range slices.Clone(rules) {
			rules = append(rules, Rule{Type: TypeNumber, Prefix: r.Prefix, Suffix: r.Suffix, Format: r.Format})
		}
	}
	return rules
}

// signBefore is the length of the sign that a text before a number ends with. A hyphen behind a letter or a digit is none.
func signBefore(text string) int {
	for _, sign := range []string{"-", "−", "+"} {
		rest, found := strings.CutSuffix(text, sign)
		if found && !endsWith(rest, isWordRune) {
			return len(sign)
		}
	}
	return 0
}

// amountFormats lists samples of how a number may be written, the strictest first.
func amountFormats(text string) []string {
	formats := []string{"1234"}
	for _, format := range []string{"1,234.50", "1.234,50"} {
		group := format[1:2]
		for _, other := range []string{"'", "’", " "} {
			if strings.Contains(text, other) {
				group = other
			}
		}
		formats = append(formats, "1"+group+format[2:])
	}
	return formats
}

// readAmount reads a number as JSON has it. Its format says by a sample what the sign of decimals is: 1,234.50 or
// 1.234,50. With it known, thousands may be parted by anything else that is usual; without (1234) not by it.
func readAmount(text, format string) (string, bool) {
	var point string
	if s, ok := styleOf(cmp.Or(format, "1234")); ok {
		point = s.point
	} else {
		return "", false
	}
	groups := strings.ReplaceAll(" '’.,", cmp.Or(point, "none"), "")
	if point == "" {
		groups = " '’"
	}
	whole, fraction, decimal := text, "", false
	if point != "" {
		whole, fraction, decimal = strings.Cut(text, point)
	}
	sign := ""
	if rest := strings.TrimLeft(whole, "-−+"); len(rest) < len(whole) {
		if whole[0] != '+' {
			sign = "-"
		}
		whole = rest
	}
	whole, ok := ungrouped(whole, groups)
	if !ok || decimal && !isASCIIDigits(fraction) {
		return "", false
	}
	if trimmed := strings.TrimLeft(whole, "0"); trimmed != "" {
		whole = trimmed
	} else {
		whole = "0"
	}
	if decimal {
		whole += "." + fraction
	}
	return plainNumber(sign + whole)
}

// ungrouped joins digits that are parted into thousands, by one and the same sign.
func ungrouped(text, groups string) (string, bool) {
	i := strings.IndexAny(text, groups)
	if i < 0 {
		return text, isASCIIDigits(text)
	}
	group := string([]rune(text[i:])[:1])
	parts := strings.Split(text, group)
	for n, part := range parts {
		if !isASCIIDigits(part) || n > 0 && len(part) != 3 || n == 0 && len(part) > 3 {
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

func isASCIIDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// stringRules finds a text in another: all of it, behind or before constant words, or in other case.
func stringRules(text, want string) []Rule {
	if text == want {
		return []Rule{{Type: TypeString}}
	}
	var rules []Rule
	if before, after, found := strings.Cut(text, want); found && strings.Count(text, want) == 1 {
		before, after = strings.TrimSpace(before), strings.TrimSpace(after)
		if leads(before) && trails(after) {
			rules = append(rules, Rule{Type: TypeString, Prefix: before, Suffix: after})
		}
	}
	if Skeleton(text) == Skeleton(want) && hasAny(want, unicode.IsLetter) {
		value, err := encode(want)
		if err == nil {
			rules = append(rules, Rule{Type: "enum", Enum: map[string]json.RawMessage{text: value}})
		}
	}
	return rules
}

// leads: words that introduce a value, and are none themselves: they end with a sign, as "Order #", or in lower case, as
// "Sold by". A sign that joins words does not count.
func leads(before string) bool {
	if before == "" {
		return true
	}
	words := strings.Fields(before)
	last := []rune(words[len(words)-1])
	if hasAny(before, unicode.IsDigit) {
		return false
	}
	return strings.ContainsRune(`:#=(["“„«|·–—/@*`, last[len(last)-1]) || unicode.Is(unicode.Sc, last[len(last)-1]) || unicode.IsLower(last[0])
}

// trails: what stands behind a value and begins with a sign.
func trails(after string) bool {
	if after == "" {
		return true
	}
	first := []rune(after)[0]
	return !hasAny(after, unicode.IsDigit) && (strings.ContainsRune(`,;)]"”“»|·–—/%*`, first) || unicode.Is(unicode.Sc, first))
}

// cutAround takes away what stands before and behind a value.
func cutAround(text, prefix, suffix string) (string, bool) {
	text, ok := strings.CutPrefix(text, oneLine(prefix))
	if !ok {
		return "", false
	}
	text, ok = strings.CutSuffix(text, oneLine(suffix))
	return strings.TrimSpace(text), ok
}

// Skeleton is what is left of a text without case, spaces and signs.
func Skeleton(text string) string {
	return strings.Map(func(r rune) rune {
		if isWordRune(r) {
			return r
		}
		return -1
	}, strings.ToLower(text))
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func hasAny(text string, is func(rune) bool) bool { return strings.IndexFunc(text, is) >= 0 }

func endsWith(text string, is func(rune) bool) bool {
	runes := []rune(text)
	return len(runes) > 0 && is(runes[len(runes)-1])
}

// oneLine is a text with single spaces, whatever they were.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Skeletons are skeletons of which one is in that of every text that Rules may have a rule for.
func Skeletons(want any) []string {
	if number, ok := plainValue(want); ok {
		return []string{Skeleton(number)}
	}
	text, isText := want.(string)
	if !isText || Skeleton(text) == "" {
		return nil
	}
	if day, _, ok := dateForm(oneLine(text)); ok {
		return []string{Skeleton(text), strconv.Itoa(day.Year())}
	}
	return []string{Skeleton(text)}
}
