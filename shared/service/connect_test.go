package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/natstest"
	"github.com/nats-io/nats.go"
)

// lateNATS is a NATS server that is started after the services that need it.
type lateNATS struct {
	server atomic.Pointer[nats.InProcessConnProvider]
}

func (l *lateNATS) InProcessConn() (net.Conn, error) {
	if s := l.server.Load(); s != nil {
		return (*s).InProcessConn()
	}
	return nil, errors.New("no server yet")
}

func TestAServiceThatWaitsForNATSAnswersItsProbes(t *testing.T) {
	broker := &lateNATS{}
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := Config{Listener: ln, Replicas: 1, Log: natstest.Quiet(), Options: []nats.Option{nats.InProcessServer(broker)}}
	ended := make(chan error, 1)
	go func() {
		ended <- Connected(ctx, "test", c, func(ctx context.Context, f Frame) error { return f.Serve(ctx) })
	}()
	asks := func(path string, status int, says string) {
		t.Helper()
		natstest.Eventually(t, func() error { return answers(t, "http://"+ln.Addr().String()+path, status, says) })
	}
	asks("/healthz", http.StatusOK, "ok")
	asks("/readyz", http.StatusServiceUnavailable, "waiting for NATS: connect to NATS")
	var server nats.InProcessConnProvider = natstest.Server(t, t.TempDir())
	broker.server.Store(&server)
	asks("/readyz", http.StatusOK, "ready")
	asks("/healthz", http.StatusOK, "ok")
	asks("/metrics", http.StatusOK, "go_goroutines")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := http.Get("http://" + ln.Addr().String() + "/healthz"); err == nil {
		t.Error("it still listens")
	}
}

func answers(t *testing.T, url string, status int, says string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !strings.Contains(string(body), says) {
		return fmt.Errorf("GET %s: %s %s %v, want %d %s", url, resp.Status, body, err, status, says)
	}
	return nil
}
