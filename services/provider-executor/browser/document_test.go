package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/secret"
)

func TestFilesAreWrittenChangedReadAndSent(t *testing.T) {
	t.Parallel()
	url, posted := inbox(t, map[string]string{"/": `<form method=post action=/in enctype=multipart/form-data>
		<label>Report <input type=file name=doc></label><button>Send</button></form>`})
	u, files := withFiles(t, map[string]string{})
	holds := func(want string) {
		t.Helper()
		if got, _ := files.get("report.csv"); got != want {
			t.Fatalf("report.csv holds %q, want %q", got, want)
		}
	}
	u.visit(url + "/")
	u.must(browser.Action{Name: "write_file", Path: "report.csv", Text: "item,price"})
	holds("item,price")
	u.must(browser.Action{Name: "write_file", Path: "report.csv", Text: "kettle,39\n", Clear: new(false)})
	holds("item,price\nkettle,39\n")
	u.must(browser.Action{Name: "write_file", Clear: new(false), Path: "report.csv", Text: "cup,3"})
	holds("item,price\nkettle,39\ncup,3")
	u.must(browser.Action{Name: "write_file", Path: "report.csv", Text: "pot,7\n", Clear: new(false)})
	u.must(browser.Action{Name: "replace_file", Path: "report.csv", Query: "kettle,39", Text: "kettle,40"})
	u.must(browser.Action{Name: "replace_file_str", Path: "report.csv", Query: "cup,3\n", Text: ""})
	holds("item,price\nkettle,40\npot,7\n")
	if out := u.must(browser.Action{Name: "read_file", Path: "report.csv"}); !strings.Contains(out.Content, "kettle,40\npot,7") {
		t.Errorf("read: %q", out.Content)
	}
	u.must(browser.Action{Name: "upload_file", Index: u.index("file Report"), Path: "report.csv"})
	u.must(browser.Action{Name: "click", Index: u.index("button Send")})
	if got := <-posted; got != "report.csv: item,price\nkettle,40\npot,7\n" {
		t.Errorf("the site got %q", got)
	}
	u.must(browser.Action{Name: "write_file", Path: "report.csv", Text: "new"})
	holds("new")
}

func TestALongFileIsReadWithAStatedCutAndSearchedWhole(t *testing.T) {
	t.Parallel()
	u, _ := withFiles(t, map[string]string{"long.txt": strings.Repeat("é", 9000) + " the needle", "photo.png": "\x89PNG\x00\x01"})
	out := u.must(browser.Action{Name: "read_file", Path: "long.txt"})
	if !strings.Contains(out.Content, "9011 characters") || !strings.Contains(out.Content, "cut here: 2011 more characters") || strings.Contains(out.Content, "needle") {
		t.Errorf("read: %s", out.Content)
	}
	if out := u.must(browser.Action{Name: "read_file", Path: "long.txt", Query: "NEEDLE"}); !strings.Contains(out.Content, "1 times") || !strings.Contains(out.Content, "the needle") {
		t.Errorf("search: %s", out.Content)
	}
	if out := u.act(browser.Action{Name: "read_file", Path: "photo.png"}); !strings.Contains(out.Error, "holds no text (6 bytes)") {
		t.Errorf("a picture: %+v", out)
	}
}

func TestFileActionsThatCannotBeDoneSayWhy(t *testing.T) {
	t.Parallel()
	u, files := withFiles(t, map[string]string{"a.txt": "one"})
	none := newUser(t)
	for _, c := range []struct {
		who    *user
		action browser.Action
		want   string
	}{
		{u, browser.Action{Name: "write_file", Text: "x"}, "needs path"},
		{u, browser.Action{Name: "write_file", Path: "b.txt"}, "needs path"},
		{u, browser.Action{Name: "replace_file", Path: "a.txt", Text: "x"}, "needs path, query"},
		{u, browser.Action{Name: "replace_file", Path: "a.txt", Query: "two", Text: "x"}, "to the letter"},
		{u, browser.Action{Name: "replace_file", Path: "b.txt", Query: "two", Text: "x"}, `it has ["a.txt"]`},
		{u, browser.Action{Name: "read_file", Path: "b.txt"}, `it has ["a.txt"]`},
		{none, browser.Action{Name: "read_file", Path: "b.txt"}, "keeps no files"},
		{none, browser.Action{Name: "write_file", Path: "b.txt", Text: "x"}, "keeps no files"},
		{none, browser.Action{Name: "save_as_pdf"}, "keeps no files"},
	} {
		if out := c.who.act(c.action); !strings.Contains(out.Error, c.want) {
			t.Errorf("%+v: %+v, want %q", c.action, out, c.want)
		}
	}
	if got := files.Names(); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

func TestAPageIsSavedAsAPDFOfItsOwnName(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<title>Bill 7/26</title><h1>Bill</h1>` + strings.Repeat("<p>line</p>", 400)})
	u, files := withFiles(t, map[string]string{})
	u.visit(s.URL + "/")
	for _, c := range []struct{ path, want string }{{"", "Bill 7-26.pdf"}, {"", "Bill 7-26 (2).pdf"}, {"bill", "bill.pdf"}, {"bill.pdf", "bill.pdf"}} {
		out := u.must(browser.Action{Name: "save_as_pdf", Path: c.path})
		data, ok := files.get(c.want)
		if !ok || !strings.HasPrefix(data, "%PDF-") || !strings.Contains(data, "%%EOF") || !strings.Contains(out.Content, fmt.Sprintf("%q (%d bytes)", c.want, len(data))) {
			t.Errorf("%q: %q, %d bytes, files %q", c.path, out.Content, len(data), files.Names())
		}
	}
	if n := len(files.Names()); n != 3 {
		t.Errorf("%d files", n)
	}
}

func TestNoSecretGetsIntoAFile(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{
		"/":      loginForm,
		"/in":    "<!doctype html><title>In</title><p>Welcome",
		"/echo":  `<p id=p hidden></p><script>p.textContent = decodeURIComponent(location.hash.slice(1))</script>`,
		"/outer": `<h1>Outer</h1><iframe src="/echo#Canary-7f3a%269%22x"></iframe>`,
	})
	set := secret.NewSet(time.Now)
	if err := set.Add(secret.Secret{Name: "pin", Value: canary, Domains: []string{"127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	files := &shelf{files: map[string]string{"got.txt": "it is " + canary}}
	u := userOf(t, sharedEngine(t), browser.SessionOptions{Files: files, Secrets: set})
	u.visit(s.URL + "/")
	u.typeInto("password Password", "<secret:pin>")
	u.must(browser.Action{Name: "save_as_pdf", Path: "dots"}) // of a password only dots are printed
	u.typeInto("textbox User", "<secret:pin>")
	for _, path := range []string{"", "/echo#Canary-7f3a%269%22x", "/outer"} {
		if path != "" {
			u.visit(s.URL + path)
		}
		if out := u.act(browser.Action{Name: "save_as_pdf"}); !strings.Contains(out.Error, "shows the value of a secret") {
			t.Errorf("%q: %+v", path, out)
		}
	}
	u.visit(s.URL + "/in")
	u.must(browser.Action{Name: "save_as_pdf"})
	u.must(browser.Action{Name: "write_file", Path: "notes.txt", Text: "the pin is " + canary})
	if got, _ := files.get("notes.txt"); got != "the pin is <secret:pin>" {
		t.Errorf("notes.txt holds %q", got)
	}
	out := u.must(browser.Action{Name: "read_file", Path: "got.txt"})
	u.hidesCanary("what was read", out.Content)
}
