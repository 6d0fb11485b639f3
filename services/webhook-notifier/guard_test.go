package notifier

import (
	"net/netip"
	"testing"
)

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	blocked := []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:7f00:1", "fe80::1", "fe80::1%eth0",
		"fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1",
		"2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "4000::1",
	}
	g := newGuard(nil)
	for _, s := range blocked {
		if g.check(netip.MustParseAddr(s)) == nil {
			t.Errorf("%s may be reached", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"} {
		if err := g.check(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestAnAllowedRangeOpensAndMetadataStaysShut(t *testing.T) {
	everything := newGuard([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")})
	for _, s := range []string{"127.0.0.1", "10.0.0.1", "::1", "fd00::1", "64:ff9b::7f00:1"} {
		if err := everything.check(netip.MustParseAddr(s)); err != nil {
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
		if everything.check(netip.MustParseAddr(s)) == nil {
			t.Errorf("%s may be reached", s)
		}
	}
	ten := newGuard([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if ten.check(netip.MustParseAddr("10.1.2.3")) != nil || ten.check(netip.MustParseAddr("127.0.0.1")) == nil {
		t.Error("a range opens itself and no other")
	}
}
