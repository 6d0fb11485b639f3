package bus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/natstest"
)

// Four services that start together with a new cluster, as `docker compose up` starts them. Each server's first answer
// may take seconds, since the cluster has no leader yet.
func TestFourServicesAtOnceSetUpAFreshCluster(t *testing.T) {
	servers := natstest.Cluster(t)
	var work sync.WaitGroup
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // it was 67 to 170 s; 4 s are usual
	defer cancel()
	for i := range 4 {
		b, err := bus.New(natstest.Dial(t, servers[i%len(servers)]), natstest.Quiet())
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			if err := b.Setup(ctx, 3); err != nil {
				t.Errorf("set up: %v", err)
			}
			t.Logf("service %d is ready after %s", i, time.Since(began))
		})
	}
	work.Wait()
}
