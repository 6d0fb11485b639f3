package gateway_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/nats-io/nats.go"
)

func TestEveryPageIsServedWithAPolicyThatForbidsWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, `{"prompt": "count the <b>ships</b>", "name": "Harbour & sea"}`)
	run := s.background(t, task)
	end(t, s.bus, *run.TaskRunID, event.Succeeded)
	for path, want := range map[string]string{
		"/": "count the &lt;b&gt;ships", "/new": "What should be done?", "/tasks": "Harbour &amp; sea", "/settings": "OPENAI_API_KEY", "/docs": "openapi.json",
		fmt.Sprintf("/runs/%s", run.TaskRunID): "Harbour &amp; sea", fmt.Sprintf("/tasks/%s", task): "count the &lt;b&gt;ships",
		"/?state=failed": "No run fits these filters", "/?state=succeeded": "count the", "/?task_id=99": "No run fits",
	} {
		r := s.send(t, "GET", path, "")
		if r.status != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("GET %s: %d without %q\n%s", path, r.status, want, r.body)
		}
		policy := r.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe-eval") {
			t.Errorf("GET %s: Content-Security-Policy %q", path, policy)
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="((?:/ui|/docs)/[^"]+)"`).FindAllStringSubmatch(string(r.body), -1) {
			if a := s.send(t, "GET", m[1], "", "Accept-Encoding: gzip"); a.status != http.StatusOK || len(a.body) == 0 {
				t.Errorf("%s of %s: %d", m[1], path, a.status)
			}
		}
	}
}

func TestAPageThatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for _, path := range []string{"/runs/99", "/runs/x", "/tasks/99", "/tasks/0"} {
		r := s.send(t, "GET", path, "")
		if r.status != http.StatusNotFound || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || !strings.Contains(string(r.body), "All runs") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	if r := s.send(t, "GET", "/ui/000000000000/app.css", ""); r.status != http.StatusNotFound {
		t.Errorf("an asset of another version: %d", r.status)
	}
}

func TestAPageIsNotServedUnderAForeignName(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	if r := s.send(t, "GET", "/", "", "Host: evil.test"); r.status != http.StatusForbidden {
		t.Errorf("%d", r.status)
	}
}

// A failed query must never look like an empty list.
func TestWithoutNATSAPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	nc := &broker{dir: t.TempDir()}
	nc.back(t)
	conn, err := bus.Connect("", t.Name(), natstest.Quiet(), nats.InProcessServer(nc))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s := start(t, natstest.On(t, conn))
	s.background(t, s.task(t, hello))
	nc.away()
	r := s.send(t, "GET", "/", "")
	if r.status != http.StatusServiceUnavailable || !strings.Contains(string(r.body), "NATS is not reachable") {
		t.Errorf("%d %s", r.status, r.body)
	}
}
