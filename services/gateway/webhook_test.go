package gateway_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestAWebhookMayNameWhatIsAllowedButNeverThisServer(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t), func(c *gateway.Config) {
		c.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16")}
	})
	port := s.url[strings.LastIndex(s.url, ":")+1:]
	for url, status := range map[string]int{
		"http://127.0.0.1:9/hook":        http.StatusCreated,
		"http://localhost:9/hook":        http.StatusCreated,
		"http://10.1.2.3/hook":           http.StatusUnprocessableEntity,
		"http://169.254.169.254/hook":    http.StatusUnprocessableEntity,
		"http://127.0.0.1:" + port + "/": http.StatusUnprocessableEntity,
		"http://127.0.0.9:" + port + "/": http.StatusUnprocessableEntity,
	} {
		body := fmt.Sprintf(`{"prompt": "say hello", "webhook_url": %q}`, url)
		if r := s.send(t, "POST", "/api/tasks", body); r.status != status {
			t.Errorf("%s: %d %s, want %d", url, r.status, r.body, status)
		}
	}
}

func TestARunShowsWhatBecameOfItsWebhook(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	if w := s.webhook(t, 1); w != nil {
		t.Errorf("a run without a webhook has %+v", w)
	}
	s.background(t, s.task(t, `{"prompt": "say hello", "webhook_url": "https://hooks.test/a"}`))
	if w := s.webhook(t, 2); w == nil || w.State != event.WebhookPending {
		t.Errorf("before its end: %+v", w)
	}
	end(t, s.bus, 2, event.Succeeded)
	next := time.Now().UTC()
	var seq uint64
	for _, c := range []struct {
		event  event.DeliveryType
		failed string
		want   event.WebhookState
	}{
		{event.DeliveryCreated, "", event.WebhookPending},
		{event.DeliveryAttempted, "the webhook's host is at a loopback address", event.WebhookRetrying},
		{event.DeliveryExhausted, "answered 410 Gone", event.WebhookExhausted},
	} {
		d := event.DeliveryData{ID: event.DeliveryOf(2), Task: 2, Run: 2, Type: c.event, URL: "https://hooks.test/a", Previous: seq}
		if c.failed != "" {
			d.Attempts, d.Last = 1, &event.DeliveryAttempt{Number: 1, At: next, Error: c.failed}
		}
		var err error
		if seq, err = s.bus.AppendDelivery(t.Context(), executor.Delivery(next, d), seq); err != nil {
			t.Fatal(err)
		}
		w := s.webhook(t, 2)
		if w == nil || w.State != c.want || (w.LastError != nil) != (c.failed != "") || w.LastError != nil && *w.LastError != c.failed {
			t.Errorf("after %s: %+v, want %s", c.event, w, c.want)
		}
	}
}

// webhook is what a run shows of its webhook.
func (s *server) webhook(t *testing.T, id event.RunID) *event.Webhook {
	t.Helper()
	return into[event.Run](t, s.send(t, "GET", "/api/runs/"+id.String(), "")).Webhook
}
