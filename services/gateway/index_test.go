package gateway

import (
	"math"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

func TestAStrayRunIdCostsOnePageAndTheOthersStayInOrder(t *testing.T) {
	var x index
	for _, id := range []event.RunID{1, 2, 4095, 4096, 9000, math.MaxInt64} {
		*x.at(id) = seenRun{task: 7, state: event.StateQueued}
	}
	if len(x.pages) != 4 {
		t.Errorf("%d pages", len(x.pages))
	}
	var ids []event.RunID
	for id := x.below(0); id > 0; id = x.below(id) {
		ids = append(ids, id)
	}
	want := []event.RunID{math.MaxInt64, 9000, 4096, 4095, 2, 1}
	if len(ids) != len(want) {
		t.Fatalf("ids %v, want %v", ids, want)
	}
	for i := range want {
		if ids[i] != want[i] {
			t.Fatalf("ids %v, want %v", ids, want)
		}
	}
	if _, known := x.get(3); known {
		t.Error("run 3 is known")
	}
}
