package model

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// defaultCallTimeout bounds one HTTP call. Reasoning models think for a minute and more; past two, something hangs.
const defaultCallTimeout = 120 * time.Second

// Config says how each provider is reached.
type Config struct {
	Access map[Provider]Access
	// CallTimeout bounds one HTTP call where the request names no time of its own; zero means 120 s. A call that meets
	// it is repeated once, then it ends as model_timeout. ERRAND_MODEL_TIMEOUT.
	CallTimeout time.Duration
}

// Access is one provider's key and address.
type Access struct {
	Key     Key
	BaseURL string // as the provider's SDK means it; empty: the provider's own
}

// Key is an API key. It prints as [redacted] everywhere; only a request's header holds it.
type Key string

func (Key) String() string               { return "[redacted]" }
func (Key) GoString() string             { return "[redacted]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[redacted]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// LoadConfig reads each provider's key and ..._BASE_URL. All mistakes are reported at once; a missing key is none.
func LoadConfig(getenv func(string) string) (Config, error) {
	cfg := Config{Access: map[Provider]Access{}}
	var mistakes []error
	for _, s := range specs() {
		access := Access{BaseURL: strings.TrimSpace(getenv(s.BaseURLVariable))}
		for _, variable := range s.KeyVariables {
			if access.Key == "" {
				access.Key = Key(strings.TrimSpace(getenv(variable))) // files of secrets end in newlines
			}
		}
		if err := checkBaseURL(access.BaseURL); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", s.BaseURLVariable, err))
		}
		cfg.Access[s.Provider] = access
	}
	var err error
	if cfg.CallTimeout, err = loadTimeout(getenv("ERRAND_MODEL_TIMEOUT")); err != nil {
		mistakes = append(mistakes, err)
	}
	return cfg, errors.Join(mistakes...)
}

// loadTimeout reads a time such as 90s or 5m, or a number of seconds.
func loadTimeout(v string) (time.Duration, error) {
	if v == "" {
		return 0, nil
	}
	if _, err := strconv.Atoi(v); err == nil {
		v += "s"
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second || d > time.Hour {
		return 0, fmt.Errorf("ERRAND_MODEL_TIMEOUT: %q is not a time from 1s to 1h, such as 90s or 5m", v)
	}
	return d, nil
}

// checkBaseURL never repeats the value: it may hold a password.
func checkBaseURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must start with http:// or https:// and name a host")
	case u.User != nil:
		return errors.New("must hold no user or password: keys have their own variable")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must end with its path: no ? and no #")
	}
	return nil
}

func (c Config) access(s spec) Access {
	access := c.Access[s.Provider]
	if access.BaseURL == "" {
		access.BaseURL = s.BaseURL
	}
	return access
}

func (c Config) callTimeout() time.Duration {
	if c.CallTimeout > 0 {
		return c.CallTimeout
	}
	return defaultCallTimeout
}
