package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// probes answers /healthz, and /readyz by whether none of ready has an error.
func probes(ready ...func(context.Context) error) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		for _, ready := range ready {
			if err := ready(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	return mux
}

// serve answers on ln until ctx ends.
func serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	srv := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", ln.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return srv.Shutdown(grace)
	})
	return g.Wait()
}

// waitingRoom answers the probes of a process that waits for NATS, so that nobody takes it for dead.
type waitingRoom struct {
	log    *slog.Logger
	reason atomic.Pointer[error] // why the process is not ready
	end    func()
}

// openWaitingRoom serves on ln until close is called; ln stays open. A nil ln is not served.
func openWaitingRoom(ctx context.Context, ln net.Listener, log *slog.Logger) *waitingRoom {
	w := &waitingRoom{log: log, end: func() {}}
	w.because(errors.New("starting"))
	if ln == nil {
		return w
	}
	ctx, cancel := context.WithCancel(ctx)
	lent := &lentListener{Listener: ln}
	var served sync.WaitGroup
	served.Go(func() {
		ready := func(context.Context) error { return fmt.Errorf("waiting for NATS: %w", *w.reason.Load()) }
		if err := serve(ctx, lent, probes(ready)); err != nil {
			log.Warn("answer probes", "error", err)
		}
	})
	w.end = func() { cancel(); served.Wait(); lent.giveBack() }
	return w
}

func (w *waitingRoom) because(err error) { w.reason.Store(&err) }

func (w *waitingRoom) close() { w.end() }

// lentListener lets a server use a listener that another server uses later: closing it ends the server's wait for a
// connection and leaves the listener open.
type lentListener struct {
	net.Listener
	closed atomic.Bool
}

// Accept waits for the next connection. net.ErrClosed: Close was called.
func (l *lentListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil && l.closed.Load() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close ends a wait in Accept.
func (l *lentListener) Close() error {
	l.closed.Store(true)
	return l.setDeadline(time.Now())
}

func (l *lentListener) giveBack() { _ = l.setDeadline(time.Time{}) }

func (l *lentListener) setDeadline(at time.Time) error {
	if tcp, ok := l.Listener.(*net.TCPListener); ok {
		return tcp.SetDeadline(at)
	}
	return fmt.Errorf("%T cannot be lent", l.Listener)
}
