// Command errand is all of Errand in one binary: it runs it, shows it, and is a client of its API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/errand-run/errand/services/standalone/cli"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills at once
	fancy := term.IsTerminal(int(os.Stderr.Fd()))
	code := cli.Main(ctx, os.Args[1:], cli.Terminal{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Fancy: fancy})
	stop()
	os.Exit(code)
}
