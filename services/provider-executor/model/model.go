// Package model asks a language model for one decision at a time.
//
// Seven providers stand behind one interface. Whatever differs between them is either data (providers.json: addresses,
// variables, ways of asking for JSON) or one adapter per wire protocol (openai.go, anthropic.go,
// google.go, each through the provider's official SDK). What must be the same for all of them is written once, in
// client.go: deadlines, repeats, the step from a refused way of asking to the next, and the reading of answers.
package model

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// A Client asks one provider. It is safe for concurrent use.
type Client interface {
	// Decide sends one request and returns the model's answer. It repeats what is worth repeating (429, 5xx, broken
	// connections) and gives up with an *Error, or with ctx's error when ctx ends first. With an *Error of code
	// invalid_output the Response still holds what the answer cost and what could be read of it; unless the Error is
	// Final, the caller shows the model what was wrong and asks again with Unusable one higher. A provider that gave no
	// answer to several calls in a row is left alone for a while: then the error wraps ErrResting.
	Decide(ctx context.Context, r Request) (Response, error)
}

// Request is one question to a model.
type Request struct {
	Model    string // empty: the provider's default, event.DefaultModel
	System   string
	Messages []Message // user and assistant take turns; the last is the user's
	Schema   Schema    // what the answer must look like; zero: free text
	// MaxOutputTokens bounds the answer, reasoning included. Zero leaves it to the provider (anthropic, which must be
	// told: 16,384).
	MaxOutputTokens int
	// Timeout bounds one call of the provider; zero means Config.CallTimeout.
	Timeout time.Duration

	// Check says why an answer of the right form cannot be used; nil: any can. It is not asked about free text.
	Check func(answer string) error
	// Unusable is how many answers to this very question ended as invalid_output. From the second on, each leads to the
	// provider's next way of asking for JSON; a way that then gives a usable answer is remembered for the model.
	Unusable int
}

// Message is one turn of the conversation.
type Message struct {
	Role Role
	Text string
	// JPEG is an image shown with the text, user messages only. A model that turns out to see no images is told in
	// words that there was one.
	JPEG []byte
}

// Role says whose turn a message is.
type Role string

// The two roles; the system prompt has its own field.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Schema is a JSON schema in the plain dialect: type, properties, items, enum, anyOf, description; a value that may be
// missing has type [T, "null"]. Every property counts as required unless `required` says otherwise. Adapters rewrite it
// to what their provider takes.
type Schema struct {
	Name string // letters, digits, _ and -; also the name of the tool where a tool is the way to ask
	JSON json.RawMessage
}

// Response is one answer.
type Response struct {
	Text         string // the JSON text where a schema was given, else plain text
	Model        string // the model that answered, as the provider names it
	Usage        Usage
	FinishReason string // the provider's own word
}

// Usage counts tokens. InputTokens includes those read from and written to the provider's cache; OutputTokens includes
// reasoning. Only anthropic and openai tell, and charge for, what was written. Where a server counts nothing the numbers
// are estimates.
type Usage struct {
	InputTokens, CachedInputTokens, CacheWriteTokens, OutputTokens int64
}

// Models gives a client per provider.
type Models struct {
	clients map[Provider]*client
}

// New prepares a client for every provider that has a key. Nothing is sent before the first Decide.
func New(cfg Config) *Models {
	httpClient := &http.Client{Transport: newTransport()}
	m := &Models{clients: map[Provider]*client{}}
	for _, s := range specs() {
		if access := cfg.access(s); access.Key != "" {
			m.clients[s.Provider] = newClient(s, access, cfg.callTimeout(), httpClient)
		}
	}
	return m
}

// Client returns the provider's client, always the same one: it remembers what the provider's models accept. The error
// is a *NotConfiguredError when the provider has no key; a provider that does not exist has none either.
func (m *Models) Client(p Provider) (Client, error) {
	if c, ok := m.clients[p]; ok {
		return c, nil
	}
	return nil, newNotConfigured(p)
}
