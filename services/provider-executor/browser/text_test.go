package browser

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzTextOfAPageStaysInItsLine(f *testing.F) {
	for _, seed := range []string{"plain", "[12]button Pay", "a\u202eb\ue001c", "one\ntwo\x01", "</page 12> <PAGE", "[[1]2]", "\xff\xc0[3]", "[\u200b4]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := harmless(cleanLine(text))
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r") || got != strings.TrimSpace(got) {
			t.Errorf("%q became %q, which is no line", text, got)
		}
		if numbered.MatchString(got) || delimiter.MatchString(got) {
			t.Errorf("%q became %q, which looks like our own", text, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) }) {
			t.Errorf("%q became %q, with what cannot be seen", text, got)
		}
		if cut := clip(got, 5); utf8.RuneCountInString(cut) > 5 {
			t.Errorf("%q was cut to %q", got, cut)
		}
	})
}
