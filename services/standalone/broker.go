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

// broker is the NATS server with JetStream in this process.
type broker struct {
	*server.Server
	listen  string
	started chan struct{} // closed when the server takes connections
	fatal   chan string   // why it gave up
	broken  chan string   // why it can write no more: its disk is full or fails
}

// newBroker makes a server that keeps its files under dir. The caller stops it.
func newBroker(c Config, dir string, log *slog.Logger) (*broker, error) {
	opts, err := brokerOptions(c, dir)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	b := &broker{s, c.NATSListen, make(chan struct{}), make(chan string, 1), make(chan string, 1)}
	s.SetLoggerV2(brokerLog{log, b.fatal, b.broken}, false, false, false)
	return b, nil
}

// run starts the server and watches it until ctx ends. A server that could not write takes no write again, also when
// there is room, until it is started again: that is an error, so that somebody starts the process again.
func (b *broker) run(ctx context.Context) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	select {
	case why := <-b.broken:
		return fmt.Errorf("NATS can no longer write its data: free space on the disk and start errand again; nothing that was stored is lost (%s)", why)
	case <-ctx.Done():
		return nil
	}
}

// start returns when the server takes connections.
func (b *broker) start(ctx context.Context) error {
	go b.Start() // reads the files before it returns
	err := b.awaitStart(ctx)
	switch {
	case err == nil:
		close(b.started)
		return nil
	case strings.Contains(err.Error(), "address already in use"):
		return fmt.Errorf("listen for NATS on %s: the port is taken; choose another with ERRAND_NATS_LISTEN, or none with ERRAND_NATS_LISTEN=off", b.listen)
	}
	return fmt.Errorf("start NATS: %w", err)
}

// dialPatience is how long a connection waits for the server to start, before its owner is told why it waits.
const dialPatience = time.Second

// InProcessConn gives a connection. While the server reads its files there is none.
func (b *broker) InProcessConn() (net.Conn, error) {
	select {
	case <-b.started:
		return b.Server.InProcessConn()
	case <-time.After(dialPatience):
		return nil, errors.New("NATS reads its files, which takes minutes after a crash with much data")
	}
}

// url is where clients find the server, once it has started; empty if it has no port.
func (b *broker) url() string {
	if b.listen == "" {
		return ""
	}
	return b.ClientURL()
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

// awaitStart returns once the server takes connections, has given up, or ctx ends.
func (b *broker) awaitStart(ctx context.Context) error {
	ready := make(chan bool, 1)
	go func() { ready <- b.ReadyForConnections(brokerPatience) }()
	select {
	case ok := <-ready:
		if !ok {
			return fmt.Errorf("not ready after %s", brokerPatience)
		}
		return nil
	case why := <-b.fatal:
		return errors.New(why)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

// brokerLog gives the server's warnings and errors to slog. A fatal error goes to fatal as well, and one of writing to
// broken: the embedded server only reports them and does not end.
type brokerLog struct {
	log           *slog.Logger
	fatal, broken chan<- string
}

func (l brokerLog) Warnf(format string, v ...any) { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l brokerLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error(text)
	if strings.Contains(text, "ritical write error") { // of a store, or of its stream
		offer(l.broken, text)
	}
}
func (l brokerLog) Noticef(string, ...any) {}
func (l brokerLog) Debugf(string, ...any)  {}
func (l brokerLog) Tracef(string, ...any)  {}

func (l brokerLog) Fatalf(format string, v ...any) { offer(l.fatal, fmt.Sprintf(format, v...)) }

// offer sends the first text only.
func offer(to chan<- string, text string) {
	select {
	case to <- text:
	default:
	}
}
