package model

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	// maxAnswer bounds a response body: the longest answers of today's models are well under 1 MiB.
	maxAnswer = 4 << 20
	// maxRefusal bounds the body of an error response; groq puts the whole failed answer into it.
	maxRefusal = 256 << 10
)

var errAnswerTooLarge = fmt.Errorf("answer is larger than %d MiB", maxAnswer>>20)

// refused is any response but a 2xx, and an error in the body of one.
type refused struct {
	status int
	header http.Header
	body   []byte
	within bool // the response itself was of status 200
}

func (f *refused) Error() string { return fmt.Sprintf("answered %d", f.status) }

// unreachable is a connection that could not be made or broke.
type unreachable struct{ err error }

func (u *unreachable) Error() string { return u.err.Error() }
func (u *unreachable) Unwrap() error { return u.err }

// transport bounds what is read of a response, makes of it what the SDKs can read, and tells refusals and broken connections from answers before an SDK
// sees them. The three SDKs read error bodies in three ways, of which one loses the status when the body has not the
// provider's own shape; so an error status is an error here already, as an http.RoundTripper usually must not do. It
// also means that no redirect is followed: a key never travels to another host.
type transport struct{ next http.RoundTripper }

func newTransport() transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16 // an executor's slots mostly ask the same provider
	return transport{next: t}
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, &unreachable{err}
	}
	if resp.StatusCode/100 == 2 {
		return accept(resp)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil && len(body) == 0 {
		body = []byte("(unreadable)")
	}
	return nil, &refused{status: resp.StatusCode, header: resp.Header, body: body}
}

// boundedBody fails once more than left bytes were read.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errAnswerTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, &unreachable{err}
	}
	return n, err
}
