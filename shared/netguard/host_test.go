package netguard

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAHostHasOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"example.com": "example.com", "EXAMPLE.com": "example.com", "example.com.": "example.com",
		"ex%61mple.com": "example.com", "Bücher.example": "xn--bcher-kva.example", "faß.de": "xn--fa-hia.de",
		"ＧＯ.com": "go.com", "a_b.example": "a_b.example", "r3---sn.example": "r3---sn.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"127.0.0.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f000001": "127.0.0.1", "0X7F.1": "127.0.0.1",
		"0177.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "127.0.1": "127.0.0.1", "127.0.0.1.": "127.0.0.1",
		"１２７。０。０。１": "127.0.0.1", "%31%32%37.0.0.1": "127.0.0.1", "0": "0.0.0.0", "0x": "0.0.0.0", "4294967295": "255.255.255.255",
		"[::1]": "::1", "::1": "::1", "[0:0:0:0:0:0:0:1]": "::1", "[::ffff:7f00:1]": "127.0.0.1", "[FE80::1]": "fe80::1",
	} {
		if got, err := CanonicalHost(given); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestWhatIsNoHostIsRefused(t *testing.T) {
	for _, given := range []string{
		"", ".", "..", "a..b", ".a", "a b", "a/b", "a%2fb", "a%00b", "a%zz", "a@b", "a:80", "[::1", "[fe80::1%25eth0]", "fe80::1%eth0",
		"[127.0.0.1]", "1.2.3.4.5", "256.1.1.1", "4294967296", "08.1.1.1", "1.2.3.09", "*.example.com",
		strings.Repeat("a.", 127) + "a", strings.Repeat("ü", 1e6), "\xff.example", "%ff.example", "a\nb", "xn--a.example",
	} {
		if got, err := CanonicalHost(given); err == nil {
			t.Errorf("%q was taken for %q", given, got)
		}
	}
}

func FuzzACanonicalHostStaysAsItIs(f *testing.F) {
	for _, s := range []string{"example.com", "0x7f.1", "[::ffff:7f00:1]", "Bücher.example.", "%31.2", "１２７。1", "xn--a", "a.0x", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) {
		once, err := CanonicalHost(given)
		if err != nil {
			return
		}
		twice, err := CanonicalHost(once)
		if err != nil || twice != once {
			t.Errorf("%q became %q, and that %q, %v", given, once, twice, err)
		}
		if addr, err := netip.ParseAddr(once); err == nil && addr.Unmap().String() != once {
			t.Errorf("%q became the address %q", given, once)
		}
		if strings.ContainsFunc(once, func(r rune) bool { return forbidden(r) && r != ':' }) || once != strings.ToLower(once) {
			t.Errorf("%q became %q", given, once)
		}
	})
}

func TestDomainsAllowWhatTheyName(t *testing.T) {
	d, err := ParseDomains([]string{
		"Example.com.", "*.shop.test", "*.Bücher.example:8443", "api.test:80", "0x7f.1", "[::1]:9000", "fd00::5",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host string
		port uint16
		want bool
	}{
		{"example.com", 443, true}, {"example.com", 8080, true}, {"www.example.com", 443, false}, {"notexample.com", 443, false},
		{"example.com.evil.test", 443, false},
		{"a.shop.test", 80, true}, {"a.b.shop.test", 80, true}, {"shop.test", 80, false}, {"ashop.test", 80, false},
		{"x.xn--bcher-kva.example", 8443, true}, {"x.xn--bcher-kva.example", 443, false},
		{"api.test", 80, true}, {"api.test", 81, false},
		{"127.0.0.1", 1, true}, {"127.0.0.2", 1, false}, {"::1", 9000, true}, {"::1", 80, false}, {"fd00::5", 80, true},
	} {
		if got := d.Allow(c.host, c.port); got != c.want {
			t.Errorf("%s:%d: %v", c.host, c.port, got)
		}
	}
	if !(Domains{}).Allow("anything.test", 1) {
		t.Error("an empty list allows every host")
	}
}

func TestEveryWrongDomainIsNamed(t *testing.T) {
	for entry, want := range map[string]string{
		"": "empty", "*": "leave the list empty", "https://example.com": "without a scheme", "example.com/path": "without a path",
		"me@example.com": "without a path or user", "example.com:0": "not a port", "example.com:x": "not a port", "example.com:70000": "not a port",
		"ex*mple.com": "character", "a..b": "empty", "*.127.0.0.1": "no subdomains", "300.1.1.1": "not an IPv4", "*.": "empty", "10.0.0.0/8": "path",
	} {
		if _, err := ParseDomains([]string{"good.test", entry}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", entry, err, want)
		}
	}
	_, err := ParseDomains([]string{"a b", "good.test", "c/d"})
	if err == nil || !strings.Contains(err.Error(), `"a b"`) || !strings.Contains(err.Error(), `"c/d"`) {
		t.Errorf("two mistakes: %v", err)
	}
}
