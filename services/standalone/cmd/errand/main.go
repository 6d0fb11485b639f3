// Command errand is all of Errand in one binary: `errand serve` runs it, `errand demo` shows it, `errand version`
// says what was built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/services/standalone/demo"
)

const usage = `Errand runs tasks with an AI agent in a real browser.

  errand serve [--addr HOST:PORT] [--data DIR]   run everything in this process, NATS included
  errand demo [--stay]                           see a task run in a browser, with a simulated model
  errand version                                 what this binary was built from
`

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

// command carries out one command line and returns the exit code: 0 done, 1 failed, 2 not understood.
func command(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills at once
	var err error
	switch name := args[0]; name {
	case "serve":
		err = serve(ctx, args[1:], stderr)
	case "demo":
		flags := flag.NewFlagSet("demo", flag.ContinueOnError)
		stay := flags.Bool("stay", false, "go on serving the demo's runs at its web page")
		if err = parse(flags, args[1:]); err == nil {
			err = demo.Run(ctx, stdout, os.Getenv, *stay)
		}
	case "version", "--version":
		if err = parse(flag.NewFlagSet("version", flag.ContinueOnError), args[1:]); err == nil {
			err = printVersion(stdout)
		}
	case "help", "-h", "--help":
		_, err = fmt.Fprint(stdout, usage)
	default:
		err = usageError(fmt.Sprintf("unknown command %q", name))
	}
	return exitCode(err, stdout, stderr)
}

func exitCode(err error, stdout, stderr io.Writer) int {
	var misuse usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.As(err, &misuse):
		fmt.Fprintf(stderr, "errand: %v\n\n%s", err, usage)
		return 2
	}
	fmt.Fprintln(stderr, "errand:", err)
	return 1
}

func serve(ctx context.Context, args []string, stderr io.Writer) error {
	over := map[string]string{}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	for name, env := range map[string]string{"addr": "ERRAND_ADDR", "data": "ERRAND_DATA_DIR"} {
		flags.Func(name, "", func(v string) error {
			if v == "" {
				return errors.New("it must not be empty")
			}
			over[env] = v
			return nil
		})
	}
	if err := parse(flags, args); err != nil {
		return err
	}
	cfg, err := standalone.LoadConfig(standalone.Overlay(os.Getenv, over))
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	s := standalone.Service{Config: cfg, Ready: func(at standalone.Address) { fmt.Fprint(stderr, standalone.Banner(cfg, at)) }}
	return s.Run(ctx)
}

// usageError is a command line that was not understood.
type usageError string

func (e usageError) Error() string { return string(e) }

// parse reads flags; none of the commands takes further arguments.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError(flags.Name() + ": " + err.Error())
	case flags.NArg() > 0:
		return usageError(fmt.Sprintf("%s: unexpected argument %q", flags.Name(), flags.Arg(0)))
	}
	return nil
}
