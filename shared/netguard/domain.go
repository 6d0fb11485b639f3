package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Domains are the hosts that a run may reach. Empty Domains allow every host.
type Domains []domain

type domain struct {
	host string // canonical
	sub  bool   // the host's subdomains, at any depth, and not the host itself
	port uint16 // 0: every port
}

// ParseDomains reads a run's allowed_domains: hosts and patterns such as *.example.com, each with a port or for all
// ports. It reports every entry that is wrong, by its text.
func ParseDomains(entries []string) (Domains, error) {
	var domains Domains
	var errs []error
	for _, e := range entries {
		d, err := parseDomain(strings.TrimSpace(e))
		if err != nil {
			errs = append(errs, fmt.Errorf("allowed domain %q: %w", clip(e), err))
			continue
		}
		domains = append(domains, d)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return domains, nil
}

func parseDomain(entry string) (domain, error) {
	switch {
	case entry == "":
		return domain{}, errors.New("it is empty")
	case entry == "*":
		return domain{}, errors.New("leave the list empty to allow every public host")
	case strings.Contains(entry, "://"):
		return domain{}, errors.New("give the host only, without a scheme")
	case strings.ContainsAny(entry, "/?#@"):
		return domain{}, errors.New("give the host only, without a path or user")
	}
	var d domain
	host, port, err := splitPort(entry)
	if err != nil {
		return domain{}, err
	}
	d.port = port
	host, d.sub = strings.CutPrefix(host, "*.")
	if d.host, err = CanonicalHost(host); err != nil {
		return domain{}, err
	}
	if _, err := netip.ParseAddr(d.host); err == nil && d.sub {
		return domain{}, errors.New("an address has no subdomains")
	}
	return d, nil
}

// splitPort parts host:port. An IPv6 address without brackets has no port.
func splitPort(entry string) (string, uint16, error) {
	colon := strings.LastIndexByte(entry, ':')
	if colon < 0 || strings.HasSuffix(entry, "]") || strings.Count(entry, ":") > 1 && !strings.HasPrefix(entry, "[") {
		return entry, 0, nil
	}
	port, err := strconv.ParseUint(entry[colon+1:], 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("%q is not a port", clip(entry[colon+1:]))
	}
	return entry[:colon], uint16(port), nil
}

// Allow reports whether a host, which is canonical, may be reached on the port.
func (d Domains) Allow(host string, port uint16) bool {
	return len(d) == 0 || slices.ContainsFunc(d, func(d domain) bool {
		if d.port != 0 && d.port != port {
			return false
		}
		if d.sub {
			return strings.HasSuffix(host, "."+d.host)
		}
		return host == d.host
	})
}
