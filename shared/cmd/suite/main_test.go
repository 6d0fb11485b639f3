package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with these test files and goes there.
func module(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/m\n\ngo 1.26\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
}

func TestTheReportSaysWhatFailedAndTheExitCodeFollows(t *testing.T) {
	const head = "package m\n\nimport \"testing\"\n\n"
	for name, c := range map[string]struct {
		file string
		code int
		says []string
	}{
		"all pass": {head + "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { t.Skip() }\n", 0, []string{"ok   example.com/m", "ok: 1 passed, 0 failed, 1 skipped"}},
		"one fails": {
			head + "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { t.Error(\"broken glass\") }\n", 1,
			[]string{"broken glass", "FAIL example.com/m", "FAIL: 1 passed, 1 failed"},
		},
		"a panic":  {head + "func TestA(t *testing.T) { panic(\"ouch\") }\n", 1, []string{"panic: ouch", "FAIL: "}},
		"no build": {head + "func TestA(t *testing.T) { return 1 }\n", 1, []string{"too many return values", "FAIL: 0 passed, 1 failed"}},
		"no end":   {head + "func TestA(t *testing.T) { select {} }\n", 1, []string{"TestA", "FAIL: "}},
	} {
		t.Run(name, func(t *testing.T) {
			module(t, map[string]string{"m_test.go": c.file})
			var out strings.Builder
			code, err := run(&out, []string{"-timeout", "2s", "./..."})
			if code != c.code || err != nil {
				t.Errorf("exit code %d (%v), want %d", code, err, c.code)
			}
			for _, want := range append(c.says, "slowest tests:") {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
		})
	}
}

func TestGroupsOfArgumentsRunTogetherAndAreReportedTogether(t *testing.T) {
	file := "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestOne(t *testing.T) {\n\tif os.Getenv(\"WHO\") != \"one\" {\n\t\tt.Fatal(os.Environ())\n\t}\n}\nfunc TestTwo(t *testing.T) { os.Exit(3) }\n"
	module(t, map[string]string{"m_test.go": file})
	var out strings.Builder
	code, err := run(&out, []string{"-timeout", "1m", "--", "WHO=one", "-run", "One", "./...", "--", "-run", "Two", "./..."})
	if code != 1 || err != nil {
		t.Errorf("exit code %d (%v)", code, err)
	}
	for _, want := range []string{"ok   example.com/m", "FAIL example.com/m", "FAIL: 1 passed, 1 failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
