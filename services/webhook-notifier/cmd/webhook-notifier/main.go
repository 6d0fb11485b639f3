// Command webhook-notifier delivers the webhooks of finished runs. It is configured by its environment:
// ERRAND_WEBHOOK_SECRET (required), ERRAND_WEBHOOK_SCHEDULE, ERRAND_ALLOW_PRIVATE, ERRAND_PLATFORM_ADDRS, ERRAND_NATS_URL, ERRAND_ADDR.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

const name = "webhook-notifier"

func main() { os.Exit(service.Main(name, run)) }

func run(ctx context.Context) error {
	process, err1 := service.LoadConfig(os.Getenv, "127.0.0.1:8083")
	config, err2 := notifier.LoadConfig(os.Getenv)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return service.Connected(ctx, name, process, func(ctx context.Context, f service.Frame) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return f.Serve(ctx) })
		g.Go(func() error {
			return (&notifier.Service{Frame: f, Config: config, Own: process.Platform(os.Getenv)}).Run(ctx)
		})
		return g.Wait()
	})
}
