package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/errand-run/errand/shared/event"
)

// labels are the words for what the API says in identifiers.
var labels = map[string]string{
	"queued": "Queued", "running": "Running", "waiting": "Waiting", "succeeded": "Succeeded", "failed": "Failed",
	"canceled": "Canceled", "timed_out": "Timed out",
	"ai": "AI", "cached_workflow": "Replay", "healed": "Healed replay",
	"current": "Current", "candidate": "Candidate", "superseded": "Superseded", "rejected": "Rejected",
	"recorded": "recorded from a run", "edited": "edited by hand", "restored": "restored",
}

// Label is the word that people read for a state or another identifier of the API; an unknown one is shown as it is.
func Label[T ~string](v T) string {
	if word, ok := labels[string(v)]; ok {
		return word
	}
	return strings.ReplaceAll(string(v), "_", " ")
}

// clock is a time as people read it, to the second.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// formatBytes is a size as people read it.
func formatBytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}

// formatCost is what was spent, in US dollars. A cost of nil means that the price of a model is not known, unless none
// was asked.
func formatCost(u event.Usage) string {
	switch {
	case u.CostUSD != nil:
		return fmt.Sprintf("$%.4f", *u.CostUSD)
	case u.ModelCalls == 0:
		return "$0"
	}
	return "unknown"
}

// formatDuration is a duration as people read it: 840 ms, 4.1 s, 2:05, 1:02:05.
func formatDuration(d time.Duration) string {
	switch s := int(d.Round(time.Second).Seconds()); {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	default:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
}

// deref is the value behind a pointer, the zero value for nil.
func deref(v any) any {
	switch p := v.(type) {
	case *string:
		if p != nil {
			return *p
		}
		return ""
	case *event.RunID:
		if p != nil {
			return *p
		}
		return event.RunID(0)
	case *event.TaskID:
		if p != nil {
			return *p
		}
		return event.TaskID(0)
	}
	return v
}

// pretty is JSON with indentation. A JSON string is shown as the text that it holds.
func pretty(v any) string {
	raw, ok := v.(json.RawMessage)
	if !ok {
		encoded, err := encode(v)
		if err != nil {
			return err.Error()
		}
		raw = encoded
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}

// encode is a value as JSON, with <, > and & as they are: templates escape them.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// clip is a text of at most n characters, with an ellipsis where something was cut off.
func clip(n int, text string) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
