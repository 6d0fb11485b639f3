package docs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// eventsPage is the page for subscribers.
var eventsPage = filepath.Join(repository, "docs", "events.md")

// withUsers is an Errand on a NATS server that is configured as the page for subscribers says, with the consumer billing.
type withUsers struct {
	address
	server *server.Server
	admin  jetstream.JetStream
}

func (w withUsers) url(user, password string) string {
	return (&url.URL{Scheme: "nats", User: url.UserPassword(user, password), Host: w.server.Addr().String()}).String()
}

func serveWithUsers(t *testing.T) withUsers {
	t.Helper()
	var conf string
	for _, b := range codeBlocks(t, eventsPage) {
		if b.option("conf") != "" {
			conf = strings.NewReplacer("$ERRAND_NATS_PASSWORD", `"first"`, "$READER_NATS_PASSWORD", `"second"`).Replace(b.text)
		}
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, conf)
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := startNATS(t, o)
	at := serveOn(t, s, url.UserPassword("errand", "first"))
	w := withUsers{address: at, server: s}
	nc, err := nats.Connect(w.url("errand", "first"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if w.admin, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	_, err = w.admin.CreateOrUpdateConsumer(t.Context(), "RUNS", jetstream.ConsumerConfig{
		Durable: "billing", FilterSubject: "run.v1.evt.*.*.succeeded", AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// runOnce has one run made and waits for its end.
func (a address) runOnce(t *testing.T) {
	t.Helper()
	resp, err := http.Post("http://"+a.http+"/api/runs", "application/json", strings.NewReader(`{"prompt": "search for kettles"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("run: %s", resp.Status)
	}
}

func TestTheSubscribersOfTheDocumentationReadTheEndsOfRuns(t *testing.T) {
	t.Parallel()
	for _, b := range codeBlocks(t, eventsPage) {
		if b.option("subscriber") == "" {
			continue
		}
		t.Run(b.language, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := b.command(ctx, t, b.option("subscriber"))
			if b.language == "js" {
				require(t, "npm")
				install := exec.CommandContext(ctx, "npm", "install", "--prefix", cmd.Dir, "@nats-io/transport-node@3", "@nats-io/jetstream@3")
				if out, err := install.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			w := serveWithUsers(t)
			cmd.Env = append(cmd.Env, "NATS_URL="+w.url("reader", "second"))
			if b.language == "js" {
				cmd.Env = append(cmd.Env, "NATS_URL="+w.server.Addr().String(), "NATS_USER=reader", "NATS_PASSWORD=second")
			}
			w.runOnce(t)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			cancel()
			_ = cmd.Wait()
			if want := "errand.run.succeeded 1 \"Ferry kettle\"\n"; line != want {
				t.Errorf("the program printed %q (%v), want %q", line, err, want)
			}
		})
	}
}

func TestTheReaderOfTheDocumentationCanOnlyRead(t *testing.T) {
	t.Parallel()
	w := serveWithUsers(t)
	refused := make(chan error, 100)
	nc, err := nats.Connect(w.url("reader", "second"), nats.CustomInboxPrefix("_INBOX_reader"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	live := make(chan *nats.Msg, 100)
	if _, err := nc.ChanSubscribe("live.run.v1.>", live); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w.runOnce(t)
	select {
	case m := <-live:
		if m.Subject != "live.run.v1.evt.1.1.created" {
			t.Errorf("the first live event is %s", m.Subject)
		}
	case <-time.After(time.Minute):
		t.Error("no live event came")
	}
	for _, subject := range []string{
		"run.v1.evt.1.1.failed", "run.req.v1.1.x", "runctl.v1.cmd.1.1.cancel", "webhook.v1.evt.dlv_1.created", "$KV.tasks.1", "$KV.secrets.x",
		"live.run.v1.evt.1.1.failed", "$JS.API.STREAM.PURGE.RUNS", "$JS.API.STREAM.DELETE.RUNS", "$JS.API.STREAM.MSG.GET.RUN_REQ",
		"$JS.API.CONSUMER.CREATE.RUNS.mine", "$JS.API.CONSUMER.DELETE.RUNS.billing", "$JS.API.CONSUMER.MSG.NEXT.RUNS.webhook",
		"$JS.API.DIRECT.GET.KV_tasks", "_INBOX.x",
	} {
		if err := errors.Join(nc.Publish(subject, []byte("{}")), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		awaitRefusal(t, refused, fmt.Sprintf("Publish to %q", subject))
	}
	for _, subject := range []string{">", "run.v1.>", "_INBOX.>", "$KV.>", "$JS.ACK.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		awaitRefusal(t, refused, fmt.Sprintf("Subscription to %q", subject))
	}
}

// awaitRefusal waits until the server has refused something.
func awaitRefusal(t *testing.T, refused <-chan error, what string) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(time.Minute):
		t.Errorf("%s: not refused", what)
	}
}
