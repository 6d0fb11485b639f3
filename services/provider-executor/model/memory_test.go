package model_test

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
)

// Not in parallel with other tests: it looks at the memory of the process.
func TestAnswersOf50MBLeaveTheMemoryFlat(t *testing.T) {
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"`)
		chunk := make([]byte, 1<<20)
		for i := range chunk {
			chunk[i] = 'x'
		}
		for range 50 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	var clients []model.Client
	for _, p := range model.Providers() {
		clients = append(clients, client(t, p, endless))
	}
	round := func() uint64 {
		for _, c := range clients {
			_, err := decide(c)
			failsWith(t, err, model.CodeInvalidOutput)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys // never falls: it is the most that the process has had
	}
	first := round()
	round()
	last := round()
	t.Logf("%d MiB after 350 MB of answers, %d MiB after 1,050 MB", first>>20, last>>20)
	if first > 400<<20 || last > first+50<<20 {
		t.Errorf("the process has taken %d MiB, then %d MiB", first>>20, last>>20)
	}
}
