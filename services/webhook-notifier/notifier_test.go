package notifier_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/prometheus/client_golang/prometheus/testutil"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestAReceiverCanVerifyTheRunByAnyOfTheSecrets(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(200))
	c := config(t)
	c.Secrets = append(c.Secrets, secret(t, 'b'))
	start(t, b, c)
	run := finish(t, b, rec.URL)
	d := reaches(t, b, run, event.DeliveryDelivered)
	if d.Attempts != 1 || d.Last.StatusCode != 200 || d.Last.Response != "answer 0" || d.Last.Error != "" {
		t.Errorf("delivery after %d attempts, last %+v", d.Attempts, d.Last)
	}
	posts := rec.got()
	if len(posts) != 1 {
		t.Fatalf("%d POSTs, want 1", len(posts))
	}
	for key, want := range map[byte]bool{'a': true, 'b': true, 'c': false} {
		wh, err := standardwebhooks.NewWebhook(whsec(key))
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(posts[0].body, posts[0].header); (err == nil) != want {
			t.Errorf("verify with secret %c: %v", key, err)
		}
	}
	want := encoded(t, b, run)
	if !bytes.Equal(posts[0].body, want) {
		t.Errorf("body\n%s\nwant\n%s", posts[0].body, want)
	}
	if h := posts[0].header; h.Get("Content-Type") != "application/json" || h.Get("webhook-id") != string(event.DeliveryOf(run)) {
		t.Errorf("headers %v", h)
	}
}

// encoded is the run as the gateway answers it.
func encoded(t *testing.T, b *bus.Bus, run event.RunID) []byte {
	t.Helper()
	r, err := b.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAFailedDeliveryIsRepeatedWithTheSameIDAndBody(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500, 404, 204))
	p := start(t, b, config(t))
	run := finish(t, b, rec.URL)
	d := reaches(t, b, run, event.DeliveryDelivered)
	posts := rec.got()
	if len(posts) != 3 || d.Attempts != 3 || d.NextAt != nil {
		t.Fatalf("%d POSTs, %d attempts, next at %v; want 3, 3, none", len(posts), d.Attempts, d.NextAt)
	}
	want := encoded(t, b, run)
	for i, p := range posts {
		if !bytes.Equal(p.body, want) || p.header.Get("webhook-id") != string(event.DeliveryOf(run)) {
			t.Errorf("POST %d: id %s, body\n%s\nwant\n%s", i, p.header.Get("webhook-id"), p.body, want)
		}
		wh, _ := standardwebhooks.NewWebhook(whsec('a'))
		if err := wh.Verify(p.body, p.header); err != nil {
			t.Errorf("POST %d: %v", i, err)
		}
	}
	err := testutil.GatherAndCompare(p.metrics, strings.NewReader(`
# HELP errand_webhook_attempts_total POSTs of webhooks: delivered, rejected (another status), unreachable (no answer), blocked (address not allowed).
# TYPE errand_webhook_attempts_total counter
errand_webhook_attempts_total{outcome="delivered"} 1
errand_webhook_attempts_total{outcome="rejected"} 2
`), "errand_webhook_attempts_total")
	if err != nil {
		t.Error(err)
	}
}

func TestADeliveryIsGivenUpWhenItsScheduleIsSpent(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500))
	c := config(t)
	c.Schedule = c.Schedule[:1]
	start(t, b, c)
	d := reaches(t, b, finish(t, b, rec.URL), event.DeliveryExhausted)
	if len(rec.got()) != 2 || d.Attempts != 2 || d.Last.Error != "answered 500 Internal Server Error" {
		t.Errorf("%d POSTs, %d attempts, error %q", len(rec.got()), d.Attempts, d.Last.Error)
	}
}

func TestARetryOutlivesTheNotifierThatArmedIt(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(503, 200))
	p := start(t, b, config(t))
	run := finish(t, b, rec.URL)
	reaches(t, b, run, event.DeliveryAttempted)
	p.stop()
	if n := len(rec.got()); n != 1 {
		t.Fatalf("%d POSTs before the restart, want 1", n)
	}
	start(t, b, config(t))
	d := reaches(t, b, run, event.DeliveryDelivered)
	if n := len(rec.got()); n != 2 || d.Attempts != 2 {
		t.Errorf("%d POSTs, %d attempts, want 2", n, d.Attempts)
	}
}

func TestAnEndThatNobodyWatchedIsDeliveredLater(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(200))
	run := finish(t, b, rec.URL)
	start(t, b, config(t))
	reaches(t, b, run, event.DeliveryDelivered)
}

// A notifier that was killed after it wrote the outcome has not settled its message, nor armed the retry.
func TestAMessageWhoseOutcomeIsOnTheLogArmsTheRetryAndPostsNothing(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(200))
	run := finish(t, b, rec.URL)
	d := event.DeliveryData{ID: event.DeliveryOf(run), Task: 7, Run: run, Type: event.DeliveryCreated, URL: rec.URL}
	created := appendDelivery(t, b, d, 0)
	next := b.Now(t.Context()).Add(1500 * time.Millisecond)
	d.Type, d.Attempts, d.NextAt, d.Previous = event.DeliveryAttempted, 1, &next, created
	appendDelivery(t, b, d, created)
	start(t, b, config(t))
	end := reaches(t, b, run, event.DeliveryDelivered)
	if n := len(rec.got()); n != 1 || end.Attempts != 2 {
		t.Errorf("%d POSTs, %d attempts; want 1 and 2", n, end.Attempts)
	}
	if end.Last.At.Before(next) {
		t.Errorf("the retry was made at %s, due at %s", end.Last.At, next)
	}
}

func appendDelivery(t *testing.T, b *bus.Bus, d event.DeliveryData, after uint64) uint64 {
	t.Helper()
	seq, err := b.AppendDelivery(t.Context(), writer.Delivery(b.Now(t.Context()), d), after)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestARepeatedMessagePostsNothing(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	rec := receive(t, answers(500, 200))
	p := start(t, b, config(t))
	run := finish(t, b, rec.URL)
	reaches(t, b, run, event.DeliveryDelivered)
	p.stop()
	again := fmt.Sprintf(`{"delivery_id": %q, "after_sequence": 1}`, event.DeliveryOf(run))
	for range 5 {
		if _, err := nc.Request(event.DeliveryDueSubject(event.DeliveryOf(run)), []byte(again), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	p = start(t, b, config(t))
	reaches(t, b, finish(t, b, rec.URL), event.DeliveryDelivered) // so what was stored before is in hand
	p.stop()
	if n := len(rec.got()); n != 3 {
		t.Errorf("%d POSTs, want 2 of the first run and 1 of the second", n)
	}
}

func TestTwoNotifiersDeliverOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Server(t, t.TempDir())
	b := natstest.On(t, natstest.Dial(t, srv))
	rec := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {})
	start(t, b, config(t))
	start(t, natstest.On(t, natstest.Dial(t, srv)), config(t))
	var runs []event.RunID
	for range 40 {
		runs = append(runs, finish(t, b, rec.URL))
	}
	for _, run := range runs {
		if d := reaches(t, b, run, event.DeliveryDelivered); d.Attempts != 1 {
			t.Errorf("run %s took %d attempts", run, d.Attempts)
		}
	}
	seen := map[string]int{}
	for _, p := range rec.got() {
		seen[p.header.Get("webhook-id")]++
	}
	for _, run := range runs {
		if n := seen[string(event.DeliveryOf(run))]; n != 1 {
			t.Errorf("run %s was told %d times", run, n)
		}
	}
}

func TestARunWithoutAWebhookHasNoDelivery(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(200))
	p := start(t, b, config(t))
	silent := finish(t, b, "")
	reaches(t, b, finish(t, b, rec.URL), event.DeliveryDelivered)
	p.stop() // waits for the handler of the first, which came before
	if _, err := b.LastDelivery(t.Context(), event.DeliveryOf(silent)); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("delivery of a run without a webhook: %v", err)
	}
}

func TestADeliveryWithoutARunIsErased(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(200))
	appendDelivery(t, b, event.DeliveryData{ID: event.DeliveryOf(99), Task: 7, Run: 99, Type: event.DeliveryCreated, URL: rec.URL}, 0)
	start(t, b, config(t))
	natstest.Eventually(t, func() error {
		if d, err := b.LastDelivery(t.Context(), event.DeliveryOf(99)); !errors.Is(err, bus.ErrNotFound) {
			return fmt.Errorf("there is still %+v, %v", d, err)
		}
		return nil
	})
	if n := len(rec.got()); n != 0 {
		t.Errorf("%d POSTs for a run that does not exist", n)
	}
}

func TestAStopLetsThePOSTInHandEnd(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
	})
	p := start(t, b, config(t))
	run := finish(t, b, rec.URL)
	<-arrived
	p.signal()
	close(release)
	p.stop()
	last, err := b.LastDelivery(t.Context(), event.DeliveryOf(run))
	if err != nil || last.Data.Type != event.DeliveryDelivered {
		t.Errorf("after the stop the delivery is %s, %v", last.Data.Type, err)
	}
}

func TestAConfigurationReportsAllMistakesAndHowToMakeASecret(t *testing.T) {
	good := map[string]string{
		"ERRAND_WEBHOOK_SECRET": whsec('a') + ", " + whsec('b'), "ERRAND_WEBHOOK_SCHEDULE": "5s, 1m",
		"ERRAND_ALLOW_PRIVATE": "127.0.0.0/8,fd00::/8",
	}
	c, err := notifier.LoadConfig(func(k string) string { return good[k] })
	if err != nil || len(c.Secrets) != 2 || len(c.Schedule) != 2 || c.Schedule[1] != time.Minute || len(c.AllowPrivate) != 2 {
		t.Errorf("good configuration: %+v, %v", c, err)
	}
	bad := map[string]string{
		"ERRAND_WEBHOOK_SECRET": "whsec_c2hvcnQ=", "ERRAND_WEBHOOK_SCHEDULE": "5s,soon", "ERRAND_ALLOW_PRIVATE": "localhost",
	}
	_, err = notifier.LoadConfig(func(k string) string { return bad[k] })
	for _, want := range []string{"has 5 bytes", "openssl rand -base64 32", `"soon"`, `"localhost"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bad configuration: %v, want it to say %q", err, want)
		}
	}
	if c, err = notifier.LoadConfig(func(string) string { return "" }); err == nil || len(c.Schedule) != 9 {
		t.Errorf("empty configuration: %d waits, %v; want 9 and an error about the secret", len(c.Schedule), err)
	}
	for _, s := range []string{"", "whsec_", "whsec_###", "abc", "whsec_" + strings.Repeat("YWFh", 22)} {
		if _, err := notifier.ParseSecret(s); err == nil {
			t.Errorf("secret %q was accepted", s)
		}
	}
}
