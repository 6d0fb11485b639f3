package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestWhatDoesNotFollowChangesNothing(t *testing.T) {
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	k := event.Key{Task: 1, Run: 1}
	w := event.Writer{Service: "test", Instance: "i"}
	run := event.Snapshot{Task: 1, Run: 1, Provider: "openai", Attempt: 1}
	last := uint64(0)
	write := func(typ event.Type) {
		t.Helper()
		run.State = typ.State()
		seq, err := b.Append(t.Context(), w.Run(typ, time.Now(), event.RunData{Run: run, Previous: last}), last)
		if err != nil {
			t.Fatalf("write %s: %v", typ, err)
		}
		last = seq
	}
	forge := func(subject string, data []byte) {
		t.Helper()
		if _, err := nc.Request(subject, data, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	forged := func(typ event.Type, previous uint64) []byte {
		s := run
		s.State, s.Result = typ.State(), json.RawMessage(`"FORGED"`)
		data, _ := json.Marshal(w.Run(typ, time.Now(), event.RunData{Run: s, Previous: previous}))
		return data
	}
	holds := func(when string) {
		t.Helper()
		fresh, err := bus.New(nc, natstest.Quiet())
		if err != nil {
			t.Fatal(err)
		}
		for _, reader := range []*bus.Bus{b, fresh} {
			r, err := reader.Last(t.Context(), k)
			if err != nil || r.Sequence != last || string(r.Data.Run.Result) == `"FORGED"` {
				t.Fatalf("%s: the last event is %d, %v, want %d", when, r.Sequence, err, last)
			}
		}
	}
	strays := func() {
		forge("run.v1.evt.1.1.created", []byte(`{"hello":1}`))
		forge("run.v1.evt.1.1.succeeded", []byte("not json"))
		forge("run.v1.evt.1.1.exploded", forged("exploded", last))
		forge("run.v1.evt.1.1.succeeded", forged(event.Succeeded, last))
		forge("run.v1.evt.1.1.succeeded", forged(event.Succeeded, 1))
		forge("run.v1.step.1.1.9.done", []byte("not json"))
		holds("after strays")
	}
	write(event.Created)
	write(event.Dispatched)
	strays()
	write(event.Started)
	holds("after a write behind strays")
	strays()
	step := event.StepData{Task: 1, Run: 1, Attempt: 1, Number: 1, Lifecycle: last}
	if _, err := b.AppendStep(t.Context(), event.Done, w.Step(event.Done, time.Now(), step)); err != nil {
		t.Fatal(err)
	}
	strays()
	if steps, err := b.Steps(t.Context(), k); err != nil || len(steps) != 1 {
		t.Fatalf("%d steps, %v, want the one before the stray", len(steps), err)
	}
	write(event.Succeeded)
	strays()
	// A rival that reads the sequences and guards its writes can still not go on after the end.
	ended := last
	for previous, typ := ended, event.Started; ; typ = event.Failed {
		s := run
		s.State = typ.State()
		_, err := b.Append(t.Context(), w.Run(typ, time.Now(), event.RunData{Run: s, Previous: previous}), previous)
		if err != nil && !errors.Is(err, bus.ErrConflict) {
			t.Fatal(err)
		}
		holds(fmt.Sprint("after a guarded ", typ))
		if typ == event.Failed {
			break
		}
	}
	if r, _ := b.Last(t.Context(), k); r.Fault == nil || r.Fault.Sequence <= ended {
		t.Errorf("the fault is %v, want the latest stray", r.Fault)
	}
}
