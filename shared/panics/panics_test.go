package panics

import (
	"errors"
	"strings"
	"testing"
)

func broken() { panic("broken") }

func TestAPanicInAGroupIsRaisedWhereItIsWaitedFor(t *testing.T) {
	others := 0
	err := Catch(func() {
		var g Group
		g.Go(broken)
		g.Go(func() { others++ })
		g.Wait()
		t.Error("Wait has returned")
	})
	var e *Error
	if !errors.As(err, &e) || e.Value != "broken" || !strings.Contains(string(e.Stack), "panics.broken") || others != 1 {
		t.Errorf("%v, others %d", err, others)
	}
	if err := Catch(func() {}); err != nil {
		t.Errorf("%v without a panic", err)
	}
}
