package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
)

// waitJournal notes the waits of a run.
type waitJournal struct {
	lastWords
	lines []string
	fails error
}

func (j *waitJournal) Waits(_ context.Context, until time.Time, why string) error {
	j.lines = append(j.lines, why+" "+time.Until(until).String())
	return j.fails
}

func (j *waitJournal) Resumed(context.Context) error {
	j.lines = append(j.lines, "resumed")
	return j.fails
}

func TestARunAtWorkSaysThatItWaitsForItsProvider(t *testing.T) {
	down := &model.Error{Code: model.CodeUnavailable, Message: "openai answered 503", Passing: true}
	synctest.Test(t, func(t *testing.T) {
		j := &waitJournal{}
		r := &run{Agent: &Agent{Journal: j, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, number: 2}
		for n, err := range []error{down, down, nil, errors.New("another")} {
			again, broken := r.sitOut(t.Context(), err, n)
			if broken != nil || again != (err == error(down)) {
				t.Errorf("call %d: again is %v, %v", n, again, broken)
			}
			if !again && r.waitOver(t.Context()) != nil {
				t.Error("the wait is not over")
			}
		}
		if want := []string{"openai answered 503 5s", "openai answered 503 10s", "resumed"}; !slices.Equal(j.lines, want) {
			t.Errorf("the journal says %q", j.lines)
		}
		j.fails = errDied
		if again, err := r.sitOut(t.Context(), down, 0); again || !errors.Is(err, errDied) {
			t.Errorf("a wait that cannot be stored: again is %v, %v", again, err)
		}
		fresh := &run{Agent: r.Agent, number: 1}
		if again, err := fresh.sitOut(t.Context(), down, 0); again || err != nil {
			t.Errorf("a run that has done nothing: again is %v, %v", again, err)
		}
	})
}
