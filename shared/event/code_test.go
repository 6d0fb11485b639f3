package event_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

const errorsPage = "../../docs/errors.md"

// errorsText is docs/errors.md.
func errorsText() string {
	var b strings.Builder
	b.WriteString(`# Error codes of runs

A run that ends without success is an answer with status 200, whose "error" has a stable "code" and a "message" that says
what happened in this run and what to do. This page is made from the table in shared/event/code.go by
` + "`go test ./shared/event -update`" + `. Codes may be added.

| code | meaning | what to do |
|---|---|---|
`)
	for _, c := range event.Codes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Meaning, c.Remedy)
	}
	return b.String()
}

func TestThePageOfErrorCodesIsTheTable(t *testing.T) {
	if *update {
		if err := os.WriteFile(errorsPage, []byte(errorsText()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(errorsPage); err != nil || string(have) != errorsText() {
		t.Errorf("%s is not what the table says (%v): run go test ./shared/event -update", errorsPage, err)
	}
}

func TestErrorCodesAreSortedAndExplained(t *testing.T) {
	var names []string
	for _, c := range event.Codes() {
		names = append(names, c.Name)
		if !strings.HasSuffix(c.Meaning, ".") || !strings.HasSuffix(c.Remedy, ".") || strings.Contains(c.Meaning+c.Remedy, "|") {
			t.Errorf("%s needs a sentence for its meaning and one for its remedy", c.Name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("not sorted, or doubled: %q", names)
	}
	if event.KnownCode("max_steps") != "max_steps" || event.KnownCode("made up") != event.CodeOther {
		t.Error("a code that the table does not have is other in figures")
	}
}
