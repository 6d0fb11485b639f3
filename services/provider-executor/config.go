package executor

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/egress"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/vault"
)

// Config is what an executor is told by its environment.
type Config struct {
	Slots   int            // ERRAND_EXECUTOR_SLOTS: runs at once, default 4
	Grace   time.Duration  // ERRAND_DRAIN_GRACE: how long a shutdown waits for a step that is acting, default 20 s
	Lease   time.Duration  // how long a run stays ours without a sign of life; the default is leaseTime
	Browser browser.Config // see loadBrowser
	Models  model.Config   // the providers' keys and addresses
	Keys    vault.Keys     // ERRAND_MASTER_KEY: opens the secrets of runs, with the gateway's own
	Prices  model.Prices   // what models cost; ERRAND_PRICES names a file of one's own

	ReplayPatience time.Duration // how long a recorded control may take to appear, at least; 0: 10 s
}

// defaultSlots fits a machine of two cores: a run waits for its model most of the time, and each has a Chromium of
// about 150 MB.
const defaultSlots = 4

// defaultGrace lets an action wait for a slow page, and the step's outcome be written.
const defaultGrace = 20 * time.Second

// leaseTime is how long a lost executor goes unnoticed. Heartbeats come three times as often, and the executor itself
// stops touching the browser at leaseGuard of it: the log cannot fence a browser.
const (
	leaseTime  = 15 * time.Second
	leaseGuard = 0.8
)

// LoadConfig reads the executor's configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string) (Config, error) {
	models, errModels := model.LoadConfig(getenv)
	prices, errPrices := model.LoadPrices(getenv("ERRAND_PRICES"))
	browsers, errBrowsers := loadBrowser(getenv)
	keys, errKeys := vault.Parse(getenv("ERRAND_MASTER_KEY"))
	c := Config{
		Slots: defaultSlots, Grace: defaultGrace, Lease: leaseTime, Models: models, Prices: prices, Keys: keys,
		Browser: browsers,
	}
	var errSlots error
	if v := getenv("ERRAND_EXECUTOR_SLOTS"); v != "" {
		if c.Slots, errSlots = strconv.Atoi(v); errSlots != nil || c.Slots < 1 {
			errSlots = fmt.Errorf("ERRAND_EXECUTOR_SLOTS: %q is not a number of at least 1", v)
		}
	}
	var errGrace error
	if v := getenv("ERRAND_DRAIN_GRACE"); v != "" {
		if c.Grace, errGrace = time.ParseDuration(v); errGrace != nil || c.Grace < 0 {
			errGrace = fmt.Errorf("ERRAND_DRAIN_GRACE: %q is not a duration such as 20s", v)
		}
	}
	return c, errors.Join(errModels, errPrices, errKeys, errBrowsers, errSlots, errGrace)
}

// loadBrowser reads ERRAND_CHROMIUM, ERRAND_CDP_URL, ERRAND_ALLOW_ROOT_CHROMIUM, ERRAND_BROWSER (own: one Chromium for
// each run; shared: one for all), ERRAND_PAGE_MEMORY (bytes, or with KB, MB, GB) and what loadEgress reads.
func loadBrowser(getenv func(string) string) (browser.Config, error) {
	network, errNetwork := loadEgress(getenv)
	c := browser.Config{
		Chromium: getenv("ERRAND_CHROMIUM"), CDPURL: getenv("ERRAND_CDP_URL"),
		AllowRootNoSandbox: getenv("ERRAND_ALLOW_ROOT_CHROMIUM") == "1", Egress: network,
	}
	var errShared, errMemory error
	switch v := getenv("ERRAND_BROWSER"); v {
	case "", "own":
	case "shared":
		c.Shared = true
	default:
		errShared = fmt.Errorf("ERRAND_BROWSER: %q is neither \"own\" nor \"shared\"", v)
	}
	if v := getenv("ERRAND_PAGE_MEMORY"); v != "" {
		c.PageMemory, errMemory = bytesOf(v)
		if errMemory != nil || c.PageMemory < minPageMemory {
			errMemory = fmt.Errorf("ERRAND_PAGE_MEMORY: %q is not a size such as 1GB or 512MB, 256MB at least", v)
		}
	}
	return c, errors.Join(errNetwork, errShared, errMemory)
}

// minPageMemory is what an ordinary page needs.
const minPageMemory = 256 << 20

// bytesOf reads a size: a whole number with KB, MB or GB, which are powers of 1024, or without.
func bytesOf(v string) (int64, error) {
	unit := int64(1)
	for i, suffix := range []string{"KB", "MB", "GB"} {
		if number, found := strings.CutSuffix(v, suffix); found {
			v, unit = strings.TrimSpace(number), int64(1)<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err == nil && n > math.MaxInt64/unit {
		err = strconv.ErrRange
	}
	return n * unit, err
}

// loadEgress reads ERRAND_ALLOW_PRIVATE, ERRAND_PROXY_LISTEN (a host of this machine that a remote browser can reach)
// and ERRAND_PLATFORM_ADDRS (host:port of listeners of the platform that this process cannot know of).
func loadEgress(getenv func(string) string) (egress.Config, error) {
	allow, errAllow := netguard.ParsePrefixes(getenv("ERRAND_ALLOW_PRIVATE"))
	c := egress.Config{Allow: allow, Listen: getenv("ERRAND_PROXY_LISTEN")}
	var errListen, errOwn error
	if strings.Contains(c.Listen, ":") && net.ParseIP(c.Listen) == nil {
		errListen = fmt.Errorf("ERRAND_PROXY_LISTEN: %q must be a host without a port: each run gets a free one", c.Listen)
	}
	c.Own, errOwn = netguard.ParseListeners(getenv("ERRAND_PLATFORM_ADDRS"))
	return c, errors.Join(errAllow, errListen, errOwn)
}
