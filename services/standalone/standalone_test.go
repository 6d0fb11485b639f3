package standalone

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/vault"
	"github.com/nats-io/nats.go"
)

// env is an environment of the test's own: free ports, data in a directory of the test.
func env(t testing.TB, over map[string]string) func(string) string {
	all := map[string]string{"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_LISTEN": "off", "ERRAND_DATA_DIR": t.TempDir()}
	for k, v := range over {
		all[k] = v
	}
	return func(name string) string { return all[name] }
}

// errand is a running Errand.
type errand struct {
	Address
	stop func() error // ends it and returns what Run returned
}

// launch runs Errand until the test ends or stop is called.
func launch(t testing.TB, getenv func(string) string) errand {
	t.Helper()
	return launchLogged(t, getenv, quiet)
}

// launchLogged is launch with loggers of the test's own.
func launchLogged(t testing.TB, getenv func(string) string, logger func(string) *slog.Logger) errand {
	t.Helper()
	cfg, err := LoadConfig(getenv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Address, 1), make(chan error, 1)
	s := Service{Config: cfg, Logger: logger, Ready: func(at Address) { ready <- at }}
	go func() { ended <- s.Run(ctx) }()
	var result error
	stop := func() error {
		cancel()
		if ended != nil {
			result, ended = <-ended, nil
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	select {
	case at := <-ready:
		return errand{at, stop}
	case err := <-ended:
		t.Fatalf("ended before it was ready: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("not ready after a minute")
	}
	return errand{}
}

// refused is the error that Errand ends with before it is ready.
func refused(t *testing.T, getenv func(string) string) error {
	t.Helper()
	cfg, err := LoadConfig(getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := Service{Config: cfg, Logger: quiet, Ready: func(Address) { cancel() }}
	if err = s.Run(ctx); err == nil {
		t.Fatal("it started")
	}
	return err
}

func TestItServesAndStopsWithoutAnError(t *testing.T) {
	e := launch(t, env(t, map[string]string{"ERRAND_NATS_LISTEN": "127.0.0.1:0"}))
	resp, err := http.Get("http://" + e.HTTP + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET /readyz: %s", resp.Status)
	}
	nc, err := nats.Connect(e.NATS)
	if err != nil {
		t.Fatalf("connect a client to %s: %v", e.NATS, err)
	}
	nc.Close()
	if err := e.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := net.Dial("tcp", e.HTTP); err == nil {
		t.Error("the API's port is still open")
	}
}

func TestItUsesANATSServerOutsideWhereOneIsNamed(t *testing.T) {
	outside, err := startBroker(t.Context(), Config{NATSListen: "127.0.0.1:0"}, t.TempDir(), natstest.Quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer outside.stop()
	dir := t.TempDir()
	e := launch(t, env(t, map[string]string{"ERRAND_NATS_URL": outside.ClientURL(), "ERRAND_DATA_DIR": dir}))
	defer e.stop()
	if e.NATS != outside.ClientURL() {
		t.Errorf("it says that NATS is at %s, not at %s", e.NATS, outside.ClientURL())
	}
	last, err := sequences(outside)
	if _, ok := last["RUNS"]; err != nil || !ok {
		t.Errorf("the streams outside are %v (%v), want RUNS among them", last, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nats")); !os.IsNotExist(err) {
		t.Errorf("stat: %v, want no server's files in the data directory", err)
	}
}

func TestASecondErrandOnTheSameDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, env(t, map[string]string{"ERRAND_DATA_DIR": dir}))
	err := refused(t, env(t, map[string]string{"ERRAND_DATA_DIR": dir}))
	if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v; want the directory and the flag named", err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	launch(t, env(t, map[string]string{"ERRAND_DATA_DIR": dir})) // the lock is gone
}

func TestAPortThatIsTakenIsAnErrorThatNamesItsVariable(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, variable := range []string{"ERRAND_ADDR", "ERRAND_NATS_LISTEN"} {
		err := refused(t, env(t, map[string]string{variable: taken.Addr().String()}))
		if !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), taken.Addr().String()) {
			t.Errorf("%v; want %s and the address named", err, variable)
		}
	}
}

func TestMistakesInTheConfigurationAreAllNamed(t *testing.T) {
	err := refused(t, env(t, map[string]string{
		"ERRAND_ADDR": "nowhere", "ERRAND_NATS_LISTEN": "4222", "ERRAND_NATS_SYNC": "sometimes", "ERRAND_NATS_REPLICAS": "3",
	}))
	for _, variable := range []string{"ERRAND_ADDR", "ERRAND_NATS_LISTEN", "ERRAND_NATS_SYNC", "ERRAND_NATS_REPLICAS"} {
		if !strings.Contains(err.Error(), variable) {
			t.Errorf("%v; want %s named", err, variable)
		}
	}
	if err := refused(t, env(t, map[string]string{"ERRAND_EXECUTOR_SLOTS": "many"})); !strings.Contains(err.Error(), "ERRAND_EXECUTOR_SLOTS") {
		t.Errorf("%v; want the mistake of a service named too", err)
	}
}

func TestTheWebhookSecretAndTheMasterKeyAreMadeOnceAndForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	read := func() (contents []string) {
		e := launch(t, env(t, map[string]string{"ERRAND_DATA_DIR": dir}))
		defer e.stop()
		for _, file := range []string{secretFile, masterKeyFile} {
			content, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			contents = append(contents, string(content))
		}
		return contents
	}
	first, second := read(), read()
	if !slices.Equal(first, second) || !strings.HasPrefix(first[0], "whsec_") {
		t.Errorf("%q, then %q", first, second)
	}
	if _, err := vault.Parse(first[1]); err != nil {
		t.Error(err)
	}
	for _, file := range []string{secretFile, masterKeyFile} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s %v, %v; want 0600", file, info.Mode(), err)
		}
	}
}

func TestASecretOfTheEnvironmentIsNotKept(t *testing.T) {
	dir := t.TempDir()
	launch(t, env(t, map[string]string{
		"ERRAND_DATA_DIR": dir, "ERRAND_WEBHOOK_SECRET": "whsec_" + strings.Repeat("QUFB", 10), "ERRAND_MASTER_KEY": vault.NewKey(),
	}))
	for _, file := range []string{secretFile, masterKeyFile} {
		if _, err := os.Stat(filepath.Join(dir, file)); !os.IsNotExist(err) {
			t.Errorf("stat %s: %v, want no file", file, err)
		}
	}
}

func TestTheBannerTellsWhatAPersonNeeds(t *testing.T) {
	at := Address{HTTP: "127.0.0.1:8080", NATS: "nats://errand:s3cret@127.0.0.1:4222", DataDir: "/srv/errand"}
	for _, c := range []struct {
		env  map[string]string
		want []string
	}{
		{nil, []string{"http://127.0.0.1:8080", "nats://xxxxx@127.0.0.1:4222", "/srv/errand, kept across restarts, synced", "OPENAI_API_KEY", "/srv/errand/webhook-secret"}},
		{map[string]string{"GROQ_API_KEY": "gsk-1234"}, []string{"groq (those with a key)"}},
		{map[string]string{"ERRAND_NATS_SYNC": "10s"}, []string{"may cost the last 10s"}},
		{map[string]string{"ERRAND_NATS_URL": "nats://elsewhere:4222"}, []string{"only the webhook secret and the master key"}},
		{map[string]string{"ERRAND_WEBHOOK_SECRET": "whsec_x"}, []string{"signed with ERRAND_WEBHOOK_SECRET"}},
	} {
		cfg, err := LoadConfig(func(name string) string { return c.env[name] })
		if err != nil {
			t.Fatal(err)
		}
		banner := Banner(cfg, at)
		for _, want := range c.want {
			if !strings.Contains(banner, want) {
				t.Errorf("%v: no %q in\n%s", c.env, want, banner)
			}
		}
		if strings.Contains(banner, "gsk-1234") || strings.Contains(banner, "s3cret") {
			t.Errorf("the banner shows a key:\n%s", banner)
		}
	}
}

func quiet(string) *slog.Logger { return natstest.Quiet() }
