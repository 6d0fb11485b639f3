package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// delivery is a delivery as callers get it.
type delivery struct {
	ID        string
	TaskID    event.TaskID `json:"task_id"`
	TaskRunID event.RunID  `json:"task_run_id"`
	URL       string
	State     string
	CreatedAt *string `json:"created_at"`
	NextAt    *string `json:"next_attempt_at"`
	Attempts  []struct {
		Number     int
		Time       *string
		Status     *int
		DurationMS *int `json:"duration_ms"`
		Class      *string
		Error      *string
		Response   *string
	}
}

type deliveryList struct {
	Deliveries []delivery
	NextCursor *string `json:"next_cursor"`
}

// ended is a run with that webhook that has succeeded.
func (s *server) ended(t *testing.T, url string) event.RunID {
	t.Helper()
	run := s.background(t, s.task(t, fmt.Sprintf(`{"prompt": "say hello", "webhook_url": %q}`, url)))
	end(t, s.bus, *run.TaskRunID, event.Succeeded)
	return *run.TaskRunID
}

// deliver writes events of a run's delivery, as a notifier does, each an attempt with the status but for the first.
func deliver(t *testing.T, b *bus.Bus, run event.RunID, events ...event.DeliveryType) {
	t.Helper()
	request, err := b.Request(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	d := event.DeliveryData{ID: event.DeliveryOf(run), Task: request.Task, Run: run, URL: request.WebhookURL}
	var after uint64
	if last, err := b.LastDelivery(t.Context(), d.ID); err == nil {
		d, after = last.Data, last.Sequence
	}
	for _, typ := range events {
		d.Type, d.Previous, d.NextAt = typ, after, nil
		now := b.Now(t.Context())
		switch typ {
		case event.DeliveryAttempted, event.DeliveryExhausted:
			d.Attempts++
			d.Last = &event.DeliveryAttempt{
				Number: d.Attempts, At: now, DurationMS: 12, StatusCode: 503, Class: event.ClassStatus,
				Error: "answered 503 Service Unavailable", Response: "come back later",
			}
		case event.DeliveryDelivered:
			d.Attempts++
			d.Last = &event.DeliveryAttempt{Number: d.Attempts, At: now, DurationMS: 9, StatusCode: 204}
		}
		if typ == event.DeliveryAttempted {
			d.NextAt = &now
		}
		if after, err = b.AppendDelivery(t.Context(), executor.Delivery(now, d), after); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheDeliveriesOfARunShowEveryAttempt(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	run := s.ended(t, "https://hooks.test/a")
	path := "/api/runs/" + run.String() + "/deliveries"
	if r := s.send(t, "GET", path, ""); !strings.Contains(string(r.body), `"deliveries":[]`) {
		t.Errorf("before a notifier has seen the run: %s", r.body)
	}
	deliver(t, s.bus, run, event.DeliveryCreated, event.DeliveryAttempted, event.DeliveryAttempted, event.DeliveryDelivered)
	list := into[deliveryList](t, s.send(t, "GET", path, "")).Deliveries
	if len(list) != 1 {
		t.Fatalf("%d deliveries", len(list))
	}
	d := list[0]
	if d.ID != "dlv_"+run.String() || d.TaskRunID != run || d.URL != "https://hooks.test/a" || d.State != "delivered" || d.NextAt != nil || len(d.Attempts) != 3 {
		t.Fatalf("the delivery is %+v", d)
	}
	if a := d.Attempts[0]; a.Number != 1 || *a.Status != 503 || *a.DurationMS != 12 || *a.Class != "status" || *a.Response != "come back later" || a.Time == nil {
		t.Errorf("the first attempt is %+v", a)
	}
	if a := d.Attempts[2]; a.Number != 3 || *a.Status != 204 || a.Class != nil || a.Error != nil {
		t.Errorf("the last attempt is %+v", a)
	}
	refuses(t, s.send(t, "GET", "/api/runs/99/deliveries", ""), http.StatusNotFound, "")
}

func TestADeliveryIsRequestedAgainOnceHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	run := s.ended(t, "https://hooks.test/a")
	path := "/api/deliveries/dlv_" + run.String() + "/redeliver"
	refuses(t, s.send(t, "POST", path, ""), http.StatusNotFound, "")
	deliver(t, s.bus, run, event.DeliveryCreated, event.DeliveryExhausted)
	for range 3 {
		r := s.send(t, "POST", path, "")
		if d := into[delivery](t, r); r.status != http.StatusAccepted || d.State != "retrying" || len(d.Attempts) != 1 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	history, err := s.bus.DeliveryHistory(t.Context(), event.DeliveryOf(run))
	if err != nil || len(history) != 3 || history[2].Data.Type != event.DeliveryRequested || history[2].Data.Before != 1 {
		t.Errorf("the log has %d events, %v", len(history), err)
	}
	deliver(t, s.bus, run, event.DeliveryExhausted)
	s.send(t, "POST", path, "") // a second time, with another outcome between
	if last, err := s.bus.LastDelivery(t.Context(), event.DeliveryOf(run)); err != nil || last.Data.Type != event.DeliveryRequested || last.Data.Before != 2 {
		t.Errorf("the last event is %+v, %v", last.Data, err)
	}
	for _, id := range []string{"dlv_99", "dlv_0", "dlv_01", "dlv_x", "7", "dlv_" + run.String() + ".created"} {
		refuses(t, s.send(t, "POST", "/api/deliveries/"+id+"/redeliver", ""), http.StatusNotFound, "")
	}
	if r := s.send(t, "DELETE", "/api/runs/"+run.String(), ""); r.status >= 300 {
		t.Fatalf("delete: %d %s", r.status, r.body)
	}
	refuses(t, s.send(t, "POST", path, ""), http.StatusNotFound, "")
}

// pagesOf reads a list of deliveries to its end, and gives the runs of each page.
func (s *server) pagesOf(t *testing.T, query string) (all [][]event.RunID) {
	t.Helper()
	for path := "/api/deliveries?" + query; ; {
		list := into[deliveryList](t, s.send(t, "GET", path, ""))
		var runs []event.RunID
		for _, d := range list.Deliveries {
			runs = append(runs, d.TaskRunID)
		}
		all = append(all, runs)
		if list.NextCursor == nil {
			return all
		}
		path = "/api/deliveries?" + query + "&cursor=" + *list.NextCursor
	}
}

func TestDeliveriesAreListedNewestFirstAsSoonAsTheyAreOnTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	const created, attempted, held = event.DeliveryCreated, event.DeliveryAttempted, event.DeliveryHeld
	for i, events := range [][]event.DeliveryType{
		{created}, {created, attempted}, {created, attempted, event.DeliveryDelivered}, {created, event.DeliveryExhausted}, {created, held},
		nil, {created, event.DeliveryExhausted, event.DeliveryRequested},
	} {
		deliver(t, s.bus, s.ended(t, []string{"https://a.test/x", "https://B.test:8443/x", "http://a.test/y?z=1"}[i%3]), events...)
	}
	for query, want := range map[string]string{
		"":                           "[[7 5 4 3 2 1]]",
		"limit=2":                    "[[7 5] [4 3] [2 1]]",
		"state=pending":              "[[1]]",
		"state=retrying":             "[[7 2]]",
		"state=delivered":            "[[3]]",
		"state=exhausted":            "[[4]]",
		"state=held":                 "[[5]]",
		"host=a.test":                "[[7 4 3 1]]",
		"host=A.test:443&limit=1":    "[[7] [4] [1]]",
		"host=a.test:80":             "[[3]]",
		"host=b.test":                "[[5 2]]",
		"host=b.test&state=retrying": "[[2]]",
		"host=nowhere.test":          "[[]]",
		"task_id=3":                  "[[3]]",
		"task_id=99":                 "[[]]",
	} {
		if got := fmt.Sprint(s.pagesOf(t, query)); got != want {
			t.Errorf("?%s gives %s, want %s", query, got, want)
		}
	}
	for n := range 20 { // no list is behind what was stored before it was asked for
		run := s.ended(t, "https://a.test/x")
		deliver(t, s.bus, run, created)
		if got := fmt.Sprint(s.pagesOf(t, "state=pending&limit=200")[0][0]); got != run.String() {
			t.Fatalf("after delivery %d of run %s the list begins with %s", n+1, run, got)
		}
	}
	if r := s.send(t, "DELETE", "/api/runs/4", ""); r.status >= 300 {
		t.Fatalf("delete: %d %s", r.status, r.body)
	}
	if got := fmt.Sprint(s.pagesOf(t, "state=exhausted")); got != "[[]]" {
		t.Errorf("after its run was deleted the list is %s", got)
	}
	refuses(t, s.send(t, "GET", "/api/deliveries?state=lost", ""), http.StatusUnprocessableEntity, "query.state")
}

func TestADeliveryThatNoServiceWroteIsNotListed(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	s := start(t, natstest.On(t, nc))
	run := s.ended(t, "https://a.test/x")
	deliver(t, s.bus, run, event.DeliveryCreated)
	forged := fmt.Sprintf(`{"data": {"delivery_id": "dlv_%s", "task_id": 1, "task_run_id": %s, "state": "delivered", "url": "https://b.test"}}`, run, run)
	for _, subject := range []string{event.DeliverySubject(event.DeliveryOf(run), event.DeliveryDelivered), "webhook.v1.evt.dlv_88.created", "webhook.v1.evt.x.created"} {
		if _, err := nc.Request(subject, []byte(forged), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(s.pagesOf(t, "")); got != "[[1]]" {
		t.Errorf("listed are %s", got)
	}
	if got := fmt.Sprint(s.pagesOf(t, "state=delivered")); got != "[[]]" {
		t.Errorf("delivered are %s", got)
	}
}
