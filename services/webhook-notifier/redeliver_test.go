package notifier_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// request asks for the run's delivery to be sent again, as the gateway does.
func request(t *testing.T, b *bus.Bus, run event.RunID) {
	t.Helper()
	last, err := b.LastDelivery(t.Context(), event.DeliveryOf(run))
	if err != nil {
		t.Fatal(err)
	}
	d := last.Data
	d.Type, d.NextAt, d.Before, d.Previous = event.DeliveryRequested, nil, d.Attempts, last.Sequence
	appendDelivery(t, b, d, last.Sequence)
}

// attempted waits until the delivery of a run has had n attempts, and returns it.
func attempted(t *testing.T, b *bus.Bus, run event.RunID, n int, state event.DeliveryType) event.DeliveryData {
	t.Helper()
	for {
		if d := reaches(t, b, run, state); d.Attempts >= n {
			return d
		}
	}
}

func TestADeliveryThatWasGivenUpIsSentAgainOnRequestWithTheSameIDAndBody(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500, 200, 200))
	c := config(t)
	c.Schedule = nil
	start(t, b, c)
	run := finish(t, b, rec.URL)
	reaches(t, b, run, event.DeliveryExhausted)
	request(t, b, run)
	attempted(t, b, run, 2, event.DeliveryDelivered)
	request(t, b, run) // also one that the receiver has
	d := attempted(t, b, run, 3, event.DeliveryDelivered)
	posts := rec.got()
	if len(posts) != 3 || d.Attempts != 3 || d.Last.Number != 3 {
		t.Fatalf("%d POSTs, %d attempts, the last is number %d; want 3", len(posts), d.Attempts, d.Last.Number)
	}
	wh, _ := standardwebhooks.NewWebhook(whsec('a'))
	for i, p := range posts {
		if !bytes.Equal(p.body, posts[0].body) || p.header.Get("webhook-id") != string(event.DeliveryOf(run)) {
			t.Errorf("POST %d has id %s and body\n%s\nwant\n%s", i, p.header.Get("webhook-id"), p.body, posts[0].body)
		}
		if err := wh.Verify(p.body, p.header); err != nil {
			t.Errorf("POST %d: %v", i, err)
		}
	}
	history, err := b.DeliveryHistory(t.Context(), event.DeliveryOf(run))
	if err != nil {
		t.Fatal(err)
	}
	var types []event.DeliveryType
	for _, e := range history {
		types = append(types, e.Data.Type)
	}
	want := []event.DeliveryType{"created", "exhausted", "requested", "delivered", "requested", "delivered"}
	if len(types) != len(want) {
		t.Fatalf("the log is %v, want %v", types, want)
	}
	for i := range want {
		if types[i] != want[i] {
			t.Fatalf("the log is %v, want %v", types, want)
		}
	}
}

func TestARequestBeginsTheScheduleAnewAndReplacesTheRetryThatIsArmed(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500))
	c := config(t)
	c.Schedule = []time.Duration{time.Hour}
	start(t, b, c)
	run := finish(t, b, rec.URL)
	reaches(t, b, run, event.DeliveryAttempted)
	request(t, b, run)
	d := attempted(t, b, run, 2, event.DeliveryAttempted) // not exhausted: its schedule has one wait again
	if d.NextAt == nil || d.NextAt.Sub(d.Last.At) < time.Hour || d.Before != 1 {
		t.Errorf("after the request the next attempt is at %v, %d before it", d.NextAt, d.Before)
	}
	if n := len(rec.got()); n != 2 {
		t.Errorf("%d POSTs, want 2", n)
	}
}

// The outcome of a POST that was under way when somebody asked for another is not lost, and no second one is made.
func TestARequestWhileAPOSTIsUnderWayIsAnsweredByIt(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	arrived, release := make(chan struct{}, 9), make(chan struct{})
	rec := receive(t, func(int, http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	c := config(t)
	c.Deadline = time.Minute
	p := start(t, b, c)
	run := finish(t, b, rec.URL)
	<-arrived
	request(t, b, run)
	close(release)
	d := reaches(t, b, run, event.DeliveryDelivered)
	reaches(t, b, finish(t, b, rec.URL), event.DeliveryDelivered) // what was stored before is in hand
	p.stop()
	if len(rec.got()) != 2 || d.Attempts != 1 {
		t.Errorf("%d POSTs for two runs, %d attempts", len(rec.got()), d.Attempts)
	}
}
