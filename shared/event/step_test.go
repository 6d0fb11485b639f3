package event

import "testing"

func TestAnActionThatWasNotFinishedIsKnownInLogsOfBothKinds(t *testing.T) {
	cut, failed := "not finished: the lease was lost", "the page has no [3]"
	for _, c := range []struct {
		name   string
		action Action
		want   bool
	}{
		{"by its field", Action{Unfinished: true, Error: new("whatever it says")}, true},
		{"by the error of an older log", Action{Error: &cut}, true},
		{"a failure", Action{Error: &failed}, false},
		{"done", Action{}, false},
	} {
		if got := c.action.MayHaveHappened(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
