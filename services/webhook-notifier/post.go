package notifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
)

// Bounds of what a receiver can make us hold.
const (
	maxHeader = 64 << 10 // bytes of the answer's header
	maxBody   = 64 << 10 // bytes of the answer's body that are read; a longer one costs the receiver its connection
	maxKept   = 1 << 10  // bytes of the answer's body, or of the error, that go into the event

	idleTimeout = 2 * time.Second // shorter than any server's, which would else close just as we POST
)

// newClient follows no redirect, decompresses nothing, and dials only what a guard lets through: never the platform's
// listeners, whose names are resolved anew for each connection. It uses no proxy, since then the guard would see the
// proxy's address.
func newClient(c Config, own netguard.Listeners) *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		platform, _ := own.Resolve(ctx, nil) // a listener whose name has no address cannot be reached either
		g := netguard.New(c.AllowPrivate, func() []netip.AddrPort { return platform })
		return (&net.Dialer{Timeout: c.Deadline, ControlContext: g.Control}).DialContext(ctx, network, addr)
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: dial, TLSHandshakeTimeout: c.Deadline, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: parallelPerHost, IdleConnTimeout: idleTimeout,
		},
	}
}

// answer is what came of a POST.
type answer struct {
	status     int // 0: there was no answer, and err says why
	body       string
	retryAfter time.Duration // as the receiver asked, 0 if it did not
	class      event.Class   // why it is no success, empty if it is one
	err        error
}

// ok reports whether the receiver has the delivery.
func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// problem says what was wrong with the answer, empty if nothing was.
func (a answer) problem() string {
	text := fmt.Sprintf("answered %d %s", a.status, http.StatusText(a.status))
	switch {
	case a.err != nil:
		return beginning(a.err.Error()) // it may quote what the receiver sent
	case a.ok():
		return ""
	case a.status == http.StatusSwitchingProtocols:
		return text + ": a webhook is no upgrade"
	case a.status == http.StatusGone:
		return text + ": the receiver wants no more"
	case a.class == event.ClassRedirect:
		return text + ": redirects are not followed"
	}
	return text
}

// attempt is what is kept of the answer to a POST that was made at that time.
func (a answer) attempt(at time.Time, took time.Duration) event.DeliveryAttempt {
	return event.DeliveryAttempt{
		At: at, DurationMS: took.Milliseconds(), StatusCode: a.status, Class: a.class, Error: a.problem(), Response: a.body,
	}
}

// interrupted reports whether the notifier had to stop before the receiver answered.
func (a answer) interrupted() bool { return errors.Is(a.err, context.Canceled) }

// post sends body to the delivery's receiver, signed at the instant at. The status decides, whether the body of the
// answer ends in time or not.
func (c *courier) post(ctx context.Context, d event.DeliveryData, at time.Time, body []byte) answer {
	ctx, cancel := c.begun(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return answer{class: event.ClassDNS, err: fmt.Errorf("read the webhook's URL: %w", withoutURL(err))}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Errand-Webhooks/1")
	req.Header.Set("Webhook-Id", string(d.ID))
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("Webhook-Signature", signatures(c.Config.Secrets, d.ID, at, body))
	resp, err := c.client.Do(req)
	if err != nil {
		f := explain(err, c.Config.Deadline)
		return answer{class: f.class, err: f.err}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return answer{status: resp.StatusCode, class: event.ClassStatus} // what follows is the bare connection, which no deadline of ours ends
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return answer{
		status: resp.StatusCode, class: classOf(resp.StatusCode), retryAfter: retryAfter(resp, at),
		body: beginning(string(text)),
	}
}

// beginning is what an event keeps of a text that the receiver made.
func beginning(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxKept)], "\uFFFD") }

// begun is the context of a POST: it ends at the deadline, or a while after ctx does.
func (c *courier) begun(ctx context.Context) (context.Context, context.CancelFunc) {
	post, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Config.Deadline)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(c.Config.Grace, cancel) })
	return post, func() { stop(); cancel() }
}

// retryAfter is what a receiver that is overloaded asks for, in seconds or as a date.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return date.Sub(now)
	}
	return 0
}
