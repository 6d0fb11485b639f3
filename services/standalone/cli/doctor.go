package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/standalone"
)

// Limits of the checks.
const (
	browserLimit = 45 * time.Second // a cold Chromium on a slow disk
	lowDisk      = 1 << 30          // bytes free below which runs with pictures soon fill the disk
)

type doctorCmd struct{}

// finding is the outcome of one check: what was found, and what to do if that is not good.
type finding struct {
	name string
	err  error  // nil: it is good
	good string // what was found
	do   string // what to do about err
	warn bool   // Errand works without it
}

func (doctorCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	cfg, err := standalone.LoadConfig(t.Getenv)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	bad := 0
	serving := s.reachable(ctx)
	for _, check := range []func() finding{
		func() finding { return checkServer(s, serving) },
		func() finding { return checkBrowser(ctx, t.Getenv) },
		func() finding { return checkKeys(t.Getenv) },
		func() finding { return checkData(cfg.DataDir) },
		func() finding { return checkPorts(cfg, serving) },
		func() finding { return checkMasterKey(t.Getenv, cfg.DataDir) },
	} {
		f := check()
		t.print(f)
		if f.err != nil && !f.warn {
			bad++
		}
	}
	if bad > 0 {
		return exit{ExitFailed, fmt.Sprintf("%d things to do before Errand works here", bad)}
	}
	return nil
}

func (t *Terminal) print(f finding) {
	switch {
	case f.err == nil:
		fmt.Fprintf(t.Out, "%s %-10s %s\n", t.colour(green, "ok  "), f.name, f.good)
	case f.warn:
		fmt.Fprintf(t.Out, "note %-10s %v\n     %-10s %s\n", f.name, f.err, "", f.do)
	default:
		fmt.Fprintf(t.Out, "%s %-10s %v\n     %-10s %s\n", t.colour(red, "FAIL"), f.name, f.err, "", f.do)
	}
}

func (s *server) reachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.send(ctx, "GET", "/api/tasks?limit=1", nil, nil)
}

func checkServer(s *server, err error) finding {
	f := finding{name: "server", good: s.url + " answers", warn: true, do: "Start one with: errand serve. Without one, errand run --local works too."}
	if err != nil {
		f.err = fmt.Errorf("no server answers at %s", s.url)
	}
	return f
}

func checkBrowser(ctx context.Context, getenv func(string) string) finding {
	ctx, cancel := context.WithTimeout(ctx, browserLimit)
	defer cancel()
	began := time.Now()
	err := standalone.TryBrowser(ctx, getenv)
	return finding{name: "browser", err: err, good: fmt.Sprintf("Chromium starts and opens a page (%.1f s)", time.Since(began).Seconds()),
		do: "Install Chromium (deploy/install-chromium.sh, or the package chromium), or name one with ERRAND_CHROMIUM."}
}

func checkKeys(getenv func(string) string) finding {
	f := finding{name: "models", warn: true, do: "Set one, such as OPENAI_API_KEY, and restart. Cached workflows are replayed without a key."}
	cfg, err := model.LoadConfig(getenv)
	if err != nil {
		f.err = err
		return f
	}
	var usable []string
	for _, p := range model.Providers() {
		if cfg.Access[p].Key != "" {
			usable = append(usable, string(p))
		}
	}
	if len(usable) == 0 {
		f.err = errors.New("no provider has a key in this environment")
	}
	f.good = "keys for " + strings.Join(usable, ", ")
	return f
}

func checkData(dir string) finding {
	f := finding{name: "data", do: "Choose another directory with --data or ERRAND_DATA_DIR."}
	near := dir
	for {
		if _, err := os.Stat(near); err == nil || near == filepath.Dir(near) {
			break
		}
		near = filepath.Dir(near)
	}
	probe, err := os.CreateTemp(near, ".errand-doctor-*")
	if err != nil {
		f.err = fmt.Errorf("%s cannot be written: %w", dir, err)
		return f
	}
	probe.Close()
	os.Remove(probe.Name())
	var disk syscall.Statfs_t
	if err := syscall.Statfs(near, &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize)
		f.good = fmt.Sprintf("%s can be written, %d GB free", dir, free>>30)
		if free < lowDisk {
			f.err, f.warn, f.do = fmt.Errorf("%s has %d MB free", dir, free>>20), true, "Free space: runs are refused when the disk is full."
		}
	}
	return f
}

func checkPorts(cfg standalone.Config, serving error) finding {
	f := finding{name: "ports", good: "in use by the server", do: "Stop the program that has it, or choose others with --addr and ERRAND_NATS_LISTEN."}
	if serving == nil {
		return f
	}
	var free []string
	for _, addr := range []string{cfg.Process.Addr, cfg.NATSListen} {
		if addr == "" {
			continue
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			f.err = fmt.Errorf("%s is taken: %w", addr, err)
			return f
		}
		ln.Close()
		free = append(free, addr)
	}
	f.good = strings.Join(free, " and ") + " are free"
	return f
}

func checkMasterKey(getenv func(string) string, dir string) finding {
	f := finding{name: "secrets", good: "sealed with ERRAND_MASTER_KEY", warn: true, do: "Nothing to do for a start: errand serve makes one in its data directory. Keep a copy of it."}
	if getenv("ERRAND_MASTER_KEY") != "" {
		return f
	}
	f.good = "sealed with the key in " + filepath.Join(dir, "master-key") + ": keep a copy of it"
	if _, err := os.Stat(filepath.Join(dir, "master-key")); err != nil {
		f.err = errors.New("there is no master key yet")
	}
	return f
}
