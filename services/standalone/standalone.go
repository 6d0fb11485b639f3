// Package standalone is all of Errand in one process: the four services, composed from their Run functions, and an
// embedded NATS server with its data in one directory. It repeats nothing of what they do.
package standalone

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/errand-run/errand/shared/service"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Service is all of Errand. It needs its Config.
type Service struct {
	Config Config
	// Logger makes the logger of a service; nil: service.Logger at the configured level.
	Logger func(name string) *slog.Logger
	// Ready is called once, when requests are answered; nil: nobody is told.
	Ready func(Address)
}

// Address is where a running Errand is found.
type Address struct {
	HTTP    string // host:port of the API
	NATS    string // URL for clients; empty where the embedded server has no port
	DataDir string // absolute
}

// listeners are what no run may reach.
func (a Address) listeners() []string {
	return service.Config{Addr: a.HTTP, NATSURL: a.NATS}.Listeners()
}

// Run works until ctx ends, then stops the services and after them NATS, and returns nil. Errors: the data directory
// is in use, a port is taken, the configuration of a service is wrong.
func (s *Service) Run(ctx context.Context) error {
	dir, err := openData(s.Config.DataDir)
	if err != nil {
		return err
	}
	defer dir.close()
	parts, err := s.parts(dir)
	if err != nil {
		return err
	}
	ln, err := service.Listen(ctx, s.Config.Process.Addr)
	if err != nil {
		return err
	}
	defer ln.Close() // the gateway closes it; this is for the errors before
	at := Address{HTTP: ln.Addr().String(), NATS: s.Config.Process.NATSURL, DataDir: dir.path}
	f := frame{s.Config.Process, ln, func() Address { return at }}
	if !s.Config.embedded() {
		return s.runAll(ctx, parts, f)
	}
	b, err := newBroker(s.Config, dir.natsDir(), s.logger("nats"))
	if err != nil {
		return err
	}
	defer b.stop()
	f.process.Options = []nats.Option{nats.InProcessServer(b)}
	f.at = func() Address { return Address{at.HTTP, b.url(), at.DataDir} }
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.run(ctx) })
	g.Go(func() error { return s.runAll(ctx, parts, f) })
	return g.Wait()
}

func (s *Service) logger(name string) *slog.Logger {
	if s.Logger == nil {
		return service.Logger(name, s.Config.Process.LogLevel)
	}
	return s.Logger(name)
}

// frame is what all parts share.
type frame struct {
	process  service.Config
	listener net.Listener   // of the gateway
	at       func() Address // for those who are connected to NATS
}

// runAll runs every part with a connection, a frame and an instance name of its own, as separate processes would
// have them; only the metrics are in one registry.
func (s *Service) runAll(ctx context.Context, parts []part, f frame) error {
	metrics := service.Registry()
	up := make(chan struct{}, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range parts {
		process := f.process
		process.Log = s.logger(p.name)
		process.Addr = ""
		if p.name == "gateway" {
			process.Listener = f.listener
		}
		g.Go(func() error {
			err := service.Connected(ctx, p.name, process, func(ctx context.Context, sf service.Frame) error {
				sf.Metrics = metrics
				prometheus.WrapRegistererWith(prometheus.Labels{"service": p.name}, metrics).MustRegister(sf.Bus.Collectors()...)
				up <- struct{}{}
				return p.run(ctx, sf, f)
			})
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return err
		})
	}
	g.Go(func() error {
		for range parts {
			select {
			case <-up:
			case <-ctx.Done():
				return nil
			}
		}
		if s.Ready != nil {
			s.Ready(f.at())
		}
		return nil
	})
	return g.Wait()
}
