package bus_test

import (
	"testing"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// BenchmarkErasing erases a run with a picture beside 10,000 events of other runs, and gives what each of these costs.
func BenchmarkErasing(b *testing.B) {
	const others, size = 10_000, 3 << 10
	nc := natstest.Connect(b)
	bb := natstest.On(b, nc)
	for n := range others {
		subject := event.StepSubject(event.Key{Task: 99, Run: event.RunID(n + 1)}, 1, event.Done)
		if err := nc.Publish(subject, make([]byte, size)); err != nil {
			b.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		b.StopTimer()
		e := leave(b, bb, oneTask(b, bb, false))
		b.StartTimer()
		if _, err := bb.EraseRun(b.Context(), e.key, e.request); err != nil {
			b.Fatal(err)
		}
		if _, err := handle(b.Context(), b, nc, bb); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*others), "µs/event")
}
