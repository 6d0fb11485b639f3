package workflow

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Holds reports whether a page at an address (with or without query and fragment) that shows headings is as the condition
// says; why is the end of a sentence that says what differs. The nil condition always holds.
func (c *Condition) Holds(address string, headings []string) (why string, ok bool) {
	switch {
	case c == nil:
		return "", true
	case !c.AtURL(address):
		return "the page is " + quoted(bare(address)) + " and not " + quoted(c.URL), false
	case !c.Shows(headings):
		return "the page shows none of the headings " + quotedAll(c.Headings) + "; it shows " + quotedAll(headings), false
	}
	return "", true
}

// AtURL reports whether the address of a page is as the condition says. A site may write a value in an address in its own
// way: in small letters, with _ or - for a space, with signs encoded or left out.
func (c *Condition) AtURL(address string) bool {
	if c == nil || c.URL == "" {
		return true
	}
	return matchesAddress(c.URL, bare(address)) || matchesAddress(slug(c.URL), slug(bare(address)))
}

func matchesAddress(pattern, address string) bool {
	pattern = strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `[^/]*`)
	matched, err := regexp.MatchString("^"+pattern+"$", address)
	return err == nil && matched
}

// slug is an address as a site may write it for the same page: decoded, in small letters, each run of spaces and signs
// in a part of its path a hyphen.
func slug(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		if i == 0 && found {
			continue // the host
		}
		if decoded, err := url.PathUnescape(part); err == nil {
			part = decoded
		}
		parts[i] = strings.Trim(signs.ReplaceAllString(strings.ToLower(part), "-"), "-")
	}
	return scheme + "://" + strings.Join(parts, "/")
}

// signs are what a slug has no place for. A star stands for anything.
var signs = regexp.MustCompile(`[^\p{L}\p{N}*]+`)

// Shows reports whether one of the condition's headings is among those of a page.
func (c *Condition) Shows(headings []string) bool {
	if c == nil || len(c.Headings) == 0 {
		return true
	}
	for _, want := range c.Headings {
		for _, h := range headings {
			if numberless(h) == numberless(want) {
				return true
			}
		}
	}
	return false
}

// numberless is a heading without regard to its numbers, its case and its spaces: "3 items" and "# items" are the same.
func numberless(heading string) string {
	var b strings.Builder
	number := false
	for _, r := range strings.ToLower(strings.Join(strings.Fields(heading), " ")) {
		digit := unicode.IsDigit(r) || r == '#' || number && (r == '.' || r == ',')
		if digit && !number {
			b.WriteByte('#')
		}
		if number = digit; !digit {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bare is an address without query and fragment.
func bare(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		return address[:i]
	}
	return address
}

func quoted(s string) string { return `"` + s + `"` }

func quotedAll(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	var q []string
	for _, s := range list {
		q = append(q, quoted(s))
	}
	return strings.Join(q, ", ")
}
