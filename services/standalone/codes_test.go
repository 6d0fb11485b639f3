package standalone

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/event"
)

// errorCode finds the error codes of runs in source text.
var errorCode = regexp.MustCompile(`(?:\bCode: |\b(?:failure|partial)\(|\b[cC]ode[A-Z]\w*\s+= )"([a-z_]+)"`)

func TestEveryErrorCodeOfARunIsInTheTable(t *testing.T) {
	found := map[string]bool{}
	for _, dir := range []string{"services", "shared"} {
		err := filepath.WalkDir(filepath.Join(repository, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "code.go" {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range errorCode.FindAllSubmatch(source, -1) {
				code := string(m[1])
				found[code] = true
				if event.KnownCode(code) == event.CodeOther {
					t.Errorf("%s gives a run the error code %q, which is not in shared/event/code.go", path, code)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d codes were found: the source says them in another way now", len(found))
	}
}
