package netguard

import (
	"net/netip"
	"slices"
)

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

func isMetadata(addr netip.Addr) bool {
	known := metadata()
	return slices.ContainsFunc(forms(addr), func(a netip.Addr) bool { return slices.Contains(known, a) })
}

// forms are the address itself and every IPv4 address that may stand inside an IPv6 one, where a gateway would take
// it out again: 6to4, NAT64, SIIT and Teredo differ in where it stands and whether byte 8 is skipped or the bits are
// inverted.
func forms(addr netip.Addr) []netip.Addr {
	all := []netip.Addr{addr}
	if addr.Is4() {
		return all
	}
	b := addr.As16()
	inverted := b
	for i := range inverted {
		inverted[i] = ^b[i]
	}
	for _, bytes := range [][]byte{b[:], slices.Delete(slices.Clone(b[:]), 8, 9), inverted[:]} {
		for i := range len(bytes) - 3 {
			all = append(all, netip.AddrFrom4([4]byte(bytes[i:i+4])))
		}
	}
	return all
}
