package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// caller is any client of the API.
type caller struct {
	base string
	http http.Client
}

// callTimeout bounds one call; the longest waits for its run.
const callTimeout = 90 * time.Second

// send does one request and decodes the answer into result. An answer that is no 2xx is an error that quotes it.
func (c *caller) send(ctx context.Context, method, path string, body, result any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return fmt.Errorf("encode the body of %s: %w", path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, &payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(answer))
	}
	if raw, ok := result.(*json.RawMessage); ok {
		*raw = answer
		return nil
	}
	return json.Unmarshal(answer, result)
}

// createTask saves a task and returns its id.
func (c *caller) createTask(ctx context.Context, task map[string]any) (event.TaskID, error) {
	var created struct {
		ID event.TaskID `json:"id"`
	}
	err := c.send(ctx, http.MethodPost, "/api/tasks", task, &created)
	return created.ID, err
}

// runTask runs a saved task and waits for its end.
func (c *caller) runTask(ctx context.Context, task event.TaskID, overrides map[string]any) (event.Run, error) {
	var run event.Run
	err := c.send(ctx, http.MethodPost, "/api/tasks/"+task.String()+"/runs", overrides, &run)
	return run, err
}
