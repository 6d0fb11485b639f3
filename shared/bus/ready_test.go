package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// becomes waits until Ready says what it shall say; empty: that everything works.
func becomes(t *testing.T, b *Bus, want string) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		err = b.Ready(t.Context())
		if err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want) {
			return
		}
	}
	t.Fatalf("Ready says %v, want %q", err, want)
}

func TestReadySaysThatTheStoreIsFull(t *testing.T) {
	b := testBus(t, nats.InProcessServer(limitedServer(t, 2<<20)))
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	becomes(t, b, "")
	var err error
	for n := 0; err == nil && n < 100; n++ {
		_, err = b.PutObject(t.Context(), []byte(fmt.Sprint(n)+strings.Repeat("x", 100<<10)))
	}
	err = nil
	for n := 0; !Full(err) && n < 10_000; n++ { // what is too little for an object
		_, err = b.js.Publish(t.Context(), subjectProbe+".fill", make([]byte, 1000))
	}
	if !Full(err) {
		t.Fatalf("the store does not fill: %v", err)
	}
	becomes(t, b, "the store of NATS is full")
}

func TestReadySaysWhatIsMissing(t *testing.T) {
	b := testBus(t, nats.InProcessServer(testServer(t)))
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Consume(ctx, ConsumerRequests, 1, func(context.Context, Message) error { return errors.New("unused") })
	}()
	for {
		if _, reads := b.reading.Load(ConsumerRequests); reads {
			break
		}
		time.Sleep(time.Millisecond)
	}
	becomes(t, b, "")
	if err := b.js.DeleteConsumer(t.Context(), streamRunReq, ConsumerRequests); err != nil {
		t.Fatal(err)
	}
	becomes(t, b, "consumer "+ConsumerRequests)
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	b.reading.Store(ConsumerRequests, true)
	becomes(t, b, "nobody reads consumer "+ConsumerRequests)
	b.reading.Delete(ConsumerRequests)
	if err := b.js.DeleteStream(t.Context(), streamWebhooks); err != nil {
		t.Fatal(err)
	}
	becomes(t, b, "stream "+streamWebhooks)
}
