package model

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Provider names one of the seven.
type Provider string

// The providers, as tasks and runs name them.
const (
	OpenAI    Provider = "openai"
	DeepSeek  Provider = "deepseek"
	Anthropic Provider = "anthropic"
	Google    Provider = "google"
	Groq      Provider = "groq"
	Mistral   Provider = "mistral"
	Together  Provider = "together"
)

// Providers lists all providers, in the order of the API document.
func Providers() []Provider {
	var all []Provider
	for _, s := range specs() {
		all = append(all, s.Provider)
	}
	return all
}

// spec is one row of providers.json: all that is known about a provider before it is asked.
type spec struct {
	Provider        Provider `json:"provider"`
	Protocol        string   `json:"protocol"`
	KeyVariables    []string `json:"key_variables"` // the first that is set counts; messages name the first
	BaseURLVariable string   `json:"base_url_variable"`
	BaseURL         string   `json:"base_url"`
	Ladder          []rung   `json:"ladder"`
	Dialect         dialect  `json:"dialect"`
	// OutputLimitField is the name OpenAI's protocol has for Request.MaxOutputTokens at this provider.
	OutputLimitField string `json:"output_limit_field"`
	// ToolFields are set in the body of a request that forces a tool.
	ToolFields map[string]any `json:"tool_fields"`
}

//go:embed providers.json
var providersJSON []byte

// specs is the embedded table, read once.
var specs = sync.OnceValue(func() []spec {
	var table []spec
	if err := json.Unmarshal(providersJSON, &table); err != nil {
		panic(fmt.Sprintf("read embedded providers.json: %v", err))
	}
	return table
})

func specOf(p Provider) (spec, bool) {
	i := slices.IndexFunc(specs(), func(s spec) bool { return s.Provider == p })
	if i < 0 {
		return spec{}, false
	}
	return specs()[i], true
}
