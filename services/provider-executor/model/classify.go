package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// classify says which code an error has and what to do about it.
func (c *client) classify(err error, r Request) *Error {
	var (
		known   *Error
		refusal *refused
		broken  *unreachable

		unreadable *unreadableBody
	)
	switch p := c.spec.Provider; {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refusal):
		return c.classifyRefusal(refusal, r)
	case errors.Is(err, errHung):
		return &Error{Code: CodeTimeout, Err: context.DeadlineExceeded, Message: fmt.Sprintf(
			"%s did not answer within %s, and neither when it was asked once more. Choose a faster model, or allow more time with model_timeout or ERRAND_MODEL_TIMEOUT.", p, c.patience(r)), repeat: true, hung: true}
	case errors.Is(err, errAnswerTooLarge):
		return &Error{Code: CodeInvalidOutput, Err: errAnswerTooLarge, Message: fmt.Sprintf("The %s of %s.", errAnswerTooLarge, p)}
	case errors.As(err, &unreadable):
		return &Error{Code: CodeInvalidOutput, Message: fmt.Sprintf(
			"The answer of %s could not be read: %s. Check that %s is an address of its API.", p, c.scrub(unreadable.Error()), c.spec.BaseURLVariable)}
	case errors.As(err, &broken):
		return &Error{Code: CodeUnavailable, repeat: true, Passing: c.reached.Load(), Message: fmt.Sprintf(
			"%s cannot be reached: %s. Check the network and %s.", p, broken, c.spec.BaseURLVariable)}
	default:
		return &Error{Code: CodeInvalidOutput, Message: fmt.Sprintf(
			"The answer of %s could not be read: %s. Check that %s is an address of its API.",
			p, short(c.scrub(err.Error())), c.spec.BaseURLVariable)}
	}
}

var (
	// saysModelMissing also knows the providers that answer 400 (deepseek, mistral) where others answer 404.
	saysModelMissing = regexp.MustCompile(`(?i)model.{0,120}(not[ _](exist|found|available|loaded)|does not exist|not a valid model)|(invalid|no such|unknown)[ _]model|no endpoints found.{0,80}model`)
	// saysNoCredit tells a 429 that waiting does not mend.
	saysNoCredit = regexp.MustCompile(`(?i)insufficient_quota|insufficient balance|credit balance`)
	// saysBadKey is google's way: 400 where others answer 401.
	saysBadKey = regexp.MustCompile(`(?i)api key (not valid|expired)|API_KEY_INVALID`)
)

func (c *client) classifyRefusal(f *refused, r Request) *Error {
	grounds, said := f.grounds(), c.quote(f)
	e := &Error{Status: f.status, RetryAfter: retryAfter(f), grounds: grounds}
	key := c.spec.KeyVariables[0]
	switch status := f.status; {
	case f.complaint().FailedGeneration != "":
		e.Code, e.Message = CodeInvalidOutput, said
	case status == http.StatusPaymentRequired, saysNoCredit.MatchString(grounds):
		e.Code, e.Message = CodeAuth, said+fmt.Sprintf(" Add credit to the account of %s, or set another key.", key)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, saysBadKey.MatchString(grounds):
		e.Code, e.Message = CodeAuth, said+fmt.Sprintf(" Set %s to a valid key that may use model %s.", key, r.Model)
	case status < 500 && status != http.StatusTooManyRequests && saysModelMissing.MatchString(grounds),
		status == http.StatusNotFound && f.within: // the path is right: it answered
		e.Code, e.Message = CodeModelNotFound, said+fmt.Sprintf(" Choose another model than %s.", r.Model)
	case status == http.StatusNotFound, status/100 == 3:
		e.Code, e.Message = CodeInvalid, said+fmt.Sprintf(" Check the path of %s.", c.spec.BaseURLVariable)
	case status == http.StatusTooManyRequests:
		e.Code, e.Message, e.repeat, e.Passing = CodeRateLimited, said+" Wait, or raise the account's limits.", true, true
	case status >= 500, status == http.StatusRequestTimeout:
		e.Code, e.Message, e.repeat, e.Passing = CodeUnavailable, said+" Try again later.", true, true
	default:
		e.Code, e.Message = CodeInvalid, said
	}
	return e
}

// quote is a sentence with the status and the provider's own words.
func (c *client) quote(f *refused) string {
	words := short(c.scrub(f.message()))
	return fmt.Sprintf("%s answered %d: %s.", c.spec.Provider, f.status, strings.TrimRight(words, ". "))
}

// complaint is every shape in which the providers and the servers that imitate them say what is wrong.
type complaint struct {
	Error      json.RawMessage   `json:"error"`  // an object as below, or a text
	Errors     []json.RawMessage `json:"errors"` // several of them
	Detail     json.RawMessage   `json:"detail"` // FastAPI: a text or a list
	Message    any               `json:"message"`
	Code       any               `json:"code"`
	Type       string            `json:"type"`
	Status     any               `json:"status"` // google's word, or a number
	HTTPStatus any               `json:"http_status"`
	RetryAfter any               `json:"retry_after"` // seconds
	Metadata   struct {
		Headers    map[string]any `json:"headers"` // of the provider behind a gateway
		RetryAfter any            `json:"retry_after_seconds"`
	} `json:"metadata"`
	Param string `json:"param"`
	// FailedGeneration is the answer that groq could not read as the JSON it was asked for.
	FailedGeneration string `json:"failed_generation"`
	Details          []struct {
		Reason     string `json:"reason"`
		RetryDelay string `json:"retryDelay"`
	} `json:"details"`
}

func (f *refused) complaint() complaint {
	var c complaint
	_ = json.Unmarshal(f.body, &c) // a body of another shape is quoted as it is
	if len(c.Error) == 0 && len(c.Errors) > 0 {
		c.Error = c.Errors[0]
	}
	var inner complaint
	if json.Unmarshal(c.Error, &inner) == nil {
		return inner
	}
	return c
}

// message is the sentence in the body; a page of HTML has none.
func (f *refused) message() string {
	c := f.complaint()
	if text, ok := c.Message.(string); ok && text != "" {
		return text
	}
	for _, raw := range []json.RawMessage{c.Error, c.Detail} {
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
	}
	body := strings.TrimSpace(string(f.body))
	if body == "" || strings.HasPrefix(body, "<") {
		return http.StatusText(f.status)
	}
	return body
}

// grounds is all that a refusal can be recognised by: its sentence, codes and the field that it is about.
func (f *refused) grounds() string {
	c := f.complaint()
	grounds := []string{f.message(), fmt.Sprint(c.Code), c.Type, c.Param, string(c.Error)}
	for _, d := range c.Details {
		grounds = append(grounds, d.Reason)
	}
	return strings.Join(grounds, " ")
}

// retryAfter is the longest of the waits that a refusal names: OpenAI names two, google names its own in the body.
func retryAfter(f *refused) time.Duration {
	var longest time.Duration
	seconds := func(s string, unit time.Duration) {
		if n, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && n > 0 && n < 1e6 {
			longest = max(longest, time.Duration(n*float64(unit)))
		}
	}
	seconds(f.header.Get("Retry-After"), time.Second)
	seconds(f.header.Get("Retry-After-Ms"), time.Millisecond)
	if at, err := http.ParseTime(f.header.Get("Retry-After")); err == nil {
		longest = max(longest, time.Until(at))
	}
	c := f.complaint()
	for _, d := range c.Details {
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
			longest = max(longest, wait)
		}
	}
	for _, given := range []any{c.RetryAfter, c.Metadata.RetryAfter, c.Metadata.Headers["Retry-After"], c.Metadata.Headers["retry-after"]} {
		if given != nil {
			seconds(fmt.Sprint(given), time.Second)
		}
	}
	return max(longest, waitInWords(f.message()))
}

// saysWait is a wait in a sentence, as in "Please try again in 6m0.5s" or "retry after 20 seconds".
var saysWait = regexp.MustCompile(`(?i)(?:try again|retry|wait)(?:ing)?\s*(?:in|after|for)?\s*((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|h|hours?|min(?:ute)?s?|m|sec(?:ond)?s?|s)\s*)+)`)

var waitPart = regexp.MustCompile(`(?i)([\d.]+)\s*(ms|mi|h|m|s)`)

// waitInWords is the wait that a sentence names, 0 for none.
func waitInWords(sentence string) time.Duration {
	found := saysWait.FindStringSubmatch(sentence)
	if found == nil {
		return 0
	}
	var wait float64
	units := map[string]time.Duration{"ms": time.Millisecond, "mi": time.Minute, "m": time.Minute, "h": time.Hour, "s": time.Second}
	for _, part := range waitPart.FindAllStringSubmatch(strings.ReplaceAll(strings.ToLower(found[1]), "milli", "m"), -1) {
		n, _ := strconv.ParseFloat(part[1], 64) // the pattern knows numbers only
		wait += n * float64(units[part[2]])
	}
	return time.Duration(min(wait, float64(longHold)))
}

// short keeps a quotation readable: one line, 400 characters.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "..."
	}
	return s
}
