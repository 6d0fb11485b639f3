// Package natstest gives tests a real NATS server with JetStream, in process and without a port.
package natstest

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server starts a server that keeps its data under dir and ends with the test.
func Server(tb testing.TB, dir string) *server.Server {
	tb.Helper()
	s, err := server.NewServer(&server.Options{
		JetStream: true, StoreDir: dir, DontListen: true, NoSigs: true, NoLog: true,
	})
	if err != nil {
		tb.Fatalf("make NATS server: %v", err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		tb.Fatal("NATS server is not ready after 10 s")
	}
	tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// Connect starts a server of the test's own and connects to it.
func Connect(tb testing.TB) *nats.Conn {
	tb.Helper()
	return Dial(tb, Server(tb, tb.TempDir()))
}

// Dial connects to a server of this process.
func Dial(tb testing.TB, s *server.Server) *nats.Conn {
	tb.Helper()
	nc, err := bus.Connect("", tb.Name(), Quiet(), nats.InProcessServer(s))
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// Outage is a server of the test's own that can be away for a while. Its connections reconnect by themselves.
type Outage struct {
	tb  testing.TB
	dir string
	mu  sync.Mutex
	s   *server.Server // nil: away
}

// Unsteady gives a bus on a server that can be away.
func Unsteady(tb testing.TB) (*bus.Bus, *Outage) {
	tb.Helper()
	o := &Outage{tb: tb, dir: tb.TempDir()}
	o.End()
	nc, err := bus.Connect("", tb.Name(), Quiet(), nats.InProcessServer(o))
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(nc.Close)
	return On(tb, nc), o
}

// Begin ends the server. What it has stored stays.
func (o *Outage) Begin() {
	o.mu.Lock()
	s := o.s
	o.s = nil
	o.mu.Unlock()
	s.Shutdown()
	s.WaitForShutdown()
}

// End starts the server again.
func (o *Outage) End() {
	s := Server(o.tb, o.dir)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s = s
}

// InProcessConn implements nats.InProcessConnProvider.
func (o *Outage) InProcessConn() (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.s == nil {
		return nil, errors.New("the server is away")
	}
	return o.s.InProcessConn()
}

// Bus is a bus on a server of the test's own, its streams set up.
func Bus(tb testing.TB) *bus.Bus {
	tb.Helper()
	return On(tb, Connect(tb))
}

// On is a bus on nc, its streams set up.
func On(tb testing.TB, nc *nats.Conn) *bus.Bus {
	tb.Helper()
	b, err := bus.New(nc, Quiet())
	if err != nil {
		tb.Fatalf("open bus: %v", err)
	}
	if err := b.Setup(tb.Context(), 1, nil); err != nil {
		tb.Fatalf("set up bus: %v", err)
	}
	return b
}

// Quiet is a logger that says nothing.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Eventually calls check until it returns nil, and fails the test with its last error after 30 s.
func Eventually(tb testing.TB, check func() error) {
	tb.Helper()
	EventuallyWithin(tb, 30*time.Second, check)
}

// EventuallyWithin is Eventually with a patience of one's own.
func EventuallyWithin(tb testing.TB, patience time.Duration, check func() error) {
	tb.Helper()
	err := errors.New("never checked")
	pause := time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if err = check(); err == nil {
			return
		}
		pause = min(2*pause, 30*time.Millisecond) // a check may cost more than what it waits for
	}
	tb.Fatalf("still not so after %s: %v", patience, err)
}
