package notifier_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/nats-io/nats.go"
)

// address leads to whichever server is the present one.
type address struct{ now atomic.Value }

func (a *address) InProcessConn() (net.Conn, error) {
	return a.now.Load().(nats.InProcessConnProvider).InProcessConn()
}

func TestAnOutageOfTheBusAfterThePOSTDoesNotRepeatIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := natstest.Server(t, dir)
	at := &address{}
	at.now.Store(srv)
	nc, err := bus.Connect("", t.Name(), natstest.Quiet(), nats.InProcessServer(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b := natstest.On(t, nc)
	down := make(chan struct{})
	rec := receive(t, func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 0 {
			srv.Shutdown()
			srv.WaitForShutdown()
			close(down)
		}
	})
	p := start(t, b, config(t))
	run := finish(t, b, rec.URL)
	<-down
	at.now.Store(natstest.Server(t, dir))
	natstest.Eventually(t, func() error { return b.Ready(t.Context()) })
	reaches(t, b, run, event.DeliveryDelivered)
	reaches(t, b, finish(t, b, rec.URL), event.DeliveryDelivered)
	p.stop()
	if n := len(rec.got()); n != 2 {
		t.Errorf("%d POSTs for two runs", n)
	}
}
