package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

// grace is how long a shutdown waits for answers under way. Those that wait for a run are given at once.
const grace = 10 * time.Second

// Service is the gateway.
type Service struct {
	Frame    service.Frame
	Config   Config
	Listener net.Listener // where to serve; nil: Run listens on Config.Addr
}

// Run serves until ctx ends, and returns nil after a graceful stop: callers who still wait for a run get it as it
// is. It closes the listener.
func (s *Service) Run(ctx context.Context) error {
	ln := s.Listener
	if ln == nil {
		var err error
		if ln, err = service.Listen(ctx, s.Config.Addr); err != nil {
			return err
		}
	}
	defer ln.Close()
	own, _ := netguard.Listeners{ln.Addr().String()}.Resolve(ctx, nil)
	g, ctx := errgroup.WithContext(ctx)
	h, x := newHub(s.Frame.Bus), newReceivers(s.Frame.Bus)
	h.erased = x.forget
	a := &api{
		bus: s.Frame.Bus, hub: h, receivers: x, log: s.Frame.Log, metrics: newMetrics(s.Frame.Metrics, h),
		waitLimit: s.Config.WaitLimit, keys: s.Config.Keys, closing: ctx.Done(),
		writer:   event.Writer{Service: "gateway", Instance: s.Frame.Instance},
		webhooks: netguard.New(s.Config.AllowPrivate, func() []netip.AddrPort { return own }),
	}
	app, err := newServer(a, s.Frame.Metrics, s.Config)
	if err != nil {
		return err
	}
	g.Go(func() error { return h.watch(ctx) })
	g.Go(func() error { return x.watch(ctx) })
	g.Go(func() error { return a.redriving(ctx) })
	g.Go(func() error {
		if err := app.Listener(patient{ln, s.Frame.Log}); ctx.Err() == nil {
			return fmt.Errorf("serve %s: %w", ln.Addr(), errors.Join(err, net.ErrClosed))
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		_ = ln.Close() // also where the server has not begun to serve
		if err := app.ShutdownWithTimeout(grace); err != nil && !errors.Is(err, net.ErrClosed) {
			s.Frame.Log.Warn("shut down with answers under way", "error", err)
		}
		return nil
	})
	return g.Wait()
}
