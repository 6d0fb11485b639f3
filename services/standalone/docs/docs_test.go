package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/standalone/cli"
	"github.com/errand-run/errand/shared/workflow"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const repository = "../../.."

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"errand": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Terminal{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
		},
	})
}

// codeBlock is a fenced block of code in a page of the documentation. What follows the language says how it is tested:
//
//	sh                    commands that are run, in the order of the page, against a server that has done nothing before
//	sh skip="..."         commands that are not run, and why
//	sh needs=...          commands that are run if a program is installed, or a registry may be asked (go-proxy, npm)
//	sh prints="..."       commands that print a text
//	json schema=Run       a value of that schema of the API document
//	json schema=Run cut   the same without some of its fields
//	json schema=events/X  a value of that schema of docs/asyncapi.yaml
//	go|js|python|php receiver=FILE run="..."    a whole program that receives webhooks
//	go|js subscriber=FILE run="..."             a whole program that reads events
//	text conf=FILE                              a part of a NATS server's configuration
//	go|ts file=FILE                             a file that the page's commands find in their directory
type codeBlock struct {
	page, language, info, text string
}

// option is a value that stands after a block's language, empty if it does not.
func (b codeBlock) option(name string) string {
	m := regexp.MustCompile(`\b` + name + `=(?:"((?:[^"\\]|\\.)*)"|(\S+))`).FindStringSubmatch(b.info)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], `\"`, `"`) + m[2]
}

// pages are the files of the documentation, the README first.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(docs) < 2 {
		t.Fatalf("the pages under docs: %q, %v", docs, err)
	}
	return append([]string{filepath.Join(repository, "README.md")}, docs...)
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)([^\n]*)\n(.*?)^```$")

// codeBlocks are the blocks of a page in their order.
func codeBlocks(t *testing.T, page string) (blocks []codeBlock) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, codeBlock{filepath.Base(page), m[1], m[2], m[3]})
	}
	return blocks
}

func TestEveryBlockOfTheDocumentationIsTestedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, b := range codeBlocks(t, page) {
			tested := map[string]bool{
				"sh":   true,
				"json": b.option("schema") != "",
			}[b.language] || b.option("receiver")+b.option("subscriber")+b.option("conf")+b.option("file")+b.option("skip") != ""
			if !tested {
				t.Errorf("%s: no test reads the block that begins with %q; see codeBlock", b.page, b.name())
			}
		}
	}
}

func TestTheJSONOfTheDocumentationSatisfiesItsSchema(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	for name, doc := range map[string]any{"api": apiDocument(t), "events": eventsDocument(t)} {
		if err := c.AddResource("https://errand.test/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	for _, page := range pages(t) {
		for _, b := range codeBlocks(t, page) {
			if name := b.option("schema"); name != "" {
				b.satisfies(t, c, name)
			}
		}
	}
}

// satisfies reports a block that is no value of the schema. A cached workflow is one if a PUT would take it.
func (b codeBlock) satisfies(t *testing.T, c *jsonschema.Compiler, name string) {
	t.Helper()
	if name == "Workflow" {
		if _, err := workflow.Parse([]byte(b.text)); err != nil {
			t.Errorf("%s: the block that begins with %q is no workflow: %v", b.page, b.name(), err)
		}
		return
	}
	document, name, other := strings.Cut(name, "/")
	if !other {
		document, name = "api", document
	}
	s, err := c.Compile("https://errand.test/" + document + "#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(b.info, " cut") {
		s.Required = nil
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(b.text))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%s: the block that begins with %q is no %s: %v", b.page, b.name(), name, err)
	}
}

func TestEachOperationOfTheAPIDocumentHasExamplesThatSatisfyTheirSchemas(t *testing.T) {
	t.Parallel()
	doc := apiDocument(t)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("https://errand.test/api", doc); err != nil {
		t.Fatal(err)
	}
	examples := 0
	for path, operations := range doc.(map[string]any)["paths"].(map[string]any) {
		for method, op := range operations.(map[string]any) {
			for at, content := range contents(op.(map[string]any)) {
				at = strings.Join([]string{"/paths", strings.ReplaceAll(path, "/", "~1"), method, at}, "/")
				s, err := c.Compile("https://errand.test/api#" + at + "/schema")
				if err != nil {
					t.Fatal(err)
				}
				example, ok := content["example"]
				if !ok {
					t.Errorf("%s has no example", at)
				} else if err := s.Validate(example); err != nil {
					t.Errorf("%s: %v", at, err)
				}
				examples++
			}
		}
	}
	if examples < 150 {
		t.Errorf("only %d examples were found", examples)
	}
}

// contents are the bodies in JSON that an operation takes and answers, by their places in it.
func contents(op map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	collect := func(at string, of any) {
		content, _ := of.(map[string]any)["content"].(map[string]any)
		for media, c := range content {
			if strings.HasSuffix(media, "json") {
				all[at+"/content/"+strings.ReplaceAll(media, "/", "~1")] = c.(map[string]any)
			}
		}
	}
	if body, ok := op["requestBody"]; ok {
		collect("requestBody", body)
	}
	for status, response := range op["responses"].(map[string]any) {
		collect("responses/"+status, response)
	}
	return all
}

// apiDocument is /openapi.json. Its answers may have fields that they do not name, examples in the pages may not.
func apiDocument(t *testing.T) any {
	t.Helper()
	resp, err := http.Get("http://" + serve(t).http + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := jsonschema.UnmarshalJSON(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	schemas := doc.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, s := range schemas {
		if s := s.(map[string]any); s["properties"] != nil {
			s["additionalProperties"] = false
		}
	}
	return doc
}

func eventsDocument(t *testing.T) any {
	t.Helper()
	var doc any
	text, err := os.ReadFile(filepath.Join(repository, "docs", "asyncapi.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheCommandsOfTheDocumentationWork(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		var commands, files []codeBlock
		for _, b := range codeBlocks(t, page) {
			if b.language == "sh" && b.option("skip") == "" {
				commands = append(commands, b)
			}
			if b.option("file") != "" {
				files = append(files, b)
			}
		}
		if len(commands) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			at := serve(t)
			dir := t.TempDir()
			write(t, filepath.Join(dir, "story.json"), `{"type": "object"}`)
			write(t, filepath.Join(dir, "invoice.pdf"), "%PDF-1.7\n")
			write(t, filepath.Join(dir, ".curlrc"), "fail-with-body\nmax-time = 60\n")
			for _, f := range files {
				write(t, filepath.Join(dir, f.option("file")), f.text)
			}
			for _, b := range commands {
				t.Run(b.name(), func(t *testing.T) { b.execute(t, at, dir) })
			}
		})
	}
}

// name is a short name for a block.
func (b codeBlock) name() string {
	line, _, _ := strings.Cut(b.text, "\n")
	line = strings.Join(strings.Fields(line), " ")
	return line[:min(len(line), 40)]
}

// execute runs the commands of a block as a shell would, against the server. An answer of 400 or more is an error.
func (b codeBlock) execute(t *testing.T, at address, dir string) {
	t.Helper()
	require(t, b.option("needs"))
	require(t, "curl")
	script := strings.NewReplacer("localhost:8080", at.http, "127.0.0.1:8080", at.http, "nats://127.0.0.1:4222", at.nats).Replace(b.text)
	sh := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	sh.Dir = dir
	sh.Env = append(os.Environ(), "CURL_HOME="+dir, "ERRAND_URL=http://"+at.http)
	if out, err := sh.CombinedOutput(); err != nil || !strings.Contains(string(out), b.option("prints")) {
		t.Errorf("%v\n%s\n%s", err, b.text, out)
	}
}

// registries are how to find out whether a registry can be reached. What it gives takes long to build, so that only
// make contracts asks.
var registries = map[string][]string{
	"go-proxy": {"go", "list", "-m", "github.com/oapi-codegen/oapi-codegen/v2@v2.8.2"},
	"npm":      {"npm", "view", "openapi-typescript@7.13.0", "version"},
}

// require skips the test unless a program is installed, or a registry can be reached.
func require(t *testing.T, what string) {
	t.Helper()
	ask, registry := registries[what]
	if !registry {
		if _, err := exec.LookPath(what); what != "" && err != nil {
			t.Skipf("%s is not installed", what)
		}
		return
	}
	if os.Getenv("ERRAND_CONTRACTS") == "" {
		t.Skipf("needs packages from %s: make contracts runs it", what)
	}
	cmd := exec.CommandContext(t.Context(), ask[0], ask[1:]...)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("%s cannot be reached: %v\n%s", what, err, out)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestTheLinksBetweenThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	files := append(pages(t), filepath.Join(repository, "ARCHITECTURE.md"))
	var linked []string
	for _, page := range files {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
			if filepath.Base(page) == "README.md" {
				linked = append(linked, target)
			}
		}
	}
	for _, page := range files {
		if filepath.Base(page) != "README.md" && !slices.Contains(linked, page) {
			t.Errorf("the README does not link to %s", page)
		}
	}
}
