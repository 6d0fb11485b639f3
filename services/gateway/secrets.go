package gateway

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/totp"
)

// secretInput is one of the secrets that a body gives, by name.
type secretInput struct {
	_              struct{} `additionalProperties:"false"`
	Value          *string  `json:"value,omitempty" nullable:"true" minLength:"1" maxLength:"4096" doc:"Never returned. A PUT may leave it out: the task then keeps the value that it has"`
	AllowedDomains []string `json:"allowed_domains" nullable:"false" minItems:"1" maxItems:"50" doc:"The hosts that it may be typed on, as in example.com, *.example.com or example.com:8443"`
	TOTP           bool     `json:"totp,omitempty" doc:"Whether the value is the key of an authenticator app (base32, or an otpauth:// address), whose current code is typed"`
}

// secretView is a secret as callers see it.
type secretView struct {
	AllowedDomains []string `json:"allowed_domains" nullable:"false"`
	TOTP           bool     `json:"totp"`
}

var secretName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// maxSecretValue is the length of a value, in bytes.
const maxSecretValue = 4096

// checkSecrets reports what is wrong with secrets, and never shows a value.
func checkSecrets(secrets map[string]secretInput, wrong func(field, message string)) {
	for name, s := range secrets {
		field := "secrets." + name
		if !secretName.MatchString(name) {
			wrong(field, "expected a name of 1 to 64 characters of a-z, 0-9 and _")
		}
		if len(s.AllowedDomains) == 0 {
			wrong(field+".allowed_domains", "expected at least one domain: a secret is typed nowhere else")
		}
		if _, err := netguard.ParseDomains(s.AllowedDomains); err != nil {
			wrong(field+".allowed_domains", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		if s.Value == nil {
			continue
		}
		if n := len(*s.Value); n < 1 || n > maxSecretValue {
			wrong(field+".value", fmt.Sprintf("expected 1 to %d bytes", maxSecretValue))
		} else if _, err := totp.Parse(*s.Value); s.TOTP && err != nil {
			wrong(field+".value", err.Error())
		}
	}
}

// checkEvaluate refuses code in pages to a task that has secrets or is given some: it could read what was typed.
func checkEvaluate(t event.Task, given map[string]secretInput) error {
	if t.AllowEvaluate && len(t.Secrets)+len(given) > 0 {
		return invalid("allow_evaluate", "expected no secrets together with it: code in a page could read them; leave out the secrets, or set it to false")
	}
	return nil
}

// seal stores the values of secrets, sealed, and gives what refers to them. Those that come without a value are given
// back as they are, without a reference. The same value in a repeated request is stored once.
func (a *api) seal(ctx context.Context, k key, secrets map[string]secretInput) (sealed, valueless []event.Secret, err error) {
	if len(secrets) > 0 && !a.keys.Usable() {
		return nil, nil, invalid("secrets", "this server cannot keep secrets: set ERRAND_MASTER_KEY at the gateway and at the executors "+
			"to 32 random bytes in base64, as openssl rand -base64 32 makes them")
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		given := secrets[name]
		s := event.Secret{Name: name, AllowedDomains: given.AllowedDomains, TOTP: given.TOTP}
		if given.Value == nil {
			valueless = append(valueless, s)
			continue
		}
		value := []byte(*given.Value)
		s.Ref = a.keys.Digests(slices.Concat([]byte(k.token()), s.Identity(), value))[0]
		record, err := a.keys.Seal(value, s.Identity())
		if err != nil {
			return nil, nil, fmt.Errorf("seal secret %s: %w", name, err)
		}
		if err := a.bus.PutSecret(ctx, s.Ref, record); err != nil {
			return nil, nil, problem(err, "secret "+name)
		}
		sealed = append(sealed, s)
	}
	return sealed, valueless, nil
}

// sealAll is seal where each secret needs a value.
func (a *api) sealAll(ctx context.Context, k key, secrets map[string]secretInput) ([]event.Secret, error) {
	sealed, valueless, err := a.seal(ctx, k, secrets)
	if err == nil && len(valueless) > 0 {
		err = invalid("secrets."+valueless[0].Name+".value", "expected a value")
	}
	return sealed, err
}

// keepValues finds the values of secrets that come without one among those that the task has. A secret that keeps
// its value keeps its domains: to type it elsewhere takes somebody who knows it.
func keepValues(valueless, own []event.Secret) ([]event.Secret, error) {
	var kept []event.Secret
	for _, s := range valueless {
		i := slices.IndexFunc(own, func(o event.Secret) bool { return o.Name == s.Name })
		if i < 0 {
			return nil, invalid("secrets."+s.Name+".value", "expected a value: the task has no secret of this name")
		}
		if o := own[i]; !slices.Equal(o.AllowedDomains, s.AllowedDomains) || o.TOTP != s.TOTP {
			return nil, invalid("secrets."+s.Name+".value", "expected a value: allowed_domains and totp of a secret can be changed only together with its value")
		}
		kept = append(kept, own[i])
	}
	return kept, nil
}

func viewSecrets(secrets []event.Secret) map[string]secretView {
	if len(secrets) == 0 {
		return nil
	}
	views := map[string]secretView{}
	for _, s := range secrets {
		views[s.Name] = secretView{s.AllowedDomains, s.TOTP}
	}
	return views
}

// invalid is a 422 about one field of the body.
func invalid(field, message string) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body." + field, Message: message})
}
