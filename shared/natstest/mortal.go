package natstest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Mortal is a process that dies at one of its writes to the server: its connection ends there, and never comes back.
type Mortal struct {
	Bus *bus.Bus

	tb   testing.TB
	s    *server.Server
	nc   *nats.Conn
	left atomic.Int64
	died func()
}

// NewMortal connects to a server of this process and dies with the nth write from now on. died is called then, and must
// end what the process does.
func NewMortal(tb testing.TB, s *server.Server, n int64, died func()) *Mortal {
	tb.Helper()
	m := &Mortal{tb: tb, s: s, died: died}
	m.left.Store(1 << 40)
	var err error
	if m.nc, err = bus.Connect("", "mortal", Quiet(), nats.InProcessServer(m), nats.NoReconnect()); err != nil {
		tb.Fatalf("connect: %v", err)
	}
	if m.Bus, err = bus.New(m.nc, Quiet()); err != nil {
		tb.Fatalf("open bus: %v", err)
	}
	m.left.Store(n)
	return m
}

// InProcessConn implements nats.InProcessConnProvider.
func (m *Mortal) InProcessConn() (net.Conn, error) {
	c, err := m.s.InProcessConn()
	return mortalConn{c, m}, err
}

type mortalConn struct {
	net.Conn
	*Mortal
}

func (c mortalConn) Write(p []byte) (int, error) {
	if c.left.Add(-1) < 0 {
		c.died()
		go c.nc.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

// Bury ends the connection, waits until the server has stored all that was sent, and reports whether the process has
// died. others is how many clients the server has beside it.
func (m *Mortal) Bury(others int) (died bool) {
	m.tb.Helper()
	m.nc.Close()
	Eventually(m.tb, func() error {
		if n := m.s.NumClients(); n > others {
			return fmt.Errorf("the server has %d clients", n)
		}
		return nil
	})
	nc := Dial(m.tb, m.s)
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil { // what is stored behind it came after it
		_, err = js.Publish(m.tb.Context(), "runctl.v1.nothing", nil)
	}
	if err != nil {
		m.tb.Fatal(errors.Join(errors.New("publish behind a dead process"), err))
	}
	return m.left.Load() < 0
}
