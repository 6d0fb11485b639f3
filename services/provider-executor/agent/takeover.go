package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// maxToldSent bounds the actions that a takeover notice lists under each heading: the newest ones.
const maxToldSent = 20

// goOn begins where an earlier attempt stood: with its browser's state, and with a model that is told of it.
func (r *run) goOn(ctx context.Context) error {
	if len(r.task.History) == 0 {
		return nil
	}
	var restored browser.Restored
	if r.task.State != nil {
		if err := r.openBrowserAs(ctx, r.task.State); err != nil {
			return err
		}
		restored = r.session.Restored()
	}
	r.talk = resumed(r.task, restored)
	return nil
}

// keep stores what the browser holds after a step that may have had effects. A state that cannot be had or stored is
// no reason to end the run.
func (r *run) keep(ctx context.Context, step int) string {
	if r.session == nil || r.Keep == nil {
		return ""
	}
	state, err := r.session.State(ctx)
	if err != nil {
		r.Log.Warn("save the browser's state", "step", step, "error", err)
		return ""
	}
	return r.Keep(ctx, step, state)
}

// takeoverNotice tells the model that its browser is a new one, what was restored in it, and what earlier attempts of
// the run have sent or may have sent. It stands right before the page, because that page looks as if nothing had been
// done.
func (c *conversation) takeoverNotice(history []event.StepData, restored browser.Restored) string {
	nonce := c.nonce
	var b strings.Builder
	b.WriteString("\n# A new browser\nThe browser of the earlier attempt is gone, and you go on in a new one.\n")
	has, lost := restored.Has, append(slices.Clip(restored.Lost), "what pages held in memory only", "what was typed in a step that was interrupted")
	if len(has) == 0 {
		has = []string{"nothing, no page is open"}
		lost = append(slices.Clip(restored.Lost), lastPage(history), "logins", "everything that was typed and not sent")
	}
	fmt.Fprintf(&b, "Restored: %s.\nLost: %s.\n", strings.Join(has, "; "), strings.Join(lost, "; "))
	for _, text := range restored.Texts {
		fmt.Fprintf(&b, "A lost page began:\n<page %s>\n%s\n</page %s>\n", nonce, text, nonce)
	}
	sent, unknown := sentBefore(history)
	list(&b, "Done already, on the website too. Do not do these again:", sent)
	list(&b, "May have been done or not. Find out (look at a list of orders, messages or entries) before you repeat any of these:", unknown)
	b.WriteString("A page without a trace of an action does not show that the action was not done.\n")
	return b.String()
}

// lastPage names the page that was open when the last step was decided.
func lastPage(history []event.StepData) string {
	if url := history[len(history)-1].URL; url != "" {
		return "the open page (" + short(url) + " before the last step)"
	}
	return "the open page"
}

// sentBefore are the actions that have sent something, and those of which nobody knows, a line each.
func sentBefore(history []event.StepData) (sent, unknown []string) {
	for _, step := range history {
		for _, a := range step.Actions {
			line := fmt.Sprintf("step %d, %s%s (%s)", step.Number, a.Name, given(a), short(step.Description))
			for _, x := range a.Sent {
				line += fmt.Sprintf("; %s %s", x.Method, short(x.URL))
			}
			switch {
			case (step.Interrupted || a.MayHaveHappened()) && action.Effectful(a.Name):
				unknown = append(unknown, line)
			case a.Sends:
				sent = append(sent, line)
			}
		}
	}
	return sent, unknown
}

func list(b *strings.Builder, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(b, heading)
	for _, line := range lines[max(0, len(lines)-maxToldSent):] {
		fmt.Fprintln(b, "- "+line)
	}
}

// endsOfStandstill are the codes of a run that does not get on.
var endsOfStandstill = []string{"stuck", "too_many_failures", "max_steps", "goal_not_reached"}

// interrupted ends a run as interrupted that did not get on because nothing is sent twice unseen, or that reports a
// success without having looked whether what was stopped had been done.
func (r *run) interrupted(result *Result) {
	switch {
	case result == nil:
	case result.Error != nil:
		if stopped := r.task.Ledger.Stopped(); len(stopped) > 0 && slices.Contains(endsOfStandstill, result.Error.Code) {
			result.Error = interruption("did not get on without sending again what was sent before", stopped, result.Error.Message)
		}
	default:
		if unseen := r.task.Ledger.Unseen(); len(unseen) > 0 {
			result.Error = interruption("reports a success without having looked whether this was done", unseen, "Its answer is kept in the history.")
		}
	}
}

func interruption(what string, requests []string, why string) *event.Error {
	return &event.Error{Code: "interrupted", Message: fmt.Sprintf(
		"The run changed its executor, and %s: %s. Look there, then start the run again if it is safe. (%s)", what, strings.Join(requests, "; "), why)}
}
