package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// Four services that start together with a new cluster, as `docker compose up` starts them. Each server's first answer
// may take seconds, since the cluster has no leader yet.
func TestFourServicesSetUpAFreshClusterAtOnceAndSayThatItsQuorumIsLost(t *testing.T) {
	servers := natstest.Cluster(t)
	var work sync.WaitGroup
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // it was 67 to 170 s; 4 s are usual
	defer cancel()
	var last *bus.Bus
	for i := range 4 {
		b, err := bus.New(natstest.Dial(t, servers[i%len(servers)]), natstest.Quiet())
		if err != nil {
			t.Fatal(err)
		}
		last = b // on the first server
		work.Go(func() {
			if err := b.Setup(ctx, 3, nil); err != nil {
				t.Errorf("set up: %v", err)
			}
			t.Logf("service %d is ready after %s", i, time.Since(began))
		})
	}
	work.Wait()
	if err := last.Ready(ctx); err != nil {
		t.Errorf("after setup: %v", err)
	}

	servers[1].Shutdown()
	servers[2].Shutdown()
	began = time.Now()
	_, _, err := last.AcceptRun(t.Context(), "key", event.Request{Task: 1})
	if took := time.Since(began); !errors.Is(err, bus.ErrUnknown) && !errors.Is(err, bus.ErrUnavailable) || took > 5*time.Second {
		t.Errorf("without a quorum a request gets %v after %s, want a refusal within 5 s", err, took)
	}
	if err := last.Ready(t.Context()); err == nil {
		t.Error("without a quorum it is still ready")
	} else {
		t.Logf("without a quorum: %v", err)
	}
}
