package event

import (
	_ "embed"
	"encoding/json"
	"slices"
)

// Providers lists the model providers a task can name, in the order of the seed API.
func Providers() []string {
	return []string{"openai", "deepseek", "anthropic", "google", "groq", "mistral", "together"}
}

// KnownProvider reports whether a task can name the provider.
func KnownProvider(name string) bool { return slices.Contains(Providers(), name) }

//go:embed models.json
var defaultModels []byte

// DefaultModel is the model of a run that names none, from the table models.json; empty for an unknown provider.
func DefaultModel(provider string) string {
	var table map[string]string
	if err := json.Unmarshal(defaultModels, &table); err != nil {
		panic("event: models.json: " + err.Error())
	}
	return table[provider]
}
