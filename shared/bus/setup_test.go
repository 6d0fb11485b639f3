package bus

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func testServer(t *testing.T) *server.Server {
	t.Helper()
	return limitedServer(t, 0)
}

// limitedServer is a server that stores so many bytes at most; 0: as many as there is room for.
func limitedServer(t *testing.T, bytes int64) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: bytes, DontListen: true, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	return s
}

func testBus(t *testing.T, options ...nats.Option) *Bus {
	t.Helper()
	nc, err := Connect("", t.Name(), slog.New(slog.DiscardHandler), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b, err := New(nc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// together calls Setup on all buses at once.
func together(t *testing.T, buses []*Bus, r Replicas) {
	t.Helper()
	var work sync.WaitGroup
	for _, b := range buses {
		work.Go(func() {
			if err := b.Setup(t.Context(), r, nil); err != nil {
				t.Errorf("set up: %v", err)
			}
		})
	}
	work.Wait()
}

func TestSetupLeavesAloneWhatIsAsItShouldBe(t *testing.T) {
	s := testServer(t)
	b := testBus(t, nats.InProcessServer(s))
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	changes, err := b.changes(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		t.Errorf("%s would be changed again", c.what)
	}
}

func TestSetupMendsWhatDiffers(t *testing.T) {
	s := testServer(t)
	b := testBus(t, nats.InProcessServer(s))
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	stream, err := b.js.Stream(ctx, streamRuns)
	if err != nil {
		t.Fatal(err)
	}
	aged := stream.CachedInfo().Config
	aged.MaxAge = time.Hour
	consumer := consumers()[streamRuns][0]
	consumer.FilterSubjects = consumer.FilterSubjects[:1]
	_, err1 := b.js.UpdateStream(ctx, aged)
	_, err2 := b.js.UpdateConsumer(ctx, streamRuns, consumer)
	err3 := b.js.DeleteStream(ctx, "OBJ_"+storeFiles)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if changes, err := b.changes(ctx, 1); err != nil || len(changes) != 3 {
		t.Errorf("%d changes are due (%v), want those of the stream, the consumer and the object store", len(changes), err)
	}
	if err := b.Setup(ctx, 1, nil); err != nil {
		t.Fatal(err)
	}
	if changes, err := b.changes(ctx, 1); err != nil || len(changes) > 0 {
		t.Errorf("after Setup %d changes are still due (%v)", len(changes), err)
	}
}

// Rival updates are a data race inside the server: one reads the configuration of the stream that another writes.
func TestOfSeveralSetupsAtOnceOneMakesTheChanges(t *testing.T) {
	s := testServer(t)
	var buses []*Bus
	for range 4 {
		buses = append(buses, testBus(t, nats.InProcessServer(s)))
	}
	together(t, buses, 1)
	for _, age := range []time.Duration{time.Hour, 2 * time.Hour} { // as an older version left them
		for _, c := range layout(1) {
			c.MaxAge = age
			if _, err := buses[0].js.UpdateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		together(t, buses, 1)
	}
	if changes, err := buses[0].changes(t.Context(), 1); err != nil || len(changes) > 0 {
		t.Errorf("%d changes are still due (%v)", len(changes), err)
	}
}

func TestALockThatItsHolderLeftBehindEnds(t *testing.T) {
	b := testBus(t, nats.InProcessServer(testServer(t)))
	kv, err := b.lockBucket(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), lockKey, []byte("dead"), jetstream.KeyTTL(time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(t.Context(), 1, nil); err != nil {
		t.Error(err)
	}
}
