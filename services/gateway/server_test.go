package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/errand-run/errand/shared/service"
)

// lines is a log that tests read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// line is what the log says of a request.
type line struct {
	Level, Msg, Method, Path string
	Status                   int
	Duration                 *int64 `json:"duration_ms"`
	Task                     int    `json:"task_id"`
	Run                      int    `json:"run_id"`
}

// requests reads the lines of requests.
func (l *lines) requests(t *testing.T) (found []line) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.buf.String()) {
		var parsed line
		if err := json.Unmarshal([]byte(text), &parsed); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if parsed.Msg == "request" {
			found = append(found, parsed)
		}
	}
	return found
}

func TestEachRequestIsOneLineAndCounted(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.background(t, s.task(t, hello))
	s.send(t, "GET", "/api/nothing", "")
	metrics := string(s.send(t, "GET", "/metrics", "").body)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`errand_http_requests_total{method="POST",route="/api/tasks/:task_id/runs",status="200"} 1`,
		`errand_http_requests_total{method="POST",route="/api/tasks",status="201"} 1`,
		`errand_http_requests_total{method="GET",route="/",status="404"} 1`,
		`errand_http_request_duration_seconds_count{route="/api/tasks/:task_id/runs"} 1`,
		"errand_runs_accepted_total 1", "errand_waiters 0", `errand_runs{state="queued"} 1`, `errand_runs{state="running"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	requests := s.log.requests(t)
	if len(requests) != 4 {
		t.Fatalf("4 requests made the lines %+v", requests)
	}
	if r := requests[1]; r.Method != "POST" || r.Path != "/api/tasks/1/runs" || r.Status != 200 || r.Task != 1 || r.Run != 1 || r.Duration == nil {
		t.Errorf("the run's line is %+v", r)
	}
	if levels := requests[1].Level + " " + requests[3].Level; levels != "INFO DEBUG" {
		t.Errorf("the levels of a run and of a probe are %s", levels)
	}
}

func TestALargeBodyIsReadToItsEndAndTheConnectionGoesOn(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	large := strings.Repeat("x", 3<<20)
	for _, framing := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(large), large),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(large), large),
	} {
		go func() {
			_, _ = io.WriteString(conn, "POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+framing)
		}()
		if status := answered(t, answers); status != 413 {
			t.Errorf("a large body gives %d", status)
		}
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if status := answered(t, answers); status != 200 {
			t.Errorf("the next request on the connection gives %d", status)
		}
	}
}

func answered(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// crowded is a listener that has no room for its first connections.
type crowded struct {
	net.Listener
	refusals int
}

func (c *crowded) Accept() (net.Conn, error) {
	if c.refusals > 0 {
		c.refusals--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return c.Listener.Accept()
}

func TestAShortageOfFileDescriptorsDoesNotEndTheGateway(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, natstest.Bus(t), &crowded{ln, 3})
	if err := s.answers("GET", "/healthz", "", 200); err != nil {
		t.Error(err)
	}
}

func TestAPortThatIsTakenIsAnErrorThatNamesTheRemedy(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	config := gateway.Config{Config: service.Config{Addr: ln.Addr().String()}}
	err = (&gateway.Service{Config: config}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ERRAND_ADDR") {
		t.Errorf("error %v", err)
	}
}

func TestTheConfigurationIsReadFromTheEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{"ERRAND_HOSTS": " Errand.test, ,b.test", "ERRAND_ADDR": "127.0.0.1:9"}
	c, err := gateway.LoadConfig(func(name string) string { return env[name] })
	if err != nil || fmt.Sprint(c.Hosts) != "[errand.test b.test]" || c.Addr != "127.0.0.1:9" || c.WaitLimit <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := gateway.LoadConfig(func(string) string { return "" }); err != nil || c.Addr != "127.0.0.1:8080" {
		t.Errorf("by default %+v, %v", c, err)
	}
}
