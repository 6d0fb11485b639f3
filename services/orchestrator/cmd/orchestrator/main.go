// Command orchestrator is the service that decides what becomes of runs. It is configured by its environment; see
// docs/services.md.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/errand-run/errand/services/orchestrator"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

func main() { os.Exit(service.Main("orchestrator", run)) }

func run(ctx context.Context) error {
	cfg, err := service.LoadConfig(os.Getenv, "127.0.0.1:8081")
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	own, err := orchestrator.LoadConfig(os.Getenv)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return service.Connected(ctx, "orchestrator", cfg, func(ctx context.Context, f service.Frame) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return f.Serve(ctx) })
		g.Go(func() error { return (&orchestrator.Service{Frame: f, Config: own}).Run(ctx) })
		return g.Wait()
	})
}
