package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/services/standalone/demo"
)

func quiet(string) *slog.Logger { return slog.New(slog.DiscardHandler) }

type serveCmd struct {
	Addr string `placeholder:"HOST:PORT" help:"Address of the web page and the API (ERRAND_ADDR, 127.0.0.1:8080)."`
	Data string `placeholder:"DIR" help:"Directory of the data (ERRAND_DATA_DIR, ./errand-data)."`
}

func (c *serveCmd) Run(ctx context.Context, t *Terminal) error {
	over := map[string]string{}
	if c.Addr != "" {
		over["ERRAND_ADDR"] = c.Addr
	}
	if c.Data != "" {
		over["ERRAND_DATA_DIR"] = c.Data
	}
	cfg, err := standalone.LoadConfig(standalone.Overlay(t.Getenv, over))
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	s := standalone.Service{Config: cfg, Ready: func(at standalone.Address) { fmt.Fprint(t.Err, standalone.Banner(cfg, at)) }}
	return s.Run(ctx)
}

type demoCmd struct {
	Stay bool `help:"Go on serving the demo's runs at its web page."`
}

func (c *demoCmd) Run(ctx context.Context, t *Terminal) error {
	return demo.Run(ctx, t.Out, t.Getenv, c.Stay)
}

type versionCmd struct {
	Modules bool `help:"List the modules in the binary too."`
}

func (c *versionCmd) Run(t *Terminal) error { return printVersion(t.Out, c.Modules) }

// printVersion says what the binary was built from: version and commit if the build recorded them, the Go version,
// and, if asked, the modules in it.
func printVersion(out io.Writer, modules bool) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("read build information: there is none in this binary")
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	commit := setting["vcs.revision"]
	switch {
	case commit == "":
		commit = "not recorded in this build"
	case setting["vcs.modified"] == "true":
		commit += " with local changes"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "errand\t%s\ncommit\t%s\ngo\t%s %s/%s\n", info.Main.Version, commit, info.GoVersion, setting["GOOS"], setting["GOARCH"])
	if modules {
		for _, m := range info.Deps {
			fmt.Fprintf(w, "dep\t%s %s\n", m.Path, m.Version)
		}
	}
	return w.Flush()
}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCmd) Run(t *Terminal, model *kong.Application) error {
	_, err := io.WriteString(t.Out, completion(c.Shell, model))
	return err
}
