package netguard

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func everything() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}

func at(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	blocked := []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:7f00:1", "fe80::1", "fe80::1%eth0",
		"fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1",
		"2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "4000::1",
	}
	g := New(nil, nil)
	for _, s := range blocked {
		if g.Check(at(s, 443)) == nil {
			t.Errorf("%s may be reached", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"} {
		if err := g.Check(at(s, 443)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestAnAllowedRangeOpensAndMetadataStaysShut(t *testing.T) {
	g := New(everything(), nil)
	for _, s := range []string{"127.0.0.1", "10.0.0.1", "::1", "fd00::1", "64:ff9b::7f00:1"} {
		if err := g.Check(at(s, 80)); err != nil {
			t.Errorf("allowed %s: %v", s, err)
		}
	}
	for _, s := range []string{
		"169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
		"::ffff:169.254.169.254",   // mapped
		"::a9fe:a9fe",              // compatible
		"::ffff:0:a9fe:a9fe",       // SIIT
		"64:ff9b::a9fe:a9fe",       // NAT64
		"64:ff9b:1:a9fe:a9:fe00::", // NAT64 with a prefix of 48 bits, which skips byte 8
		"2002:a9fe:a9fe::1",        // 6to4
		"2001:0:1:2:3:4:5601:5601", // Teredo, inverted
		"fd00:ec2::254%eth0", "64:ff9b::a83f:8110",
	} {
		if g.Check(at(s, 80)) == nil {
			t.Errorf("%s may be reached", s)
		}
	}
	ten := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, nil)
	if ten.Check(at("10.1.2.3", 80)) != nil || ten.Check(at("127.0.0.1", 80)) == nil {
		t.Error("a range opens itself and no other")
	}
}

func TestThePlatformsListenersAreNeverReached(t *testing.T) {
	machine := ownAddress(t)
	own := []netip.AddrPort{at("127.0.0.1", 8080), at("0.0.0.0", 8081), at("::", 8082), at("10.9.9.9", 4222)}
	g := New(everything(), func() []netip.AddrPort { return own })
	for _, port := range []uint16{8080, 8081, 8082} {
		for _, s := range []string{"127.0.0.1", "127.0.0.2", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", machine} {
			if g.Check(at(s, port)) == nil {
				t.Errorf("%s port %d may be reached", s, port)
			}
		}
	}
	for _, s := range []string{"10.9.9.9", "::ffff:10.9.9.9", "64:ff9b::a09:909"} {
		if g.Check(at(s, 4222)) == nil {
			t.Errorf("%s port 4222 may be reached", s)
		}
	}
	for _, to := range []netip.AddrPort{at("127.0.0.1", 8083), at("10.9.9.9", 8080), at("127.0.0.1", 4222), at("2606:4700::1", 8081)} {
		if err := g.Check(to); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// ownAddress is one of this machine that is not loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			return p.Addr().String()
		}
	}
	return "127.0.0.3" // a machine without a network
}

func TestTheRefusalNamesTheClassAndTheRemedy(t *testing.T) {
	g := New(nil, func() []netip.AddrPort { return []netip.AddrPort{at("127.0.0.1", 1)} })
	for to, want := range map[netip.AddrPort]string{
		at("10.0.0.1", 80):        "private address, which is blocked; ERRAND_ALLOW_PRIVATE",
		at("127.0.0.1", 80):       "loopback address, which is blocked; ERRAND_ALLOW_PRIVATE",
		at("169.254.169.254", 80): "metadata address, which is blocked, whatever",
		at("127.0.0.1", 1):        "listener of Errand itself",
	} {
		if err := g.Check(to); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), to.Addr().String()) {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
	}
}

func TestRangesAreReadAndMistakesNamed(t *testing.T) {
	got, err := ParsePrefixes(" 10.1.0.0/8, ,::1/128")
	if err != nil || len(got) != 2 || got[0].String() != "10.0.0.0/8" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParsePrefixes("10.0.0.1"); err == nil || !strings.Contains(err.Error(), `"10.0.0.1"`) {
		t.Errorf("an address without bits: %v", err)
	}
}
