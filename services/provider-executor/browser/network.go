package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/shared/netguard"
)

// ErrUnenforceable says that a session's domains, its own or those of its secrets, cannot be enforced in a remote browser.
var ErrUnenforceable = errors.New("neither allowed_domains nor the domains of secrets can be enforced in the browser of ERRAND_CDP_URL: " +
	"set ERRAND_PROXY_LISTEN to an address of the executor that this browser can reach")

// proxyName is how Chromium knows the machine on which the proxies listen. It resolves nothing else.
const proxyName = "errand-egress.invalid"

// networkFlags leave Chromium no way to the network but the proxies of its sessions.
//
// What belongs to no session gets the proxy that refuses everything. No host but the proxies' has an address, so that
// even a request that went past the proxies would end in Chromium's resolver, its DNS prefetching included. And the
// network service, after whose end Chromium would forget the proxies of its contexts, ends together with Chromium.
func networkFlags(denyAll string) []string {
	host, port, _ := net.SplitHostPort(denyAll)
	return []string{
		"--proxy-server=http://" + net.JoinHostPort(proxyName, port),
		"--proxy-bypass-list=" + noBypass,
		"--host-resolver-rules=MAP " + proxyName + " " + host + ", MAP * ~NOTFOUND",
		"--enable-features=NetworkServiceInProcess2",
		"--webrtc-ip-handling-policy=disable_non_proxied_udp",
		"--disable-quic",
	}
}

// noBypass takes away Chromium's rule that loopback and link-local hosts need no proxy.
const noBypass = "<-loopback>"

// unrouted reports whether the browser cannot reach our proxies: its sessions go where it goes.
func (c Config) unrouted() bool { return c.CDPURL != "" && c.Egress.Listen == "" }

// route opens a session's way to the network, which leads nowhere until begin.
func (b *instance) route(ctx context.Context) (*egress.Proxy, error) {
	if b.unrouted {
		return nil, nil
	}
	return b.network.Open(ctx)
}

// closeProxy takes a session's network away, if it has one.
func closeProxy(p *egress.Proxy) {
	if p != nil {
		p.Close()
	}
}

// proxied is what a browser context is created with.
func (b *instance) proxied(p *egress.Proxy) map[string]any {
	params := map[string]any{"disposeOnDetach": true}
	if p == nil {
		return params
	}
	addr := p.Addr()
	if b.process != nil {
		_, port, _ := net.SplitHostPort(addr)
		addr = net.JoinHostPort(proxyName, port)
	}
	params["proxyServer"], params["proxyBypassList"] = "http://"+addr, noBypass
	return params
}

// refused returns what got no connection since the last call.
func (s *Session) refused() []egress.Refusal {
	if s.proxy == nil {
		return nil
	}
	return s.proxy.Refused()
}

// blame adds to an action that has failed what the network refused meanwhile. The page that Chromium shows then is the
// proxy's, or its own.
func (d *doing) blame(out *Outcome) {
	refused := d.refused()
	page := d.place().url
	for _, r := range refused {
		if leadsTo(page, r) {
			out.Error = fmt.Sprintf("%s could not be opened: %s", page, r)
			return
		}
	}
	for _, r := range refused[:min(len(refused), maxBlamed)] {
		out.Error += "; " + r.String()
	}
}

const (
	maxBlamed = 5  // refusals in the error of one action
	maxTold   = 50 // refusals that a session's observations tell of, each once
)

// leadsTo reports whether an address is on the host that was refused.
func leadsTo(address string, r egress.Refusal) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host, err := netguard.CanonicalHost(u.Hostname())
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return err == nil && host == r.Host && port == strconv.Itoa(int(r.Port))
}

// tellRefused has the next observation tell what the policy has refused the page: it may look broken for that.
func (s *Session) tellRefused() {
	refused := s.refused()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range refused {
		if !r.Unreachable && !s.told[r] && len(s.told) < maxTold {
			s.told[r] = true
			s.notices = append(s.notices, "no connection: "+r.String())
		}
	}
}
