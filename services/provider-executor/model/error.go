package model

import (
	"fmt"
	"strings"
	"time"
)

// The codes of an Error. They are part of the API: runs fail with them.
const (
	CodeNotConfigured = "provider_not_configured" // no key
	CodeAuth          = "provider_auth"           // the key was refused or its account has no credit
	CodeModelNotFound = "model_not_found"
	CodeRateLimited   = "rate_limited"
	CodeUnavailable   = "provider_unavailable" // 5xx, or no connection
	CodeTimeout       = "model_timeout"        // no answer within Request.Timeout, twice
	CodeInvalid       = "invalid_request"
	CodeInvalidOutput = "invalid_output" // empty, truncated, refused by the model, too large, no JSON, not what Request.Check takes
)

// Error is a call that gave no usable answer. It never holds an API key.
type Error struct {
	Provider   Provider
	Code       string
	Status     int           // the HTTP status, 0 where there was none
	Message    string        // sentences for the user: what happened, what the provider said, what to do
	RetryAfter time.Duration // how long the provider asks to wait, 0 when it did not say
	Err        error         // what it comes from, such as the error of Request.Check; may be nil
	Final      bool          // of invalid_output: every way of asking was tried
	Passing    bool          // the provider is there but does not serve the call now: later the same call may work

	repeat  bool   // whether the same call may work a little later
	hung    bool   // the call met its deadline
	grounds string // of a refusal: what tells whether another way of asking may work
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }
func (e *Error) Unwrap() error { return e.Err }

// NotConfiguredError says that a provider has no key. It unwraps to an *Error of code provider_not_configured.
type NotConfiguredError struct {
	Provider Provider
	Variable string // the environment variable to set; empty for a provider that does not exist
	remedy   string
}

func newNotConfigured(p Provider) *NotConfiguredError {
	s, ok := specOf(p)
	if !ok {
		return &NotConfiguredError{Provider: p, remedy: fmt.Sprintf("there is no provider %q", p)}
	}
	return &NotConfiguredError{Provider: p, Variable: s.KeyVariables[0], remedy: fmt.Sprintf(
		"%s has no API key: set %s and restart (a server of your own behind %s that checks no key takes any value)",
		p, strings.Join(s.KeyVariables, " or "), s.BaseURLVariable)}
}

func (e *NotConfiguredError) Error() string { return e.remedy }
func (e *NotConfiguredError) Unwrap() error {
	return &Error{Provider: e.Provider, Code: CodeNotConfigured, Message: e.remedy}
}

// explain turns whatever a call ended with into an *Error in words.
func (c *client) explain(err error, r Request) *Error {
	e := c.classify(err, r)
	e.Provider = c.spec.Provider
	e.Message, e.grounds = c.scrub(e.Message), c.scrub(e.grounds)
	return e
}

// scrub removes the key, should a server have repeated it. What is shorter than any real key stays: it stands in for a
// key before a server that checks none, and may be a common word.
func (c *client) scrub(s string) string {
	if len(c.access.Key) < 8 {
		return s
	}
	return strings.ReplaceAll(s, string(c.access.Key), "[redacted]")
}
