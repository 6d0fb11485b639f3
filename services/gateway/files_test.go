package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
)

// part is one file of an upload.
type part struct{ name, content string }

// form is the body of an upload and its type.
func form(t *testing.T, parts ...part) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		f, err := w.CreateFormFile("file", p.name)
		if err == nil {
			_, err = io.WriteString(f, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

// uploaded is the answer to an upload.
type uploaded struct {
	event.File
	Files []event.File
}

func (s *server) upload(t *testing.T, parts ...part) uploaded {
	t.Helper()
	body, contentType := form(t, parts...)
	r := s.send(t, "POST", "/api/files", body, contentType)
	if r.status != http.StatusCreated {
		t.Fatalf("upload: %d %s", r.status, r.body)
	}
	return into[uploaded](t, r)
}

func TestAnUploadedFileComesBackSafely(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	const page = "<script>alert(document.domain)</script>"
	up := s.upload(t, part{`..\..\evil".html`, page}, part{"Überweisung.txt", "7 €"})
	if len(up.Files) != 2 || up.File != up.Files[0] || up.Size != int64(len(page)) || len(up.SHA256) != 64 || up.CreatedAt.IsZero() {
		t.Fatalf("answer %+v", up)
	}
	for i, want := range []struct{ name, content, contentType string }{
		{"evil_.html", page, "application/octet-stream"},
		{"Überweisung.txt", "7 €", "text/plain; charset=utf-8"},
	} {
		r := s.send(t, "GET", "/api/files/"+string(up.Files[i].ID), "")
		disposition, params, err := mime.ParseMediaType(r.header.Get("Content-Disposition"))
		if r.status != 200 || string(r.body) != want.content || r.header.Get("Content-Type") != want.contentType {
			t.Errorf("%s: %d %s %q", want.name, r.status, r.header.Get("Content-Type"), r.body)
		}
		if err != nil || disposition != "attachment" || params["filename"] != want.name || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v, %v", want.name, r.header, err)
		}
	}
}

func TestABadUploadIsAProblemAndStoresNothing(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	s := start(t, natstest.On(t, nc))
	one, contentType := form(t, part{"a.txt", "a"})
	none, noneType := form(t)
	many, manyType := form(t, make([]part, event.MaxFiles+1)...)
	large, largeType := form(t, part{"small", "x"}, part{"large", strings.Repeat("x", event.MaxFileSize+1)})
	for _, bad := range []struct {
		name, body string
		headers    []string
		status     int
	}{
		{"no form", `{}`, nil, 415},
		{"no boundary", one, []string{"Content-Type: multipart/form-data"}, 415},
		{"no part", none, []string{noneType}, 422},
		{"a part that is no file", strings.Replace(one, `; filename="a.txt"`, "", 1), []string{contentType}, 422},
		{"cut off", one[:len(one)-20], []string{contentType}, 422},
		{"too many", many, []string{manyType}, 422},
		{"too large", large, []string{largeType}, 413},
		{"another origin", one, []string{contentType, "Origin: https://evil.test"}, 403},
		{"another host", one, []string{contentType, "Host: evil.test"}, 403},
	} {
		t.Run(bad.name, func(t *testing.T) {
			refuses(t, s.send(t, "POST", "/api/files", bad.body, bad.headers...), bad.status, "")
		})
	}
	info, err := nc.Request("$JS.API.STREAM.INFO.OBJ_files", nil, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var stream struct{ State struct{ Bytes int } }
	if err := json.Unmarshal(info.Data, &stream); err != nil || stream.State.Bytes > 64<<10 {
		t.Errorf("refused uploads left %d bytes, %v", stream.State.Bytes, err)
	}
	for _, id := range []string{"6a1f3ad8-6b0e-4d34-9a67-0f8b2c1d5e77", "x", "..%2f..%2fetc"} {
		refuses(t, s.send(t, "GET", "/api/files/"+id, ""), 404, "")
	}
}

func TestALargeUploadIsReadToItsEndAndTheConnectionGoesOn(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	body, contentType := form(t, part{"large", strings.Repeat("x", event.MaxFileSize+4<<20)})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	go func() {
		_, _ = fmt.Fprintf(conn, "POST /api/files HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body)
	}()
	if status := answered(t, answers); status != 413 {
		t.Errorf("a large file gives %d", status)
	}
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if status := answered(t, answers); status != 200 {
		t.Errorf("the next request on the connection gives %d", status)
	}
}

func TestATaskAndItsRunsHaveTheirFiles(t *testing.T) {
	t.Parallel()
	s := start(t, natstest.Bus(t))
	cv, letter := s.upload(t, part{"cv.pdf", "%PDF-1.7"}), s.upload(t, part{"letter.txt", "Dear"})
	task := s.task(t, fmt.Sprintf(`{"prompt": "apply", "wait_for_completion": false, "files": [%q]}`, cv.ID))
	got := s.send(t, "GET", fmt.Sprintf("/api/tasks/%s", task), "")
	if files := into[struct{ Files []event.FileID }](t, got).Files; len(files) != 1 || files[0] != cv.ID {
		t.Errorf("the task has the files %v", files)
	}
	if r := s.send(t, "PUT", fmt.Sprintf("/api/tasks/%s", task), string(got.body)); r.status != 200 || !bytes.Contains(r.body, []byte(cv.ID)) {
		t.Errorf("the task that was read cannot be put back: %d %s", r.status, r.body)
	}
	for body, want := range map[string][]event.RunFile{
		`{}`:              {cv.Of(event.SourceUpload)},
		`{"files": null}`: {cv.Of(event.SourceUpload)},
		`{"files": []}`:   {},
		fmt.Sprintf(`{"files": [%q]}`, letter.ID): {letter.Of(event.SourceUpload)},
	} {
		r := s.send(t, "POST", fmt.Sprintf("/api/tasks/%s/runs", task), body)
		files, _ := json.Marshal(into[event.Run](t, r).Files)
		if expected, _ := json.Marshal(want); r.status != 200 || !bytes.Equal(files, expected) {
			t.Errorf("%s gives %d %s, want the files %s", body, r.status, r.body, expected)
		}
	}
}
