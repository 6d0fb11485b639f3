package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// explain says of queued runs why they wait, as the orchestrator that dispatches knows it now. A run whose log says it,
// and one of which nobody knows, stay as they are.
func (a *api) explain(ctx context.Context, runs ...*event.Run) {
	var ids []event.RunID
	for _, r := range runs {
		if queuedUnexplained(r, a.bus.Now(ctx)) {
			ids = append(ids, *r.TaskRunID)
		}
	}
	if len(ids) == 0 {
		return
	}
	why, err := a.bus.Why(ctx, ids)
	nobody := errors.Is(err, bus.ErrNotFound)
	if err != nil && !nobody {
		a.log.Debug("ask why runs wait", "error", err)
		return
	}
	for _, r := range runs {
		if w, ok := why[*r.TaskRunID]; ok {
			r.Waiting = &w
		} else if nobody && queuedUnexplained(r, a.bus.Now(ctx)) {
			r.Waiting = &event.Waiting{
				Reason: event.WaitingNoOrchestrator, Since: r.CreatedAt, Text: "No orchestrator gives runs to executors now: see its /readyz.",
			}
		}
	}
}

// queuedUnexplained reports whether a run waits for its turn: its provider, if it did, may serve it again.
func queuedUnexplained(r *event.Run, now time.Time) bool {
	return r.State == event.StateQueued && (r.Waiting == nil || !r.Waiting.Until.After(now))
}

// placeholder is a name in a concurrency_key.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// fillKey puts the values of a run into its concurrency_key: its parameters, and host, which is that of its initial_url.
func fillKey(r *event.Request, parameters json.RawMessage) error {
	values := map[string]json.RawMessage{}
	if len(parameters) > 0 {
		if err := json.Unmarshal(parameters, &values); err != nil {
			return fmt.Errorf("read the parameters: %w", err)
		}
	}
	if u, err := url.Parse(r.InitialURL); err == nil && u.Hostname() != "" {
		if _, given := values["host"]; !given {
			values["host"], _ = json.Marshal(strings.ToLower(u.Hostname()))
		}
	}
	var missing error
	r.ConcurrencyKey = placeholder.ReplaceAllStringFunc(r.ConcurrencyKey, func(found string) string {
		name := placeholder.FindStringSubmatch(found)[1]
		value, ok := values[name]
		if !ok {
			missing = huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{
				Location: "body.concurrency_key",
				Message:  fmt.Sprintf("needs a value for %s: give it in parameters, or as the host of initial_url", found),
			})
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value) // a number, true or false
		}
		return text
	})
	return missing
}
