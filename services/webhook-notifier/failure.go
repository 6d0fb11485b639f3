package notifier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
)

// failure is why a POST has no answer.
type failure struct {
	class event.Class
	err   error
}

// explain finds the class of what the HTTP client reports, and says it in plain words. The URL is left out: it may hold
// a token.
func explain(err error, deadline time.Duration) failure {
	err = withoutURL(err)
	var blocked netguard.BlockedError
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &blocked):
		return failure{event.ClassBlocked, fmt.Errorf("the webhook's host %w", blocked)}
	case errors.As(err, &dns):
		return failure{event.ClassDNS, err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return failure{event.ClassTimeout, fmt.Errorf("no answer within %s: %w", deadline, err)}
	case isTLS(err):
		return failure{event.ClassTLS, err}
	case isAny(err, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL):
		return failure{event.ClassRefused, err}
	case isAny(err, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF) || says(err, "server closed idle connection"):
		return failure{event.ClassReset, fmt.Errorf("the connection was closed before an answer came: %w", err)}
	case says(err, "readLoopPeekFailLocked"): // the client's text is about itself
		return failure{event.ClassBody, errors.New("the receiver answered before it was asked: what it sent does not belong to the request")}
	}
	return failure{event.ClassBody, fmt.Errorf("the answer could not be read: %w", err)}
}

// isTLS reports whether no secure connection could be made. Most errors of the handshake have no type.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &invalid) ||
		errors.As(err, &hostname) || errors.As(err, &authority) || says(err, "tls: ") || says(err, "HTTP response to HTTPS client")
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

func says(err error, text string) bool { return strings.Contains(err.Error(), text) }

// withoutURL spares the log a URL that may hold a token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// classOf is the class of an answer with that status, empty for 2xx.
func classOf(status int) event.Class {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		return event.ClassRedirect
	}
	return event.ClassStatus
}
