package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
)

const canary = "Canary-7f3a&9\"x ü"

func set(t *testing.T, secrets ...Secret) *Set {
	t.Helper()
	s := NewSet(func() time.Time { return time.Unix(59, 0) })
	for _, one := range secrets {
		if len(one.Domains) == 0 {
			one.Domains = []string{"shop.test"}
		}
		if err := s.Add(one); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestAValueIsMaskedHoweverItIsWritten(t *testing.T) {
	s := set(t, Secret{Name: "pin", Value: canary})
	for how, text := range map[string]string{
		"clear":         canary,
		"query":         url.QueryEscape(canary),
		"path":          url.PathEscape(canary),
		"component":     strings.ReplaceAll(url.QueryEscape(canary), "+", "%20"),
		"lower hex":     "Canary-7f3a%269%22x+%c3%bc",
		"HTML":          html.EscapeString(canary),
		"HTML entities": "Canary-7f3a&amp;9&quot;x ü",
		"JSON":          `Canary-7f3a\u00269\"x ü`,
		"quoted":        `Canary-7f3a&9\"x ü`,
		"upper case":    strings.ToUpper(canary),
		"base64":        base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64 URL":    base64.RawURLEncoding.EncodeToString([]byte(canary)),
		"basic auth":    base64.StdEncoding.EncodeToString([]byte("ada:" + canary)),
		"base64 inside": base64.StdEncoding.EncodeToString([]byte("a=1&pin=" + canary + "&b=2")),
		"hex":           hex.EncodeToString([]byte(canary)),
		"cut":           canary[:18] + "…",
	} {
		got := s.Mask("before " + text + " after")
		if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, "<secret:pin>") || strings.Contains(got, "7f3a") || strings.Contains(got, "7F3A") {
			t.Errorf("%s: %q became %q", how, text, got)
		}
	}
}

func TestWhatIsNotAValueStays(t *testing.T) {
	s := set(t, Secret{Name: "pin", Value: canary}, Secret{Name: "word", Value: "secret"}, Secret{Name: "digit", Value: "7"})
	for _, text := range []string{"", "Canary", "[7]textbox Pin", "<secret:pin> and <secret:other>", "a < b"} {
		if got := s.Mask(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := s.Mask("my secret is <secret:pin>"); got != "my <secret:word> is <secret:pin>" {
		t.Error(got)
	}
	if got := (*Set)(nil).Mask(canary); got != canary {
		t.Error(got)
	}
}

func TestOfTwoValuesTheLongerIsMasked(t *testing.T) {
	s := set(t, Secret{Name: "short", Value: "hunter"}, Secret{Name: "long", Value: "hunter2hunter"})
	if got := s.Mask("hunter2hunter hunter"); got != "<secret:long> <secret:short>" {
		t.Error(got)
	}
}

func TestJSONIsMaskedByItsValues(t *testing.T) {
	s := set(t, Secret{Name: "pin", Value: canary}, Secret{Name: "code", Value: "123456"})
	got := s.MaskJSON([]byte(`{"a": ["x Canary-7f3a\u00269\u0022x \u00fc", 123456, 1234567, true, null], "n": 1.50}`))
	if string(got) != `{"a":["x <secret:pin>","<secret:code>","<secret:code>7",true,null],"n":1.50}` {
		t.Errorf("%s", got)
	}
	if got := string(s.MaskJSON([]byte(`{"n": 123456} and 123456`))); got != `{"n": <secret:code>} and <secret:code>` {
		t.Errorf("what is no JSON became %s", got)
	}
	if same := `{"b": 1, "a": 2}`; string(s.MaskJSON([]byte(same))) != same {
		t.Error("what holds no value was written anew")
	}
}

func TestASecretIsFilledInWhereAllOriginsMayHaveIt(t *testing.T) {
	s := set(t, Secret{Name: "pin", Value: canary, Domains: []string{"shop.test", "*.pay.test", "local.test:8443"}})
	for _, c := range []struct {
		origins []string
		allowed bool
	}{
		{[]string{"https://shop.test"}, true}, {[]string{"http://shop.test:8080"}, true}, {[]string{"https://a.pay.test", "https://shop.test"}, true},
		{[]string{"https://local.test:8443"}, true}, {[]string{"https://local.test"}, false},
		{[]string{"https://evil.test"}, false}, {[]string{"https://shop.test", "https://evil.test"}, false}, {[]string{"https://evil.test", "https://shop.test"}, false},
		{[]string{"https://shop.test.evil.test"}, false}, {[]string{"https://shop.test@evil.test"}, false}, {[]string{"https://pay.test"}, false},
		{[]string{"null"}, false}, {[]string{""}, false}, {nil, false}, {[]string{"file://shop.test"}, false}, {[]string{"chrome-extension://shop.test"}, false},
	} {
		got, err := s.Fill("a<secret:pin>b", c.origins)
		if c.allowed && (err != nil || got != "a"+canary+"b") || !c.allowed && (err == nil || got != "" || strings.Contains(err.Error(), "Canary")) {
			t.Errorf("%q: %q, %v", c.origins, got, err)
		}
	}
	if _, err := s.Fill("<secret:nip>", []string{"https://shop.test"}); err == nil || !strings.Contains(err.Error(), "<secret:nip>") {
		t.Errorf("a secret that does not exist: %v", err)
	}
}

func TestACodeIsTypedForATOTPSecretAndMaskedFromThenOn(t *testing.T) {
	const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	s := set(t, Secret{Name: "code", Value: "otpauth://totp/x?secret=" + key, TOTP: true})
	got, err := s.Fill("<secret:code>", []string{"https://shop.test"})
	if err != nil || got != "287082" {
		t.Fatalf("%q, %v; want 287082", got, err)
	}
	if masked := s.Mask("your code 287082 of " + key); masked != "your code <secret:code> of <secret:code>" {
		t.Error(masked)
	}
}

func TestASecretWithoutDomainsIsRefused(t *testing.T) {
	s := NewSet(time.Now)
	for _, domains := range [][]string{nil, {""}, {"*"}} {
		if err := s.Add(Secret{Name: "pin", Value: canary, Domains: domains}); err == nil || strings.Contains(err.Error(), "Canary") {
			t.Errorf("%q: %v", domains, err)
		}
	}
	if err := s.Add(Secret{Name: "pin", Value: "Canary!", Domains: []string{"a.test"}, TOTP: true}); err == nil || strings.Contains(err.Error(), "Canary") {
		t.Errorf("TOTP: %v", err)
	}
}

func TestNoLogLineShowsAValue(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(time.Now)
	log := slog.New(s.Handler(slog.NewJSONHandler(&out, nil))).With("before", "x")
	if err := s.Add(Secret{Name: "pin", Value: canary, Domains: []string{"a.test"}}); err != nil {
		t.Fatal(err)
	}
	log.WithGroup("g").With("with", canary).Info("typed "+canary, "text", canary, "error", errors.New("refused "+canary),
		slog.Group("in", "deep", canary), "any", struct{ V string }{canary}, "n", 7)
	if line := out.String(); strings.Contains(line, "Canary") || strings.Count(line, "secret:pin") != 6 || !strings.Contains(line, `"n":7`) {
		t.Error(line)
	}
}

func FuzzMaskingTwiceIsMaskingOnce(f *testing.F) {
	s := NewSet(time.Now)
	if err := s.Add(Secret{Name: "pin", Value: "secret", Domains: []string{"a.test"}}); err != nil {
		f.Fatal(err)
	}
	f.Add("a secret <secret:pin> <secret:")
	f.Fuzz(func(t *testing.T, text string) {
		once := s.Mask(text)
		if twice := s.Mask(once); twice != once {
			t.Errorf("%q became %q, and that %q", text, once, twice)
		}
	})
}
