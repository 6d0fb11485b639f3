package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// Patience with the server.
const (
	requestLimit = time.Minute      // for one answer; runs are never waited for in a request
	silenceLimit = 45 * time.Second // without a line of a stream, which has a ping every 15 s
	awayLimit    = time.Minute      // for a server that a run is watched on to come back
)

// server is the API that commands talk to.
type server struct {
	url string
	key string
}

// send makes a request and decodes the answer into out, if that is not nil. body is encoded as JSON, nil for none.
func (s *server) send(ctx context.Context, method, path string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		content = bytes.NewReader(raw)
	}
	r, err := s.request(ctx, method, path, content)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return s.do(r, out)
}

func (s *server) request(ctx context.Context, method, path string, content io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, content)
	if err != nil {
		return nil, exit{ExitUsage, fmt.Sprintf("%q is not the address of a server: %v", s.url, err)}
	}
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	return r, nil
}

func (s *server) do(r *http.Request, out any) error {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return s.away(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return s.away(err)
	}
	if resp.StatusCode >= 300 {
		return refusal(resp, content)
	}
	if out == nil || len(content) == 0 {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("%s does not answer like an Errand server: %w", s.url, err)
	}
	return nil
}

func (s *server) away(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return exit{ExitNoServer, fmt.Sprintf("no Errand server answers at %s: start one with \"errand serve\", or name it with --url or ERRAND_URL (%v)", s.url, err)}
}

// refusal is the error for an answer that is not a success: what the server says, in one line.
func refusal(resp *http.Response, content []byte) error {
	var p struct {
		Detail string
		Errors []struct{ Location, Message string }
	}
	_ = json.Unmarshal(content, &p) // another kind of answer has no detail
	text := p.Detail
	for i, e := range p.Errors {
		if i == 0 {
			text = ""
		} else {
			text += "; "
		}
		text += strings.TrimPrefix(e.Location, "body.") + ": " + e.Message
	}
	if text == "" {
		text = "the server answered " + resp.Status
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return exit{ExitNoAccess, text}
	case resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusGatewayTimeout:
		return exit{ExitNoServer, text}
	case resp.StatusCode < 500:
		return exit{ExitUsage, text}
	}
	return errors.New(text)
}

// upload stores files for a run and returns their ids.
func (s *server) upload(ctx context.Context, paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, exit{ExitUsage, err.Error()}
		}
		part, err := form.CreateFormFile("file", filepath.Base(path))
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", path, err)
		}
	}
	if err := form.Close(); err != nil {
		return nil, fmt.Errorf("pack the files: %w", err)
	}
	r, err := s.request(ctx, http.MethodPost, "/api/files", &body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	var stored struct{ Files []event.File }
	if err := s.do(r, &stored); err != nil {
		return nil, err
	}
	var ids []string
	for _, f := range stored.Files {
		ids = append(ids, string(f.ID))
	}
	return ids, nil
}

// logLine is one event of a run's log.
type logLine struct {
	sequence uint64
	kind     string // as in the stream: started, step.done, ...
	data     []byte // the CloudEvents object
}

// follow calls each with the events of a run after a sequence until the terminal one, across restarts of the server.
func (s *server) follow(ctx context.Context, run event.RunID, each func(logLine) error) error {
	var after uint64
	lastHeard := time.Now()
	for {
		before := after
		over, err := s.stream(ctx, run, &after, each)
		if over || ctx.Err() != nil {
			return err
		}
		if e, ok := errors.AsType[exit](err); err != nil && (!ok || e.code != ExitNoServer) {
			return err
		}
		if after > before {
			lastHeard = time.Now()
		}
		if err != nil && time.Since(lastHeard) > awayLimit {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stream reads the log from one connection. over reports that nothing follows.
func (s *server) stream(ctx context.Context, run event.RunID, after *uint64, each func(logLine) error) (over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.request(ctx, http.MethodGet, fmt.Sprintf("/api/runs/%s/events?after=%d", run, *after), nil)
	if err != nil {
		return true, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, s.away(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return true, nil
	case resp.StatusCode != http.StatusOK:
		content, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return false, refusal(resp, content)
	}
	silent := time.AfterFunc(silenceLimit, cancel)
	defer silent.Stop()
	var line logLine
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return false, nil // the connection ended: the next one goes on
		}
		silent.Reset(silenceLimit)
		name, value, _ := strings.Cut(strings.TrimRight(text, "\r\n"), ": ")
		switch name {
		case "id":
			line.sequence, _ = strconv.ParseUint(value, 10, 64)
		case "event":
			line.kind = value
		case "data":
			line.data = []byte(value)
		case "":
			if line.kind != "ping" && line.kind != "" {
				if err := each(line); err != nil {
					return true, err
				}
				*after = line.sequence
				if event.Type(line.kind).Terminal() {
					return true, nil
				}
			}
			line = logLine{}
		}
	}
}
