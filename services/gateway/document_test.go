package gateway_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/errand-run/errand/shared/natstest"
)

// provocation is a request that an operation answers with an error.
type provocation struct {
	operation, method, path, body string
	headers                       []string
	status                        int
}

// unprovoked are errors that need a fault, or others who edit the same task again and again.
var unprovoked = map[string]bool{"put-task 409": true, "delete-task 409": true, "restore-workflow 409": true, "redeliver 409": true}

func TestEachOperationDocumentsTheErrorsThatItAnswersAndNoOthers(t *testing.T) {
	t.Parallel()
	b, outage := natstest.Unsteady(t)
	s := start(t, b)
	w := world{task: s.task(t, kettles).String(), file: string(s.upload(t, part{"a.txt", "a"}).ID)}
	done := s.finish(t, 1, inBackgroundOf, search())
	s.record(t, done)
	w.done, w.busy = done.String(), s.background(t, s.task(t, kettles)).TaskRunID.String()
	d := openAPIOf(t, s)
	answered := map[string]map[int]bool{}
	var away []provocation
	for _, p := range w.provoke(t, d) {
		if answered[p.operation] == nil {
			answered[p.operation] = map[int]bool{500: true}
		}
		answered[p.operation][p.status] = true
		if p.status == 503 {
			away = append(away, p)
		} else if r := s.send(t, p.method, p.path, p.body, p.headers...); r.status != p.status {
			t.Errorf("%s: %s %s: %d %s, want %d", p.operation, p.method, p.path, r.status, r.body, p.status)
		}
	}
	outage.Begin()
	natstest.Eventually(t, func() error { return s.answers("GET", "/readyz", "", 503) })
	var all sync.WaitGroup
	for _, p := range away {
		all.Go(func() {
			if r, err := s.try(p.method, p.path, p.body, p.headers...); err != nil || r.status != 503 {
				t.Errorf("%s without NATS: %d %s, %v", p.operation, r.status, r.body, err)
			}
		})
	}
	all.Wait()
	for _, op := range d.operations() {
		var documented []int
		for status := range op.Responses {
			n, err := strconv.Atoi(status)
			if err != nil {
				t.Errorf("%s documents the status %q", op.OperationID, status)
			}
			if n >= 400 && !unprovoked[fmt.Sprint(op.OperationID, " ", n)] {
				documented = append(documented, n)
			}
		}
		slices.Sort(documented)
		if got := slices.Sorted(maps.Keys(answered[op.OperationID])); !slices.Equal(got, documented) {
			t.Errorf("%s documents %v and answers %v", op.OperationID, documented, got)
		}
	}
}

// world is what there is at a gateway to be asked for.
type world struct{ task, done, busy, file string }

// provoke makes requests that each operation answers with an error: those that any operation of its kind does, and its own.
func (w world) provoke(t *testing.T, d document) (all []provocation) {
	file, multipart := form(t, part{"a.txt", "a"})
	known := strings.NewReplacer("{task_id}", w.task, "{run_id}", w.done, "{n}", "1", "{version}", "1", "{file_id}", w.file, "{delivery_id}", "dlv_"+w.done,
		"{endpoint_id}", "ep_0123456789abcdef", "{redrive_id}", "00000000-0000-4000-8000-000000000000")
	unknown := strings.NewReplacer("{task_id}", "999", "{run_id}", "999", "{n}", "999", "{version}", "999", "{file_id}", "none", "{delivery_id}", "dlv_999",
		"{endpoint_id}", "ep_0123456789abcdef", "{redrive_id}", "00000000-0000-4000-8000-000000000000")
	for _, op := range d.operations() {
		at, body, headers := known.Replace(op.path), "", []string(nil)
		switch op.OperationID {
		case "run-new-task", "create-task", "put-task":
			body = kettles
		case "test-webhook":
			body = `{"url": "https://hooks.example/"}`
		case "redrive":
			body = `{"dry_run": true}`
		case "upload-files":
			body, headers = file, []string{multipart}
		}
		provoked := func(status int, path, body string, headers ...string) {
			all = append(all, provocation{op.OperationID, op.method, path, body, headers, status})
		}
		provoked(400, at, body, append(headers, "Origin: http://a.example", "Origin: http://b.example")...)
		provoked(403, at, body, append(headers, "Origin: https://evil.example")...)
		provoked(503, at, body, headers...)
		if strings.Contains(op.path, "{") {
			provoked(404, unknown.Replace(op.path), body, headers...)
		}
		switch op.OperationID {
		case "upload-files":
			provoked(422, at, strings.ReplaceAll(file, "filename", "other"), headers...)
			large, multipart := form(t, part{"large", strings.Repeat("x", 32<<20+1)})
			provoked(413, at, large, multipart)
		case "download-file": // reads neither a query nor a body
		default:
			provoked(422, at+"?nonsense=1", body, headers...)
		}
		if op.method == "POST" || op.method == "PUT" {
			provoked(415, at, "{}", "Content-Type: text/plain")
		}
		if (op.method == "POST" || op.method == "PUT") && op.OperationID != "upload-files" {
			provoked(413, at, `{"prompt": "`+strings.Repeat("x", 1<<20)+`"}`)
		}
		switch op.OperationID {
		case "delete-run", "set-as-cached-workflow":
			provoked(409, strings.Replace(at, w.done, w.busy, 1), "")
		case "confirm-run":
			provoked(409, at, "") // it replayed nothing
		}
		if op.OperationID == "put-task" || op.OperationID == "delete-task" {
			provoked(412, at, body, `If-Match: "another"`)
		}
	}
	return all
}
