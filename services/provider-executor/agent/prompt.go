package agent

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/event"
)

//go:embed system.md
var systemPrompt string

// maxContent is how much of an action's content stands in the conversation, in characters; what is more is said.
const maxContent = 8000

// conversation is what the model has been told: an append-only prefix, so that providers can cache it. Old pages
// are never in it.
type conversation struct {
	nonce    string
	system   string
	task     string // the task and the form of its result
	messages []model.Message
	pending  string   // text for the user message that the next page will end
	lines    []string // one a step: what it was for and what came of it
}

func newConversation(t Task) *conversation {
	nonce := make([]byte, 6)
	_, _ = rand.Read(nonce) // never fails
	c := &conversation{nonce: hex.EncodeToString(nonce)}
	c.system = strings.ReplaceAll(systemPrompt, "{{nonce}}", c.nonce)
	c.task = "# Task\n" + t.Prompt + "\n" + resultDemand(t)
	c.pending = c.task
	return c
}

// resultDemand says in words what the result must look like: the user's schema is never the wire schema.
func resultDemand(t Task) string {
	switch {
	case len(t.Schema) > 0:
		return "\n# Result\nGive done.data as JSON that satisfies this JSON Schema:\n" + string(t.Schema) + "\n"
	case t.JSON:
		return "\n# Result\nGive done.data as JSON.\n"
	}
	return ""
}

// ask is the conversation with the page at its end. It does not change the conversation.
func (c *conversation) ask(page string, left int) []model.Message {
	text := c.pending
	if left == 1 {
		text += "\nThis is the last step: only done is possible now. Report what you have.\n"
	}
	text += fmt.Sprintf("\n<page %s>\n%s\n</page %s>", c.nonce, page, c.nonce)
	return append(c.messages[:len(c.messages):len(c.messages)], model.Message{Role: model.User, Text: text})
}

// Compaction. A conversation of more than compactAt characters loses the text of all but its last keepTurns steps; a
// line a step stays, and so does what the model itself keeps in its memory. It happens rarely and in one go, since it
// costs the provider's cache.
const (
	compactAt = 60_000
	keepTurns = 6
)

// compact shortens the conversation where it has grown too long.
func (c *conversation) compact() {
	size := 0
	for _, m := range c.messages {
		size += len(m.Text)
	}
	turns := len(c.messages) / 2
	if size <= compactAt || turns <= keepTurns {
		return
	}
	dropped := turns - keepTurns
	summary := c.task + "\n# Steps before, in short\n" + strings.Join(c.lines[:len(c.lines)-keepTurns], "\n") + "\n"
	kept := c.messages[2*dropped:]
	kept[0].Text = summary + kept[0].Text
	c.messages = append([]model.Message(nil), kept...)
}

// shortened is how much of what an action brought stands in a step's line.
const shortened = 200

func line(step event.StepData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d. %s", step.Number, step.Description)
	for _, a := range step.Actions {
		came := []rune(outcome(a))
		if len(came) > shortened {
			came = append(came[:shortened], []rune("...")...)
		}
		fmt.Fprintf(&b, "; %s %s", a.Name, strings.ReplaceAll(string(came), "\n", " "))
	}
	return b.String()
}

// add records a step: what the model answered, and what came of it.
func (c *conversation) add(step event.StepData, note string) {
	answer, err := json.Marshal(decisionOf(step))
	if err != nil {
		answer = []byte(step.Description) // parameters came from JSON; this cannot be
	}
	c.messages = append(c.messages,
		model.Message{Role: model.User, Text: c.pending},
		model.Message{Role: model.Assistant, Text: string(answer)})
	c.pending = results(step) + note
	c.lines = append(c.lines, line(step))
	c.compact()
}

func decisionOf(step event.StepData) decision {
	d := decision{Evaluation: step.Evaluation, Memory: step.Memory, NextGoal: step.Description}
	for _, a := range step.Actions {
		flat := map[string]any{"name": a.Name}
		for k, v := range a.Params {
			if k != "xpath" && k != "target" {
				flat[k] = v
			}
		}
		d.Actions = append(d.Actions, flat)
	}
	return d
}

// results tells the model what came of a step's actions.
func results(step event.StepData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Step %d: what came of it\n", step.Number)
	if step.Interrupted {
		b.WriteString("The step was interrupted before its outcome was known, and the browser is a new one, with no page open. Its actions may have happened or not. Find out before you repeat any of them.\n")
	}
	for i, a := range step.Actions {
		fmt.Fprintf(&b, "%d. %s: %s\n", i+1, a.Name, outcome(a))
	}
	return b.String()
}

func outcome(a event.Action) string {
	var s string
	switch {
	case a.Error != nil:
		s = "error: " + *a.Error
	case a.Success != nil && *a.Success:
		s = "ok"
	default:
		s = "done, effect not verified"
	}
	if a.ExtractedContent == nil || *a.ExtractedContent == "" {
		return s
	}
	content := []rune(*a.ExtractedContent)
	if len(content) > maxContent {
		return fmt.Sprintf("%s\n%s\n(%d more characters are not shown: extract with a narrower query)", s, string(content[:maxContent]), len(content)-maxContent)
	}
	return s + ": " + string(content)
}
