package notifier_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestARedirectIsAFailureAndIsNotFollowed(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	elsewhere := receive(t, answers(200))
	rec := receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader([]int{301, 302, 307}[n])
	})
	start(t, b, config(t))
	d := reaches(t, b, finish(t, b, rec.URL), event.DeliveryExhausted)
	if d.Attempts != 3 || d.Last.StatusCode != 307 || !strings.Contains(d.Last.Error, "not followed") {
		t.Errorf("%d attempts, last %+v", d.Attempts, d.Last)
	}
	if n := len(elsewhere.got()); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
}

func TestAReceiverThatIsGoneIsAskedOnce(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, answers(410))
	start(t, b, config(t))
	d := reaches(t, b, finish(t, b, rec.URL), event.DeliveryExhausted)
	if d.Attempts != 1 || len(rec.got()) != 1 || d.Last.StatusCode != 410 {
		t.Errorf("%d attempts, %d POSTs, last %+v", d.Attempts, len(rec.got()), d.Last)
	}
}

func TestAReceiverThatAsksForAWaitGetsIt(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 0 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	start(t, b, config(t))
	run := finish(t, b, rec.URL)
	first := reaches(t, b, run, event.DeliveryAttempted)
	end := reaches(t, b, run, event.DeliveryDelivered)
	if wait := end.Last.At.Sub(first.Last.At); wait < 2*time.Second || end.Attempts != 2 {
		t.Errorf("%d attempts, the second %s after the first, want 2 s or more", end.Attempts, wait)
	}
}

func TestAReceiverThatHangsEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Deadline = 300 * time.Millisecond
	rec := receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 0: // no header
		case 1: // a header, then drops of a body
			w.WriteHeader(http.StatusBadGateway)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("."))
				w.(http.Flusher).Flush()
			}
		case 2:
			return
		}
		<-r.Context().Done()
	})
	start(t, b, c)
	run := finish(t, b, rec.URL)
	first := reaches(t, b, run, event.DeliveryAttempted)
	if first.Last.StatusCode != 0 || !strings.Contains(first.Last.Error, "no answer within 300ms") || first.Last.DurationMS < 300 {
		t.Errorf("hanging receiver: %+v", first.Last)
	}
	if d := reaches(t, b, run, event.DeliveryDelivered); d.Attempts != 3 {
		t.Errorf("delivered after %d attempts", d.Attempts)
	}
}

func TestAnEndlessAnswerIsReadOnlyInPart(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	var sent atomic.Int64
	const tenGB = 10 << 30
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for i := range chunk {
			chunk[i] = 0xFF // no UTF-8
		}
		for sent.Load() < tenGB {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	p := start(t, b, config(t))
	d := reaches(t, b, finish(t, b, rec.URL), event.DeliveryDelivered)
	if n := len([]rune(d.Last.Response)); n == 0 || len(d.Last.Response) > 3<<10 {
		t.Errorf("%d characters, %d bytes of the answer were kept", n, len(d.Last.Response))
	}
	p.stop()
	rec.Close()
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d MB were read", n>>20)
	}
}

func TestASlowReceiverHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Deadline = time.Minute
	release := make(chan struct{})
	var now, most atomic.Int64
	slow := receive(t, func(int, http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-release
		now.Add(-1)
	})
	quick := receive(t, answers(200))
	start(t, b, c)
	var held []event.RunID
	for range 140 {
		held = append(held, finish(t, b, slow.URL))
	}
	natstest.Eventually(t, func() error { return busy(&now) })
	for range 10 {
		reaches(t, b, finish(t, b, quick.URL), event.DeliveryDelivered)
	}
	if n := len(slow.got()); n != 4 {
		t.Errorf("%d POSTs to the slow receiver while it held the first four", n)
	}
	close(release)
	for _, run := range held {
		reaches(t, b, run, event.DeliveryDelivered)
	}
	if most.Load() != 4 || len(slow.got()) != len(held) {
		t.Errorf("%d POSTs for %d runs, at most %d at once; want 4 at once", len(slow.got()), len(held), most.Load())
	}
}

func busy(n *atomic.Int64) error {
	if n.Load() < 4 {
		return net.ErrClosed
	}
	return nil
}

func TestAPrivateAddressIsRefusedUnlessItIsAllowed(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule, c.AllowPrivate = nil, nil
	rec := receive(t, answers(200))
	start(t, b, c)
	_, port, _ := net.SplitHostPort(rec.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		d := reaches(t, b, finish(t, b, "http://"+host+":"+port+"/?token=hidden"), event.DeliveryExhausted)
		if e := d.Last.Error; !strings.Contains(e, "loopback") || !strings.Contains(e, "ERRAND_ALLOW_PRIVATE") || strings.Contains(e, "hidden") {
			t.Errorf("%s: error %q", host, e)
		}
	}
	if n := len(rec.got()); n != 0 {
		t.Errorf("%d POSTs reached the private address", n)
	}
}

func TestAMetadataAddressIsRefusedWhateverIsAllowed(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule = nil
	c.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	start(t, b, c)
	for _, url := range []string{"http://169.254.169.254/latest/", "http://168.63.129.16/", "http://[fd00:ec2::254]/", "https://[64:ff9b::a9fe:a9fe]/"} {
		d := reaches(t, b, finish(t, b, url), event.DeliveryExhausted)
		if !strings.Contains(d.Last.Error, "metadata") {
			t.Errorf("%s: %q", url, d.Last.Error)
		}
	}
}

func TestAnErrorDoesNotTellTheURL(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule = nil
	rec := receive(t, answers(200))
	rec.Close() // nobody listens there any more
	start(t, b, c)
	d := reaches(t, b, finish(t, b, rec.URL+"/?token=hidden"), event.DeliveryExhausted)
	if e := d.Last.Error; !strings.Contains(e, "connection refused") || strings.Contains(e, "hidden") {
		t.Errorf("error %q", e)
	}
}

// upgrading is a receiver that answers 101 and keeps the connection. It reports each connection that ended.
func upgrading(t *testing.T) (url string, ended <-chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{}, 10)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return // a client that keeps idle connections takes an answer without a request for an error
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				_, _ = io.Copy(io.Discard, conn)
				over <- struct{}{}
			})
		}
	})
	t.Cleanup(func() { ln.Close(); conns.Wait() })
	return "http://" + ln.Addr().String(), over
}

func TestAReceiverThatUpgradesTheConnectionHasNotTakenTheWebhook(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Deadline, c.Schedule = time.Hour, c.Schedule[:1]
	url, ended := upgrading(t)
	start(t, b, c)
	d := reaches(t, b, finish(t, b, url), event.DeliveryExhausted)
	if d.Attempts != 2 || d.Last.StatusCode != 101 || !strings.Contains(d.Last.Error, "no upgrade") {
		t.Errorf("%d attempts, last %+v", d.Attempts, d.Last)
	}
	for range d.Attempts {
		<-ended
	}
}

func TestWhateverReceiversDoTheNotifierStopsWithinItsGrace(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Deadline, c.Grace = time.Hour, 200*time.Millisecond
	var busy atomic.Int64
	hold := func(begin func(w http.ResponseWriter)) string {
		return receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			begin(w)
			busy.Add(1)
			<-r.Context().Done()
		}).URL
	}
	silent := hold(func(http.ResponseWriter) {})
	dripping := hold(func(w http.ResponseWriter) {
		w.WriteHeader(200)
		_, _ = w.Write([]byte("."))
		w.(http.Flusher).Flush()
	})
	noTLS, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never speaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noTLS.Close() })
	upgrade, _ := upgrading(t)
	p := start(t, b, c)
	for _, url := range []string{silent, dripping, upgrade, "https://" + noTLS.Addr().String()} {
		finish(t, b, url)
	}
	conn, err := noTLS.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	natstest.Eventually(t, func() error {
		if busy.Load() < 2 {
			return errors.New("not all receivers have been asked")
		}
		return nil
	})
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it stopped after %s", took)
	}
}

func TestNoWebhookReachesThePlatformWhateverIsAllowed(t *testing.T) {
	t.Parallel()
	b := natstest.Bus(t)
	c := config(t)
	c.Schedule = nil
	own, named := receive(t, answers(200)), receive(t, answers(200))
	_, port, err := net.SplitHostPort(named.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Own = []string{"localhost:" + port, "nowhere.invalid:80"}
	start(t, b, c, own.Listener.Addr().String())
	for _, url := range []string{own.URL, strings.Replace(own.URL, "127.0.0.1", "localhost", 1), named.URL} {
		d := reaches(t, b, finish(t, b, url+"/api/runs/1/cancel"), event.DeliveryExhausted)
		if !strings.Contains(d.Last.Error, "listener of Errand itself") {
			t.Errorf("%s: %q", url, d.Last.Error)
		}
	}
	if n := len(own.got()) + len(named.got()); n != 0 {
		t.Errorf("%d POSTs reached the platform", n)
	}
}
