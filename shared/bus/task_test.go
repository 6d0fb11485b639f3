package bus_test

import (
	"errors"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestATaskIsReadableFromItsOneWriteOn(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	id, _, err := b.AcceptTask(t.Context(), "k", event.Task{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	got, revision, err := b.Task(t.Context(), id)
	if err != nil || got.Name != "first" || got.ID != id {
		t.Fatalf("task %+v, %v", got, err)
	}
	got.Name = "second"
	if err := b.UpdateTask(t.Context(), got, revision); err != nil {
		t.Fatal(err)
	}
	if err := b.UpdateTask(t.Context(), got, revision); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("update at a stale revision: %v, want a conflict", err)
	}
	if got, _, _ = b.Task(t.Context(), id); got.Name != "second" {
		t.Errorf("name %q after the update", got.Name)
	}
}

func TestADeletedTaskIsGoneAndItsIdStaysTaken(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	for _, key := range []string{"a", "b", "c"} {
		if _, _, err := b.AcceptTask(t.Context(), key, event.Task{Name: key}); err != nil {
			t.Fatal(err)
		}
	}
	two, revision, err := b.Task(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	two.Deleted = true
	if err := b.UpdateTask(t.Context(), two, revision); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Task(t.Context(), 2); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("read a deleted task: %v", err)
	}
	page, next, err := b.Tasks(t.Context(), bus.TaskPage{Limit: 1})
	if err != nil || len(page) != 1 || page[0].Name != "c" || next == 0 {
		t.Fatalf("first page %+v, next %d, %v", page, next, err)
	}
	page, next, err = b.Tasks(t.Context(), bus.TaskPage{Before: next, Limit: 5})
	if err != nil || len(page) != 1 || page[0].Name != "a" || next != 0 {
		t.Errorf("second page %+v, next %d, %v", page, next, err)
	}
	id, _, err := b.AcceptTask(t.Context(), "d", event.Task{})
	if err != nil || id != 4 {
		t.Errorf("next id %d, %v; want 4", id, err)
	}
}
