package executor

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
)

// Config is what an executor is told by its environment.
type Config struct {
	Slots   int            // ERRAND_EXECUTOR_SLOTS: runs at once, default 4
	Lease   time.Duration  // how long a run stays ours without a sign of life; the default is leaseTime
	Browser browser.Config // ERRAND_CHROMIUM, ERRAND_CDP_URL, ERRAND_ALLOW_ROOT_CHROMIUM
	Models  model.Config   // the providers' keys and addresses
	Prices  model.Prices   // what models cost; ERRAND_PRICES names a file of one's own
}

// defaultSlots fits a machine of two cores: a run waits for its model most of the time, and each open page costs
// about 70 MB.
const defaultSlots = 4

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
	c := Config{
		Slots: defaultSlots, Lease: leaseTime, Models: models, Prices: prices,
		Browser: browser.Config{
			Chromium: getenv("ERRAND_CHROMIUM"), CDPURL: getenv("ERRAND_CDP_URL"),
			AllowRootNoSandbox: getenv("ERRAND_ALLOW_ROOT_CHROMIUM") == "1",
		},
	}
	var errSlots error
	if v := getenv("ERRAND_EXECUTOR_SLOTS"); v != "" {
		if c.Slots, errSlots = strconv.Atoi(v); errSlots != nil || c.Slots < 1 {
			errSlots = fmt.Errorf("ERRAND_EXECUTOR_SLOTS: %q is no number from 1", v)
		}
	}
	return c, errors.Join(errModels, errPrices, errSlots)
}
