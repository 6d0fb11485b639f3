package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
)

// feed is any subscriber of the log: it gets each event of every run as it is stored, over NATS.
type feed struct {
	messages chan *nats.Msg
	sub      *nats.Subscription
	out      io.Writer
	step     int // the last one shown
}

func follow(nc *nats.Conn, out io.Writer) (*feed, error) {
	f := &feed{messages: make(chan *nats.Msg, 1024), out: out}
	sub, err := nc.ChanSubscribe("live.run.v1.>", f.messages)
	if err != nil {
		return nil, fmt.Errorf("subscribe to the live events: %w", err)
	}
	f.sub = sub
	if err := nc.Flush(); err != nil { // the server has it
		return nil, fmt.Errorf("subscribe to the live events: %w", err)
	}
	return f, nil
}

func (f *feed) stop() { _ = f.sub.Unsubscribe() }

// print shows a run's events as they come, until the one that ends it or until quit is closed.
func (f *feed) print(quit <-chan struct{}) error {
	began := time.Now()
	for {
		select {
		case <-quit:
			return nil
		case m := <-f.messages:
			info, ok := event.ParseSubject(m.Subject)
			if !ok {
				continue
			}
			if err := f.show(info, m.Data, time.Since(began)); err != nil {
				return fmt.Errorf("read %s: %w", m.Subject, err)
			}
			if info.Type.Terminal() {
				return nil
			}
		}
	}
}

func (f *feed) show(info event.SubjectInfo, data []byte, at time.Duration) error {
	if info.Step == 0 {
		var e event.RunEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		fmt.Fprintf(f.out, "%5.1fs  %s\n", at.Seconds(), lifecycle(info.Type, e.Data.Run))
		return nil
	}
	var e event.StepEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	if f.step != info.Step { // a step that needs no plan is seen only when it is done
		f.step = info.Step
		fmt.Fprintf(f.out, "%5.1fs  step %d: %s\n", at.Seconds(), info.Step, e.Data.Description)
	}
	if info.Phase == event.Done {
		for _, a := range e.Data.Actions {
			fmt.Fprintf(f.out, "          %s %s\n", mark(a), line(a))
		}
	}
	return nil
}

func lifecycle(t event.Type, s event.Snapshot) string {
	switch t {
	case event.Dispatched:
		return "dispatched to the executors of " + s.Provider
	case event.Started:
		return fmt.Sprintf("started: attempt %d, model %s", s.Attempt, s.Model)
	case event.Retrying:
		return "retrying: " + s.RetryReason
	case event.Suspended:
		return "waiting: " + s.Waiting.Text
	case event.Failed:
		return fmt.Sprintf("failed: %s: %s", s.Error.Code, s.Error.Message)
	}
	return string(t)
}

// mark is ✓ for an effect that was verified, ✗ for a failure, and · where nothing could be verified.
func mark(a event.Action) string {
	switch {
	case a.Success == nil:
		return "·"
	case *a.Success:
		return "✓"
	}
	return "✗"
}

// line is an action as a person reads it: what was done, to what, and what came of it.
func line(a event.Action) string {
	parts := []string{a.Name}
	for _, name := range []string{"url", "text", "keys", "query"} {
		if v, ok := a.Params[name].(string); ok && v != "" {
			parts = append(parts, fmt.Sprintf("%q", v))
		}
	}
	switch {
	case a.Error != nil:
		parts = append(parts, "-", *a.Error)
	case a.ExtractedContent != nil && a.Name != "done":
		first, _, _ := strings.Cut(*a.ExtractedContent, "\n")
		parts = append(parts, "-", clip(first, 90))
	}
	return strings.Join(parts, " ")
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
