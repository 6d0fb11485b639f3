package notifier_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// endpoint is what the log says of the receiver at url.
func endpoint(t *testing.T, b *bus.Bus, url string) bus.EndpointRecord {
	t.Helper()
	a, ok := event.AddressOf(url)
	if !ok {
		t.Fatalf("%s has no address", url)
	}
	r, err := b.EndpointOf(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// put writes the state of the receiver at url.
func put(t *testing.T, b *bus.Bus, url string, change func(*event.EndpointData)) {
	t.Helper()
	r := endpoint(t, b, url)
	d := r.Data
	d.Previous = r.Sequence
	change(&d)
	if _, err := b.PutEndpoint(t.Context(), writer.Endpoint(b.Now(t.Context()), d), r.Sequence); err != nil {
		t.Fatal(err)
	}
}

func TestDeliveriesToAnEndpointThatIsGoneAreHeldUntilItIsEnabledAndTheyAreRequested(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(410, 200))
	other := receive(t, answers(200))
	start(t, b, config(t))
	hook := rec.URL + "/hook?token=1"
	reaches(t, b, finish(t, b, hook), event.DeliveryExhausted)
	held := finish(t, b, rec.URL+"/hook?token=2") // the same endpoint: what differs is the query
	if d := reaches(t, b, held, event.DeliveryHeld); d.Attempts != 0 || d.NextAt != nil {
		t.Errorf("held after %d attempts, next at %v", d.Attempts, d.NextAt)
	}
	e := endpoint(t, b, hook).Data
	if e.Type != event.EndpointDisabled || e.Reason != event.ReasonGone || e.DisabledAt == nil || e.Last.StatusCode != 410 || e.Path != "/hook" {
		t.Errorf("the endpoint is %+v", e)
	}
	reaches(t, b, finish(t, b, rec.URL+"/another"), event.DeliveryDelivered)
	reaches(t, b, finish(t, b, other.URL+"/hook"), event.DeliveryDelivered)
	put(t, b, hook, func(d *event.EndpointData) { d.Type, d.FailingSince = event.EndpointEnabled, nil })
	reaches(t, b, finish(t, b, hook), event.DeliveryDelivered) // new ones go out, the held one does not
	reaches(t, b, held, event.DeliveryHeld)
	request(t, b, held)
	reaches(t, b, held, event.DeliveryDelivered)
	if n := len(rec.got()); n != 4 {
		t.Errorf("%d POSTs, want 4: gone, another, enabled, the held one", n)
	}
}

func TestAnEndpointThatHasFailedForFiveDaysIsDisabledAndItsRetriesAreHeld(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500))
	hook := rec.URL + "/hook"
	now := b.Now(t.Context())
	since, again := now.Add(-5*24*time.Hour), now.Add(-4*24*time.Hour)
	put(t, b, hook, func(d *event.EndpointData) {
		d.Type, d.FailingSince, d.FailingAgain = event.EndpointFailing, &since, &again
	})
	start(t, b, config(t))
	d := reaches(t, b, finish(t, b, hook), event.DeliveryHeld) // its first POST disabled the endpoint, its retry met that
	if d.Attempts != 1 || len(rec.got()) != 1 {
		t.Errorf("held after %d attempts, %d POSTs", d.Attempts, len(rec.got()))
	}
	if e := endpoint(t, b, hook).Data; e.Reason != event.ReasonFailing || !e.FailingSince.Equal(since) {
		t.Errorf("the endpoint is %+v", e)
	}
}

func TestASuccessEndsAnEndpointsFailures(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(500, 200))
	start(t, b, config(t))
	run := finish(t, b, rec.URL)
	reaches(t, b, run, event.DeliveryAttempted)
	if e := endpoint(t, b, rec.URL).Data; e.Type != event.EndpointFailing || e.FailingSince == nil || e.Path != "/" {
		t.Errorf("after a failure the endpoint is %+v", e)
	}
	reaches(t, b, run, event.DeliveryDelivered)
	if e := endpoint(t, b, rec.URL).Data; e.Type != event.EndpointRecovered || e.FailingSince != nil {
		t.Errorf("after a success the endpoint is %+v", e)
	}
}

// Whoever may publish to NATS can store a message that no service wrote: it is no reason to hold anything.
func TestAStateOfAnEndpointThatNoServiceWroteIsIgnored(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	rec := receive(t, answers(410, 200))
	a, _ := event.AddressOf(rec.URL)
	forged := `{"data": {"endpoint_id": "` + string(a.ID()) + `", "state": "disabled"}}`
	if _, err := nc.Request(event.EndpointSubject(a.ID()), []byte(forged), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	start(t, b, config(t))
	reaches(t, b, finish(t, b, rec.URL), event.DeliveryExhausted)
	if e := endpoint(t, b, rec.URL); e.Data.Type != event.EndpointDisabled || !strings.HasPrefix(e.Source, "/errand/notifier/") {
		t.Errorf("the endpoint is %+v", e)
	}
	if _, err := b.Endpoint(t.Context(), "ep_0000000000000000"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("an endpoint that never was: %v", err)
	}
}
