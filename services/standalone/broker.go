package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// brokerPatience is how long the embedded server may take to read its files again: after a hard kill it rebuilds
// its indexes from the data, which for a log of many gigabytes takes minutes.
const brokerPatience = 5 * time.Minute

// startBroker runs a NATS server with JetStream in this process, its files under dir. The caller stops it with
// stopBroker.
func startBroker(ctx context.Context, c Config, dir string, log *slog.Logger) (*server.Server, error) {
	opts, err := brokerOptions(c, dir)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	fatal := make(chan string, 1)
	s.SetLoggerV2(brokerLog{log, fatal}, false, false, false)
	go s.Start() // reads the files before it returns
	if err := awaitBroker(ctx, s, fatal); err != nil {
		stopBroker(s)
		if strings.Contains(err.Error(), "address already in use") {
			return nil, fmt.Errorf("listen for NATS on %s: the port is taken; choose another with ERRAND_NATS_LISTEN, or none with ERRAND_NATS_LISTEN=off", c.NATSListen)
		}
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	return s, nil
}

func brokerOptions(c Config, dir string) (*server.Options, error) {
	opts := &server.Options{
		ServerName: "errand", JetStream: true, StoreDir: dir, NoSigs: true,
		SyncAlways: c.NATSSync == 0, SyncInterval: c.NATSSync, DontListen: c.NATSListen == "",
	}
	if opts.DontListen {
		return opts, nil
	}
	host, port, err := net.SplitHostPort(c.NATSListen)
	if err != nil {
		return nil, fmt.Errorf("read ERRAND_NATS_LISTEN: %w", err)
	}
	if opts.Host, opts.Port = host, server.RANDOM_PORT; port != "0" {
		if opts.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("read ERRAND_NATS_LISTEN: %w", err)
		}
	}
	return opts, nil
}

// awaitBroker returns once the server takes connections, has given up, or ctx ends.
func awaitBroker(ctx context.Context, s *server.Server, fatal <-chan string) error {
	ready := make(chan bool, 1)
	go func() { ready <- s.ReadyForConnections(brokerPatience) }()
	select {
	case ok := <-ready:
		if !ok {
			return fmt.Errorf("not ready after %s", brokerPatience)
		}
		return nil
	case why := <-fatal:
		return errors.New(why)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func stopBroker(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// brokerLog gives the server's warnings and errors to slog. A fatal error goes to fatal as well: the embedded
// server only reports it and does not end.
type brokerLog struct {
	log   *slog.Logger
	fatal chan<- string
}

func (l brokerLog) Warnf(format string, v ...any)  { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l brokerLog) Errorf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
func (l brokerLog) Noticef(string, ...any)         {}
func (l brokerLog) Debugf(string, ...any)          {}
func (l brokerLog) Tracef(string, ...any)          {}

func (l brokerLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
