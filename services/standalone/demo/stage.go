package demo

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/services/standalone/demo/customer"
	"github.com/errand-run/errand/services/standalone/demo/shop"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

// stage is everything that the demo needs, running: Errand itself, and the world around it.
type stage struct {
	api      *caller
	natsURL  string
	nats     *nats.Conn
	shop     *shop.Shop
	orders   int // that it should have
	customer *customer.Customer
	hook     string // URL of the receiver
	receiver *receiver
}

// play sets the stage up with its data under dir, runs act on it, and takes everything down again.
func play(ctx context.Context, dir string, o options, act func(context.Context, *stage) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer end()
		st, err := raise(ctx, g, dir, o)
		if err != nil {
			return err
		}
		defer st.nats.Close()
		return act(ctx, st)
	})
	return g.Wait()
}

// raise starts the shop, the simulated model, Errand and the receiver of webhooks in g. They end with ctx.
func raise(ctx context.Context, g *errgroup.Group, dir string, o options) (*stage, error) {
	st := &stage{shop: shop.New()}
	site, err := serve(ctx, g, st.shop)
	if err != nil {
		return nil, err
	}
	st.customer = &customer.Customer{Thinking: o.thinking, Errand: customer.Errand{
		Site: site + "/", Product: "Ferry kettle", Quantity: 2, Colour: "Blue",
		Buyer: shop.Buyer{Name: "Ada Lovelace", Email: "ada@example.com", Street: "Rue Haute 12", Postcode: "1000", City: "Brussels", Country: "Belgium"},
	}}
	models, err := serve(ctx, g, modelsim.New(answer(st.customer)))
	if err != nil {
		return nil, err
	}
	at, err := start(ctx, g, o.environment(dir, models), o.log)
	if err != nil {
		return nil, err
	}
	return st, st.connect(ctx, g, at)
}

// options are what differs between the demo and its tests.
type options struct {
	getenv   func(string) string
	log      *logTail
	thinking time.Duration // of the simulated model
}

// environment is the one that Errand runs in: nothing of the caller's but the browser, every port a free one, data in
// dir, and the simulated model in place of OpenAI.
func (o options) environment(dir, models string) func(string) string {
	env := map[string]string{
		"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_LISTEN": "127.0.0.1:0", "ERRAND_DATA_DIR": dir,
		"OPENAI_API_KEY": "demo", "OPENAI_BASE_URL": models + "/openai/v1",
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", // the shop and the receiver are on this machine
	}
	for _, name := range []string{"ERRAND_CHROMIUM", "ERRAND_CDP_URL", "ERRAND_ALLOW_ROOT_CHROMIUM", "ERRAND_BROWSER", "ERRAND_PAGE_MEMORY"} {
		env[name] = o.getenv(name)
	}
	return func(name string) string { return env[name] }
}

// start runs Errand in g and returns once it answers.
func start(ctx context.Context, g *errgroup.Group, getenv func(string) string, log *logTail) (standalone.Address, error) {
	cfg, err := standalone.LoadConfig(getenv)
	if err != nil {
		return standalone.Address{}, fmt.Errorf("config: %w", err)
	}
	ready := make(chan standalone.Address, 1)
	s := standalone.Service{Config: cfg, Logger: log.logger, Ready: func(at standalone.Address) { ready <- at }}
	g.Go(func() error { return s.Run(ctx) })
	select {
	case at := <-ready:
		return at, nil
	case <-ctx.Done():
		return standalone.Address{}, context.Cause(ctx)
	}
}

// connect gives the stage its clients, and the receiver of webhooks the secret that they are signed with.
func (st *stage) connect(ctx context.Context, g *errgroup.Group, at standalone.Address) error {
	secret, err := os.ReadFile(filepath.Join(at.DataDir, "webhook-secret"))
	if err != nil {
		return fmt.Errorf("read webhook secret: %w", err)
	}
	if st.receiver, err = newReceiver(strings.TrimSpace(string(secret))); err != nil {
		return fmt.Errorf("read webhook secret: %w", err)
	}
	if st.hook, err = serve(ctx, g, st.receiver); err != nil {
		return err
	}
	st.hook += "/errand-finished"
	st.api, st.natsURL = &caller{base: "http://" + at.HTTP}, at.NATS
	if st.nats, err = nats.Connect(at.NATS, nats.Name("demo subscriber")); err != nil {
		return fmt.Errorf("connect to NATS at %s: %w", at.NATS, err)
	}
	return nil
}

// serve answers HTTP on a free port of loopback until ctx ends, in g. It returns the URL.
func serve(ctx context.Context, g *errgroup.Group, h http.Handler) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	g.Go(func() error {
		stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
		defer stop()
		if err := srv.Serve(ln); err != http.ErrServerClosed {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	return "http://" + ln.Addr().String(), nil
}

// logTail keeps what the services log, from warnings on, for the case that something goes wrong.
type logTail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const logTailSize = 64 << 10

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() < logTailSize {
		l.text.Write(p)
	}
	return len(p), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logTail) logger(name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn})).With("service", name)
}
