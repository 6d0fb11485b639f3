package notifier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestATestTakesThePathOfEveryWebhookAndLeavesNothing(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	if _, err := b.TestWebhook(t.Context(), "https://hooks.test"); !errors.Is(err, bus.ErrNobody) {
		t.Fatalf("with no notifier: %v", err)
	}
	rec, gone := receive(t, answers(200)), receive(t, answers(410))
	start(t, b, config(t))
	natstest.Eventually(t, func() error { // until the notifier listens
		a, err := b.TestWebhook(t.Context(), rec.URL)
		if err == nil && (a.StatusCode != 200 || a.Class != "" || a.Response != "answer 0") {
			t.Fatalf("the attempt is %+v", a)
		}
		return err
	})
	p := rec.got()[0]
	wh, _ := standardwebhooks.NewWebhook(whsec('a'))
	if err := wh.Verify(p.body, p.header); err != nil || !strings.HasPrefix(p.header.Get("webhook-id"), "test_") || !strings.Contains(string(p.body), `"task_run_id":0`) {
		t.Errorf("%v, %v, body %s", err, p.header, p.body)
	}
	for url, class := range map[string]event.Class{gone.URL: event.ClassStatus, "http://169.254.169.254/": event.ClassBlocked} {
		if a, err := b.TestWebhook(t.Context(), url); err != nil || a.Class != class {
			t.Errorf("%s: %+v, %v; want class %s", url, a, err, class)
		}
	}
	if newest, err := b.NewestWebhook(t.Context()); err != nil || newest != 0 {
		t.Errorf("something was stored: %v", fmt.Sprint(newest, err))
	}
}
