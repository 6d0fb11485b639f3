package browser

import (
	"regexp"
	"testing"
)

var declared = regexp.MustCompile(`(?m)^(?:async )?(?:function|class|const|let) (\w+)`)

// All our script's files are one scope, in which a second function of a name silently takes the place of the first.
func TestNoTwoThingsInTheScriptHaveOneName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range declared.FindAllStringSubmatch(script, -1) {
		if seen[m[1]] {
			t.Errorf("%s is declared twice", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d names found", len(seen))
	}
}
