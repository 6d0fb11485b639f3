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

// neighbors are where the services and the NATS server's monitor listen unless they are told otherwise.
var neighbors = []string{"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083", "127.0.0.1:8222"}

// Platform is Listeners and, unless ERRAND_PLATFORM_ADDRS names the others, where the other services listen by default.
func (c Config) Platform(getenv func(string) string) []string {
	if getenv("ERRAND_PLATFORM_ADDRS") != "" {
		return c.Listeners()
	}
	return append(c.Listeners(), neighbors...)
}
