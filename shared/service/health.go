package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// healthTimeout is how long a process may take to say that it is ready; it asks NATS for that, within 5 s.
const healthTimeout = 8 * time.Second

// Health asks the service that listens on addr whether it is ready; nil means yes. An addr on all interfaces is
// asked on loopback.
func Health(ctx context.Context, addr string) error {
	if addr == "" {
		return errors.New("check health: set ERRAND_ADDR to the address that the service listens on")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("check health: GET %s: %s: %s", url, resp.Status, answer)
	}
	return nil
}
