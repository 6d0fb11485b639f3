package egress

import (
	"errors"
	"net"
	"sync"
)

var (
	errTooMany = errors.New("the run has too many connections")
	errOver    = errors.New("the run has ended")
)

// conn is a connection of a run, to its browser or to a server.
type conn struct {
	net.Conn
	proxy *Proxy
	once  sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() {
		c.proxy.mu.Lock()
		defer c.proxy.mu.Unlock()
		delete(c.proxy.conns, c)
	})
	return c.Conn.Close()
}

// track takes a connection over, closing it where the run may have no more.
func (p *Proxy) track(plain net.Conn) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	switch {
	case p.closed:
		err = errOver
	case len(p.conns) >= maxConns:
		err = errTooMany
	}
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	c := &conn{Conn: plain, proxy: p}
	p.conns[c] = true
	return c, nil
}

// listener tracks what it accepts.
type listener struct {
	net.Listener
	proxy *Proxy
}

// Accept waits for a connection that the run may have.
func (l listener) Accept() (net.Conn, error) {
	for {
		plain, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c, err := l.proxy.track(plain); err == nil {
			return c, nil
		}
	}
}
