package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// unreadableBody is a body of status 200 that is not an answer of the API.
type unreadableBody struct{ beginning string }

func (u *unreadableBody) Error() string {
	if u.beginning == "" {
		return "it is empty"
	}
	return fmt.Sprintf("it is not JSON but begins %q", u.beginning)
}

// accept reads the body of a response of status 200 and makes it what the SDKs expect, whatever a server calls it: one
// JSON document. A stream that nobody asked for is put together, and an error in the body is an error.
func accept(resp *http.Response) (*http.Response, error) {
	limit := int64(maxAnswer)
	if streams(resp.Header.Get("Content-Type"), nil) {
		limit = maxStream
	}
	bounded := &boundedBody{ReadCloser: resp.Body, left: limit}
	body, err := io.ReadAll(bounded)
	_ = bounded.Close()
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if streams(resp.Header.Get("Content-Type"), body) {
		body = joinChunks(body)
	}
	if len(body) == 0 || body[0] != '{' && body[0] != '[' {
		return nil, &unreadableBody{short(string(body[:min(len(body), 200)]))}
	}
	if complaint := errorIn(body); complaint != nil {
		f := &refused{header: resp.Header, body: complaint, within: true}
		f.status = f.meant()
		return nil, f
	}
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Del("Content-Length")
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// errorIn is the error that a body of status 200 holds in place of an answer, as a refusal would have it; nil for none.
func errorIn(body []byte) []byte {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0] // google's way in streams
	}
	var answer struct {
		Error, Errors, Detail, Message json.RawMessage
		Object, Type                   string
		Choices                        []struct{ Error json.RawMessage }
		Candidates, Content            json.RawMessage
	}
	if json.Unmarshal(body, &answer) != nil && answer.Error == nil {
		return nil
	}
	answered := len(answer.Choices) > 0 || answer.Candidates != nil || answer.Content != nil
	switch {
	case says(answer.Error):
		return body
	case len(answer.Choices) > 0 && says(answer.Choices[0].Error):
		return append(append([]byte(`{"error":`), answer.Choices[0].Error...), '}')
	case !answered && (answer.Object == "error" || answer.Type == "error" || says(answer.Errors) || says(answer.Detail) || says(answer.Message)):
		return body
	}
	return nil
}

// says reports whether a field is there and not empty.
func says(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "{}", "[]", "false":
		return false
	}
	return true
}

// meanings are the statuses of errors that come without one, by their words; the first that fits counts.
var meanings = []struct {
	status int
	words  *regexp.Regexp
}{
	{http.StatusPaymentRequired, saysNoCredit},
	{http.StatusTooManyRequests, regexp.MustCompile(`(?i)rate.?limit|too many requests|RESOURCE_EXHAUSTED|quota|throttl`)},
	{http.StatusUnauthorized, regexp.MustCompile(`(?i)api.?key|unauthori[sz]ed|authentication|UNAUTHENTICATED`)},
	{http.StatusNotFound, saysModelMissing},
	{http.StatusServiceUnavailable, regexp.MustCompile(`(?i)overload|unavailable|time[d ]*out|upstream|capacity|busy|loading|unloaded|try again`)},
	{http.StatusBadRequest, regexp.MustCompile(`(?i)invalid|unsupported|not support|bad.?request|too long|context|required|schema|grammar|response_format`)},
}

// meant is the status of an error in a body of status 200: its code, or what its words say, else 502.
func (f *refused) meant() int {
	c := f.complaint()
	for _, given := range []any{c.Code, c.Status, c.HTTPStatus, c.Type} {
		if n, err := strconv.Atoi(strings.TrimSpace(fmt.Sprint(given))); err == nil && n >= 400 && n < 600 {
			return n
		}
	}
	grounds := f.grounds() + " " + fmt.Sprint(c.Status)
	for _, m := range meanings {
		if m.words.MatchString(grounds) {
			return m.status
		}
	}
	return http.StatusBadGateway
}
