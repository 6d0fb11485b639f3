package standalone

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const testSecret = "whsec_dGhlIHNlY3JldCBvZiB0aGUgcHJvY2Vzc2VzIHRlc3Q="

// build makes the service binaries and the NATS server that docker-compose.yml runs, and returns their directory.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	packages := []string{"github.com/nats-io/nats-server/v2"}
	for _, name := range []string{"gateway", "orchestrator", "provider-executor", "webhook-notifier"} {
		packages = append(packages, services+name+"/cmd/"+name)
	}
	args := append([]string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", dir + "/"}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// process is a started binary.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	addr  chan string   // where it listens, once it says so

	mu  sync.Mutex
	log strings.Builder
}

// start runs a binary until the test ends. Its log is shown when the test fails.
func start(t *testing.T, env map[string]string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{}), addr: make(chan string, 1)}
	p.cmd.Env = os.Environ()
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(stderr)
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("log of %s:\n%s", filepath.Base(name), p.said())
		}
	})
	return p
}

// follow reads the log to its end, and then waits for the process.
func (p *process) follow(stderr io.Reader) {
	defer close(p.ended)
	defer func() { _ = p.cmd.Wait() }()
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		p.mu.Lock()
		fmt.Fprintln(&p.log, lines.Text())
		p.mu.Unlock()
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			p.addr <- line.Addr
		}
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// end sends a signal and waits for the end; a process that does not end is killed.
func (p *process) end(s os.Signal) {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// listening is the address that the process says it listens on.
func (p *process) listening(t *testing.T) string {
	t.Helper()
	select {
	case addr := <-p.addr:
		return addr
	case <-p.ended:
		t.Fatalf("it ended:\n%s", p.said())
	case <-time.After(time.Minute):
		t.Fatalf("it does not listen after a minute:\n%s", p.said())
	}
	return ""
}

// cluster is Errand as separate processes.
type cluster struct {
	bin string
	env map[string]string
	api string // URL
}

// deploy starts a NATS server and the services but for the executor, as separate processes.
func deploy(t *testing.T, models string) cluster {
	t.Helper()
	c := cluster{bin: build(t)}
	c.env = map[string]string{
		"ERRAND_NATS_URL": startNATS(t, c.bin), "ERRAND_ADDR": "127.0.0.1:0", "ERRAND_WEBHOOK_SECRET": testSecret,
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models + "/openai/v1",
	}
	for _, name := range []string{"gateway", "orchestrator", "webhook-notifier"} {
		addr := c.start(t, name).listening(t)
		c.healthy(t, name, addr)
		if name == "gateway" {
			c.api = "http://" + addr
		}
	}
	return c
}

func (c cluster) start(t *testing.T, name string) *process {
	t.Helper()
	return start(t, c.env, filepath.Join(c.bin, name))
}

// healthy asks the binary itself, as the health check of its container does.
func (c cluster) healthy(t *testing.T, name, addr string) {
	t.Helper()
	natstest.Eventually(t, func() error {
		cmd := exec.Command(filepath.Join(c.bin, name), "health")
		cmd.Env = append(os.Environ(), "ERRAND_ADDR="+addr)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s health: %w: %s", name, err, out)
		}
		return nil
	})
}

// startNATS runs a NATS server with JetStream on a free port and returns its URL.
func startNATS(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\nports_file_dir: %q\njetstream { store_dir: %q, sync_interval: always }\n", dir, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, nil, filepath.Join(bin, "nats-server"), "-c", conf)
	var ports struct{ Nats []string }
	natstest.Eventually(t, func() error {
		files, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
		if len(files) != 1 {
			return errors.New("no ports file yet")
		}
		raw, err := os.ReadFile(files[0])
		return errors.Join(err, json.Unmarshal(raw, &ports))
	})
	return ports.Nats[0]
}

// counter is a site with one button, and counts how often it was pressed.
func counter(t *testing.T) (url string, pressed *atomic.Int64) {
	pressed = new(atomic.Int64)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>Counter</title><form method="post" action="/press"><button>Press</button></form>`)
	})
	mux.HandleFunc("POST /press", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<title>Pressed</title><p>Pressed %d times</p>`, pressed.Add(1))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, pressed
}

var pressedTimes = regexp.MustCompile(`Pressed (\d+) times`)

// presser plays the model: it opens the site, presses the button and reports what the page then says. Before it lets
// the button be pressed for the first time it calls hold.
func presser(site string, hold func()) modelsim.Script {
	var once sync.Once
	return func(c modelsim.Call) modelsim.Reply {
		page := c.Page()
		if times := pressedTimes.FindStringSubmatch(page); times != nil {
			n, _ := strconv.Atoi(times[1])
			return modelsim.Decide("Report", modelsim.Done("", n, true))
		}
		if index, ok := modelsim.Find(page, "button", "Press"); ok {
			once.Do(hold)
			return modelsim.Decide("Press the button", modelsim.Click(index))
		}
		return modelsim.Decide("Open the site", modelsim.Navigate(site))
	}
}

func TestARunSurvivesItsExecutorAcrossSeparateProcesses(t *testing.T) {
	t.Parallel()
	if os.Getenv("ERRAND_NO_BROWSER") == "1" {
		t.Skip("ERRAND_NO_BROWSER=1")
	}
	site, pressed := counter(t)
	deciding, killed := make(chan struct{}), make(chan struct{})
	models := httptest.NewServer(modelsim.New(presser(site, func() { close(deciding); <-killed })))
	defer models.Close()
	hooks := make(chan []byte, 8)
	hook := httptest.NewServer(verifying(t, hooks))
	defer hook.Close()

	c := deploy(t, models.URL)
	first := c.start(t, "provider-executor")
	c.healthy(t, "provider-executor", first.listening(t))
	body := fmt.Sprintf(`{"prompt": "Press the button once", "webhook_url": %q, "json_schema": {"type": "integer"}}`, hook.URL)
	answered := make(chan event.Run, 1)
	go func() { answered <- c.send(t, "/api/runs", body) }()

	<-deciding // the first executor has opened the site and waits for its model
	first.end(syscall.SIGKILL)
	close(killed)
	c.start(t, "provider-executor")

	run := <-answered // the caller has waited all along
	if run.State != event.StateSucceeded || run.Attempt != 2 || string(run.Result) != "1" {
		t.Errorf("the run %s in attempt %d with result %s; want succeeded in attempt 2 with 1: %+v", run.State, run.Attempt, run.Result, run.Error)
	}
	if n := pressed.Load(); n != 1 {
		t.Errorf("the button was pressed %d times, want once", n)
	}
	select {
	case got := <-hooks:
		var told event.Run
		if err := json.Unmarshal(got, &told); err != nil || told.State != event.StateSucceeded {
			t.Errorf("the webhook says %s (%v)", got, err)
		}
	case <-time.After(20 * time.Second):
		t.Error("no webhook came")
	}
}

// verifying takes webhooks whose signature is valid.
func verifying(t *testing.T, hooks chan<- []byte) http.HandlerFunc {
	verifier, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err := errors.Join(err, verifier.Verify(body, r.Header)); err != nil {
			t.Errorf("verify the webhook: %v", err)
			return
		}
		hooks <- body
	}
}

// send does one POST and gives the run that it answers with, the zero run where it fails.
func (c cluster) send(t *testing.T, path, body string) (run event.Run) {
	client := http.Client{Timeout: 2 * time.Minute}
	resp, err := client.Post(c.api+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Errorf("POST %s: %v", path, err)
		return run
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, json.Unmarshal(answer, &run)); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("POST %s: %s %s %v", path, resp.Status, answer, err)
	}
	return run
}
