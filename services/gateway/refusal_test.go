package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// problem is an answer in the form of RFC 9457.
type problem struct {
	Title  string
	Status int
	Detail string
	Errors []struct{ Message, Location, Value string }
}

// refuses checks that an answer is a problem with the status, that names the field if one is given.
func refuses(t *testing.T, r reply, status int, location string) {
	t.Helper()
	if r.status != status || r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer %d %s %s, want a problem with %d", r.status, r.header.Get("Content-Type"), r.body, status)
		return
	}
	p := into[problem](t, r)
	if p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("the problem does not say what it is: %s", r.body)
	}
	for _, e := range p.Errors {
		if e.Location == location && e.Message != "" {
			return
		}
	}
	if location != "" {
		t.Errorf("no error names %s: %s", location, r.body)
	}
}

// badFields are fields that no run can be made with, and the location that the answer names.
var badFields = []struct{ name, fields, location string }{
	{"prompt of 2 characters", `"prompt": "hi"`, "body.prompt"},
	{"prompt of 32769 characters", `"prompt": "` + strings.Repeat("ä", 32769) + `"`, "body.prompt"},
	{"prompt of blanks", `"prompt": " \t\n "`, "body.prompt"},
	{"prompt with a control character", `"prompt": "say\u0000hello"`, "body.prompt"},
	{"half a surrogate pair", `"prompt": "say \ud83d hello"`, "body"},
	{"the other half of a surrogate pair", `"prompt": "say \\\ude00 hello"`, "body"},
	{"bytes that are no UTF-8", "\"prompt\": \"say \xff hello\"", "body"},
	{"a field given twice", `"prompt": "say hello", "prompt": "say good bye"`, "body"},
	{"a field given twice further in", `"budget": {"max_model_calls": 1, "max_model_calls": 2}`, "body"},
	{"model with a line end", `"model": "gpt\n4"`, "body.model"},
	{"fallback with a line end", `"fallbacks": [{"provider": "groq", "model": "a\nb"}]`, "body.fallbacks[0].model"},
	{"model for pages with a control character", `"extract_model": "a\u007fb"`, "body.extract_model"},
	{"user agent with a header in it", `"user_agent": "x\r\nCookie: y"`, "body.user_agent"},
	{"prompt that is a number", `"prompt": 7`, "body.prompt"},
	{"unknown provider", `"provider": "acme"`, "body.provider"},
	{"provider in another field of the same name", `"provider": "openai", "Provider": "a.b.*"`, "body.Provider"},
	{"field name that folds to another", `"uſer_agent": "x"`, "body.uſer_agent"},
	{"unknown field", `"promt": "x"`, "body.promt"},
	{"wait that is a string", `"wait_for_completion": "yes"`, "body.wait_for_completion"},
	{"webhook that is no URL", `"webhook_url": "not a url"`, "body.webhook_url"},
	{"webhook that is no http URL", `"webhook_url": "ftp://host/x"`, "body.webhook_url"},
	{"webhook without a host", `"webhook_url": "http:///x"`, "body.webhook_url"},
	{"empty webhook", `"webhook_url": ""`, "body.webhook_url"},
	{"webhook at loopback", `"webhook_url": "http://127.0.0.1:9000/hook"`, "body.webhook_url"},
	{"webhook at this machine", `"webhook_url": "http://localhost:9000/hook"`, "body.webhook_url"},
	{"webhook at a name for this machine", `"webhook_url": "http://app.LOCALHOST./hook"`, "body.webhook_url"},
	{"webhook at a private address", `"webhook_url": "http://10.1.2.3/x"`, "body.webhook_url"},
	{"webhook at a private address written as a number", `"webhook_url": "http://0x0a010203/x"`, "body.webhook_url"},
	{"webhook at a mapped address", `"webhook_url": "http://[::ffff:10.1.2.3]/x"`, "body.webhook_url"},
	{"webhook at the metadata of a cloud", `"webhook_url": "http://169.254.169.254/x"`, "body.webhook_url"},
	{"webhook at no port", `"webhook_url": "https://hooks.test:70000/x"`, "body.webhook_url"},
	{"initial URL of a file", `"initial_url": "file:///etc/passwd"`, "body.initial_url"},
	{"initial URL of a script", `"initial_url": "javascript:alert(1)"`, "body.initial_url"},
	{"response format", `"response_format": "xml"`, "body.response_format"},
	{"schema that is a number", `"json_schema": 7`, "body.json_schema"},
	{"schema that is a list", `"json_schema": []`, "body.json_schema"},
	{"schema that is text", `"json_schema": "an object, please"`, "body.json_schema"},
	{"schema of an unknown type", `"json_schema": {"type": "strin"}`, "body.json_schema"},
	{"schema in a string of an unknown type", `"json_schema": "{\"type\": \"strin\"}"`, "body.json_schema"},
	{"schema with a broken pattern", `"json_schema": {"pattern": "("}`, "body.json_schema"},
	{"schema of another draft", `"json_schema": {"$schema": "http://json-schema.org/draft-04/schema#"}`, "body.json_schema"},
	{"schema that refers to a file", `"json_schema": {"$ref": "file:///etc/passwd"}`, "body.json_schema"},
	{"schema that refers to a host", `"json_schema": {"$ref": "http://127.0.0.1:1/s.json"}`, "body.json_schema"},
	{"schema that refers to nothing", `"json_schema": {"$ref": "#/$defs/none"}`, "body.json_schema"},
	{"schema nested 4,000 deep", `"json_schema": ` + strings.Repeat(`{"not":`, 4000) + "{}" + strings.Repeat("}", 4000), "body.json_schema"},
	{"schema of 22 KB of pattern", `"json_schema": {"pattern": "` + strings.Repeat("a{1000}", 3200) + `"}`, "body.json_schema"},
	{"schema with an absurd divisor", `"json_schema": {"multipleOf": 1e-9999999}`, "body.json_schema.multipleOf"},
	{"schema in a string with an absurd divisor", `"json_schema": "{\"multipleOf\": 1e-9999999}"`, "body.json_schema"},
	{"number with an absurd exponent", `"budget": {"max_cost_usd": 1e-9999999}`, "body.budget.max_cost_usd"},
	{"number beyond all bounds", `"max_steps": 1e999999`, "body.max_steps"},
	{"no steps", `"max_steps": 0`, "body.max_steps"},
	{"too many steps", `"max_steps": 501`, "body.max_steps"},
	{"half a step", `"max_steps": 1.5`, "body.max_steps"},
	{"no time", `"session_timeout": 0`, "body.session_timeout"},
	{"more than a day", `"session_timeout": 86401`, "body.session_timeout"},
	{"secret without a key to keep it", `"secrets": {"pin": {"value": "1234", "allowed_domains": ["shop.test"]}}`, "body.secrets"},
	{"secret of another form", `"secrets": {"shop_test": {"password": "hunter2"}}`, "body.secrets.shop_test"},
	{"secret for every domain", `"secrets": {"pin": {"value": "1234", "allowed_domains": []}}`, "body.secrets.pin.allowed_domains"},
	{"secret with a name that says more", `"secrets": {"Pin>": {"value": "1234", "allowed_domains": ["a.test"]}}`, "body.secrets.Pin>"},
	{"allowed domain with a scheme", `"allowed_domains": ["shop.test", "https://shop.test"]`, "body.allowed_domains"},
	{"allowed domain that is every one", `"allowed_domains": ["*"]`, "body.allowed_domains"},
	{"allowed domain with a path", `"allowed_domains": ["shop.test/cart"]`, "body.allowed_domains"},
	{"files that are numbers", `"files": [1]`, "body.files[0]"},
	{"file that does not exist", `"files": ["6a1f3ad8-6b0e-4d34-9a67-0f8b2c1d5e77"]`, "body.files[0]"},
	{"file that is a path", `"files": ["../../etc/passwd"]`, "body.files[0]"},
	{"too many files", `"files": [` + strings.Repeat(`"x",`, 20) + `"x"]`, "body.files"},
	{"an unknown budget", `"budget": {"max_tokens": 1}`, "body.budget.max_tokens"},
	{"a fallback without a model", `"fallbacks": [{"provider": "groq"}]`, "body.fallbacks[0]"},
	{"a fallback of an unknown provider", `"fallbacks": [{"provider": "acme", "model": "x"}]`, "body.fallbacks[0].provider"},
	{"a budget of nothing", `"budget": {"max_model_calls": 0}`, "body.budget.max_model_calls"},
	{"parameters", `"parameters": {"a": 1}`, "body.parameters"},
}

func TestABadFieldIsNamedAndMakesNoRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	for _, bad := range badFields {
		t.Run(bad.name, func(t *testing.T) {
			r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), "{"+bad.fields+"}")
			refuses(t, r, 422, bad.location)
			if strings.Contains(string(r.body), "hunter2") {
				t.Errorf("the answer repeats what was sent: %s", r.body)
			}
			body := "{" + bad.fields + "}"
			if !strings.Contains(bad.fields, `"prompt"`) {
				body = `{"prompt": "say hello", ` + bad.fields + "}"
			}
			for _, path := range []string{"/api/runs", "/api/tasks"} {
				refuses(t, s.send(t, "POST", path, body), 422, bad.location)
			}
			refuses(t, s.send(t, "PUT", fmt.Sprintf("/api/tasks/%s", task), body), 422, bad.location)
		})
	}
	s.madeNothing(t, task)
}

// madeNothing checks that the next task and run have the ids that follow the only task and no run.
func (s *server) madeNothing(t *testing.T, only event.TaskID) {
	t.Helper()
	if r := s.send(t, "GET", "/api/runs", ""); string(r.body) != `{"runs":[],"next_cursor":null}`+"\n" {
		t.Errorf("a refused request made a run: %s", r.body)
	}
	if run := s.background(t, only); *run.TaskRunID != 1 {
		t.Errorf("the first run has the id %d", *run.TaskRunID)
	}
	if next := s.task(t, hello); next != only+1 {
		t.Errorf("a refused request made a task: the next one is %d", next)
	}
}

func TestABadRequestIsAProblemAndMakesNoRun(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	runs := fmt.Sprintf("/api/tasks/%s/runs", task)
	large := `{"prompt": "` + strings.Repeat("x", 1<<20) + `"}`
	for _, bad := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		location                 string
	}{
		{"unknown task", "POST", "/api/tasks/99/runs", `{}`, nil, 404, ""},
		{"task 0", "POST", "/api/tasks/0/runs", `{}`, nil, 404, ""},
		{"negative task", "POST", "/api/tasks/-1/runs", `{}`, nil, 404, ""},
		{"task that is no number", "POST", "/api/tasks/one/runs", `{}`, nil, 422, "path.task_id"},
		{"malformed JSON", "POST", runs, `{"prompt": `, nil, 422, "body"},
		{"two values", "POST", runs, `{} {}`, nil, 422, "body"},
		{"a list", "POST", runs, `[]`, nil, 422, "body"},
		{"null", "POST", runs, `null`, nil, 422, "body"},
		{"no prompt", "POST", "/api/runs", ``, nil, 422, "body"},
		{"null as prompt", "POST", "/api/runs", `{"prompt": null}`, nil, 422, "body.prompt"},
		{"cached workflow that is not there", "POST", runs, `{"use_cached_workflow": true}`, nil, 400, ""},
		{"cached workflow of a new task", "POST", "/api/runs", `{"prompt": "say hello", "use_cached_workflow": true}`, nil, 400, ""},
		{"large body", "POST", runs, large, nil, 413, ""},
		{"large body of a new run", "POST", "/api/runs", large, nil, 413, ""},
		{"compressed body", "POST", runs, "\x1f\x8b\x08", []string{"Content-Encoding: gzip"}, 415, ""},
		{"another charset", "POST", runs, `{}`, []string{"Content-Type: application/json; charset=iso-8859-1"}, 415, ""},
		{"unknown query parameter", "GET", "/api/runs?stat=failed", ``, nil, 422, "query.stat"},
		{"query parameter where there is none", "GET", "/api/tasks/1?x=1", ``, nil, 422, "query.x"},
		{"query parameter given twice", "GET", "/api/runs?state=failed&state=queued", ``, nil, 422, "query.state"},
		{"unknown query parameter of the stream", "GET", "/api/runs/1/events?from=1", ``, nil, 422, "query.from"},
		{"figures for a foreign host", "GET", "/metrics", ``, []string{"Host: evil.test"}, 403, ""},
		{"form", "POST", runs, `prompt=x`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, ""},
		{"text", "POST", "/api/runs", hello, []string{"Content-Type: text/plain"}, 415, ""},
		{"JSON by another name", "POST", "/api/runs", hello, []string{"Content-Type: application/vnd.api+json"}, 415, ""},
		{"form on PUT", "PUT", "/api/tasks/1", hello, []string{"Content-Type: text/plain"}, 415, ""},
		{"foreign origin", "POST", "/api/runs", hello, []string{"Origin: https://evil.test"}, 403, ""},
		{"origin of a sandbox", "POST", "/api/runs", hello, []string{"Origin: null"}, 403, ""},
		{"foreign host", "POST", "/api/runs", hello, []string{"Host: evil.test"}, 403, ""},
		{"own origin at a foreign host", "POST", "/api/runs", hello, []string{"Host: evil.test", "Origin: http://evil.test"}, 403, ""},
		{"long key", "POST", "/api/runs", hello, []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, 422, "header.Idempotency-Key"},
		{"unknown path", "GET", "/api/nothing", ``, nil, 404, ""},
		{"unknown method", "PATCH", "/api/runs", `{}`, nil, 405, ""},
		{"unknown run", "GET", "/api/runs/99", ``, nil, 404, ""},
		{"run 0", "GET", "/api/runs/0", ``, nil, 404, ""},
		{"negative run", "GET", "/api/runs/-1", ``, nil, 404, ""},
		{"unknown run to cancel", "POST", "/api/runs/99/cancel", ``, nil, 404, ""},
		{"unknown screenshot", "GET", "/api/runs/99/steps/1/screenshot", ``, nil, 404, ""},
		{"unknown task to read", "GET", "/api/tasks/99", ``, nil, 404, ""},
		{"unknown task to edit", "PUT", "/api/tasks/99", hello, nil, 404, ""},
		{"unknown task to delete", "DELETE", "/api/tasks/99", ``, nil, 404, ""},
		{"runs of an unknown task", "GET", "/api/tasks/99/runs", ``, nil, 404, ""},
		{"unknown state", "GET", "/api/runs?state=lost", ``, nil, 422, "query.state"},
		{"no limit", "GET", "/api/runs?limit=0", ``, nil, 422, "query.limit"},
		{"high limit", "GET", "/api/runs?limit=201", ``, nil, 422, "query.limit"},
		{"cursor that is none", "GET", "/api/runs?cursor=x", ``, nil, 422, "query.cursor"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			refuses(t, s.send(t, bad.method, bad.path, bad.body, bad.headers...), bad.status, bad.location)
		})
	}
	r := s.send(t, "POST", runs, `{"use_cached_workflow": true}`)
	if !strings.Contains(into[problem](t, r).Detail, "POST /api/runs/{run_id}/set-as-cached-workflow") {
		t.Errorf("the answer does not say how to make a cached workflow: %s", r.body)
	}
	s.madeNothing(t, task)
}

func TestGoodInputIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t), func(c *gateway.Config) { c.Hosts = []string{"errand.test"} })
	task := s.task(t, hello)
	draft7 := `{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/definitions/a"}}}`
	for _, good := range []struct {
		name, body string
		headers    []string
	}{
		{"nothing", ``, nil},
		{"only nulls", `"prompt": null, "model": null, "provider": null, "webhook_url": null, "response_format": null, "json_schema": null, "use_cached_workflow": null, "initial_url": null, "max_steps": null, "session_timeout": null, "secrets": null, "files": null`, nil},
		{"prompt of 3 characters", `"prompt": "äöü"`, nil},
		{"prompt of 32768 characters", `"prompt": "` + strings.Repeat("ä", 32768) + `"`, nil},
		{"schema of draft 7", `"json_schema": ` + draft7, nil},
		{"schema in a string", `"json_schema": "{\"type\": \"object\"}"`, nil},
		{"limits", `"max_steps": 500, "session_timeout": 86400, "initial_url": "https://shop.test/a?b"`, nil},
		{"charset", ``, []string{"Content-Type: application/json; charset=utf-8"}},
		{"media type in another case", ``, []string{"Content-Type: APPLICATION/Json; Charset=\"UTF-8\""}},
		{"body that is not compressed", ``, []string{"Content-Encoding: identity"}},
		{"both halves of surrogate pairs", `"prompt": "say \ud83d\ude00\ud83d\ude00 \\ud83d hello"`, nil},
		{"own origin", ``, []string{"Origin: " + s.url}},
		{"loopback name", ``, []string{"Host: localhost:1234", "Origin: http://localhost:1234"}},
		{"IPv6 address", ``, []string{"Host: [::1]:8080"}},
		{"host of the configuration", ``, []string{"Host: errand.test"}},
	} {
		t.Run(good.name, func(t *testing.T) {
			body := `{"wait_for_completion": false`
			if good.body != "" {
				body += ", " + good.body
			}
			if r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), body+"}", good.headers...); r.status != 200 {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestAnEmptyBodyStandsForNoOverrides(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, `{"prompt": "say hello", "wait_for_completion": false}`)
	if r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), ""); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}
