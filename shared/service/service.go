// Package service is the process frame of Errand's services: configuration that all share, the logger, the
// connection to NATS, and the listener for health and metrics. What a service does stands in its own module, in
// a struct with a Run(ctx) error.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/errand-run/errand/shared/bus"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what every service process reads from its environment.
type Config struct {
	Addr     string       // ERRAND_ADDR: where the process listens
	NATSURL  string       // ERRAND_NATS_URL
	Replicas bus.Replicas // ERRAND_NATS_REPLICAS: 1 or 3
	LogLevel slog.Level   // ERRAND_LOG_LEVEL: debug, info, warn or error

	Listener net.Listener  // where the process listens, if it is open already; Addr is not used then
	Options  []nats.Option // of the connection, beside the usual ones: a NATS server in this process
	Log      *slog.Logger  // nil: Logger(name, LogLevel)
}

// DefaultNATSURL is used by the service binaries where ERRAND_NATS_URL is empty.
const DefaultNATSURL = "nats://127.0.0.1:4222"

// LoadConfig reads the shared configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string, addr string) (Config, error) {
	c := Config{Addr: or(getenv("ERRAND_ADDR"), addr), NATSURL: or(getenv("ERRAND_NATS_URL"), DefaultNATSURL), Replicas: 1}
	var errs []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("ERRAND_ADDR: %q is not a host:port, e.g. %s", c.Addr, addr))
	}
	switch v := getenv("ERRAND_NATS_REPLICAS"); v {
	case "", "1":
	case "3":
		c.Replicas = 3
	default:
		errs = append(errs, fmt.Errorf("ERRAND_NATS_REPLICAS: %q is neither 1 nor 3", v))
	}
	if v := getenv("ERRAND_LOG_LEVEL"); v != "" {
		if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
			errs = append(errs, fmt.Errorf("ERRAND_LOG_LEVEL: %q is not one of debug, info, warn, error", v))
		}
	}
	return c, errors.Join(errs...)
}

func or(v, fallback string) string {
	if v = strings.TrimSpace(v); v == "" {
		return fallback
	}
	return v
}

// Frame is what a service gets from its process.
type Frame struct {
	Bus      *bus.Bus
	Log      *slog.Logger
	Metrics  *prometheus.Registry
	Instance string       // unique to the process
	Listener net.Listener // open at Config.Addr; nil if that is empty. Connected closes it
}

// Logger writes JSON lines of the level and above, which name the service.
func Logger(name string, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("service", name)
}

// Registry is a metrics registry with the process's own figures in it.
func Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return r
}

// Instance makes a name that is unique to this process.
func Instance() string { return uuid.NewString()[:13] }

// Main runs a service process: it ends the context at SIGINT or SIGTERM (a second one kills at once), prints the
// error if there is one, and returns the exit code: 2 for a command line that is not understood. The single argument
// "health" asks the process of the same environment instead whether it is ready: the health check of a container that
// has no curl.
func Main(name string, run func(context.Context) error) int {
	switch args := os.Args[1:]; {
	case len(args) == 0:
	case slices.Equal(args, []string{"health"}):
		run = func(ctx context.Context) error { return Health(ctx, os.Getenv("ERRAND_ADDR")) }
	case slices.ContainsFunc(args, asksForHelp):
		fmt.Fprint(os.Stdout, usage(name))
		return 0
	default:
		fmt.Fprintf(os.Stderr, "%s: unexpected argument %q\n\n%s", name, args[0], usage(name))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func asksForHelp(arg string) bool { return arg == "help" || arg == "-h" || arg == "--help" }

func usage(name string) string {
	return fmt.Sprintf(`%[1]s is a service of Errand. It takes no flags: its environment configures it, see docs/services.md.

  %[1]s          serve until SIGINT or SIGTERM
  %[1]s health   ask the %[1]s at ERRAND_ADDR whether it is ready; exit code 0 if it is

Most used: ERRAND_ADDR, ERRAND_NATS_URL, ERRAND_NATS_REPLICAS, ERRAND_LOG_LEVEL.
`, name)
}

// Connected connects to NATS, sets the streams up, and runs do with the frame. It waits for NATS as long as ctx
// lasts, so that services may start in any order. It listens at once: while it waits, /healthz is answered with 200
// and /readyz with 503 and the reason.
func Connected(ctx context.Context, name string, c Config, do func(context.Context, Frame) error) error {
	log := c.Log
	if log == nil {
		log = Logger(name, c.LogLevel)
	}
	ln, err := c.listen(ctx)
	if err != nil {
		return err
	}
	if ln != nil {
		defer ln.Close()
		log.Info("listening", "addr", ln.Addr().String())
	}
	waiting := openWaitingRoom(ctx, ln, log)
	b, err := connect(ctx, name, c, waiting)
	waiting.close()
	if err != nil {
		return err
	}
	defer b.Close()
	metrics := Registry()
	prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, metrics).MustRegister(b.Collectors()...)
	return do(ctx, Frame{Bus: b, Log: log, Metrics: metrics, Instance: Instance(), Listener: ln})
}

// listen opens the process's listener, nil if it has none.
func (c Config) listen(ctx context.Context) (net.Listener, error) {
	if c.Listener != nil || c.Addr == "" {
		return c.Listener, nil
	}
	return Listen(ctx, c.Addr)
}

// Serve answers /healthz, /readyz and /metrics on the process's listener until ctx ends. The process is ready if NATS
// is and none of ready has an error. It is for the services that answer nothing else.
func (f Frame) Serve(ctx context.Context, ready ...func(context.Context) error) error {
	mux := probes(append([]func(context.Context) error{f.Bus.Ready}, ready...)...)
	mux.Handle("GET /metrics", promhttp.HandlerFor(f.Metrics, promhttp.HandlerOpts{}))
	return serve(ctx, f.Listener, mux)
}

// Listen opens a TCP port. A port that is taken is an error that names the variable, never another port.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: the port is taken; choose another with --addr or ERRAND_ADDR", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return ln, nil
}
