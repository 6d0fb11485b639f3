package workflow

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A text result is read again only as far as its words stand on the pages. The rest of it is either what the task said
// anyway ("The form was sent.") or a conclusion ("There are no new messages."), which another visit may not bear out.

var (
	// reported are words in which a run says that it has done what it was asked.
	reported = setOf(`done ok okay successfully successful completed complete finished task result answer was were has have been is are now sent submitted saved
		added created updated placed ordered filled signed logged opened clicked selected changed uploaded downloaded booked registered posted published`)
	// judged are words that say how things stand, and may be otherwise the next time.
	judged = setOf(`no not none never nothing nobody neither nor without yes true false available unavailable stock sold open closed free busy full empty
		cheapest cheaper lowest lower highest higher best better worst worse most least more less fewer newer older larger smaller still already only
		enough expired valid invalid active inactive enabled disabled missing ready pending overdue late early correct wrong same different equal`)
	questions = regexp.MustCompile(`(?i)\?|^\s*(is|are|was|were|does|do|did|has|have|can|which|what|who|when|where|why|how|whether)\b|\b(whether|check|find out|tell me|tell us|compare|decide|judge|summari[sz]e|summary|describe|explain|assess|evaluate)\b|(?:^\s*|[.,;:!]\s*|\b(?:and|then|please|also)\s+)(?:report|rate)\b`)
	yesOrNo   = regexp.MustCompile(`(?i)(^|[.!?,;:]\s*|\band\s+)(is|are|was|were|does|do|did|has|have|can|could|will|should)\s|\b(whether|check if|see if)\b`)
)

// concludes reports whether the constant part of a text result says something that only a model can say again. read: the
// rest of the text was read from the pages.
func concludes(prompt, constant string, read bool) bool {
	asked := texts(newPassage(prompt).words())
	said := texts(newPassage(constant).words())
	if read {
		return slices.ContainsFunc(said, func(w string) bool { return judged[w] && (yesOrNo.MatchString(prompt) || !slices.Contains(asked, w)) })
	}
	if strings.ContainsFunc(constant, unicode.IsDigit) || len(quotedIn(constant)) > 0 || questions.MatchString(prompt) {
		return true
	}
	return slices.ContainsFunc(said, func(w string) bool {
		return judged[w] || !reported[w] && !stopWords[w] && !slices.ContainsFunc(asked, func(a string) bool { return sameStem(a, w) })
	})
}

// stem is how many letters two forms of a word share at least.
const stem = 4

func sameStem(a, b string) bool {
	if a == b {
		return true
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n >= stem && n >= min(len(a), len(b))-1
}
