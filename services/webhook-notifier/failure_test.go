package notifier_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// speak is the URL of a receiver that does with each connection what talk does, and then closes it.
func speak(t *testing.T, talk func(*net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			talk(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// afterRequest reads a request and then says text.
func afterRequest(text string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, text)
	}
}

func TestEachFailureHasAClassAndPlainWords(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule = nil
	closed := receive(t, answers(200))
	closed.Close()
	plain := receive(t, answers(200))
	start(t, b, c)
	for _, test := range []struct {
		url   string
		class event.Class
		words string
	}{
		{"http://nowhere.invalid/x", event.ClassDNS, "nowhere.invalid"},
		{closed.URL, event.ClassRefused, "connection refused"},
		{speak(t, func(conn *net.TCPConn) { // a reset, as soon as something came
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.SetLinger(0)
		}), event.ClassReset, "closed before an answer came"},
		{speak(t, afterRequest("")), event.ClassReset, "closed before an answer came"},
		{strings.Replace(plain.URL, "http:", "https:", 1), event.ClassTLS, "HTTP response to HTTPS client"},
		{receive(t, answers(307)).URL, event.ClassRedirect, "not followed"},
		{"http://169.254.169.254/", event.ClassBlocked, "metadata"},
		{receive(t, answers(503)).URL, event.ClassStatus, "503 Service Unavailable"},
		{receive(t, answers(304)).URL, event.ClassStatus, "304 Not Modified"},
		{speak(t, afterRequest("220 smtp.test ESMTP\r\n")), event.ClassBody, "could not be read"},
		{speak(t, afterRequest("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 128<<10))), event.ClassBody, "headers exceeded"},
	} {
		d := reaches(t, b, finish(t, b, test.url), event.DeliveryExhausted)
		if d.Last.Class != test.class || !strings.Contains(d.Last.Error, test.words) {
			t.Errorf("%s: class %s, %q; want %s, %q", test.url, d.Last.Class, d.Last.Error, test.class, test.words)
		}
	}
}

// A receiver that speaks first answers before, while or after the request is sent. Go's client then reports one of two
// errors, and one of them is about itself.
func TestAnAnswerBeforeTheRequestIsReportedInPlainWords(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule = nil
	start(t, b, c)
	url := speak(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n")
		_, _ = io.Copy(io.Discard, conn)
	})
	for range 20 {
		d := reaches(t, b, finish(t, b, url), event.DeliveryExhausted)
		if d.Last.Class != event.ClassBody || strings.Contains(d.Last.Error, "readLoop") || strings.Contains(d.Last.Error, "%!") {
			t.Fatalf("class %s, %q", d.Last.Class, d.Last.Error)
		}
	}
}

func TestAHangingReceiverIsAFailureOfClassTimeout(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule, c.Deadline = nil, 50*time.Millisecond
	start(t, b, c)
	rec := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if d := reaches(t, b, finish(t, b, rec.URL), event.DeliveryExhausted); d.Last.Class != event.ClassTimeout {
		t.Errorf("class %s, %q", d.Last.Class, d.Last.Error)
	}
}
