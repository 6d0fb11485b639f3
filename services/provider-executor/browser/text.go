package browser

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clip cuts text to limit characters and shows that it did.
func clip(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// cleanLine makes one line of well-formed text that can be seen.
func cleanLine(text string) string {
	visible := func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}
	return strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(text, "\ufffd"))), " ")
}

var (
	numbered  = regexp.MustCompile(`\[(\d+)\]`)
	delimiter = regexp.MustCompile(`(?i)<(/?page)`)
)

// harmless keeps what a page says within one of our own lines from looking like a
// numbered control or like the end of the page.
func harmless(text string) string {
	return delimiter.ReplaceAllString(numbered.ReplaceAllString(text, "($1)"), "‹$1")
}

// hostOf names the site of an address; one without a site goes by its scheme.
func hostOf(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "?"
	case u.Host == "" && u.Scheme != "about":
		return u.Scheme + ":"
	case u.Host == "":
		return clip(harmless(cleanLine(address)), 60)
	}
	return u.Host
}
