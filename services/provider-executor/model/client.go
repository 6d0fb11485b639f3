package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/errand-run/errand/services/provider-executor/answer"
	"github.com/errand-run/errand/shared/event"
)

// question is a request as one rung of the ladder asks it: the schema is in the provider's dialect, or in the prompt.
type question struct {
	Request
	rung    rung
	timeout time.Duration
	once    bool // it is not repeated
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
	breaker breaker
	holds   holds
	reached atomic.Bool // the provider has answered a call, in whatever way: its address is right
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

// Decide asks, unless the provider is at rest.
func (c *client) Decide(ctx context.Context, r Request) (Response, error) {
	trial, refused := c.breaker.enter()
	if refused != nil {
		refused.Message = fmt.Sprintf("%s %s", c.spec.Provider, refused.Message)
		return Response{}, c.explain(refused, r)
	}
	resp, err := c.decide(ctx, r)
	c.breaker.leave(trial, err)
	return resp, err
}

// decide asks in the strictest way that the model is known to take, or in a later one where that gave no usable answer.
// A 400 that names the way leads to the next one; the way that got a usable answer is remembered.
func (c *client) decide(ctx context.Context, r Request) (Response, error) {
	if r.Model == "" {
		r.Model = event.DefaultModel(string(c.spec.Provider))
	}
	known, fit := c.learnt.of(r, fit{blind: blindModels()[priced{c.spec.Provider, r.Model}]})
	fit = fit.after(r.Unusable, len(c.spec.Ladder))
	hoped := false // whether a rung was left without a word of the provider's
	for since := time.Now(); ; {
		q, err := c.fitted(r, fit)
		if err != nil {
			return Response{}, c.explain(err, r)
		}
		q.once = hoped
		resp, err := c.ask(ctx, since, q)
		worse, ok := c.stepDown(fit, q, err)
		if !ok && !hoped {
			worse, hoped = c.withoutForm(fit, q, err)
			ok = hoped
		}
		if !ok {
			if err == nil {
				c.learnt.keep(r.Model, known, fit)
			}
			return resp, c.final(err, q, fit)
		}
		fit = worse
	}
}

// final marks an answer that was unusable again and that no other way of asking can mend.
func (c *client) final(err error, q question, f fit) error {
	var e *Error
	last := q.rung == free || f.rung+1 == len(c.spec.Ladder)
	if errors.As(err, &e) && e.Code == CodeInvalidOutput && q.Unusable > 0 && last {
		e.Final = true
		e.Message += " It was asked in every way there is: choose another model."
	}
	return err
}

// ask sends one question, again where the policy says so, and reads its answer.
func (c *client) ask(ctx context.Context, since time.Time, q question) (Response, error) {
	var resp Response
	retry := c.retry
	if q.once {
		retry.attempts = 1
	}
	err := retry.do(ctx, since, func() *Error {
		if held := c.await(ctx, since, q.Model); held != nil {
			return held
		}
		attempt, cancel := context.WithTimeout(ctx, q.timeout)
		defer cancel()
		var err error
		resp, err = c.send(attempt, q)
		if err != nil && attempt.Err() != nil {
			err = errHung
		}
		if f := (*refused)(nil); err == nil || errors.As(err, &f) {
			c.reached.Store(true)
		}
		if salvaged := salvage(err, q); salvaged != "" {
			resp, err = Response{Text: salvaged, Model: q.Model, FinishReason: "stop"}, nil
		}
		if err == nil {
			resp.Usage = resp.Usage.orEstimate(q, resp.Text)
			err = c.read(&resp, q)
		}
		if err == nil {
			return nil
		}
		e := c.explain(err, q.Request)
		e.repeat = e.repeat && !refusesForm(q, e)
		c.holds.note(q.Model, e)
		return e
	})
	return resp, err
}

// cutShort are the providers' words for an answer that hit a limit.
var cutShort = []string{"length", "model_length", "max_tokens", "model_context_window_exceeded", "MAX_TOKENS", "CONTINUATION"}

// read makes sure of an answer: it is not empty, whole and, if a schema was given, JSON that the caller can use.
func (c *client) read(resp *Response, q question) error {
	if strings.TrimSpace(resp.Text) == "" {
		return c.unusable(q, nil, "gave an empty answer (finish reason %q).", resp.FinishReason)
	}
	cut := c.unusable(q, nil, "was cut off after %d output tokens (%s). Allow it more, or ask for less.",
		resp.Usage.OutputTokens, resp.FinishReason)
	isCut := slices.Contains(cutShort, resp.FinishReason)
	if q.rung == free {
		text := answer.Text(resp.Text)
		switch {
		case isCut:
			return cut
		case text == "":
			return c.unusable(q, nil, "gave an answer that holds only its thoughts.")
		}
		resp.Text = text
		return nil
	}
	found, err := answer.NewForm(q.Schema.JSON).Read(resp.Text)
	switch {
	case err != nil && isCut:
		return cut
	case err != nil:
		return c.unusable(q, fmt.Errorf("your answer is not the JSON that was asked for: %w", err),
			"gave an answer that is not the JSON it was asked for (%s): %s", err, short(resp.Text))
	}
	resp.Text = string(found)
	if q.Check == nil {
		return nil
	}
	if err := q.Check(resp.Text); err != nil {
		return c.unusable(q, err, "gave an answer that cannot be used: %s.", err)
	}
	return nil
}

// unusable is the error of an answer that cannot be used; cause, if there is one, is what the model is told.
func (c *client) unusable(q question, cause error, format string, args ...any) error {
	return &Error{Code: CodeInvalidOutput, Err: cause, Message: fmt.Sprintf("%s (%s) %s", c.spec.Provider, q.Model, fmt.Sprintf(format, args...))}
}

// salvage takes the answer that groq puts into an error where it could not read it, if we can.
func salvage(err error, q question) string {
	var f *refused
	if !errors.As(err, &f) || q.rung == free {
		return ""
	}
	found, _ := answer.NewForm(q.Schema.JSON).Read(f.complaint().FailedGeneration)
	return string(found)
}

// fitted writes the request as the rung asks it.
func (c *client) fitted(r Request, f fit) (question, error) {
	q := question{Request: r, rung: free, timeout: c.patience(r)}
	if len(r.Messages) == 0 || r.Messages[len(r.Messages)-1].Role != User {
		return q, &Error{Code: CodeInvalid, Message: "The last message of a request must be the user's."}
	}
	if f.blind {
		q.Messages = withoutImages(r.Messages)
	}
	if len(r.Schema.JSON) == 0 {
		return q.addressed(f), nil
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
	return q.addressed(f), nil
}

// addressed gives the system prompt to the user's first message where the model has no system role.
func (q question) addressed(f fit) question {
	if f.noSystem && q.System != "" {
		q.Messages = slices.Clone(q.Messages)
		q.Messages[0].Text = q.System + "\n\n" + q.Messages[0].Text
		q.System = ""
	}
	return q
}

// patience is how long one call of a request may take.
func (c *client) patience(r Request) time.Duration { return cmp.Or(r.Timeout, c.timeout) }
