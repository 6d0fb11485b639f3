package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestACommandLineThatIsNotUnderstoodGetsTheUsageAndExitCode2(t *testing.T) {
	for _, args := range [][]string{
		nil, {"frob"}, {"serve", "--port", "80"}, {"serve", "now"}, {"serve", "--addr", ""}, {"demo", "--fast"}, {"version", "please"},
	} {
		var stdout, stderr bytes.Buffer
		if code := command(args, &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), usage) || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, &stdout, &stderr)
		}
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"serve", "-h"}, {"demo", "--help"}} {
		var stdout, stderr bytes.Buffer
		if code := command(args, &stdout, &stderr); code != 0 || stdout.String() != usage || stderr.Len() > 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, &stdout, &stderr)
		}
	}
}

func TestVersionNamesTheGoVersionAndTheModulesInTheBinary(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := command([]string{"version"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	for _, want := range []string{"errand", "commit", "go1.", "github.com/nats-io/nats-server/v2 v2."} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}

func TestAWrongSettingEndsWithItsNameAndExitCode1(t *testing.T) {
	t.Setenv("ERRAND_NATS_SYNC", "sometimes")
	t.Setenv("ERRAND_DATA_DIR", t.TempDir())
	var stdout, stderr bytes.Buffer
	if code := command([]string{"serve"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "ERRAND_NATS_SYNC") {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}
