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

	noSystem bool // takes no system role
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
	if !errors.As(err, &e) || e.Code != CodeInvalid && e.Code != CodeModelNotFound && !refusesForm(q, e) {
		return f, false
	}
	if !f.blind && refusesImages(q, e) {
		f.blind = true
		return f, true
	}
	if !f.noSystem && refusesSystem(q, e) {
		f.noSystem = true
		return f, true
	}
	if e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity && !refusesForm(q, e) {
		return f, false
	}
	if q.rung != free && f.rung+1 < len(c.spec.Ladder) && (aboutFormat.MatchString(e.grounds) || broken(e)) {
		f.rung++
		return f, true
	}
	return f, false
}

// aboutSystem is how servers and the templates of models say that they know no system role.
var aboutSystem = regexp.MustCompile(`(?i)system.{0,20}(role|message|prompt|instruction).{0,60}(not|n't|un)|(role|roles)\b.{0,40}system|developer instruction is not enabled|roles must alternate|only user and assistant`)

// refusesSystem reports whether a refusal is about the system role.
func refusesSystem(q question, e *Error) bool {
	return q.System != "" && aboutSystem.MatchString(e.grounds) &&
		(e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity || broken(e))
}

// broken reports whether a server failed at the question itself, as those do that cannot build a grammar of a schema or
// fill a model's template; one that is overloaded or restarts has other statuses.
func broken(e *Error) bool {
	return e.Status == http.StatusInternalServerError || e.Status == http.StatusNotImplemented
}

// aboutGrammar is how servers say that they cannot do what a way of asking needs.
var aboutGrammar = regexp.MustCompile(`(?i)schema|response_?format|grammar|structured output|guided|json[ _](mode|object)|tool_choice|tools param|--jinja`)

// refusesForm reports whether a server's failure names the way of asking: repeating it is of no use.
func refusesForm(q question, e *Error) bool {
	return e.Status >= 500 && (q.rung != free && q.rung != plainText && aboutGrammar.MatchString(e.grounds) || refusesSystem(q, e))
}

// withoutForm returns the next way that sends something else than this one to a server that failed without a word, as
// often as it was asked: the two ways with a schema fail alike. It is false if there is none.
func (c *client) withoutForm(f fit, q question, err error) (fit, bool) {
	var e *Error
	if !errors.As(err, &e) || !broken(e) || q.rung == free || q.rung == plainText {
		return f, false
	}
	for f.rung++; f.rung < len(c.spec.Ladder); f.rung++ {
		if c.spec.Ladder[f.rung] != jsonLoose {
			return f, true
		}
	}
	return f, false
}
