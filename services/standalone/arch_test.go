package standalone

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "github.com/errand-run/errand/"
	services = root + "services/"
)

// ban keeps a package out of all others but those allowed.
type ban struct {
	imported string   // the package, or with a final / everything under it
	allowed  []string // who may import it, under root
	because  string
}

var bans = []ban{
	{
		imported: "github.com/nats-io/nats.go/jetstream",
		allowed:  []string{"shared/bus", "shared/natstest", "services/standalone/docs"}, // which subscribes as others do
		because:  "every write of the log is guarded, and only shared/bus knows how",
	},
	{
		imported: "github.com/nats-io/nats-server/",
		allowed:  []string{"shared/bus", "shared/natstest", "services/standalone", "services/standalone/docs"},
		because:  "the broker is a server of its own but for tests and errand serve",
	},
	{
		imported: services + "provider-executor/browser/cdp",
		allowed:  []string{"services/provider-executor/browser", "services/provider-executor/browser/cdp"},
		because:  "the agent speaks of pages and actions; how Chromium is driven may change",
	},
	{
		imported: "github.com/gofiber/",
		allowed:  []string{"services/gateway"},
		because:  "HTTP to callers is the gateway's work",
	},
	{
		imported: services + "standalone/",
		allowed:  []string{"services/standalone/..."},
		because:  "standalone composes the services and is composed by nothing",
	},
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Doc, Name              string
	Imports, TestImports, XTestImports []string
}

// imports are those of the package and of its tests.
func (p pkg) imports() []string { return slices.Concat(p.Imports, p.TestImports, p.XTestImports) }

// workspace is every package of the repository.
func workspace(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,TestImports,XTestImports", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages: %+v", len(all), all)
	}
	return all
}

func TestNoPackageImportsWhatIsBannedForIt(t *testing.T) {
	for _, p := range workspace(t) {
		for _, b := range bans {
			if i := slices.IndexFunc(p.imports(), b.bans); i >= 0 && !b.allows(p.ImportPath) {
				t.Errorf("%s imports %s, which only %v may: %s", p.ImportPath, p.imports()[i], b.allowed, b.because)
			}
		}
	}
}

func (b ban) bans(imported string) bool {
	if strings.HasSuffix(b.imported, "/") {
		return strings.HasPrefix(imported, b.imported)
	}
	return imported == b.imported
}

func (b ban) allows(importer string) bool {
	return slices.ContainsFunc(b.allowed, func(a string) bool {
		if under, ok := strings.CutSuffix(a, "/..."); ok {
			return strings.HasPrefix(importer, root+under)
		}
		return importer == root+a
	})
}

func TestNoServiceImportsAnotherButStandalone(t *testing.T) {
	for _, p := range workspace(t) {
		for _, imported := range p.imports() {
			from, to := owner(p.ImportPath), owner(imported)
			if to != "" && from != to && from != "standalone" {
				t.Errorf("%s imports %s: services meet on the bus only, so that each can be deployed, scaled and replaced alone", p.ImportPath, imported)
			}
		}
	}
}

// owner is the service that a package belongs to, empty for none.
func owner(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, services)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range workspace(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestTheMapNamesEveryPackage(t *testing.T) {
	text := string(readFile(t, "ARCHITECTURE.md"))
	for _, p := range workspace(t) {
		place := strings.TrimPrefix(p.ImportPath, root)
		if p.Name == "main" && place != "shared/cmd/suite" {
			continue // the commands of the services
		}
		if !strings.Contains(text, "`"+place+"`") && !strings.Contains(text, "`.../"+path.Base(place)+"`") {
			t.Errorf("ARCHITECTURE.md does not name %s", place)
		}
	}
}

func TestNoPackageHasANameThatSaysNothing(t *testing.T) {
	for _, p := range workspace(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}, path.Base(p.ImportPath)) {
			t.Errorf("%s: name a package after what it gives", p.ImportPath)
		}
	}
}
