package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}

func TestOneLineSaysThatNATSIsAway(t *testing.T) {
	s := testServer(t)
	out := &lines{}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	nc, err := Connect("", "away", log, nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	b, err := New(nc, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	for end := time.Now().Add(20 * time.Second); !b.Away() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	names := []string{ConsumerRequests, ConsumerControl, ConsumerEnds, ConsumerErase}
	for _, name := range names {
		work.Go(func() { _ = b.Consume(ctx, name, 1, func(context.Context, Message) error { return nil }) })
	}
	work.Go(func() { _ = b.Watch(ctx, func(Seen) {}, nil) })
	told := func() (loud []string, all string) {
		for _, line := range out.all() {
			if !strings.Contains(line, "level=DEBUG") {
				loud = append(loud, line)
			}
		}
		return loud, fmt.Sprint(out.all())
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, all := told(); strings.Count(all, "interrupted") > len(names) {
			break
		}
	}
	cancel()
	work.Wait()
	if loud, all := told(); len(loud) != 1 || strings.Count(all, "interrupted") <= len(names) {
		t.Errorf("said aloud:\n%s\nof all:\n%s", strings.Join(loud, "\n"), all)
	}
}
