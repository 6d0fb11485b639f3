package service

import (
	"context"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/nats-io/nats.go"
)

// retryEvery is the wait between two tries to reach NATS at the start of a process.
const retryEvery = 500 * time.Millisecond

// connect dials NATS and sets the streams up. The caller closes the bus.
func connect(ctx context.Context, name string, c Config, waiting *waitingRoom) (b *bus.Bus, err error) {
	var nc *nats.Conn
	err = until(ctx, waiting, func() (err error) {
		nc, err = bus.Connect(c.NATSURL, name, waiting.log, c.Options...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if b, err = bus.New(nc, waiting.log); err == nil {
		err = until(ctx, waiting, func() error { return b.Setup(ctx, c.Replicas, waiting.because) })
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return b, nil
}

// until repeats try until it works or ctx ends. It says so once, not at each try.
func until(ctx context.Context, waiting *waitingRoom, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		waiting.because(err)
		if n == 0 {
			waiting.log.Warn("waiting for NATS", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for NATS: %w", err)
		case <-time.After(retryEvery):
		}
	}
}
