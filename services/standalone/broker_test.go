package standalone

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
	"github.com/nats-io/nats.go"
)

// startBroker runs a server until the caller stops it.
func startBroker(ctx context.Context, c Config, dir string, log *slog.Logger) (*broker, error) {
	b, err := newBroker(c, dir, log)
	if err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// probe waits until a path answers with a status and a text.
func probe(t *testing.T, addr, path string, status int, says string) {
	t.Helper()
	natstest.Eventually(t, func() error {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || !strings.Contains(string(body), says) {
			return fmt.Errorf("GET %s: %s %s %v, want %d %s", path, resp.Status, body, err, status, says)
		}
		return nil
	})
}

func TestProbesAreAnsweredWhileNATSReadsItsFiles(t *testing.T) {
	t.Parallel()
	b, err := newBroker(Config{}, t.TempDir(), natstest.Quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer b.stop()
	ln, err := service.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := service.Config{Listener: ln, Replicas: 1, Log: natstest.Quiet(), Options: []nats.Option{nats.InProcessServer(b)}}
	ended := make(chan error, 1)
	go func() {
		ended <- service.Connected(ctx, "test", c, func(ctx context.Context, f service.Frame) error { return f.Serve(ctx) })
	}()
	probe(t, ln.Addr().String(), "/healthz", http.StatusOK, "ok")
	probe(t, ln.Addr().String(), "/readyz", http.StatusServiceUnavailable, "NATS reads its files")
	if err := b.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	probe(t, ln.Addr().String(), "/readyz", http.StatusOK, "ready")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
