package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// question is a request as one rung of the ladder asks it: the schema is in the provider's dialect, or in the prompt.
type question struct {
	Request
	rung    rung
	timeout time.Duration
}

// sender speaks one wire protocol through its SDK: one request, one answer, no repeats. It returns the SDK's errors as
// they are, and an *Error where the model itself declined.
type sender func(ctx context.Context, q question) (Response, error)

var errHung = errors.New("no answer in time")

// client is what all providers have in common.
type client struct {
	spec    spec
	access  Access
	timeout time.Duration
	retry   policy
	send    sender
	learnt  learnt
}

func newClient(s spec, access Access, timeout time.Duration, httpClient *http.Client) *client {
	c := &client{spec: s, access: access, timeout: timeout, retry: standard}
	switch s.Protocol {
	case "anthropic":
		c.send = newAnthropic(access, httpClient)
	case "google":
		c.send = newGoogle(access, httpClient)
	default:
		c.send = newOpenAI(s, access, httpClient)
	}
	return c
}

// Decide asks in the strictest way that the model is known to take. A 400 that names that way leads to the next one;
// the way that got an answer is remembered.
func (c *client) Decide(ctx context.Context, r Request) (Response, error) {
	if r.Model == "" {
		r.Model = event.DefaultModel(string(c.spec.Provider))
	}
	fit := c.learnt.of(r.Model)
	for {
		q, err := c.fitted(r, fit)
		if err != nil {
			return Response{}, c.explain(err, r)
		}
		resp, err := c.ask(ctx, q)
		worse, ok := c.stepDown(fit, q, err)
		if !ok {
			if err == nil {
				c.learnt.keep(r.Model, fit)
			}
			return resp, err
		}
		fit = worse
	}
}

// ask sends one question, again where the policy says so, and reads its answer.
func (c *client) ask(ctx context.Context, q question) (Response, error) {
	var resp Response
	err := c.retry.do(ctx, func() *Error {
		attempt, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		var err error
		if resp, err = c.send(attempt, q); err == nil {
			err = c.read(&resp, q)
		} else if attempt.Err() != nil {
			err = errHung
		}
		if salvaged := salvage(err, q); salvaged != "" {
			resp, err = Response{Text: salvaged, Model: q.Model, FinishReason: "stop"}, nil
		}
		if err != nil {
			return c.explain(err, q.Request)
		}
		return nil
	})
	return resp, err
}

// cutShort are the providers' words for an answer that hit a limit.
var cutShort = []string{"length", "model_length", "max_tokens", "model_context_window_exceeded", "MAX_TOKENS", "CONTINUATION"}

// read makes sure of an answer: it is whole, not empty and, where a schema was given, JSON.
func (c *client) read(resp *Response, q question) error {
	fail := func(format string, args ...any) error {
		said := fmt.Sprintf(format, args...)
		return &Error{Code: CodeInvalidOutput, Message: fmt.Sprintf("%s (%s) %s", c.spec.Provider, q.Model, said)}
	}
	text := withoutThoughts(resp.Text)
	switch {
	case slices.Contains(cutShort, resp.FinishReason):
		return fail("was cut off after %d output tokens (%s). Allow it more, or ask for less.", resp.Usage.OutputTokens, resp.FinishReason)
	case text == "":
		return fail("gave an empty answer (finish reason %q).", resp.FinishReason)
	case q.rung == free:
		resp.Text = text
		return nil
	}
	found, err := ExtractJSON(resp.Text)
	if err != nil {
		return fail("gave an answer that is not the JSON it was asked for: %s", short(text))
	}
	resp.Text = string(mend(found, q.Schema))
	return nil
}

// salvage takes the answer that groq puts into an error where it could not read it, if we can.
func salvage(err error, q question) string {
	var f *refused
	if !errors.As(err, &f) || q.rung == free {
		return ""
	}
	found, err := ExtractJSON(f.complaint().FailedGeneration)
	if err != nil {
		return ""
	}
	return string(mend(found, q.Schema))
}

// fitted writes the request as the rung asks it.
func (c *client) fitted(r Request, f fit) (question, error) {
	q := question{Request: r, rung: free, timeout: c.timeout}
	if len(r.Messages) == 0 || r.Messages[len(r.Messages)-1].Role != User {
		return q, &Error{Code: CodeInvalid, Message: "The last message of a request must be the user's."}
	}
	if f.blind {
		q.Messages = withoutImages(r.Messages)
	}
	if len(r.Schema.JSON) == 0 {
		return q, nil
	}
	q.rung = c.spec.Ladder[f.rung]
	q.Schema.Name = cmp.Or(r.Schema.Name, "answer")
	wire, err := c.spec.Dialect.rewrite(r.Schema.JSON)
	if err != nil {
		return q, &Error{Code: CodeInvalid, Message: "The schema of the answer is no JSON schema: " + err.Error(), Err: err}
	}
	q.Schema.JSON = wire
	if q.rung == jsonObject || q.rung == plainText {
		q.System = strings.TrimSpace(r.System + "\n\n" + inPrompt + "\n" + string(wire))
	}
	return q, nil
}
