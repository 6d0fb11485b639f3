package model

import (
	"errors"
	"net/http"
	"regexp"
)

// rung is a way of asking for JSON. A provider's ladder (providers.json) lists those it has, strictest first.
type rung string

const (
	free       rung = ""                  // no JSON asked for
	jsonSchema rung = "json_schema"       // the provider enforces the schema
	jsonLoose  rung = "json_schema_loose" // the provider shows the schema to the model
	forcedTool rung = "tool"              // a tool whose parameters are the schema, which the model must call
	jsonObject rung = "json_object"       // the provider enforces JSON, the schema stands in the prompt
	plainText  rung = "text"              // the schema stands in the prompt
)

// inPrompt asks in words; the providers' JSON modes insist on the word JSON in the prompt.
const inPrompt = "Answer with one JSON object and nothing else: no prose, no code fence. It must match this JSON schema:"

// fit is what a model is known to accept.
type fit struct {
	rung  int  // index into the ladder
	blind bool // takes no images
}

// after is how to ask once that many answers to the same question were unusable: the first has its error shown to the
// model, each further one leads a rung down.
func (f fit) after(unusable, rungs int) fit {
	f.rung = min(f.rung+max(unusable-1, 0), rungs-1)
	return f
}

var aboutFormat = regexp.MustCompile(`(?i)schema|response_?(format|mime)|output_(config|format)|json[ _](mode|object)|structured output|tool|function|strict|grammar|thinking`)

// stepDown says how to ask next when a refusal is about the way of asking. It is false for every other error, and at
// the end of the ladder.
func (c *client) stepDown(f fit, q question, err error) (fit, bool) {
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeInvalid && e.Code != CodeModelNotFound {
		return f, false
	}
	if !f.blind && refusesImages(q, e) {
		f.blind = true
		return f, true
	}
	if e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
		return f, false
	}
	if q.rung != free && f.rung+1 < len(c.spec.Ladder) && aboutFormat.MatchString(e.grounds) {
		f.rung++
		return f, true
	}
	return f, false
}
