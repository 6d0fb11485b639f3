package gateway

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// acceptPause is the wait before the next try to take a connection after the system had no room for one: connections
// end all the time.
const acceptPause = 50 * time.Millisecond

// patient is a listener that outlives a shortage of file descriptors: the server would end at the first failed
// accept, and with it everyone who waits.
type patient struct {
	net.Listener
	log *slog.Logger
}

// Accept waits for the next connection.
func (p patient) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) && !errors.Is(err, syscall.ECONNABORTED) {
			return c, err
		}
		p.log.Warn("take a connection", "error", err)
		time.Sleep(acceptPause)
	}
}
