// Package netguard decides what a browser or a webhook may reach: which addresses, asked as they are dialled, and
// which hosts, by the names that a caller allows.
package netguard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// Guard decides which addresses may be dialled. It is asked for each of them after the name was resolved, so a name
// that resolves to something else a second time gains nothing. Its methods may be called concurrently.
type Guard struct {
	allowed []netip.Prefix
	own     func() []netip.AddrPort
	public  *ssrf.Guardian // knows what is no address of the public internet
}

// New returns a guard that lets through public addresses and the allowed ranges, but never cloud metadata, and never
// what own names: the platform's own listeners, as they are bound or reached. own may be nil; it is called at each
// check.
func New(allowed []netip.Prefix, own func() []netip.AddrPort) Guard {
	if own == nil {
		own = func() []netip.AddrPort { return nil }
	}
	return Guard{allowed: allowed, own: own, public: ssrf.New(ssrf.WithAnyPort())}
}

// Class is the kind of an address that is blocked.
type Class string

// The classes that no range can open.
const (
	Metadata Class = "cloud metadata"
	Own      Class = "platform"
)

// BlockedError says why an address was refused: only its class, since the address itself could tell what a name
// means inside the network. Its text continues a sentence that begins with the host.
type BlockedError struct{ Class Class }

func (e BlockedError) Error() string {
	switch e.Class {
	case Own:
		return "is a listener of Errand itself, which is blocked, whatever ERRAND_ALLOW_PRIVATE opens"
	case Metadata:
		return "is at a cloud metadata address, which is blocked, whatever ERRAND_ALLOW_PRIVATE opens"
	}
	return fmt.Sprintf("is at a %s address, which is blocked; ERRAND_ALLOW_PRIVATE can open its range", e.Class)
}

// Control is the ControlContext of a net.Dialer. Its error is, or wraps, a BlockedError.
func (g Guard) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address to dial: %w", err)
	}
	return g.Check(to)
}

// Check returns a BlockedError unless the address may be dialled.
func (g Guard) Check(to netip.AddrPort) error {
	addr := plain(to.Addr())
	switch {
	case isMetadata(addr):
		return BlockedError{Metadata}
	case isOneOf(g.own(), addr, to.Port()):
		return BlockedError{Own}
	case slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(addr) }):
		return nil
	case g.public.SafeAddr(addr) != nil:
		return BlockedError{class(addr)}
	}
	return nil
}

// CheckURL returns an error for an http or https URL that names its host by an address, in whatever notation, or by a
// name that always means loopback, and that may not be dialled: it is, or wraps, a BlockedError. What another name
// means is known only when it is dialled.
func (g Guard) CheckURL(u *url.URL) error {
	host, err := CanonicalHost(u.Hostname())
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a port", port)
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		err := g.Check(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(n)))
		if err == nil || g.Check(netip.AddrPortFrom(netip.IPv6Loopback(), uint16(n))) == nil {
			return nil // it is dialled at the one that may be
		}
		return err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.Check(netip.AddrPortFrom(addr, uint16(n)))
	}
	return nil
}

func plain(addr netip.Addr) netip.Addr { return addr.WithZone("").Unmap() }

func class(addr netip.Addr) Class {
	switch {
	case addr.IsLoopback():
		return "loopback"
	case addr.IsPrivate():
		return "private"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case addr.IsMulticast():
		return "multicast"
	}
	return "reserved"
}

// isOneOf finds the listener behind every address that leads to it: a listener of this machine, on whichever of its
// addresses, is taken to be bound to all of them.
func isOneOf(listeners []netip.AddrPort, addr netip.Addr, port uint16) bool {
	for _, l := range listeners {
		if l.Port() != port {
			continue
		}
		own := plain(l.Addr())
		if isLocal(own) && isLocal(addr) || !own.IsUnspecified() && slices.Contains(forms(addr), own) {
			return true
		}
	}
	return false
}

// isLocal reports whether connections to addr end on this machine. It says yes where that cannot be found out.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(interfaces, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && slices.Contains(forms(addr), plain(p.Addr()))
	})
}

// ParsePrefixes reads the value of ERRAND_ALLOW_PRIVATE, address ranges separated by commas.
func ParsePrefixes(value string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		p, err := netip.ParsePrefix(v)
		if err != nil {
			return nil, fmt.Errorf("ERRAND_ALLOW_PRIVATE: %q is not an address range; write e.g. 127.0.0.0/8,10.0.0.0/8", v)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}
