// Command provider-executor is the service that carries out runs with a model in a browser. It is configured by its
// environment; see docs/services.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	executor "github.com/errand-run/errand/services/provider-executor"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

func main() { os.Exit(service.Main("provider-executor", run)) }

func run(ctx context.Context) error {
	process, errProcess := service.LoadConfig(os.Getenv, "127.0.0.1:8082")
	cfg, err := executor.LoadConfig(os.Getenv)
	if err := errors.Join(errProcess, err); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return service.Connected(ctx, "provider-executor", process, func(ctx context.Context, f service.Frame) error {
		g, ctx := errgroup.WithContext(ctx)
		s := &executor.Service{Frame: f, Config: cfg, Own: process.Platform(os.Getenv)}
		g.Go(func() error { return f.Serve(ctx, s.Ready) })
		g.Go(func() error { return s.Run(ctx) })
		return g.Wait()
	})
}
