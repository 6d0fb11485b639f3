package agent

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/action"
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
	task     string // the task and the form of its result
	messages []model.Message
	pending  string   // text for the user message that the next page will end
	lines    []string // one a step: what it was for and what came of it
	memories []string // one a step: what the model wrote into its memory
}

func newConversation(t Task) *conversation {
	nonce := make([]byte, 6)
	_, _ = rand.Read(nonce) // never fails
	c := &conversation{nonce: hex.EncodeToString(nonce)}
	c.task = "# Task\n" + t.Prompt + "\n" + secretsOffered(t) + filesOffered(t) + codeOffered(t) + resultDemand(t)
	c.pending = c.task
	return c
}

// system is the system prompt, which names the conversation's delimiters.
func (c *conversation) system() string {
	return strings.NewReplacer("{{nonce}}", c.nonce, "{{actions}}", action.Prompt()).Replace(systemPrompt)
}

// resumed is the conversation of a task with what earlier attempts did: as text, since the numbers of that time name
// nothing now. The newest steps are told in full, of the others a line each.
func resumed(t Task, restored browser.Restored) *conversation {
	c := newConversation(t)
	if len(t.History) == 0 {
		return c
	}
	from, full := len(t.History), ""
	for left := keepTurns; from > 0; from-- {
		text := asText(t.History[from-1])
		if left -= len(text); left < 0 && full != "" {
			break
		}
		full = text + full
	}
	for _, step := range t.History {
		c.lines, c.memories = append(c.lines, line(step)), append(c.memories, step.Memory)
	}
	c.pending += "\n" + earlier
	if from > 0 {
		c.pending += c.summary(from)
	}
	c.pending += full + c.takeoverNotice(t.History, restored)
	return c
}

// earlier stands before the steps of earlier attempts.
const earlier = "# Earlier attempt\nThe steps below were done in an earlier attempt. What they did on websites remains done.\n"

// filesOffered tells the model which files there are.
func filesOffered(t Task) string {
	if len(t.Files) == 0 {
		return ""
	}
	return "\n# Files\nupload_file and read_file take these, by name:\n" + strings.Join(t.Files, "\n") + "\n"
}

// codeOffered tells the model that it may run code in pages.
func codeOffered(t Task) string {
	if !t.Evaluate {
		return ""
	}
	spec, _ := action.Lookup(actionEvaluate)
	return "\n# Code\n- " + spec.Line() + "\n"
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

// Compaction, in characters. Where the steps of a conversation pass compactAt, only the newest turns stay as they are;
// of the steps before a line each stays, and what the model wrote into its memory. It happens rarely and in one go,
// since it costs the provider's cache.
const (
	compactAt = 80_000
	keepTurns = 20_000 // of the newest turns
	keepLines = 20_000 // of the lines of the steps before
)

// compact shortens the conversation where it has grown too long.
func (c *conversation) compact() {
	size := -len(c.task) // which is never dropped
	for _, m := range c.messages {
		size += len(m.Text)
	}
	if size <= compactAt {
		return
	}
	from, turns := len(c.messages), 0
	for left := keepTurns; from > 0; turns++ {
		if left -= len(c.messages[from-2].Text) + len(c.messages[from-1].Text); left < 0 {
			break
		}
		from -= 2
	}
	kept, first := slices.Clone(c.messages[from:]), &c.pending
	if len(kept) > 0 {
		first = &kept[0].Text
	}
	*first = c.task + "\n" + c.summary(len(c.lines)-turns) + *first
	c.messages = kept
}

// summary is what stays of the first n steps. The oldest lines give way where there are too many.
func (c *conversation) summary(n int) string {
	from := n
	for left := keepLines; from > 0; from-- {
		if left -= len(c.lines[from-1]) + len(short(c.memories[from-1])); left < 0 {
			break
		}
	}
	var b strings.Builder
	b.WriteString("# Steps before, in short\n")
	if from > 0 {
		fmt.Fprintf(&b, "(%d steps before these are left out)\n", from)
	}
	for i := from; i < n; i++ {
		fmt.Fprintln(&b, c.lines[i])
		if memory := c.memories[i]; i == n-1 {
			fmt.Fprintf(&b, "Your memory then: %s\n", memory)
		} else if i == 0 || memory != c.memories[i-1] {
			fmt.Fprintf(&b, "   memory: %s\n", short(memory))
		}
	}
	return b.String() + "\n"
}

// shortened is how much of what an action brought, and of a memory, stands in a step's line.
const shortened = 200

func line(step event.StepData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d. %s", step.Number, step.Description)
	for _, a := range step.Actions {
		fmt.Fprintf(&b, "; %s %s", a.Name, short(outcome(a)))
	}
	return b.String()
}

// short is the beginning of a text, on one line.
func short(text string) string {
	r := []rune(strings.ReplaceAll(text, "\n", " "))
	if len(r) > shortened {
		return string(r[:shortened]) + "..."
	}
	return string(r)
}

// add records a step: what the model answered, and what came of it. A step that the agent took by itself is told as text;
// of one that was recorded only its line stays.
func (c *conversation) add(step event.StepData, d decision) {
	c.lines, c.memories = append(c.lines, line(step)), append(c.memories, step.Memory)
	switch {
	case d.recorded != nil:
		return
	case !d.own:
		c.pending += "\n" + asText(step) + d.note
		return
	}
	c.messages = append(c.messages,
		model.Message{Role: model.User, Text: c.pending},
		model.Message{Role: model.Assistant, Text: d.written()})
	c.pending = results(step) + d.note
	c.compact()
}

// asText is a step of which the model has not seen its own answer.
func asText(step event.StepData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Step %d: what came of it\nGoal: %s\n", step.Number, step.Description)
	if step.Memory != "" {
		fmt.Fprintf(&b, "Memory: %s\n", step.Memory)
	}
	writeOutcomes(&b, step, func(a event.Action) string { return a.Name + given(a) })
	return b.String()
}

// given are the parameters of an action that still mean something: not indexes.
func given(a event.Action) string {
	spec, _ := action.Lookup(a.Name)
	var b strings.Builder
	for _, p := range spec.Params {
		if v, ok := a.Params[p.Name]; ok && p.Type != action.Element {
			fmt.Fprintf(&b, " %s=%s", p.Name, short(fmt.Sprint(v)))
		}
	}
	return b.String()
}

// results tells the model what came of a step's actions.
func results(step event.StepData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Step %d: what came of it\n", step.Number)
	writeOutcomes(&b, step, func(a event.Action) string { return a.Name })
	return b.String()
}

// writeOutcomes writes a line for each action of a step.
func writeOutcomes(b *strings.Builder, step event.StepData, name func(event.Action) string) {
	if step.Interrupted {
		b.WriteString("The step was interrupted before its outcome was known. Its actions may have happened or not. Find out before you repeat any of them.\n")
	}
	for i, a := range step.Actions {
		fmt.Fprintf(b, "%d. %s: %s\n", i+1, name(a), outcome(a))
	}
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
