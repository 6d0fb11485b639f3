package standalone

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/service"
)

// Config is what `errand serve` itself reads. The four services read theirs from the same environment.
type Config struct {
	Process    service.Config // ERRAND_ADDR, ERRAND_NATS_REPLICAS; its NATSURL is empty where NATS is embedded
	DataDir    string         // ERRAND_DATA_DIR
	NATSListen string         // ERRAND_NATS_LISTEN: the embedded server's client port; empty: none
	NATSSync   time.Duration  // ERRAND_NATS_SYNC: how often the embedded server syncs its files; 0: at every write

	// Getenv is the environment that Config came from; the services are configured from it.
	Getenv func(string) string
}

// Defaults where the environment says nothing.
const (
	DefaultAddr       = "127.0.0.1:8080"
	defaultDataDir    = "errand-data"
	defaultNATSListen = "127.0.0.1:4222"
)

// LoadConfig reads the configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string) (Config, error) {
	process, errProcess := service.LoadConfig(getenv, DefaultAddr)
	process.NATSURL = getenv("ERRAND_NATS_URL")
	c := Config{Process: process, DataDir: getenv("ERRAND_DATA_DIR"), Getenv: getenv}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir
	}
	if c.embedded() && process.Replicas != 1 {
		errProcess = errors.Join(errProcess, errors.New("ERRAND_NATS_REPLICAS: the embedded NATS server is one; set ERRAND_NATS_URL to use a cluster"))
	}
	var errListen, errSync error
	c.NATSListen, errListen = natsListen(getenv("ERRAND_NATS_LISTEN"))
	c.NATSSync, errSync = natsSync(getenv("ERRAND_NATS_SYNC"))
	return c, errors.Join(errProcess, errListen, errSync)
}

func (c Config) embedded() bool { return c.Process.NATSURL == "" }

func natsListen(v string) (string, error) {
	switch v {
	case "":
		return defaultNATSListen, nil
	case "off":
		return "", nil
	}
	if _, port, err := net.SplitHostPort(v); err != nil || strings.Trim(port, "0123456789") != "" {
		return "", fmt.Errorf("ERRAND_NATS_LISTEN: %q is neither host:port nor \"off\"", v)
	}
	return v, nil
}

func natsSync(v string) (time.Duration, error) {
	if v == "" || v == "always" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("ERRAND_NATS_SYNC: %q is neither \"always\" nor an interval such as 10s", v)
	}
	return d, nil
}

// Overlay is an environment in which the values of over stand before those of getenv.
func Overlay(getenv func(string) string, over map[string]string) func(string) string {
	return func(name string) string {
		if v, ok := over[name]; ok {
			return v
		}
		return getenv(name)
	}
}
