package agent

import (
	"fmt"
	"strings"

	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// maxToldSent bounds the actions that a takeover notice lists under each heading: the newest ones.
const maxToldSent = 20

// takeoverNotice tells the model that its browser is a new one, and what earlier attempts of the run have sent or may
// have sent. It stands right before the page, because that page looks as if nothing had been done.
func takeoverNotice(history []event.StepData) string {
	var b strings.Builder
	b.WriteString("\n# A new browser\n")
	fmt.Fprintf(&b, "The browser of the earlier attempt is gone, and you go on in a new one. Restored: nothing, no page is open. Lost: %s, logins, and everything that was typed and not sent.\n", lastPage(history))
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
