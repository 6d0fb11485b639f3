package standalone

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
)

const (
	canary    = `Canary-7f3a&9"x/Zq`
	canaryTwo = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // the key of one-time passwords
)

// canaryForms are the texts that give a value away. They are made here and not by the code under test.
func canaryForms(value string) []string {
	forms := []string{
		value, url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value), hex.EncodeToString([]byte(value)),
		strings.Trim(string(marshalled(value)), `"`), strings.ToLower(value),
	}
	for _, before := range []string{"", "x", "xy"} {
		coded := base64.StdEncoding.EncodeToString([]byte(before + value + "end"))
		forms = append(forms, coded[4:len(coded)-8])
	}
	return forms
}

func marshalled(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// collected is what came out of Errand, by where.
type collected struct {
	mu    sync.Mutex
	texts map[string][]byte
}

func (c *collected) add(where string, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string][]byte{}
	}
	c.texts[where] = append(append(c.texts[where], text...), '\n')
}

// sink gives a writer for one place.
func (c *collected) sink(where string) io.Writer {
	return writer(func(p []byte) (int, error) { c.add(where, p); return len(p), nil })
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// clean fails for every place in which a value stands, and for places that are empty: there nothing was looked at.
func (c *collected) clean(t *testing.T, values ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for where, text := range c.texts {
		if len(bytes.TrimSpace(text)) == 0 {
			t.Errorf("%s is empty", where)
		}
		for _, value := range values {
			for _, form := range canaryForms(value) {
				if at := bytes.Index(text, []byte(form)); at >= 0 {
					t.Errorf("%s shows %q: ...%q", where, form, text[max(0, at-80):min(len(text), at+80)])
				}
			}
		}
	}
}

// loginSite is a site that lets in whoever knows the canary, and tells it to everybody afterwards.
func loginSite(t *testing.T) (site string, received chan url.Values) {
	received = make(chan url.Values, 4)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Log in</title><form method=post action=/in><label>User <input name=user></label>
			<label>Password <input name=pass type=password></label><label>Code <input name=code></label><button>Enter</button></form>`)
	})
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		received <- r.PostForm
		http.Redirect(w, r, "/home?pass="+url.QueryEscape(r.PostForm.Get("pass")), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /home", func(w http.ResponseWriter, r *http.Request) {
		pass := r.FormValue("pass")
		coded := base64.StdEncoding.EncodeToString([]byte("ada:" + pass))
		fmt.Fprintf(w, `<!doctype html><title>Hello %[1]s</title><h1>Welcome</h1><p>Your password is %[1]s</p><p>Basic %[2]s</p>
			<a href="/?again=%[3]s">Link %[1]s</a><input aria-label=Shown value="%[1]s"><button aria-label="Delete %[1]s">x</button>
			<script>alert(%[4]s)</script>`, html.EscapeString(pass), coded, url.QueryEscape(pass), marshalled(pass))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, received
}

// loginScript plays a model that logs in, reads the page, and repeats all of it.
func loginScript(site string) modelsim.Script {
	return func(c modelsim.Call) modelsim.Reply {
		page := c.Page()
		user, hasUser := modelsim.Find(page, "textbox", "User")
		shown, hasShown := modelsim.Find(page, "textbox", "Shown")
		switch {
		case strings.HasPrefix(page, "Query:"):
			return modelsim.Reply{Text: page}
		case strings.Contains(page, "extract: "):
			return modelsim.Decide("Tell all: "+page, modelsim.Done("", map[string]any{"page": page}, true))
		case hasShown:
			return modelsim.Decide("Read", modelsim.Click(shown), modelsim.Extract("everything"))
		case hasUser:
			pass, _ := modelsim.Find(page, "password", "Password")
			code, _ := modelsim.Find(page, "textbox", "Code")
			enter, _ := modelsim.Find(page, "button", "Enter")
			return modelsim.Decide("Log in", modelsim.Input(user, "<secret:user>"), modelsim.Input(pass, "<secret:user>"),
				modelsim.Input(code, "<secret:code>"), modelsim.Click(enter))
		}
		return modelsim.Decide("Open the site", modelsim.Navigate(site))
	}
}

func needBrowser(t *testing.T) {
	t.Helper()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
}

// withBrowser is the environment of an Errand that has the machine's browser and a simulated model.
func withBrowser(t *testing.T, models string, over map[string]string) func(string) string {
	all := map[string]string{
		"ERRAND_NATS_LISTEN": "127.0.0.1:0", "ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_CHROMIUM": cmp.Or(os.Getenv("ERRAND_TEST_CHROMIUM"), os.Getenv("ERRAND_CHROMIUM")), "ERRAND_BROWSER": "shared",
		"ERRAND_ALLOW_ROOT_CHROMIUM": os.Getenv("ERRAND_ALLOW_ROOT_CHROMIUM"), "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models + "/openai/v1",
	}
	for k, v := range over {
		all[k] = v
	}
	return env(t, all)
}

func TestASecretReachesItsSiteAndNothingElse(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	var out collected
	site, received := loginSite(t)
	sim := modelsim.New(loginScript(site))
	models := httptest.NewServer(sim)
	defer models.Close()
	hooked := make(chan struct{}, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		out.add("the webhook", body)
		hooked <- struct{}{}
	}))
	defer hook.Close()
	logger := func(name string) *slog.Logger {
		return slog.New(slog.NewJSONHandler(out.sink("the log of "+name), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	e := launchLogged(t, withBrowser(t, models.URL, nil), logger)
	nc, err := nats.Connect(e.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Subscribe(">", func(m *nats.Msg) { out.add("the bus", append([]byte(m.Subject+" "), m.Data...)) }); err != nil {
		t.Fatal(err)
	}

	api := caller{t, "http://" + e.HTTP, &out}
	secrets := map[string]any{
		"user": map[string]any{"value": canary, "allowed_domains": []string{"127.0.0.1"}},
		"code": map[string]any{"value": canaryTwo, "allowed_domains": []string{"127.0.0.1"}, "totp": true},
	}
	run := api.run(map[string]any{"prompt": "log in and tell what you see", "secrets": secrets, "webhook_url": hook.URL, "vision": true, "response_format": "json"})
	if run.State != event.StateSucceeded || len(run.History) < 3 {
		t.Errorf("the run %s with %s, error %+v", run.State, run.Result, run.Error)
	}
	form := <-received
	if form.Get("user") != canary || form.Get("pass") != canary || !regexp.MustCompile(`^\d{6}$`).MatchString(form.Get("code")) {
		t.Errorf("the site received %q", form)
	}
	if !strings.Contains(string(run.Result), `\u003csecret:user\u003e`) {
		t.Errorf("the result does not name the secret: %s", run.Result)
	}
	<-hooked
	for _, path := range []string{
		"/api/runs/1", "/api/runs", "/api/tasks/1/runs", "/api/tasks/1", "/api/tasks", "/api/runs/1/events",
		"/api/runs/1/steps/1/screenshot", "/api/runs/1/steps/2/screenshot", "/api/runs/1/deliveries", "/metrics", "/openapi.json",
	} {
		api.get(path)
	}
	for _, c := range sim.Calls() {
		out.add("the model's calls", marshalled(c))
	}
	if err := e.stop(); err != nil {
		t.Error(err)
	}
	files := out.directory(t, e.DataDir)
	out.clean(t, canary, canaryTwo)
	t.Logf("%d places and %d files searched", len(out.texts), files)
}

// directory adds every file of a directory.
func (c *collected) directory(t *testing.T, dir string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if len(content) > 0 {
			c.add(path, content)
			files++
		}
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("%d files in the data directory, %v", files, err)
	}
	return files
}

// caller uses the API and keeps what it answers.
type caller struct {
	*testing.T
	url string
	out *collected
}

func (c caller) get(path string) {
	c.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get(c.url + path)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Errorf("GET %s: %v", path, err)
	}
	c.out.add("GET "+path, body)
}

// run makes a run and waits for its end.
func (c caller) run(body map[string]any) (run event.Run) {
	c.Helper()
	client := http.Client{Timeout: 90 * time.Second}
	resp, err := client.Post(c.url+"/api/runs", "application/json", bytes.NewReader(marshalled(body)))
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	c.out.add("POST /api/runs", answer)
	if err := errors.Join(err, json.Unmarshal(answer, &run)); err != nil || resp.StatusCode != http.StatusOK {
		c.Fatalf("POST /api/runs: %s %s %v", resp.Status, answer, err)
	}
	return run
}

func TestTheSearchFindsWhatItLooksFor(t *testing.T) {
	for _, text := range []string{
		canary, "x" + base64.StdEncoding.EncodeToString([]byte("ada:"+canary+" and more")), "?q=" + url.QueryEscape(canary), string(marshalled(canary)),
	} {
		found := false
		for _, form := range canaryForms(canary) {
			found = found || strings.Contains(text, form)
		}
		if !found {
			t.Errorf("%q is not found", text)
		}
	}
}
