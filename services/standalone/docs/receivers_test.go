package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// posted is a webhook as a receiver gets it.
type posted struct {
	header http.Header
	body   []byte
}

// aWebhook is one that the notifier has sent.
func aWebhook(t *testing.T) posted {
	t.Helper()
	got := make(chan posted, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- posted{r.Header, body}
	}))
	defer receiver.Close()
	at := serve(t)
	body := fmt.Sprintf(`{"prompt": "search for kettles", "wait_for_completion": false, "webhook_url": %q}`, receiver.URL)
	resp, err := http.Post("http://"+at.http+"/api/runs", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	select {
	case p := <-got:
		return p
	case <-time.After(time.Minute):
		t.Fatal("no webhook came")
		return posted{}
	}
}

// forgeries are webhooks made of a genuine one, each with the status that a receiver must answer.
func (p posted) forgeries(t *testing.T) map[string]struct {
	posted
	status int
} {
	t.Helper()
	type forgery = struct {
		posted
		status int
	}
	with := func(name, value string) posted {
		h := p.header.Clone()
		h.Set(name, value)
		return posted{h, p.body}
	}
	signed := func(key string, at time.Time) posted {
		wh, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := wh.Sign(p.header.Get("webhook-id"), at, p.body)
		if err != nil {
			t.Fatal(err)
		}
		q := with("webhook-signature", signature)
		q.header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		return q
	}
	signature := p.header.Get("webhook-signature")
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	return map[string]forgery{
		"genuine":                         {p, 204},
		"signed with two secrets":         {with("webhook-signature", "v1,AAAA v1a,BBBB "+signature), 204},
		"another body":                    {posted{p.header, bytes.Replace(p.body, []byte("kettles"), []byte("cookers"), 1)}, 401},
		"another id":                      {with("webhook-id", "dlv_2"), 401},
		"no signature":                    {with("webhook-signature", ""), 401},
		"another version":                 {with("webhook-signature", strings.Replace(signature, "v1,", "v2,", 1)), 401},
		"signed with another secret":      {signed(other, time.Now()), 401},
		"signed an hour ago":              {signed(secret, time.Now().Add(-time.Hour)), 401},
		"signed in an hour":               {signed(secret, time.Now().Add(time.Hour)), 401},
		"a timestamp that is none":        {with("webhook-timestamp", "now"), 401},
		"signed with the secret just now": {signed(secret, time.Now()), 204},
	}
}

func TestTheReceiversOfTheDocumentationTakeGenuineWebhooksOnly(t *testing.T) {
	t.Parallel()
	webhook := aWebhook(t)
	forgeries := webhook.forgeries(t)
	languages := map[string]bool{}
	for _, b := range codeBlocks(t, filepath.Join(repository, "docs", "webhooks.md")) {
		if b.option("receiver") == "" {
			continue
		}
		languages[b.language] = true
		t.Run(b.language, func(t *testing.T) {
			t.Parallel()
			url := b.startReceiver(t) + "/errand"
			for name, f := range forgeries {
				if status := f.post(t, url); status != f.status {
					t.Errorf("%s: answered %d, want %d", name, status, f.status)
				}
			}
		})
	}
	if want := map[string]bool{"go": true, "js": true, "python": true, "php": true}; !maps.Equal(languages, want) {
		t.Errorf("there are receivers in %v", languages)
	}
}

func (p posted) post(t *testing.T, url string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

var listening = regexp.MustCompile(`127\.0\.0\.1:([1-9]\d*)`)

// startReceiver runs the program of a block, as the page says, on a free port until the test ends, and returns its URL.
func (b codeBlock) startReceiver(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := b.command(ctx, t, b.option("receiver"), "WEBHOOK_SECRET="+secret, "PORT=0")
	for i, arg := range cmd.Args {
		cmd.Args[i] = strings.Replace(arg, ":3000", ":0", 1) // PHP takes its port as an argument
	}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		out.Close()
	})
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "http://" + m[0]
		}
	}
	t.Fatalf("the program ended before it listened:\n%s", said.String())
	return ""
}

// command is the command that a block says it is run with, its program in a directory of its own. A Go program is built
// first: it may use what this module uses, and its process is the one that is ended.
func (b codeBlock) command(ctx context.Context, t *testing.T, file string, env ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, file)
	write(t, source, b.text)
	args := strings.Fields(b.option("run"))
	require(t, args[0])
	if b.language == "go" {
		args = []string{filepath.Join(dir, "program")}
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", args[0], source).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", file, err, out)
		}
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	return cmd
}
