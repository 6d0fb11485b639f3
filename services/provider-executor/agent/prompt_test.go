package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// stepWith is a step whose actions brought that many characters.
func stepWith(n int, memory string, brought ...int) event.StepData {
	step := event.StepData{Number: n, Description: fmt.Sprintf("goal %d", n), Memory: memory}
	for _, size := range brought {
		step.Actions = append(step.Actions, event.Action{Name: "extract", Params: map[string]any{"query": "q"}, ExtractedContent: ref(strings.Repeat("x", size))})
	}
	return step
}

func length(messages []model.Message) int {
	n := 0
	for _, m := range messages {
		n += len(m.Text)
	}
	return n
}

func TestAConversationStaysBoundedHoweverLongAndLoudItsSteps(t *testing.T) {
	task := Task{Prompt: "the task " + strings.Repeat("t", 30_000)}
	for name, steps := range map[string]struct {
		brought     []int
		compactions int // at most
	}{
		"quiet": {[]int{10}, 0}, "large": {[]int{8000}, 50}, "cut": {[]int{100_000}, 50},
		"larger than a turn may be": {[]int{8000, 8000, 8000, 8000, 8000}, 200},
	} {
		c := newConversation(task)
		var before []model.Message
		compactions := 0
		for n := 1; n <= 200; n++ {
			c.add(stepWith(n, fmt.Sprint("fact ", n), steps.brought...), decision{own: true, Memory: fmt.Sprint("fact ", n), NextGoal: fmt.Sprint("goal ", n)})
			messages := c.ask("the page", 9)
			if size := length(messages) - len(c.task); size > compactAt+keepLines+5*maxContent+2000 {
				t.Fatalf("%s, step %d: %d characters", name, n, size)
			}
			told := ""
			for _, m := range messages {
				told += m.Text
			}
			for _, part := range []string{"the task ttt", fmt.Sprint("fact ", n), fmt.Sprint("goal ", n), fmt.Sprintf("# Step %d: what came of it", n)} {
				if got := strings.Count(told, part); got == 0 || part == "the task ttt" && got != 1 {
					t.Fatalf("%s, step %d: %q is told %d times", name, n, part, got)
				}
			}
			if stable := messages[:len(messages)-1]; len(before) > len(stable) || !slices.EqualFunc(before, stable[:len(before)], sameText) {
				compactions++
			}
			before = slices.Clone(messages[:len(messages)-1])
		}
		if compactions > steps.compactions || steps.compactions > 0 && compactions == 0 {
			t.Errorf("%s: the prefix has changed %d times in 200 steps", name, compactions)
		}
	}
}

func sameText(a, b model.Message) bool { return a.Role == b.Role && a.Text == b.Text }

func TestCompactionKeepsALineAndTheMemoryOfEachStep(t *testing.T) {
	c := newConversation(Task{Prompt: "t"})
	for n := 1; n <= 12; n++ {
		c.add(stepWith(n, fmt.Sprint("fact ", (n+1)/2), 8000), decision{own: true})
	}
	told := c.ask("p", 9)[0].Text
	if summary, _, found := strings.Cut(told, ": what came of it"); !found || strings.Contains(summary, strings.Repeat("x", shortened+1)) {
		t.Errorf("what an action brought is not shortened in %.2000s", summary)
	}
	for n := 1; n <= 5; n++ {
		if want := fmt.Sprintf("%d. goal %d; extract ", n, n); strings.Count(told, want) != 1 {
			t.Errorf("%q stands %d times", want, strings.Count(told, want))
		}
	}
	for n := 1; n <= 2; n++ {
		if want := fmt.Sprintf("memory: fact %d\n", n); strings.Count(told, want) != 1 {
			t.Errorf("%q stands %d times, in\n%.3000s", want, strings.Count(told, want), told)
		}
	}
}

func TestTheSystemPromptHasTheActionsOfTheTable(t *testing.T) {
	c := newConversation(Task{Prompt: "look", Evaluate: true})
	if !strings.Contains(c.system(), action.Prompt()) || strings.Contains(c.system(), "{{") {
		t.Errorf("the system prompt is\n%s", c.system())
	}
	if !strings.Contains(c.task, "evaluate {text}") {
		t.Errorf("the task does not offer code: %s", c.task)
	}
}
