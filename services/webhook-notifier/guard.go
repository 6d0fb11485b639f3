package notifier

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// guard decides which addresses a POST may go to. It is asked for each address that is dialled, after the name was
// resolved, so a name that resolves to something else a second time gains nothing.
type guard struct {
	allowed []netip.Prefix // may be reached although they are private
	public  *ssrf.Guardian // knows what is no address of the public internet
}

func newGuard(allowed []netip.Prefix) guard {
	return guard{allowed, ssrf.New(ssrf.WithAnyPort())} // webhooks are received on many ports
}

// blockedError says why an address was refused, in words for the owner of the webhook: the address itself could tell
// what a name means inside the network.
type blockedError struct{ class string }

func (e blockedError) Error() string {
	if e.class == classMetadata {
		return "the webhook's host is at a cloud metadata address, which is blocked, whatever ERRAND_ALLOW_PRIVATE opens"
	}
	return fmt.Sprintf("the webhook's host is at a %s address, which is blocked; ERRAND_ALLOW_PRIVATE can open its range", e.class)
}

// control is the ControlContext of a net.Dialer.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address to dial: %w", err)
	}
	return g.check(ap.Addr())
}

func (g guard) check(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	if isMetadata(addr) {
		return blockedError{classMetadata}
	}
	if slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	if g.public.SafeAddr(addr) != nil {
		return blockedError{class(addr)}
	}
	return nil
}

const classMetadata = "metadata"

func class(addr netip.Addr) string {
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

// metadata is where clouds keep the credentials of their machines. One of them is a public address.
func metadata() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("169.254.169.254"), // AWS, Google, Azure and most others
		netip.MustParseAddr("169.254.170.2"),   // AWS ECS tasks
		netip.MustParseAddr("169.254.170.23"),  // AWS EKS pods
		netip.MustParseAddr("168.63.129.16"),   // Azure's host agent
		netip.MustParseAddr("100.100.100.200"), // Alibaba
		netip.MustParseAddr("192.0.0.192"),     // Oracle
		netip.MustParseAddr("fd00:ec2::254"),   // AWS
		netip.MustParseAddr("fd00:ec2::23"),    // AWS EKS pods
		netip.MustParseAddr("fd20:ce::254"),    // Google
	}
}

// isMetadata also finds an IPv4 address inside an IPv6 one, where a gateway would take it out again: 6to4, NAT64,
// SIIT and Teredo differ in where it stands and whether byte 8 is skipped or the bits are inverted.
func isMetadata(addr netip.Addr) bool {
	known := metadata()
	if addr.Is4() || slices.Contains(known, addr) {
		return slices.Contains(known, addr)
	}
	b := addr.As16()
	inverted := b
	for i := range inverted {
		inverted[i] = ^b[i]
	}
	for _, bytes := range [][]byte{b[:], slices.Delete(slices.Clone(b[:]), 8, 9), inverted[:]} {
		for i := range len(bytes) - 3 {
			if slices.Contains(known, netip.AddrFrom4([4]byte(bytes[i:i+4]))) {
				return true
			}
		}
	}
	return false
}
