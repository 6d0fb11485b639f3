// Package cli is the command line of Errand. Commands that start something (serve, demo) run it in this process; all
// others are clients of a running server's API, and know nothing that a caller of the API does not.
//
// What a command was asked for goes to standard output, what it says meanwhile to standard error. The exit code tells
// scripts what happened: see the Exit constants.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	ExitOK       = 0 // done; of a run: it succeeded
	ExitFailed   = 1 // the run failed, or the command did
	ExitUsage    = 2 // the command line was not understood, or the server refused what it was asked
	ExitStopped  = 3 // the run was canceled or timed out
	ExitNoServer = 4 // no server answers
	ExitNoAccess = 5 // the server asks for a key, or for another one
)

// Terminal is what a command reads from and writes to.
type Terminal struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Fancy    bool // Err is a terminal: colours and a line that changes are welcome
}

// grammar is the command line.
type grammar struct {
	URL string `from:"ERRAND_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Server to talk to (ERRAND_URL)."`
	Key string `name:"api-key" from:"ERRAND_API_KEY" placeholder:"KEY" help:"Key for the server, if it asks for one (ERRAND_API_KEY)."`

	Serve   serveCmd   `cmd:"" help:"Run everything in this process, NATS included."`
	Demo    demoCmd    `cmd:"" help:"See a task run in a browser, with a simulated model."`
	Version versionCmd `cmd:"" help:"Show the version of this binary."`
	Doctor  doctorCmd  `cmd:"" help:"Check what Errand needs on this machine, and what to do if something is missing."`

	Run    runCmd    `cmd:"" help:"Run a prompt and wait for its result."`
	Watch  watchCmd  `cmd:"" help:"Show the steps of a run as they happen."`
	Runs   runsCmd   `cmd:"" help:"List runs, newest first."`
	Show   showCmd   `cmd:"" help:"Show a run."`
	Cancel cancelCmd `cmd:"" help:"Cancel a run."`
	Delete deleteCmd `cmd:"" help:"Erase runs that have ended, with all that belongs to them."`

	Deliveries deliveriesCmd `cmd:"" help:"List webhook deliveries, or every attempt of a run's."`
	Redeliver  redeliverCmd  `cmd:"" help:"Send webhooks again."`

	Tasks struct {
		List   taskListCmd   `cmd:"" default:"1" help:"List tasks, newest first."`
		Show   taskShowCmd   `cmd:"" help:"Show a task."`
		Create taskCreateCmd `cmd:"" help:"Save a task."`
		Run    taskRunCmd    `cmd:"" help:"Run a task and wait for its result."`
		Delete taskDeleteCmd `cmd:"" help:"Delete a task, its secrets and its cached workflow."`
	} `cmd:"" help:"Work with saved tasks."`

	Workflow struct {
		Show    workflowShowCmd    `cmd:"" help:"Show the cached workflow of a task."`
		Restore workflowRestoreCmd `cmd:"" help:"Make an older version current again."`
	} `cmd:"" help:"Work with the cached workflow of a task."`

	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
}

// Main carries out one command line, without the program's name, and returns the exit code.
func Main(ctx context.Context, args []string, t Terminal) int {
	var g grammar
	exited := -1
	parser, err := kong.New(&g, kong.Name("errand"), kong.UsageOnError(), kong.Writers(t.Out, t.Err), kong.Exit(func(code int) { exited = code }),
		kong.Description("Errand runs tasks with an AI agent in a real browser."), kong.Resolvers(environment(t.Getenv)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		fmt.Fprintln(t.Err, "errand:", err) // the grammar is wrong
		return ExitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // help was asked for and printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(t.Err, "errand: %v\nRun \"errand --help\" for the commands.\n", err)
		return ExitUsage
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return t.exitCode(command.Run(&t, &server{url: strings.TrimRight(g.URL, "/"), key: g.Key}, parser.Model))
}

// environment gives flags their value from the variable that their tag "from" names.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if v := getenv(flag.Tag.Get("from")); v != "" && flag.Tag.Has("from") {
			return v, nil
		}
		return nil, nil
	})
}

// exit is an error that ends a command with a code of its own. An empty text prints nothing.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

func (t Terminal) exitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	code := ExitFailed
	if e, ok := errors.AsType[exit](err); ok {
		code = e.code
	}
	if err.Error() != "" {
		fmt.Fprintln(t.Err, "errand:", err)
	}
	return code
}
