package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

var writer = event.Writer{Service: "test", Instance: "a"}

// accepted makes a run whose request is stored, and its first snapshot.
func accepted(t *testing.T, b *bus.Bus) event.Snapshot {
	t.Helper()
	req := event.Request{Task: 7, Prompt: "say hello", Provider: "openai", Model: "m", SessionTimeout: 900, CreatedAt: time.Now().UTC()}
	id, _, err := b.AcceptRun(t.Context(), fmt.Sprint(time.Now().UnixNano()), req)
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	return event.Queued(id, req)
}

// started appends created, dispatched and started, and returns the fencing token.
func started(t *testing.T, b *bus.Bus, s event.Snapshot) (event.Snapshot, uint64) {
	t.Helper()
	var seq uint64
	for _, typ := range []event.Type{event.Created, event.Dispatched, event.Started} {
		s.State = typ.State()
		if typ == event.Dispatched {
			s.Attempt++
		}
		e := writer.Run(typ, b.Now(t.Context()), event.RunData{Run: s, Previous: seq, Request: uint64(s.Run)})
		next, err := b.Append(t.Context(), e, seq)
		if err != nil {
			t.Fatalf("append %s: %v", typ, err)
		}
		seq = next
	}
	return s, seq
}

func TestOfFiftyTerminalWritersOneWins(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	for range 10 {
		s, token := started(t, b, accepted(t, b))
		var won sync.Map
		var wins, conflicts int
		var mu sync.Mutex
		var racers sync.WaitGroup
		for i := range 50 {
			typ := event.TerminalTypes()[i%4]
			racers.Go(func() {
				mine := s
				mine.State = typ.State()
				w := event.Writer{Service: "racer", Instance: fmt.Sprint(i)}
				e := w.Run(typ, b.Now(t.Context()), event.RunData{Run: mine, Previous: token})
				e.ID += fmt.Sprint(".", i)
				_, err := b.Append(t.Context(), e, token)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					wins++
					won.Store(e.ID, true)
				case errors.Is(err, bus.ErrConflict):
					conflicts++
				default:
					t.Errorf("racer %d: %v", i, err)
				}
			})
		}
		racers.Wait()
		last, err := b.Last(t.Context(), s.Key())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := won.Load(last.ID); wins != 1 || conflicts != 49 || !ok {
			t.Fatalf("wins %d, conflicts %d, last event %s is the winner's: %v", wins, conflicts, last.ID, ok)
		}
	}
}

func TestARepeatedWriteIsTheSameWrite(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	s := accepted(t, b)
	e := writer.Run(event.Created, b.Now(t.Context()), event.RunData{Run: s})
	first, err := b.Append(t.Context(), e, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Append(t.Context(), e, 0)
	if err != nil || again != first {
		t.Fatalf("repeated write: sequence %d, %v; want %d", again, err, first)
	}
}

func TestAZombieWritesNoStepAndExtendsNoLease(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	s, token := started(t, b, accepted(t, b))
	lost := s
	lost.State = event.StateQueued
	e := writer.Run(event.Retrying, b.Now(t.Context()), event.RunData{Run: lost, Previous: token})
	if _, err := b.Append(t.Context(), e, token); err != nil {
		t.Fatal(err)
	}
	step := writer.Step(event.Planned, b.Now(t.Context()), event.StepData{Task: s.Task, Run: s.Run, Attempt: 1, Number: 1, Lifecycle: token})
	if _, err := b.AppendStep(t.Context(), event.Planned, step); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("step of a zombie: %v, want a conflict", err)
	}
	timer := bus.Timer{Task: s.Task, Run: s.Run, Kind: bus.TimerLease, Attempt: 1, Due: b.Now(t.Context())}
	if err := b.Arm(t.Context(), timer, token); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("lease of a zombie: %v, want a conflict", err)
	}
}

func TestTheRunIsReadFromTheLogWithItsSteps(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	s, token := started(t, b, accepted(t, b))
	large := string(make([]byte, 40<<10))
	var prev *event.StepRef
	for n := 1; n <= 3; n++ {
		d := event.StepData{
			Task: s.Task, Run: s.Run, Attempt: 1, Number: n, Lifecycle: token, Previous: prev, Description: fmt.Sprint("step ", n),
			Actions: []event.Action{{Name: "extract", Params: map[string]any{"query": "x"}, ExtractedContent: &large}},
			Usage:   event.Usage{ModelCalls: 1, InputTokens: 10, OutputTokens: 2},
		}
		seq, err := b.AppendStep(t.Context(), event.Done, writer.Step(event.Done, b.Now(t.Context()), d))
		if err != nil {
			t.Fatal(err)
		}
		prev = &event.StepRef{Number: n, Sequence: seq}
	}
	if second, err := b.Step(t.Context(), s.Key(), 2); err != nil || second.Data.Description != "step 2" || second.Phase != event.Done {
		t.Errorf("step 2 is %q %s, %v", second.Data.Description, second.Phase, err)
	}
	if _, err := b.Step(t.Context(), s.Key(), 4); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("a step that never was: %v, want not found", err)
	}
	run, err := b.Run(t.Context(), s.Run)
	if err != nil {
		t.Fatal(err)
	}
	if run.State != event.StateRunning || len(run.History) != 3 || run.Usage.ModelCalls != 3 {
		t.Fatalf("running: state %s, %d steps, usage %+v", run.State, len(run.History), run.Usage)
	}
	if got := *run.History[2].Actions[0].ExtractedContent; got != large {
		t.Errorf("a large extract came back with %d bytes, want %d", len(got), len(large))
	}
	end := s
	end.State, end.Result = event.StateSucceeded, []byte(`"`+string(bytesOf('x', 50<<10))+`"`)
	e := writer.Run(event.Succeeded, b.Now(t.Context()), event.RunData{Run: end, Previous: token, LastStep: prev})
	if _, err := b.Append(t.Context(), e, token); err != nil {
		t.Fatal(err)
	}
	run, err = b.Run(t.Context(), s.Run)
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != event.StatusSuccess || len(run.Result) != 50<<10+2 || !*run.IsSuccessful {
		t.Fatalf("ended: status %s, result of %d bytes", run.Status, len(run.Result))
	}
}

func TestTheLogOfARunIsReadLineByLine(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	other := accepted(t, b)
	lines := make(chan string, 10)
	stop, err := b.LiveSteps(func(i event.SubjectInfo) { lines <- fmt.Sprint(i.Key, " ", i.Step, i.Phase) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s, token := started(t, b, accepted(t, b))
	started(t, b, other)
	d := event.StepData{Task: s.Task, Run: s.Run, Attempt: 1, Number: 1, Lifecycle: token}
	if _, err := b.AppendStep(t.Context(), event.Done, writer.Step(event.Done, b.Now(t.Context()), d)); err != nil {
		t.Fatal(err)
	}
	var got []string
	entry, err := b.Next(t.Context(), s.Key(), 0)
	for ; err == nil; entry, err = b.Next(t.Context(), s.Key(), entry.Sequence) {
		got = append(got, string(entry.Type)+string(entry.Phase))
	}
	if !errors.Is(err, bus.ErrNotFound) || fmt.Sprint(got) != "[created dispatched started done]" {
		t.Errorf("the log reads %v and ends with %v", got, err)
	}
	if line := <-lines; line != s.Key().String()+" 1done" {
		t.Errorf("the live feed says %s", line)
	}
}

func bytesOf(c byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}

func TestTheServerKeepsTheProjections(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	s, token := started(t, b, accepted(t, b))
	d := event.StepData{Task: s.Task, Run: s.Run, Attempt: 1, Number: 1, Lifecycle: token}
	if _, err := b.AppendStep(t.Context(), event.Planned, writer.Step(event.Planned, b.Now(t.Context()), d)); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, func() error {
		for _, subject := range []string{"$KV.runs." + s.Key().String(), "$KV.history." + s.Key().String() + ".1"} {
			bucket := "KV_runs"
			if subject[4] == 'h' {
				bucket = "KV_history"
			}
			if m, err := nc.Request("$JS.API.DIRECT.GET."+bucket+"."+subject, nil, time.Second); err != nil || len(m.Data) == 0 {
				return fmt.Errorf("%s is not there yet: %v", subject, err)
			}
		}
		return nil
	})
	if _, err := nc.Request("$KV.runs."+s.Key().String(), []byte("forged"), time.Second); err == nil {
		t.Error("a client could write into the projection")
	}
}

func TestATimerFiresOnceAndATerminalEventDisarmsIt(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	lives, token := started(t, b, accepted(t, b))
	ends, endToken := started(t, b, accepted(t, b))
	due := b.Now(t.Context()).Add(700 * time.Millisecond)
	arm := func(s event.Snapshot, after uint64, at time.Time) {
		t.Helper()
		if err := b.Arm(t.Context(), bus.Timer{Task: s.Task, Run: s.Run, Kind: bus.TimerLease, Attempt: 1, Due: at}, after); err != nil {
			t.Fatalf("arm: %v", err)
		}
	}
	arm(lives, token, due.Add(-time.Hour)) // replaced at once by the next
	arm(lives, token, due)
	arm(ends, endToken, due)
	ends.State = event.StateSucceeded
	if _, err := b.Append(t.Context(), writer.Run(event.Succeeded, b.Now(t.Context()), event.RunData{Run: ends, Previous: endToken}), endToken); err != nil {
		t.Fatal(err)
	}
	fired := make(chan string, 10)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, bus.ConsumerControl, 4, func(_ context.Context, m bus.Message) error {
			fired <- m.Subject
			return nil
		})
	}()
	select {
	case subject := <-fired:
		if subject != event.TimerSubject(lives.Key()) {
			t.Errorf("fired %s, want the timer of run %s", subject, lives.Key())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no timer fired in 10 s")
	}
	// Whatever else was due at the same instant has fired by the time a later one does.
	arm(lives, token, b.Now(t.Context()).Add(300*time.Millisecond))
	if subject := <-fired; subject != event.TimerSubject(lives.Key()) {
		t.Errorf("fired %s: the terminal event did not disarm its timer", subject)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestASecondRequestWithTheSameKeyFindsTheFirst(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	one, _, err := b.AcceptRun(t.Context(), "k", event.Request{Task: 1, Prompt: "first", BodyHash: "a"})
	if err != nil {
		t.Fatal(err)
	}
	two, stored, err := b.AcceptRun(t.Context(), "k", event.Request{Task: 1, Prompt: "second", BodyHash: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if one != 1 || two != one || stored.BodyHash != "a" {
		t.Errorf("ids %d and %d, stored body %q; want 1, 1, a", one, two, stored.BodyHash)
	}
	three, _, err := b.AcceptRun(t.Context(), "other", event.Request{Task: 1})
	if err != nil || three != 2 {
		t.Errorf("next id %d, %v; want 2", three, err)
	}
	if newest, err := b.NewestRun(t.Context()); err != nil || newest != 2 {
		t.Errorf("newest run %d, %v; want 2", newest, err)
	}
}

func TestAStoppedServerIsUnavailableAndStoresNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := natstest.Server(t, dir)
	b := natstest.On(t, natstest.Dial(t, srv))
	srv.Shutdown()
	srv.WaitForShutdown()
	natstest.Eventually(t, func() error {
		if err := b.Ready(t.Context()); err == nil {
			return errors.New("ready")
		}
		return nil
	})
	_, _, err := b.AcceptRun(t.Context(), "k", event.Request{Task: 1})
	if !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("accept without a server: %v", err)
	}
	again := natstest.On(t, natstest.Dial(t, natstest.Server(t, dir)))
	id, _, err := again.AcceptRun(t.Context(), "k2", event.Request{Task: 1})
	if err != nil || id != 1 {
		t.Errorf("first id after the restart is %d, %v; want 1: the refused request was stored", id, err)
	}
}
