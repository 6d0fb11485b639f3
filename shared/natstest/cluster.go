package natstest

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster starts three servers with JetStream, which find each other and end with the test. It returns before they have. They listen on ports of
// loopback.
func Cluster(tb testing.TB) []*server.Server {
	tb.Helper()
	var doors []*door
	var routes []*url.URL
	for range 3 {
		d := openDoor(tb)
		doors = append(doors, d)
		routes = append(routes, &url.URL{Scheme: "nats", Host: d.Addr().String()})
	}
	var all []*server.Server
	for i, d := range doors {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("node-%d", i), JetStream: true, StoreDir: tb.TempDir(), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT}, Routes: routes,
		})
		if err != nil {
			tb.Fatalf("make NATS server: %v", err)
		}
		go s.Start()
		tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		go d.leadTo(s)
		all = append(all, s)
	}
	for _, s := range all {
		if !s.ReadyForConnections(10 * time.Second) {
			tb.Fatal("a server of the NATS cluster takes no connections after 10 s")
		}
	}
	return all
}

// door is a port that is known before the server behind it has one: a server of a cluster must know the others' ports
// when it starts.
type door struct {
	net.Listener
}

func openDoor(tb testing.TB) *door {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen: %v", err)
	}
	tb.Cleanup(func() { ln.Close() })
	return &door{ln}
}

// leadTo connects each caller to the server's port for routes, until the door is closed.
func (d *door) leadTo(s *server.Server) {
	for {
		caller, err := d.Accept()
		if err != nil {
			return
		}
		go func() {
			defer caller.Close()
			addr := s.ClusterAddr()
			if addr == nil {
				return // not yet: the caller tries again
			}
			route, err := net.DialTimeout("tcp", addr.String(), 5*time.Second)
			if err != nil {
				return
			}
			defer route.Close()
			go func() { _, _ = io.Copy(route, caller); route.Close() }()
			_, _ = io.Copy(caller, route)
		}()
	}
}
