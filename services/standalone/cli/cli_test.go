package cli_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/services/standalone/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"errand": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Terminal{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}))
		},
	})
}

// The scripts use the command line as people do, against one server with a simulated model. None needs a browser.
func TestTheCommandLine(t *testing.T) {
	url, hook := serve(t), receiver(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ERRAND_URL", url)
			e.Setenv("HOOK", hook)
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
	})
}

// serve runs Errand until the test ends and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	models := httptest.NewServer(modelsim.New(answer))
	t.Cleanup(models.Close)
	env := map[string]string{
		"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_LISTEN": "off", "ERRAND_DATA_DIR": t.TempDir(),
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8", "ERRAND_WEBHOOK_SCHEDULE": "1h", "OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1",
	}
	cfg, err := standalone.LoadConfig(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan standalone.Address, 1), make(chan error, 1)
	s := standalone.Service{Config: cfg, Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) }, Ready: func(at standalone.Address) { ready <- at }}
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case at := <-ready:
		return "http://" + at.HTTP
	case err := <-ended:
		ended <- nil
		t.Fatalf("ended before it was ready: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("not ready after a minute")
	}
	return ""
}

// receiver is the URL of a receiver of webhooks that fails once.
func receiver(t *testing.T) string {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook"
}

// answer is the simulated model: the prompt says what it does.
func answer(call modelsim.Call) modelsim.Reply {
	prompt, _, _ := strings.Cut(call.Messages[0].Text, "<page")
	switch {
	case strings.Contains(prompt, "give up"):
		return modelsim.Decide("Give up", modelsim.Done("It cannot be done.", nil, false))
	case strings.Contains(prompt, "think for long"):
		reply := modelsim.Decide("Think", modelsim.Done("thought", nil, true))
		reply.Delay = time.Minute
		return reply
	case strings.Contains(prompt, "as JSON"):
		return modelsim.Decide("Answer", modelsim.Done("done", map[string]any{"greeting": "hello"}, true))
	}
	return modelsim.Decide("Say hello", modelsim.Done("hello", nil, true))
}
