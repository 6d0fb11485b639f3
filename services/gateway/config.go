package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/service"
	"github.com/errand-run/errand/shared/vault"
)

// DefaultAddr is where the gateway listens unless ERRAND_ADDR says otherwise.
const DefaultAddr = "127.0.0.1:8080"

// Config is what the gateway reads from its environment.
type Config struct {
	service.Config
	Hosts     []string      // ERRAND_HOSTS: host names, comma separated, that callers may use beside loopback names and IP addresses
	Origins   []string      // ERRAND_ALLOW_ORIGINS: origins of other sites, comma separated, whose pages may use the API
	Keys      vault.Keys    // ERRAND_MASTER_KEY: seals the secrets of tasks and runs; without it they are refused
	WaitLimit time.Duration // how long an answer waits for its run at most

	AllowPrivate []netip.Prefix // ERRAND_ALLOW_PRIVATE, as the notifier has it: ranges that webhook_url may name although they are private
}

// LoadConfig reads the configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string) (Config, error) {
	shared, err := service.LoadConfig(getenv, DefaultAddr)
	keys, errKeys := vault.Parse(getenv("ERRAND_MASTER_KEY"))
	allow, errAllow := netguard.ParsePrefixes(getenv("ERRAND_ALLOW_PRIVATE"))
	c := Config{Config: shared, WaitLimit: 30 * time.Minute, Keys: keys, AllowPrivate: allow}
	var errOrigins error
	c.Origins, errOrigins = parseOrigins(getenv("ERRAND_ALLOW_ORIGINS"))
	for _, host := range strings.Split(getenv("ERRAND_HOSTS"), ",") {
		if host = strings.ToLower(strings.TrimSpace(host)); host != "" {
			c.Hosts = append(c.Hosts, host)
		}
	}
	return c, errors.Join(err, errKeys, errAllow, errOrigins)
}

// parseOrigins reads origins as browsers write them: scheme://host[:port], in lower case.
func parseOrigins(value string) (origins []string, err error) {
	var errs []error
	for origin := range strings.SplitSeq(value, ",") {
		if origin = strings.ToLower(strings.TrimSpace(origin)); origin == "" {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Scheme+"://"+u.Host != origin || u.Hostname() == "" {
			errs = append(errs, fmt.Errorf("ERRAND_ALLOW_ORIGINS: %q is not an origin such as https://app.example or http://localhost:5173", origin))
		}
		origins = append(origins, origin)
	}
	return origins, errors.Join(errs...)
}
