package orchestrator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/errand-run/errand/services/orchestrator/queue"
	"github.com/errand-run/errand/shared/event"
)

// Config is what an orchestrator is told by its environment. The zero value limits nothing.
type Config struct {
	MaxRunning queue.Limits // ERRAND_MAX_RUNNING_PROVIDER: runs at work at once, by provider
}

// LoadConfig reads the orchestrator's configuration and reports all mistakes at once.
func LoadConfig(getenv func(string) string) (Config, error) {
	limits, err := parseLimits(getenv("ERRAND_MAX_RUNNING_PROVIDER"))
	if err != nil {
		return Config{}, fmt.Errorf("ERRAND_MAX_RUNNING_PROVIDER: %w", err)
	}
	return Config{MaxRunning: limits}, nil
}

// parseLimits reads openai=10,groq=2, or one number for each provider.
func parseLimits(v string) (queue.Limits, error) {
	limits := queue.Limits{}
	var errs []error
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		names := event.Providers()
		number := part
		if name, after, named := strings.Cut(part, "="); named {
			names, number = []string{strings.TrimSpace(name)}, strings.TrimSpace(after)
		}
		most, err := strconv.Atoi(number)
		switch {
		case err != nil || most < 1:
			errs = append(errs, fmt.Errorf("%q has no number from 1", part))
		case !slices.Contains(event.Providers(), names[0]):
			errs = append(errs, fmt.Errorf("%q names no provider", part))
		}
		for _, name := range names {
			limits[name] = most
		}
	}
	return limits, errors.Join(errs...)
}
