package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"text/tabwriter"
)

// printVersion says what the binary was built from: version and commit where the build recorded them, the Go
// version, and the modules in it.
func printVersion(w io.Writer) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("read build information: there is none in this binary")
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "errand\t%s\n", info.Main.Version)
	commit := setting["vcs.revision"]
	switch {
	case commit == "":
		commit = "not recorded in this build"
	case setting["vcs.modified"] == "true":
		commit += " with local changes"
	}
	fmt.Fprintf(t, "commit\t%s\n", commit)
	fmt.Fprintf(t, "go\t%s %s/%s\n", info.GoVersion, setting["GOOS"], setting["GOARCH"])
	for _, m := range info.Deps {
		fmt.Fprintf(t, "dep\t%s %s\n", m.Path, m.Version)
	}
	return t.Flush()
}
