package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/vault"
)

const pin = "hunter2-canary"

// withKeys gives the gateway a master key of the test's own.
func withKeys(t *testing.T) (vault.Keys, func(*gateway.Config)) {
	t.Helper()
	keys, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return keys, func(c *gateway.Config) { c.Keys = keys }
}

// value is what a reference leads to.
func value(t *testing.T, s *server, keys vault.Keys, secret event.Secret) string {
	t.Helper()
	record, err := s.bus.Secret(t.Context(), secret.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(record, []byte(pin)) {
		t.Errorf("the record is clear text: %s", record)
	}
	plain, err := keys.Open(record, secret.Identity())
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func secretBody(prompt, secrets string) string {
	return fmt.Sprintf(`{"prompt": %q, "wait_for_completion": false, "secrets": %s}`, prompt, secrets)
}

func TestASecretIsSealedAndOnlyItsReferenceTravels(t *testing.T) {
	t.Parallel()
	keys, keyed := withKeys(t)
	s := start(t, natstest.Bus(t), keyed)
	r := s.send(t, "POST", "/api/runs", secretBody("log in", `{"pin": {"value": "`+pin+`", "allowed_domains": ["*.shop.test"]}}`))
	run := into[event.Run](t, r)
	if r.status != 200 || bytes.Contains(r.body, []byte(pin)) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	request, err := s.bus.Request(t.Context(), *run.TaskRunID)
	if err != nil || len(request.Secrets) != 1 || request.Secrets[0].Name != "pin" || request.Secrets[0].AllowedDomains[0] != "*.shop.test" {
		t.Fatalf("request %+v, %v", request, err)
	}
	stored, err := json.Marshal(request)
	if err != nil || bytes.Contains(stored, []byte(pin)) {
		t.Errorf("the request holds the value: %s, %v", stored, err)
	}
	if got := value(t, s, keys, request.Secrets[0]); got != pin {
		t.Errorf("the reference leads to %q", got)
	}
	task := s.send(t, "GET", "/api/tasks/"+run.TaskID.String(), "")
	if !bytes.Contains(task.body, []byte(`"secrets":{"pin":{"allowed_domains":["*.shop.test"],"totp":false}}`)) || bytes.Contains(task.body, []byte(request.Secrets[0].Ref)) {
		t.Errorf("GET gives %s", task.body)
	}
}

func TestASecretOfTheRunStandsInPlaceOfTheTasksOwn(t *testing.T) {
	t.Parallel()
	keys, keyed := withKeys(t)
	s := start(t, natstest.Bus(t), keyed)
	task := s.task(t, secretBody("log in", `{"pin": {"value": "own", "allowed_domains": ["a.test"]}, "user": {"value": "ada", "allowed_domains": ["a.test"]}}`))
	r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), `{"secrets": {"pin": {"value": "`+pin+`", "allowed_domains": ["b.test"]}}}`)
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	request, err := s.bus.Request(t.Context(), 1)
	if err != nil || len(request.Secrets) != 2 {
		t.Fatalf("request %+v, %v", request, err)
	}
	if a, b := value(t, s, keys, request.Secrets[0]), value(t, s, keys, request.Secrets[1]); a != pin || b != "ada" {
		t.Errorf("pin %q, user %q", a, b)
	}
}

func TestAPutWithoutAValueKeepsTheOldOneAndOnlyForItsDomains(t *testing.T) {
	t.Parallel()
	_, keyed := withKeys(t)
	s := start(t, natstest.Bus(t), keyed)
	id := s.task(t, secretBody("log in", `{"pin": {"value": "`+pin+`", "allowed_domains": ["a.test"]}}`))
	path := "/api/tasks/" + id.String()
	before, _, err := s.bus.Task(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := s.send(t, "GET", path, "") // what GET gives can be put back
	if r := s.send(t, "PUT", path, string(got.body)); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	after, _, err := s.bus.Task(t.Context(), id)
	if err != nil || len(after.Secrets) != 1 || after.Secrets[0].Ref != before.Secrets[0].Ref {
		t.Errorf("secrets %+v, before %+v, %v", after.Secrets, before.Secrets, err)
	}
	for _, secrets := range []string{`{"pin": {"allowed_domains": ["evil.test"]}}`, `{"pin": {"allowed_domains": ["a.test"], "totp": true}}`, `{"other": {"allowed_domains": ["a.test"]}}`} {
		if r := s.send(t, "PUT", path, secretBody("log in", secrets)); r.status != 422 || !bytes.Contains(r.body, []byte("expected a value")) {
			t.Errorf("%s: %d %s", secrets, r.status, r.body)
		}
	}
	if r := s.send(t, "PUT", path, `{"prompt": "log in"}`); r.status != 200 || !bytes.Contains(r.body, []byte(`"secrets":null`)) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestARefusedSecretIsNotShownAndMakesNothing(t *testing.T) {
	t.Parallel()
	_, keyed := withKeys(t)
	s := start(t, natstest.Bus(t), keyed)
	for name, secrets := range map[string]string{
		"no value":      `{"pin": {"allowed_domains": ["a.test"]}}`,
		"no domains":    `{"pin": {"value": "` + pin + `"}}`,
		"scheme":        `{"pin": {"value": "` + pin + `", "allowed_domains": ["https://a.test"]}}`,
		"bare star":     `{"pin": {"value": "` + pin + `", "allowed_domains": ["*"]}}`,
		"unknown field": `{"pin": {"value": "a", "allowed_domains": ["a.test"], "` + pin + `": 1}}`,
		"not base32":    `{"pin": {"value": "` + pin + `!", "allowed_domains": ["a.test"], "totp": true}}`,
		"a number":      `{"pin": {"value": 1234, "allowed_domains": ["a.test"]}}`,
		"too long":      `{"pin": {"value": "` + strings.Repeat(pin, 400) + `", "allowed_domains": ["a.test"]}}`,
		"other case":    `{"pin": {"Value": "` + strings.Repeat(pin, 400) + `", "allowed_domains": ["a.test"]}}`,
	} {
		r := s.send(t, "POST", "/api/runs", secretBody("log in", secrets))
		if r.status != 422 || !bytes.Contains(r.body, []byte("body.secrets.pin")) || name != "unknown field" && bytes.Contains(r.body, []byte(pin)) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if newest, err := s.bus.NewestRun(t.Context()); err != nil || newest != 0 {
		t.Errorf("run %d was made, %v", newest, err)
	}
}

func TestARepeatedRequestWithSecretsIsTheSameRunAndItsHashConfirmsNoGuess(t *testing.T) {
	t.Parallel()
	keys, keyed := withKeys(t)
	b := natstest.Bus(t)
	s := start(t, b, keyed)
	body := secretBody("log in", `{"pin": {"value": "`+pin+`", "allowed_domains": ["a.test"]}}`)
	first := s.send(t, "POST", "/api/runs", body, "Idempotency-Key: k")
	if again := s.send(t, "POST", "/api/runs", body, "Idempotency-Key: k"); first.status != 200 || !bytes.Equal(first.body, again.body) {
		t.Errorf("first %s, again %s", first.body, again.body)
	}
	if other := s.send(t, "POST", "/api/runs", strings.Replace(body, pin, "guess", 1), "Idempotency-Key: k"); other.status != 422 {
		t.Errorf("another secret: %d %s", other.status, other.body)
	}
	request, err := b.Request(t.Context(), 1)
	if err != nil || request.BodyHash != keys.Digests([]byte(body))[0] {
		t.Errorf("hash %s, %v", request.BodyHash, err)
	}
	keyless := start(t, b)
	if r := keyless.send(t, "POST", "/api/runs", body); r.status != 422 || !bytes.Contains(r.body, []byte("ERRAND_MASTER_KEY")) {
		t.Errorf("without a key: %d %s", r.status, r.body)
	}
}

func TestCodeInPagesAndSecretsExcludeEachOther(t *testing.T) {
	t.Parallel()
	_, keyed := withKeys(t)
	s := start(t, natstest.Bus(t), keyed)
	const secrets = `{"pin": {"value": "v-12345", "allowed_domains": ["a.test"]}}`
	withSecrets := s.task(t, secretBody("log in", secrets))
	allowing := s.task(t, `{"prompt": "read it", "allow_evaluate": true}`)
	both := `{"prompt": "log in", "wait_for_completion": false, "allow_evaluate": true, "secrets": ` + secrets + `}`
	for _, c := range [][3]string{
		{"POST", "/api/tasks", both},
		{"POST", "/api/runs", both},
		{"PUT", "/api/tasks/" + withSecrets.String(), `{"prompt": "log in", "allow_evaluate": true, "secrets": {"pin": {"allowed_domains": ["a.test"]}}}`},
		{"POST", fmt.Sprintf("/api/tasks/%s/runs", withSecrets), `{"allow_evaluate": true}`},
		{"POST", fmt.Sprintf("/api/tasks/%s/runs", allowing), `{"secrets": ` + secrets + `}`},
	} {
		if r := s.send(t, c[0], c[1], c[2]); r.status != 422 || !bytes.Contains(r.body, []byte("body.allow_evaluate")) {
			t.Errorf("%s %s: %d %s", c[0], c[1], r.status, r.body)
		}
	}
	if task := s.send(t, "GET", "/api/tasks/"+allowing.String(), ""); !bytes.Contains(task.body, []byte(`"allow_evaluate":true`)) {
		t.Errorf("GET gives %s", task.body)
	}
	for override, want := range map[string]bool{`{"wait_for_completion": false}`: true, `{"wait_for_completion": false, "allow_evaluate": null}`: true,
		`{"wait_for_completion": false, "allow_evaluate": false, "secrets": ` + secrets + `}`: false} {
		r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", allowing), override)
		run := into[event.Run](t, r)
		if run.TaskRunID == nil {
			t.Fatalf("%s: %d %s", override, r.status, r.body)
		}
		if request, err := s.bus.Request(t.Context(), *run.TaskRunID); err != nil || request.AllowEvaluate != want {
			t.Errorf("%s: allow_evaluate is %v, %v", override, request.AllowEvaluate, err)
		}
	}
}
