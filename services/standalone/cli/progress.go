package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// progress prints the events of a run as lines for people.
type progress struct {
	t     *Terminal
	began time.Time
}

// show prints what there is to say about an event; most say nothing.
func (p *progress) show(line logLine) error {
	if step, found := strings.CutPrefix(line.kind, "step."); found {
		return p.step(event.Phase(step), line.data)
	}
	var e event.RunEvent
	if err := json.Unmarshal(line.data, &e); err != nil {
		return fmt.Errorf("read an event of the run: %w", err)
	}
	switch event.Type(line.kind) {
	case event.Dispatched:
		p.say("queued for %s", e.Data.Run.Provider)
	case event.Started:
		p.say("started%s", attempt(e.Data.Run.Attempt))
	case event.Retrying:
		p.say("attempt %d was lost; another executor takes over", e.Data.Run.Attempt)
	case event.Suspended:
		p.say("waiting: %s", e.Data.Run.Waiting.Text)
	case event.Resumed:
		p.say("going on")
	case event.CancelRequested:
		p.say("cancel requested")
	}
	return nil
}

func attempt(n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(", attempt %d", n)
}

func (p *progress) step(phase event.Phase, data []byte) error {
	var e event.StepEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("read an event of the run: %w", err)
	}
	if phase == event.Planned {
		p.change("%d. %s ...", e.Data.Number, e.Data.Description)
		return nil
	}
	p.say("%d. %s", e.Data.Number, e.Data.Description)
	for _, a := range e.Data.Actions {
		p.say("   %s %s", p.mark(a), actionText(a))
	}
	return nil
}

// actionText is an action with its outcome in one line.
func actionText(a event.Action) string {
	text := a.Name
	switch {
	case a.Error != nil:
		text += ": " + *a.Error
	case a.ExtractedContent != nil && *a.ExtractedContent != "":
		text += ": " + firstLine(*a.ExtractedContent)
	}
	return clip(text, 160)
}

func (p *progress) mark(a event.Action) string {
	switch {
	case a.Error != nil || a.Success != nil && !*a.Success:
		return p.t.colour(red, "✗")
	case a.Success != nil:
		return p.t.colour(green, "✓")
	}
	return "·"
}

// say prints a line.
func (p *progress) say(format string, v ...any) {
	if p.t.Fancy {
		fmt.Fprint(p.t.Err, "\r\x1b[K")
	}
	fmt.Fprintf(p.t.Err, format+"\n", v...)
}

// change prints a line that the next one replaces; only where that can be seen.
func (p *progress) change(format string, v ...any) {
	if p.t.Fancy {
		fmt.Fprintf(p.t.Err, "\r\x1b[K"+format, v...)
	}
}

// Colours, by their code.
const (
	red   = 31
	green = 32
)

func (t *Terminal) colour(code int, text string) string {
	if !t.Fancy || t.Getenv("NO_COLOR") != "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}

// await shows a run until it is over, and ends with its result on standard output and the exit code of its state.
func (s *server) await(ctx context.Context, t *Terminal, run event.RunID, asJSON bool) error {
	p := &progress{t: t, began: time.Now()}
	if err := s.follow(ctx, run, p.show); err != nil {
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			return exit{130, fmt.Sprintf("stopped watching; the run goes on: \"errand watch %s\" shows it, \"errand cancel %s\" ends it", run, run)}
		}
		return err
	}
	raw, r, err := s.run(ctx, run)
	if err != nil {
		return err
	}
	if asJSON {
		fmt.Fprintf(t.Out, "%s\n", indented(raw))
	} else if len(r.Result) > 0 && string(r.Result) != "null" {
		fmt.Fprintln(t.Out, resultText(r.Result))
	}
	p.say("%s: %s, %d steps, %d model calls, %s", runURL(s, run), r.State, len(r.History), r.Usage.ModelCalls, took(r))
	return ended(r)
}

func runURL(s *server, run event.RunID) string { return s.url + "/runs/" + run.String() }

func took(r event.Run) string {
	if r.StartedAt == nil || r.FinishedAt == nil {
		return "0 s"
	}
	return r.FinishedAt.Sub(*r.StartedAt).Round(100 * time.Millisecond).String()
}

// run reads a run, as the server sends it and decoded.
func (s *server) run(ctx context.Context, id event.RunID) (raw json.RawMessage, r event.Run, err error) {
	if err = s.send(ctx, "GET", "/api/runs/"+id.String(), nil, &raw); err == nil {
		err = json.Unmarshal(raw, &r)
	}
	return raw, r, err
}

// ended is the error that gives a run's state its exit code; nil if it succeeded.
func ended(r event.Run) error {
	var text string
	if r.Error != nil {
		text = r.Error.Code + ": " + r.Error.Message
	}
	switch r.State {
	case event.StateSucceeded:
		return nil
	case event.StateCanceled, event.StateTimedOut:
		return exit{ExitStopped, text}
	case event.StateFailed:
		return exit{ExitFailed, text}
	}
	return nil
}

// resultText is a result for people: a text as it is, anything else as JSON.
func resultText(result json.RawMessage) string {
	var text string
	if json.Unmarshal(result, &text) == nil {
		return text
	}
	return indented(result)
}

func indented(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// printJSON prints an answer of the server as it is.
func printJSON(w io.Writer, raw json.RawMessage) { fmt.Fprintf(w, "%s\n", indented(raw)) }
