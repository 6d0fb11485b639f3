package agent

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzNothingOfAPageIsLostBetweenItsParts(f *testing.F) {
	f.Add("line\n", 3*extractChunk/5)
	f.Add("é", 2*extractChunk)
	f.Add("\n", extractMost*extractChunk+7)
	f.Add("a long line without an end ", extractMost*extractChunk/10)
	f.Fuzz(func(t *testing.T, piece string, times int) {
		if !utf8.ValidString(piece) || times < 0 || times*len(piece) > 4<<20 {
			return
		}
		text := strings.Repeat(piece, times)
		chunks, unread := chunked(text)
		rest, whole := strings.CutPrefix(text, strings.Join(chunks, ""))
		if !whole || utf8.RuneCountInString(rest) != unread || len(chunks) > extractMost {
			t.Fatalf("%d parts, %d characters said to be left of %d", len(chunks), unread, utf8.RuneCountInString(rest))
		}
		for _, c := range chunks {
			if n := utf8.RuneCountInString(c); n > extractChunk || !utf8.ValidString(c) {
				t.Fatalf("a part of %d characters", n)
			}
		}
	})
}

func FuzzNoAnswerBreaksAnExtraction(f *testing.F) {
	f.Add(`{"data":"[1,2]"}`, `{"type":"array"}`)
	f.Add(`{"data":{"a":null}}`, `{"type":"object"}`)
	f.Add(`{"data":"null"}`, `{}`)
	f.Add(`[1]`, `true`)
	f.Fuzz(func(t *testing.T, answer, schema string) {
		x, err := newExtraction(t.Context(), map[string]any{"query": "q", "data": schema})
		if err != nil {
			return
		}
		for n := range 2 {
			before := x.found
			if err := x.take(t.Context(), answer, part{n: n + 1, of: 2}); err != nil && x.found != before {
				t.Fatalf("an answer that cannot be used (%v) has changed %q to %q", err, before, x.found)
			}
		}
	})
}

func TestAStepSaysWhichOfItsActionsWereLeftOut(t *testing.T) {
	d, err := parseDecision(`{"actions":[{"name":"wait"},{"name":"done"},{"name":"wait"},{"name":"wait"},{"name":"wait"},{"name":"wait"}]}`)
	if err != nil || len(d.Actions) != 1 || !strings.Contains(d.note, "The last 1 actions") || !strings.Contains(d.note, "done was left out") {
		t.Errorf("%d actions, note %q, %v", len(d.Actions), d.note, err)
	}
}
