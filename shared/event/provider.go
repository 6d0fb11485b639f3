package event

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
)

// models.json is the one table of the providers that a task can name, in the order of the seed API, each with the model
// of a run that names none. Another provider is another row here, and one in the executor's providers.json.
//
//go:embed models.json
var models []byte

var providers = sync.OnceValue(func() (table []Choice) {
	if err := json.Unmarshal(models, &table); err != nil {
		panic("event: models.json: " + err.Error())
	}
	return table
})

// Providers lists the model providers that a task can name.
func Providers() (names []string) {
	for _, row := range providers() {
		names = append(names, row.Provider)
	}
	return names
}

// KnownProvider reports whether a task can name the provider.
func KnownProvider(name string) bool { return slices.Contains(Providers(), name) }

// DefaultModel is the model of a run that names none; empty for an unknown provider.
func DefaultModel(provider string) string {
	for _, row := range providers() {
		if row.Provider == provider {
			return row.Model
		}
	}
	return ""
}
