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
	case event.StateQueued:
		return "Queued"
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

// next is what a reader can do about an error, by its code.
var next = map[string]string{
	"provider_not_configured": "Set the provider's key in the environment of the executor and restart it, or run again with another provider.",
	"provider_auth":           "The provider refused the key: check it and restart the executor.",
	"provider_unavailable":    "The provider did not answer: run again later, or name fallbacks.",
	"rate_limited":            "The provider's limit is reached: run again later, or name fallbacks.",
	"max_steps":               "Raise max_steps, or make the task smaller.",
	"budget_exceeded":         "Raise the budget, or make the task smaller.",
	"invalid_result":          "The answer did not satisfy the JSON Schema: look at the last step, or relax the schema.",
	"goal_not_reached":        "The agent says that it could not do the task: its last step says why.",
	"captcha":                 "The site asks for a captcha, which Errand does not solve.",
	"login_required":          "The site asks for a login: give the task secrets for it.",
	"workflow_failed":         "The site has changed and no model could take over: set a provider's key, or record the workflow again.",
	"parameters_unbound":      "Give the missing values as parameters.",
	"no_browser":              "No browser could be started on the executor: its log says why.",
}

// advice is what a reader can do now; empty if there is nothing to do.
func advice(r event.Run) string {
	if r.Error == nil {
		return ""
	}
	return next[r.Error.Code]
}

// newestFirst is the versions in reverse order.
func newestFirst(versions []event.WorkflowVersion) []event.WorkflowVersion {
	reversed := slices.Clone(versions)
	slices.Reverse(reversed)
	return reversed
}
