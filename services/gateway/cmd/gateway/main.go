// Command gateway serves Errand's HTTP API against a NATS server outside of the process.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/service"
)

func main() { os.Exit(service.Main("gateway", run)) }

func run(ctx context.Context) error {
	config, err := gateway.LoadConfig(os.Getenv)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return service.Connected(ctx, "gateway", config.Config, func(ctx context.Context, f service.Frame) error {
		return (&gateway.Service{Frame: f, Config: config, Listener: f.Listener}).Run(ctx)
	})
}
