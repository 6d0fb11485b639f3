package standalone

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/nats-io/nats.go"
)

// poisons are messages that no service of ours writes, and the consumers that must give them up. {task} and {run} are
// those of a run that has ended.
var poisons = []struct{ subject, data, by string }{
	{"run.req.v1.7.undecodable", "not json", "orchestrator-req"},
	{"run.req.v1.7.rival", `{"task_id": 8, "prompt": "another task's"}`, "orchestrator-req"},
	{"runctl.v1.cmd.7.99.cancel", "{}", "orchestrator"},
	{"runctl.v1.cmd.x.y.cancel", "{}", "orchestrator"},
	{"runctl.v1.timer.7.99", "not json", "orchestrator"},
	{"runctl.v1.timer.x", "{}", "orchestrator"},
	{"runctl.v1.erase.x", "{}", "orchestrator-erase"},
	{"runctl.v1.erase.7.99", "not json", "orchestrator-erase"},
	{"run.v1.evt.7.99.dispatched.openai", "not json", "exec-openai"},
	{"run.v1.evt.7.99.succeeded", "not json", "orchestrator-workflows,webhook"},
	{"run.v1.evt.{task}.{run}.failed", `{"type": "errand.run.failed", "data": {"run": {"task_id": {task}, "task_run_id": {run}, "state": "failed", "result": "FORGED"}}}`, "orchestrator-workflows,webhook"},
	{"run.v1.evt.{task}.{run}.exploded", `{"type": "errand.run.exploded", "data": {"run": {"task_id": {task}, "task_run_id": {run}, "state": "FORGED"}}}`, ""},
	{"run.v1.step.{task}.{run}.9.done", `{"type": "errand.step.done", "data": {"task_id": {task}, "task_run_id": {run}, "number": 9, "description": "FORGED"}}`, ""},
	{"webhook.v1.evt.dlv_99.created", "not json", "webhook-delivery"},
	{"webhook.v1.due.dlv_99", "not json", "webhook-delivery"},
	{"webhook.v1.evt.dlv_{run}.created", `{"data": {"delivery_id": "dlv_{run}", "task_id": {task}, "task_run_id": {run}, "state": "created", "url": "{sink}"}}`, ""},
}

func TestPoisonIsGivenUpOnceAndChangesNothing(t *testing.T) {
	models := httptest.NewServer(modelsim.New(func(modelsim.Call) modelsim.Reply { return modelsim.Decide("answer", modelsim.Done("42", nil, true)) }))
	defer models.Close()
	var hooked, sunk atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hooked.Add(1) }))
	defer hook.Close()
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sunk.Add(1) }))
	defer sink.Close()
	e := launch(t, env(t, map[string]string{
		"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": models.URL + "/openai/v1", "ERRAND_ALLOW_PRIVATE": "127.0.0.0/8",
		"ERRAND_CHROMIUM": "/nonexistent", "ERRAND_NATS_LISTEN": "127.0.0.1:0",
	}))
	post := func() (run event.Run) {
		t.Helper()
		resp, err := http.Post("http://"+e.HTTP+"/api/runs", "application/json", strings.NewReader(fmt.Sprintf(`{"prompt": "6 times 7", "webhook_url": %q}`, hook.URL)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&run); err != nil || run.State != event.StateSucceeded {
			t.Fatalf("%s, %+v, %v", resp.Status, run, err)
		}
		return run
	}
	first := post()
	seen := func() map[string]string {
		all := map[string]string{}
		for _, path := range []string{"/api/runs", fmt.Sprintf("/api/runs/%s", first.TaskRunID), fmt.Sprintf("/api/tasks/%s/runs", first.TaskID)} {
			all[path] = get(t, "http://"+e.HTTP+path)
		}
		path := fmt.Sprintf("/api/runs/%s/events", first.TaskRunID)
		all[path] = get(t, "http://"+e.HTTP+path)
		return all
	}
	natstest.Eventually(t, func() error { return e.counts(t, `errand_webhook_deliveries_total{outcome="delivered"} 1`) })
	before := seen()

	nc, err := nats.Connect(e.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	want := map[string]int{} // by stream, sequence and consumer
	fill := strings.NewReplacer("{task}", first.TaskID.String(), "{run}", first.TaskRunID.String(), "{sink}", sink.URL)
	for _, p := range poisons {
		var ack struct {
			Stream   string
			Sequence uint64 `json:"seq"`
		}
		request(t, nc, fill.Replace(p.subject), fill.Replace(p.data), &ack)
		for _, consumer := range strings.Split(p.by, ",") {
			if consumer != "" {
				want[fmt.Sprintf("%s %d %s", ack.Stream, ack.Sequence, consumer)] = 1
			}
		}
	}
	second := post() // its neighbour
	natstest.Eventually(t, func() error {
		if got := givenUp(t, nc); !maps.Equal(got, want) {
			return fmt.Errorf("given up are %v, want %v", got, want)
		}
		return e.counts(t, `errand_webhook_deliveries_total{outcome="delivered"} 2`)
	})
	after := seen()
	for path, was := range before {
		is := after[path]
		if path == "/api/runs" {
			if n := strings.Count(is, `"task_run_id":`); n != 2 || strings.Contains(is, "FORGED") {
				t.Errorf("the list has %d runs: %s", n, is)
			}
			continue
		}
		if fault := strings.Index(is, `,"log_fault":`); fault > 0 {
			is = is[:fault] + "}\n"
		}
		if is != was {
			t.Errorf("GET %s was\n%s\nand is\n%s", path, was, is)
		}
	}
	if hooked.Load() != 2 || sunk.Load() != 0 {
		t.Errorf("%d webhooks for 2 runs, and %d to a forged address", hooked.Load(), sunk.Load())
	}
	if second.TaskRunID == nil || *second.TaskRunID <= *first.TaskRunID {
		t.Errorf("the neighbour is %v", second.TaskRunID)
	}
	if got := givenUp(t, nc); !maps.Equal(got, want) {
		t.Errorf("given up are in the end %v, want %v", got, want)
	}
	if err := e.counts(t, `errand_runs_ended_total{code="",state="succeeded"} 2`); err != nil {
		t.Error(err)
	}
}

// givenUp counts the advisories of messages that were given up, each with a reason and after one delivery.
func givenUp(t *testing.T, nc *nats.Conn) map[string]int {
	t.Helper()
	got := map[string]int{}
	for seq := 1; ; seq++ {
		var stored struct{ Message *struct{ Data []byte } }
		request(t, nc, "$JS.API.STREAM.MSG.GET.ADVISORIES", fmt.Sprintf(`{"seq": %d}`, seq), &stored)
		if stored.Message == nil {
			return got
		}
		var a struct {
			Stream, Consumer, Reason string
			Sequence                 uint64 `json:"stream_seq"`
			Deliveries               int
		}
		if err := json.Unmarshal(stored.Message.Data, &a); err != nil || a.Reason == "" || a.Deliveries != 1 {
			t.Errorf("an advisory says %s, %v", stored.Message.Data, err)
		}
		got[fmt.Sprintf("%s %d %s", a.Stream, a.Sequence, a.Consumer)]++
	}
}

// request sends a request to NATS and decodes the answer.
func request(t *testing.T, nc *nats.Conn, subject, data string, answer any) {
	t.Helper()
	m, err := nc.Request(subject, []byte(data), 30*time.Second)
	if err == nil {
		err = json.Unmarshal(m.Data, answer)
	}
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
}

// get is the body of an answer. Of a stream of events, what is neither a ping nor empty.
func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s %v", url, resp.Status, body, err)
	}
	blocks := strings.Split(string(body), "\n\n")
	return strings.Join(slices.DeleteFunc(blocks, func(b string) bool { return strings.HasPrefix(b, "event: ping") }), "\n\n")
}
