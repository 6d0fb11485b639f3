package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/errand-run/errand/shared/event"
)

// outcome is what came of an action: ok, failed, or unknown where nothing could be verified.
func outcome(a event.Action) string {
	switch {
	case a.Error != nil, a.Success != nil && !*a.Success:
		return "failed"
	case a.Success != nil:
		return "ok"
	}
	return "unknown"
}

// subject is what an action was for, in a few words: the name of its element, and what was typed or opened.
func subject(a event.Action) string { return subjectOf(a.Params) }

func subjectOf(params map[string]any) string {
	var words []string
	if target, ok := params["target"].(map[string]any); ok {
		role, _ := target["role"].(string)
		if name, _ := target["name"].(string); name != "" {
			role += fmt.Sprintf(" %q", name)
		}
		words = append(words, strings.TrimSpace(role))
	}
	for _, name := range []string{"url", "text", "keys", "query", "path", "tab_id", "seconds"} {
		if v, ok := params[name]; ok {
			words = append(words, fmt.Sprint(v))
		}
	}
	return strings.Join(words, ": ")
}

// bannerKind is the look of the banner above a run's steps.
func bannerKind(r Run) string { return string(r.Run.State) }

// bannerTitle says in a few words where the run stands.
func bannerTitle(r Run) string {
	switch r.Run.State {
	case event.StateQueued, event.StateWaiting:
		if r.Run.Waiting != nil {
			return "Waiting: " + Label(r.Run.Waiting.Reason)
		}
	case event.StateRunning:
		return "Running"
	case event.StateSucceeded:
		return "Result"
	case event.StateFailed:
		if r.Run.Error != nil {
			return "Failed: " + r.Run.Error.Code
		}
	}
	return Label(r.Run.State)
}

// bannerText says what there is to know about that.
func bannerText(r Run) string {
	switch {
	case r.Run.Error != nil:
		return r.Run.Error.Message
	case r.Run.Waiting != nil:
		return r.Run.Waiting.Text
	case r.Run.State == event.StateQueued && r.Run.Attempt > 1:
		return fmt.Sprintf("Attempt %d was lost; the run waits for an executor to take it over.", r.Run.Attempt-1)
	case r.Run.State == event.StateQueued:
		return "The run waits for an executor of " + r.Run.Provider + " with a free slot."
	case r.Run.State == event.StateRunning && len(r.Steps) > 0:
		return r.Steps[len(r.Steps)-1].Description
	case r.Run.State == event.StateRunning:
		return "The browser is being opened."
	case r.Run.State == event.StateCanceled:
		return "Somebody canceled this run. What it did until then is below."
	case r.Run.State == event.StateTimedOut:
		return "The session timeout ended this run. What it did until then is below."
	}
	return ""
}

// newestFirst is the versions in reverse order.
func newestFirst(versions []event.WorkflowVersion) []event.WorkflowVersion {
	reversed := slices.Clone(versions)
	slices.Reverse(reversed)
	return reversed
}
