package workflow

import "testing"

func TestWhatWasConcludedNeedsAModelAndWhatWasOnlyDoneDoesNot(t *testing.T) {
	for _, c := range []struct {
		prompt, said string
		concluded    bool
	}{
		{"Download the report of 2025", "The report was downloaded.", false},
		{"Save the rate of pay", "Saved.", false},
		{"Report the state of the server", "ok", true},
		{"Open the page and report its state", "Done", true},
		{"Are there new messages?", "There are no new messages in the inbox.", true},
		{"Check the status page", "All systems are operational.", true},
		{"Delete the draft", "The draft was deleted.", false},
		{"Delete the draft", "The draft was not there.", true},
	} {
		if got := concludes(c.prompt, c.said, false); got != c.concluded {
			t.Errorf("%q answered by %q: concluded is %v", c.prompt, c.said, got)
		}
	}
}
