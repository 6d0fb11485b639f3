package service

import (
	"context"
	"os"
	"testing"
)

func TestACommandLineThatIsNotUnderstoodStartsNothing(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	for line, want := range map[string]int{"--help": 0, "-h": 0, "help": 0, "--version": 2, "--addr": 2, "serve": 2} {
		os.Args = []string{"gateway", line}
		code := Main("gateway", func(context.Context) error {
			t.Errorf("%s starts the service", line)
			return nil
		})
		if code != want {
			t.Errorf("%s: exit code %d, want %d", line, code, want)
		}
	}
}
