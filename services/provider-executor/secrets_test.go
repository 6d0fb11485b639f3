package executor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/vault"
)

const canary = "Canary-7f3a&9\"x"

// sealed stores a secret as a gateway with the key would, and gives what refers to it.
func (r *rig) sealed(key string) event.Secret {
	r.Helper()
	keys, err := vault.Parse(key)
	if err != nil {
		r.Fatal(err)
	}
	s := event.Secret{Name: "pin", Ref: "ref", AllowedDomains: []string{"127.0.0.1"}}
	record, err := keys.Seal([]byte(canary), s.Identity())
	if err != nil {
		r.Fatal(err)
	}
	if err := r.bus.PutSecret(r.Context(), s.Ref, record); err != nil {
		r.Fatal(err)
	}
	r.cfg.Keys = keys
	return s
}

func TestARunWhoseSecretsCannotBeOpenedFailsAndSaysWhatToSet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rig, *event.Secret)
		says   string
	}{
		"no key":        {func(r *rig, _ *event.Secret) { r.cfg.Keys = vault.Keys{} }, "ERRAND_MASTER_KEY"},
		"other domains": {func(_ *rig, s *event.Secret) { s.AllowedDomains = []string{"evil.test"} }, "belongs elsewhere"},
		"no record":     {func(_ *rig, s *event.Secret) { s.Ref = "other" }, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, answer("never"))
			s := r.sealed(vault.NewKey())
			c.change(r, &s)
			r.serve()
			run := r.run(r.dispatch(event.Request{Prompt: "log in", Means: event.Means{Secrets: []event.Secret{s}}}))
			wantCode(t, run, "secrets_unavailable")
			if !strings.Contains(run.Error.Message, c.says) || len(r.sim.Calls()) > 0 {
				t.Errorf("message %q after %d calls", run.Error.Message, len(r.sim.Calls()))
			}
		})
	}
}

func TestAModelThatKnowsASecretAnywayGetsItIntoNoResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c modelsim.Call) modelsim.Reply {
		for _, m := range c.Messages {
			if strings.Contains(m.Text, "Canary-7f3a") {
				return modelsim.Reply{Status: 400, Text: "the model was told"}
			}
		}
		return modelsim.Decide("tell "+canary, modelsim.Done("", map[string]any{"pin": canary, "code": "Q2FuYXJ5LTdmM2EmOSJ4"}, true))
	})
	s := r.sealed(vault.NewKey())
	r.serve()
	k := r.dispatch(event.Request{Prompt: "the pin is " + canary, ResponseFormat: "json", Means: event.Means{Secrets: []event.Secret{s}}})
	run := r.run(k)
	var result map[string]string
	if err := json.Unmarshal(run.Result, &result); err != nil || result["pin"] != "<secret:pin>" || result["code"] != "<secret:pin>" {
		t.Errorf("result %s, error %+v, %v", run.Result, run.Error, err)
	}
	history, err := json.Marshal(run.History)
	if err != nil || strings.Contains(string(history), "Canary") || !strings.Contains(string(history), "tell \\u003csecret:pin\\u003e") {
		t.Errorf("history %s, %v", history, err)
	}
	if asked := r.sim.Calls()[0].Messages[0].Text; !strings.Contains(asked, "<secret:pin> on 127.0.0.1") || !strings.Contains(asked, "the pin is <secret:pin>") {
		t.Errorf("the model was asked %s", asked)
	}
}
