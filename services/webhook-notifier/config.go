package notifier

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/netguard"
)

// Config is what the notifier reads from its environment.
type Config struct {
	Secrets      []Secret        // ERRAND_WEBHOOK_SECRET: a POST carries a signature by each, so that keys can be changed
	Schedule     []time.Duration // ERRAND_WEBHOOK_SCHEDULE: the waits between POSTs, so one POST more than waits
	AllowPrivate []netip.Prefix  // ERRAND_ALLOW_PRIVATE: ranges that may be reached although they are private
	Own          []string        // ERRAND_PLATFORM_ADDRS: host:port of listeners of the platform, which no webhook reaches
	Deadline     time.Duration   // of one POST, from the dial to the end of the answer's body
	Grace        time.Duration   // how long POSTs that have begun may take once the notifier stops
}

// deadline is the lower end of what Standard Webhooks asks for: longer serves no receiver that works, and holds a
// place that another could use.
const deadline = 15 * time.Second

// grace leaves a container's ten seconds to stop enough for what follows the POSTs.
const grace = 5 * time.Second

// defaultSchedule is the one that Standard Webhooks suggests: ten POSTs in three days and four hours.
func defaultSchedule() []time.Duration {
	return []time.Duration{
		// The first POST is made at once.
		5 * time.Second,  // a connection that broke, a receiver between two processes
		5 * time.Minute,  // a deployment
		30 * time.Minute, // an outage that somebody is already at
		2 * time.Hour,
		5 * time.Hour,
		10 * time.Hour, // a night
		14 * time.Hour,
		20 * time.Hour,
		24 * time.Hour, // a weekend
	}
}

// LoadConfig reads the configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string) (Config, error) {
	secrets, err1 := loadSecrets(getenv("ERRAND_WEBHOOK_SECRET"))
	schedule, err2 := loadSchedule(getenv("ERRAND_WEBHOOK_SCHEDULE"))
	allow, err3 := netguard.ParsePrefixes(getenv("ERRAND_ALLOW_PRIVATE"))
	own, err4 := netguard.ParseListeners(getenv("ERRAND_PLATFORM_ADDRS"))
	c := Config{Secrets: secrets, Schedule: schedule, AllowPrivate: allow, Own: own, Deadline: deadline, Grace: grace}
	return c, errors.Join(err1, err2, err3, err4)
}

func loadSecrets(value string) ([]Secret, error) {
	const remedy = `make one with: echo "whsec_$(openssl rand -base64 32)"`
	var secrets []Secret
	for _, v := range list(value) {
		s, err := ParseSecret(v)
		if err != nil {
			return nil, fmt.Errorf("ERRAND_WEBHOOK_SECRET: %w; %s", err, remedy)
		}
		secrets = append(secrets, s)
	}
	if secrets == nil {
		return nil, fmt.Errorf("ERRAND_WEBHOOK_SECRET: not set, and webhooks are signed; %s", remedy)
	}
	return secrets, nil
}

func loadSchedule(value string) ([]time.Duration, error) {
	var schedule []time.Duration
	for _, v := range list(value) {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("ERRAND_WEBHOOK_SCHEDULE: %q is no wait; write e.g. 5s,5m,2h", v)
		}
		schedule = append(schedule, d)
	}
	if schedule == nil {
		return defaultSchedule(), nil
	}
	return schedule, nil
}

// list is the non-empty parts of a comma-separated value.
func list(value string) []string {
	var parts []string
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			parts = append(parts, v)
		}
	}
	return parts
}
