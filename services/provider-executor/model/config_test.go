package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/modelsim"
	"github.com/errand-run/errand/shared/event"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestTheSevenProvidersComeInTheOrderOfTheDocument(t *testing.T) {
	want := []model.Provider{"openai", "deepseek", "anthropic", "google", "groq", "mistral", "together"}
	if got := model.Providers(); !slices.Equal(got, want) {
		t.Errorf("Providers = %v", got)
	}
	for _, p := range want {
		if event.DefaultModel(string(p)) == "" {
			t.Errorf("%s has no default model", p)
		}
	}
}

func TestLoadConfigReadsKeysAndAddresses(t *testing.T) {
	cfg, err := model.LoadConfig(environment("OPENAI_API_KEY= k1\n", "OPENAI_BASE_URL=http://127.0.0.1:11434/v1", "GEMINI_API_KEY=k2"))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Access[model.OpenAI]; got.Key != "k1" || got.BaseURL != "http://127.0.0.1:11434/v1" {
		t.Errorf("openai: key %q at %s", string(got.Key), got.BaseURL)
	}
	if cfg.Access[model.Google].Key != "k2" {
		t.Error("GEMINI_API_KEY does not count as google's key")
	}
	both, err := model.LoadConfig(environment("GOOGLE_API_KEY=first", "GEMINI_API_KEY=second"))
	if err != nil || both.Access[model.Google].Key != "first" {
		t.Errorf("with both set: %q, %v", string(both.Access[model.Google].Key), err)
	}
}

func TestLoadConfigReportsAllMistakesAndRepeatsNoPassword(t *testing.T) {
	_, err := model.LoadConfig(environment("OPENAI_BASE_URL=localhost:8080", "GROQ_BASE_URL=https://me:hunter2@host/v1",
		"MISTRAL_BASE_URL=http://host/v1?x=1", "GOOGLE_BASE_URL=http://%zz", "TOGETHER_BASE_URL=https://fine.test/v1"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, variable := range []string{"OPENAI_BASE_URL", "GROQ_BASE_URL", "MISTRAL_BASE_URL", "GOOGLE_BASE_URL"} {
		if !strings.Contains(err.Error(), variable) {
			t.Errorf("%s is not named: %v", variable, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "TOGETHER") {
		t.Errorf("error is %v", err)
	}
}

func TestAProviderWithoutAKeyNamesTheVariableToSet(t *testing.T) {
	models := model.New(model.Config{})
	for _, p := range model.Providers() {
		_, err := models.Client(p)
		var missing *model.NotConfiguredError
		var coded *model.Error
		if !errors.As(err, &missing) || !errors.As(err, &coded) || coded.Code != model.CodeNotConfigured {
			t.Fatalf("%s: error is %v", p, err)
		}
		if missing.Variable != variables[p] || !strings.Contains(err.Error(), variables[p]) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := models.Client("nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a provider that does not exist: %v", err)
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	cfg := model.Config{Access: map[model.Provider]model.Access{model.Groq: {Key: key}}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", cfg, "key", cfg.Access[model.Groq].Key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "config", cfg, "key", cfg.Access[model.Groq].Key)
	marshalled, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %s", cfg, cfg, cfg, cfg, cfg, marshalled) + log.String()
	if strings.Contains(printed, key) {
		t.Errorf("the key is printed: %s", printed)
	}
}

// The SDKs read a dozen variables of their own when they are asked to: what belongs to one provider must not be sent to
// another.
func TestTheEnvironmentOfTheSDKsDoesNotLeakIntoCalls(t *testing.T) {
	const canary = "canary-from-the-environment"
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "ANTHROPIC_API_KEY",
		"ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"} {
		t.Setenv(name, canary)
	}
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Canary: "+canary)
	t.Setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Canary: "+canary)
	t.Setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
	t.Setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
	t.Setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1")
	for _, p := range model.Providers() {
		sim := modelsim.New(oracle)
		var leaked string
		c := client(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if sent := fmt.Sprint(r.Header, r.URL); strings.Contains(sent, canary) {
				leaked = sent
			}
			sim.ServeHTTP(w, r)
		}))
		if _, err := decide(c); err != nil || leaked != "" {
			t.Errorf("%s: %v, sent: %s", p, err, leaked)
		}
	}
}

func TestTheTimeOfACallIsASetting(t *testing.T) {
	for v, want := range map[string]time.Duration{"": 0, "90": 90 * time.Second, "5m": 5 * time.Minute} {
		if cfg, err := model.LoadConfig(environment("ERRAND_MODEL_TIMEOUT=" + v)); err != nil || cfg.CallTimeout != want {
			t.Errorf("%q: %s, %v", v, cfg.CallTimeout, err)
		}
	}
	for _, v := range []string{"0", "-1", "soon", "2h", "0.5s"} {
		if _, err := model.LoadConfig(environment("ERRAND_MODEL_TIMEOUT=" + v)); err == nil || !strings.Contains(err.Error(), "ERRAND_MODEL_TIMEOUT") {
			t.Errorf("%q: %v", v, err)
		}
	}
}
