package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxHost  = 253         // octets of a DNS name
	maxGiven = 9 * maxHost // each as a percent escape of up to three octets; Punycode takes quadratic time
)

// names are mapped as browsers do (UTS 46, not transitional). Underscores occur in real host names.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// CanonicalHost writes a host, given as in a URL, in the one form that Chromium gives it: lower case, Punycode,
// percent signs decoded, IPv4 addresses in whichever notation with four decimal numbers, IPv6 addresses without
// brackets and, where they hold an IPv4 one, as that. Beyond what Chromium does it drops a final dot, which names
// the same host. What comes out goes in unchanged.
func CanonicalHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", fmt.Errorf("%q is not an IPv6 address", clip(host))
		}
		return addr.Unmap().String(), nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() && addr.Zone() == "" {
		return addr.Unmap().String(), nil
	}
	name, err := canonicalName(host)
	if err != nil {
		return "", fmt.Errorf("%q is not a host: %w", clip(host), err)
	}
	if !endsInNumber(name) {
		return name, nil
	}
	addr, err := ipv4(name)
	if err != nil {
		return "", fmt.Errorf("%q is not an IPv4 address", clip(host))
	}
	return addr.String(), nil
}

func canonicalName(host string) (string, error) {
	if len(host) > maxGiven {
		return "", errors.New("it is too long")
	}
	decoded, err := url.PathUnescape(host)
	if err != nil || !utf8.ValidString(decoded) {
		return "", errors.New("it is not encoded as a host is")
	}
	name, err := names.ToASCII(decoded)
	if err != nil {
		return "", errors.New("it is not an internationalised name")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case name == "":
		return "", errors.New("it is empty")
	case len(name) > maxHost:
		return "", errors.New("it is too long")
	case strings.ContainsFunc(name, forbidden):
		return "", errors.New("it has a character that no host has")
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return "", errors.New("a part between dots is empty")
	}
	return name, nil
}

// forbidden are the forbidden domain code points of the URL standard, and the star, which is for patterns.
func forbidden(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`#/:<>?@[\]^|%*"`+"`{}", r)
}

// endsInNumber tells the names that browsers read as IPv4 addresses.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(last, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

// ipv4 reads an address of one to four parts, each decimal, octal or hexadecimal, the last of which fills up.
func ipv4(name string) (netip.Addr, error) {
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return netip.Addr{}, errors.New("more than four parts")
	}
	var sum uint64
	for i, part := range parts {
		n, err := number(part)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		if err != nil || n >= 1<<bits {
			return netip.Addr{}, fmt.Errorf("part %d is out of range", i+1)
		}
		sum = sum<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), nil
}

func number(part string) (uint64, error) {
	if hex, ok := strings.CutPrefix(part, "0x"); ok {
		return strconv.ParseUint("0"+hex, 16, 33)
	}
	if octal, ok := strings.CutPrefix(part, "0"); ok && octal != "" {
		return strconv.ParseUint(octal, 8, 33)
	}
	return strconv.ParseUint(part, 10, 33)
}

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
