package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

func TestARequestThatSaysTwiceWhereItGoesOrComesFromIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for headers, want := range map[string]int{
		"Host: localhost\r\n":                                                         200,
		"Host: localhost\r\nHost: evil.test\r\n":                                      400,
		"Host: evil.test\r\nhost: localhost\r\n":                                      400,
		"Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.test\r\n": 400,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /api/tasks HTTP/1.1\r\n"+headers+"\r\n"); err != nil {
			t.Fatal(err)
		}
		if got := answered(t, bufio.NewReader(conn)); got != want {
			t.Errorf("%q: %d, want %d", headers, got, want)
		}
		conn.Close()
	}
}

func TestPagesOfAnAllowedOriginUseTheAPIAndOthersDoNot(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t), func(c *gateway.Config) { c.Origins = []string{"http://localhost:5173"} })
	for origin, allowed := range map[string]bool{"http://localhost:5173": true, "http://localhost:5174": false, "null": false} {
		asked := s.send(t, "OPTIONS", "/api/runs", "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,idempotency-key")
		if got := asked.header.Get("Access-Control-Allow-Origin") == origin; got != allowed {
			t.Errorf("preflight of %s: %d %v", origin, asked.status, asked.header)
		}
		r := s.send(t, "POST", "/api/runs", `{"prompt": "say hello", "wait_for_completion": false}`, "Origin: "+origin)
		if (r.status == 200) != allowed || (r.header.Get("Access-Control-Allow-Origin") == origin) != allowed {
			t.Errorf("POST of %s: %d %v", origin, r.status, r.header)
		}
	}
	if _, err := gateway.LoadConfig(func(name string) string {
		return map[string]string{"ERRAND_ALLOW_ORIGINS": "https://app.example, app.example,https://app.example/path,*"}[name]
	}); err == nil || strings.Count(err.Error(), "ERRAND_ALLOW_ORIGINS") != 3 {
		t.Errorf("wrong origins: %v", err)
	}
}

func TestAnAnswerSaysWhatItAnswersAndWhereItsRunIs(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	body := `{"prompt": "say hello", "wait_for_completion": false}`
	for n, replayed := range []string{"", "true"} {
		r := s.send(t, "POST", "/api/runs", body, "Idempotency-Key: k", fmt.Sprintf("X-Request-Id: mine-%d", n))
		if r.header.Get("Location") != "/api/runs/1" || r.header.Get("Idempotent-Replayed") != replayed || r.header.Get("X-Request-Id") != fmt.Sprintf("mine-%d", n) {
			t.Errorf("time %d: %v", n, r.header)
		}
		r = s.send(t, "POST", "/api/tasks", hello, "Idempotency-Key: t")
		if r.header.Get("Idempotent-Replayed") != replayed {
			t.Errorf("task, time %d: %v", n, r.header)
		}
	}
	for _, given := range []string{"", "two words", strings.Repeat("x", 129)} {
		if id := s.send(t, "GET", "/api/nothing", "", "X-Request-Id: "+given).header.Get("X-Request-Id"); len(id) != 36 {
			t.Errorf("X-Request-Id %q became %q", given, id)
		}
	}
	if r := s.send(t, "POST", "/api/runs", hello, "Prefer: respond-async"); r.header.Get("Preference-Applied") != "respond-async" || into[event.Run](t, r).Status != event.StatusInProgress {
		t.Errorf("respond-async: %v %s", r.header, r.body)
	}
}

func TestAnEditOfAStateThatIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	made := s.send(t, "POST", "/api/tasks", hello).header.Get("ETag")
	read := s.send(t, "GET", "/api/tasks/1", "").header.Get("ETag")
	if made == "" || made != read {
		t.Fatalf("made as %s, read as %s", made, read)
	}
	edited := s.send(t, "PUT", "/api/tasks/1", `{"prompt": "say good bye"}`, "If-Match: "+read)
	if edited.status != 200 || edited.header.Get("ETag") == read {
		t.Errorf("%d, ETag %s", edited.status, edited.header.Get("ETag"))
	}
	refuses(t, s.send(t, "PUT", "/api/tasks/1", hello, "If-Match: "+read), http.StatusPreconditionFailed, "")
	refuses(t, s.send(t, "DELETE", "/api/tasks/1", "", `If-Match: "bogus"`), http.StatusPreconditionFailed, "")
	if r := s.send(t, "DELETE", "/api/tasks/1", "", `If-Match: "bogus", `+edited.header.Get("ETag")); r.status != http.StatusNoContent {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestATaskMadeForOneRunIsListedOnlyIfAsked(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	s.task(t, `{"prompt": "say hello", "name": "Greeter"}`)
	s.send(t, "POST", "/api/runs", `{"prompt": "say  hello to everybody in this very long list of people whom I do not know", "wait_for_completion": false}`)
	names := func(query string) (names []string) {
		type list struct{ Tasks []struct{ Name string } }
		for _, task := range into[list](t, s.send(t, "GET", "/api/tasks"+query, "")).Tasks {
			names = append(names, task.Name)
		}
		return names
	}
	if got := names(""); fmt.Sprint(got) != "[Greeter]" {
		t.Errorf("%q", got)
	}
	if got := names("?one_off=true"); len(got) != 2 || got[0] != "say hello to everybody in this very long list of people whom…" && len([]rune(got[0])) != 60 {
		t.Errorf("%q", got)
	}
	s.send(t, "PUT", "/api/tasks/2", `{"prompt": "say hello", "name": "Kept"}`)
	if got := names(""); fmt.Sprint(got) != "[Kept Greeter]" {
		t.Errorf("after an edit: %q", got)
	}
}

func TestTheRunsOfATaskLinkToTheirNextPage(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	task := s.task(t, hello)
	for range 3 {
		s.background(t, task)
	}
	path, ids := "/api/tasks/1/runs?limit=2", ""
	for path != "" {
		r := s.send(t, "GET", path, "")
		for _, run := range into[[]struct{ ID int }](t, r) {
			ids += fmt.Sprint(run.ID)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(r.header.Get("Link"), "<"), ">")
	}
	if ids != "321" {
		t.Errorf("the pages hold %s", ids)
	}
}

func TestTheDetailNamesTheFirstProblem(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	for body, want := range map[string]string{
		`{"prompt": "hi"}`:                "validation failed: body.prompt: ",
		`{"prompt": " \t "}`:              "validation failed: body.prompt: expected more than blanks",
		`{"prompt": `:                     "validation failed: body: malformed JSON",
		`{"prompt": "say hello", "a": 1}`: "validation failed: body.a: unexpected property",
	} {
		if d := into[problem](t, s.send(t, "POST", "/api/runs", body)).Detail; !strings.HasPrefix(d, want) {
			t.Errorf("%s: %q, want %q", body, d, want)
		}
	}
}

func TestADeletedFileIsGone(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	f, err := s.bus.PutFile(t.Context(), "cv.pdf", strings.NewReader("%PDF-"))
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/files/" + string(f.ID)
	if r := s.send(t, "DELETE", path, ""); r.status != http.StatusNoContent {
		t.Errorf("%d %s", r.status, r.body)
	}
	refuses(t, s.send(t, "GET", path, ""), 404, "")
	refuses(t, s.send(t, "DELETE", path, ""), 404, "")
	refuses(t, s.send(t, "DELETE", "/api/files/..%2f..", ""), 404, "")
}
