package standalone

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/bus"
)

// Banner is what a person who has started Errand wants to know, in a few lines.
func Banner(c Config, at Address) string {
	var b strings.Builder
	line := func(name, format string, v ...any) {
		fmt.Fprintf(&b, "  %-9s "+format+"\n", append([]any{name}, v...)...)
	}
	fmt.Fprintln(&b, "Errand is ready.")
	line("API", "http://%s (described at /openapi.json)", at.HTTP)
	if at.NATS == "" {
		line("NATS", "embedded, without a port (ERRAND_NATS_LISTEN=off)")
	} else {
		line("NATS", "%s (live events: nats sub 'live.run.v1.>')", bus.Redacted(at.NATS))
	}
	line("Data", "%s, %s", at.DataDir, c.kept(at))
	line("Models", "%s", keys(c.Getenv))
	if c.Getenv("ERRAND_WEBHOOK_SECRET") == "" {
		line("Webhooks", "signed with the secret in %s", filepath.Join(at.DataDir, secretFile))
	} else {
		line("Webhooks", "signed with ERRAND_WEBHOOK_SECRET")
	}
	return b.String()
}

// kept says whether the data survives.
func (c Config) kept(at Address) string {
	switch {
	case !c.embedded():
		return "only the webhook secret and the master key; all else is on the NATS server"
	case strings.HasPrefix(at.DataDir, os.TempDir()+string(os.PathSeparator)):
		return "temporary: a reboot may empty it, choose another with --data"
	case c.NATSSync > 0:
		return fmt.Sprintf("kept across restarts; a power cut may cost the last %s (ERRAND_NATS_SYNC)", c.NATSSync)
	}
	return "kept across restarts, synced at every write"
}

// keys says which providers can be used.
func keys(getenv func(string) string) string {
	cfg, err := model.LoadConfig(getenv)
	if err != nil {
		return err.Error()
	}
	var usable []string
	for _, p := range model.Providers() {
		if cfg.Access[p].Key != "" {
			usable = append(usable, string(p))
		}
	}
	if usable == nil {
		return "no provider has a key yet: set OPENAI_API_KEY, ANTHROPIC_API_KEY, ... and start again"
	}
	return strings.Join(usable, ", ") + " (those with a key)"
}
