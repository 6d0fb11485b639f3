package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// disable writes that the endpoint of a URL is disabled, as a notifier does.
func disable(t *testing.T, b *bus.Bus, url string) event.EndpointID {
	t.Helper()
	a, _ := event.AddressOf(url)
	r, err := b.EndpointOf(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	now := b.Now(t.Context())
	d := r.Data
	d.Type, d.Reason, d.DisabledAt, d.Previous = event.EndpointDisabled, event.ReasonGone, &now, r.Sequence
	if _, err := b.PutEndpoint(t.Context(), executor.Endpoint(now, d), r.Sequence); err != nil {
		t.Fatal(err)
	}
	return a.ID()
}

func TestEndpointsShowWhatTheirDeliveriesHaveComeTo(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	deliver(t, s.bus, s.ended(t, "https://a.test/x?run=1"), event.DeliveryCreated, event.DeliveryDelivered)
	deliver(t, s.bus, s.ended(t, "https://A.test:443/x?run=2"), event.DeliveryCreated, event.DeliveryAttempted)
	deliver(t, s.bus, s.ended(t, "http://b.test"), event.DeliveryCreated, event.DeliveryHeld)
	id := disable(t, s.bus, "http://b.test")
	type endpoint struct {
		ID, Scheme, Host, Path, State string
		Port                          int
		Reason                        *string
		DisabledAt                    *time.Time `json:"disabled_at"`
		Deliveries                    map[string]int
	}
	list := into[struct{ Endpoints []endpoint }](t, s.send(t, "GET", "/api/endpoints", "")).Endpoints
	if len(list) != 2 {
		t.Fatalf("%d endpoints: %+v", len(list), list)
	}
	if e := list[0]; e.ID != string(id) || e.State != "disabled" || *e.Reason != "gone" || e.DisabledAt == nil || e.Port != 80 || e.Path != "/" || e.Deliveries["held"] != 1 {
		t.Errorf("the disabled endpoint is %+v", e)
	}
	if e := list[1]; e.Host != "a.test" || e.Scheme != "https" || e.Port != 443 || e.Path != "/x" || e.State != "active" || e.Deliveries["delivered"] != 1 || e.Deliveries["retrying"] != 1 {
		t.Errorf("the active endpoint is %+v", e)
	}
	refuses(t, s.send(t, "POST", "/api/deliveries/dlv_3/redeliver", ""), http.StatusConflict, "")
	enable := "/api/endpoints/" + string(id) + "/enable"
	for range 2 {
		if e := into[endpoint](t, s.send(t, "POST", enable, "")); e.State != "active" || e.Reason != nil || e.Deliveries["held"] != 1 {
			t.Errorf("after it was enabled it is %+v", e)
		}
	}
	if r := s.send(t, "POST", "/api/deliveries/dlv_3/redeliver", ""); r.status != http.StatusAccepted {
		t.Errorf("%d %s", r.status, r.body)
	}
	refuses(t, s.send(t, "POST", "/api/endpoints/ep_0123456789abcdef/enable", ""), http.StatusNotFound, "")
}

// redrive is a redrive as callers get it.
type redrive struct {
	ID          *string
	State       string
	Count, Done int
	Oldest      *time.Time
	Endpoints   []struct{ Count int }
	Skipped     []struct{ Count int }
}

// requested is how many deliveries of the runs are requested and not sent.
func requested(t *testing.T, b *bus.Bus, runs []event.RunID) (open []event.RunID) {
	t.Helper()
	for _, run := range runs {
		last, err := b.LastDelivery(t.Context(), event.DeliveryOf(run))
		if err != nil {
			t.Fatal(err)
		}
		if last.Data.Type == event.DeliveryRequested {
			open = append(open, run)
		}
	}
	return open
}

// at waits until the redrive is in the state with as many done.
func (s *server) at(t *testing.T, id, state string, done int) {
	t.Helper()
	natstest.Eventually(t, func() error {
		r := into[redrive](t, s.send(t, "GET", "/api/deliveries/redrive/"+id, ""))
		if r.State != state || r.Done != done {
			return fmt.Errorf("the redrive is %+v, want %s with %d done", r, state, done)
		}
		return nil
	})
}

func TestARedriveSendsWhatWasSelectedOnceAndNoFaster(t *testing.T) {
	t.Parallel()
	srv := natstest.Server(t, t.TempDir())
	s := start(t, natstest.On(t, natstest.Dial(t, srv)))
	start(t, natstest.On(t, natstest.Dial(t, srv))) // another gateway, which does the same
	task := s.task(t, `{"prompt": "say hello", "webhook_url": "https://a.test/x"}`)
	var runs []event.RunID
	for range 20 {
		run := *s.background(t, task).TaskRunID
		end(t, s.bus, run, event.Succeeded)
		deliver(t, s.bus, run, event.DeliveryCreated, event.DeliveryExhausted)
		runs = append(runs, run)
	}
	deliver(t, s.bus, s.ended(t, "https://a.test/x"), event.DeliveryCreated, event.DeliveryDelivered)
	deliver(t, s.bus, s.ended(t, "https://b.test/x"), event.DeliveryCreated, event.DeliveryExhausted)
	deliver(t, s.bus, s.ended(t, "https://gone.test/x"), event.DeliveryCreated, event.DeliveryHeld)
	disable(t, s.bus, "https://gone.test/x")

	plan := into[redrive](t, s.send(t, "POST", "/api/deliveries/redrive", `{"dry_run": true}`))
	if plan.ID != nil || plan.State != "planned" || plan.Count != 21 || len(plan.Endpoints) != 2 || plan.Endpoints[0].Count != 20 || len(plan.Skipped) != 1 || plan.Oldest == nil {
		t.Fatalf("the plan is %+v", plan)
	}
	later := fmt.Sprintf(`{"dry_run": true, "since": %q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	if p := into[redrive](t, s.send(t, "POST", "/api/deliveries/redrive", later)); p.Count != 0 || p.Oldest != nil {
		t.Errorf("nothing was made in the future, and the plan is %+v", p)
	}
	if n := len(requested(t, s.bus, runs)); n != 0 {
		t.Fatalf("a plan has asked for %d", n)
	}
	r := s.send(t, "POST", "/api/deliveries/redrive", `{"host": "a.test", "state": "exhausted"}`)
	began := into[redrive](t, r)
	if r.status != http.StatusOK || began.ID == nil || began.State != "running" || began.Count != 20 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	s.at(t, *began.ID, "running", 16) // no POST is made, so it asks for no more
	open := requested(t, s.bus, runs)
	if len(open) != 16 || open[0] != runs[0] || open[15] != runs[15] {
		t.Fatalf("requested are %v of %v, want the first 16", open, runs)
	}
	for _, run := range open[:10] {
		deliver(t, s.bus, run, event.DeliveryExhausted) // fails again: it is not asked for again
	}
	s.at(t, *began.ID, "done", 20)
	if n := len(requested(t, s.bus, runs)); n != 10 {
		t.Errorf("%d are requested, want 6 of the first and the last 4", n)
	}
	for _, run := range runs {
		history, err := s.bus.DeliveryHistory(t.Context(), event.DeliveryOf(run))
		if err != nil || len(history) > 4 {
			t.Errorf("run %s has %d events, %v", run, len(history), err)
		}
	}
}

func TestARedriveThatIsCanceledAsksForNoMore(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, `{"prompt": "say hello", "webhook_url": "https://a.test/x"}`)
	var runs []event.RunID
	for range 18 {
		run := *s.background(t, task).TaskRunID
		end(t, s.bus, run, event.Succeeded)
		deliver(t, s.bus, run, event.DeliveryCreated, event.DeliveryExhausted)
		runs = append(runs, run)
	}
	began := into[redrive](t, s.send(t, "POST", "/api/deliveries/redrive", `{}`))
	s.at(t, *began.ID, "running", 16)
	for range 2 {
		if c := into[redrive](t, s.send(t, "POST", "/api/deliveries/redrive/"+*began.ID+"/cancel", "")); c.State != "canceled" || c.Done != 16 {
			t.Errorf("canceled, it is %+v", c)
		}
	}
	for _, run := range requested(t, s.bus, runs) {
		deliver(t, s.bus, run, event.DeliveryDelivered)
	}
	second := into[redrive](t, s.send(t, "POST", "/api/deliveries/redrive", `{}`)) // what is left, by another
	s.at(t, *second.ID, "done", 2)
	s.at(t, *began.ID, "canceled", 18)
	if n := len(requested(t, s.bus, runs)); n != 2 {
		t.Errorf("%d are requested, want 2", n)
	}
	const none = "00000000-0000-0000-0000-000000000000"
	refuses(t, s.send(t, "GET", "/api/deliveries/redrive/"+none, ""), http.StatusNotFound, "")
	if _, _, err := s.bus.Redrive(t.Context(), none); !errors.Is(err, bus.ErrNotFound) {
		t.Error(err)
	}
	refuses(t, s.send(t, "POST", "/api/deliveries/redrive", `{"state": "pending"}`), http.StatusUnprocessableEntity, "body.state")
}

func TestThePageOfDeliveriesShowsThemAndTheEndpointsInTrouble(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	deliver(t, s.bus, s.ended(t, "https://a.test/<x>"), event.DeliveryCreated, event.DeliveryExhausted)
	deliver(t, s.bus, s.ended(t, "https://gone.test/y"), event.DeliveryCreated, event.DeliveryHeld)
	disable(t, s.bus, "https://gone.test/y")
	for query, want := range map[string][]string{
		"":                {"https://gone.test:443/y", "disabled", "https://a.test/&lt;x&gt;", "answered 503 Service Unavailable", "/runs/2"},
		"?state=held":     {"https://gone.test/y", "/runs/2"},
		"?host=none.test": {"No webhooks"},
	} {
		r := s.send(t, "GET", "/deliveries"+query, "")
		for _, text := range want {
			if r.status != http.StatusOK || !strings.Contains(string(r.body), text) {
				t.Errorf("/deliveries%s: %d, without %q:\n%s", query, r.status, text, r.body)
			}
		}
	}
}
