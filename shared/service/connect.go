package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/nats-io/nats.go"
)

// retryEvery is the wait between two tries to reach NATS at the start of a process.
const retryEvery = 500 * time.Millisecond

func dial(ctx context.Context, name string, c Config, log *slog.Logger) (*nats.Conn, error) {
	var nc *nats.Conn
	err := until(ctx, log, func() (err error) {
		nc, err = bus.Connect(c.NATSURL, name, log, c.Options...)
		return err
	})
	return nc, err
}

func setup(ctx context.Context, b *bus.Bus, r bus.Replicas, log *slog.Logger) error {
	return until(ctx, log, func() error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return b.Setup(ctx, r)
	})
}

// until repeats try until it works or ctx ends. It says so once, not at each try.
func until(ctx context.Context, log *slog.Logger, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		if n == 0 {
			log.Warn("waiting for NATS", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for NATS: %w", err)
		case <-time.After(retryEvery):
		}
	}
}
