package service

import (
	"net"
	"net/url"
	"strings"
)

// Listeners are the host:port where the process listens and where it finds NATS: what no run and no page may reach.
func (c Config) Listeners() []string {
	var all []string
	add := func(addr string) {
		if _, port, err := net.SplitHostPort(addr); err == nil && port != "0" {
			all = append(all, addr)
		}
	}
	add(c.Addr)
	for server := range strings.SplitSeq(c.NATSURL, ",") {
		server = strings.TrimSpace(server)
		if server != "" && !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || u.Hostname() == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "4222"
		}
		add(net.JoinHostPort(u.Hostname(), port))
	}
	return all
}
