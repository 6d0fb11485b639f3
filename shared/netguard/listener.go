package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// resolveTimeout bounds the look-up of the listeners' names.
const resolveTimeout = 5 * time.Second

// Listeners are the host:port of the platform's own listeners, as they are bound or reached. Neither runs nor webhooks
// may reach them.
type Listeners []string

// ParseListeners reads the value of ERRAND_PLATFORM_ADDRS, host:port separated by commas, and reports all mistakes at
// once.
func ParseListeners(value string) (Listeners, error) {
	var all Listeners
	var errs []error
	for addr := range strings.SplitSeq(value, ",") {
		if addr = strings.TrimSpace(addr); addr == "" {
			continue
		}
		if _, _, err := splitListener(addr); err != nil {
			errs = append(errs, fmt.Errorf("ERRAND_PLATFORM_ADDRS: %w", err))
		}
		all = append(all, addr)
	}
	return all, errors.Join(errs...)
}

// Check returns an error that names each entry that is no host:port.
func (l Listeners) Check() error {
	var errs []error
	for _, addr := range l {
		_, _, err := splitListener(addr)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Resolve finds the addresses of the listeners, within a few seconds; a nil resolver is net.DefaultResolver. The error
// names the listeners without an address: those cannot be reached either.
func (l Listeners) Resolve(ctx context.Context, resolver *net.Resolver) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	var all []netip.AddrPort
	var errs []error
	for _, listener := range l {
		host, port, err := splitListener(listener)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		addrs, err := resolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			errs = append(errs, fmt.Errorf("the platform's listener %s has no address: %w", listener, err))
		}
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a.Unmap(), port))
		}
	}
	return all, errors.Join(errs...)
}

func splitListener(addr string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(addr)
	n, errPort := strconv.ParseUint(service, 10, 16)
	if err != nil || errPort != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a host:port of a listener", addr)
	}
	if host == "" {
		host = "0.0.0.0" // as a bind address it means every one
	}
	return host, uint16(n), nil
}
