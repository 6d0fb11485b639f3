package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// clockMaxAge is how long one reading of the server's clock is extended by our monotonic one: two machines
// drift by milliseconds in that time.
const clockMaxAge = time.Minute

// clockTimeout is how long a caller of now waits for a new reading.
const clockTimeout = time.Second

// clock is the server's time, read from a stream's info and extended by the local monotonic clock.
type clock struct {
	mu      sync.Mutex
	server  time.Time // at the reading
	at      time.Time // the local instant of the reading, with its monotonic part
	reading bool
}

// now extends the last reading, and takes a new one when that is old. Where the server does not answer the old
// reading goes on.
func (c *clock) now(ctx context.Context, js jetstream.JetStream) time.Time {
	c.mu.Lock()
	stale := (c.at.IsZero() || time.Since(c.at) > clockMaxAge) && !c.reading
	c.reading = c.reading || stale
	c.mu.Unlock()
	if stale {
		ctx, cancel := context.WithTimeout(ctx, clockTimeout)
		_ = c.read(ctx, js)
		cancel()
		c.mu.Lock()
		c.reading = false
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now().UTC()
	}
	return c.server.Add(time.Since(c.at)).UTC()
}

// read asks the server for its time; the answer is dated to the middle of the round trip.
func (c *clock) read(ctx context.Context, js jetstream.JetStream) error {
	sent := time.Now()
	s, err := js.Stream(ctx, streamRuns)
	if err != nil {
		return fmt.Errorf("read the server's clock: %w", err)
	}
	server := s.CachedInfo().TimeStamp
	if server.IsZero() {
		return nil
	}
	half := time.Since(sent) / 2
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server, c.at = server.Add(half), time.Now()
	return nil
}
