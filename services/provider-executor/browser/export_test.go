package browser

import (
	"context"
	"time"
)

// CrashPage ends the renderer of the session's active tab.
func (s *Session) CrashPage() {
	s.activeTab().target.Start("Page.crash", nil).Forget()
}

// Contexts counts the browser's contexts and tabs.
func (s *Session) Contexts(ctx context.Context) (contexts, tabs int, err error) {
	root := s.browser.conn.Root
	var c struct {
		IDs []string `json:"browserContextIds"`
	}
	if err := root.Call(ctx, "Target.getBrowserContexts", nil, &c); err != nil {
		return 0, 0, err
	}
	var t struct {
		Infos []targetInfo `json:"targetInfos"`
	}
	err = root.Call(ctx, "Target.getTargets", nil, &t)
	for _, info := range t.Infos {
		if info.Type == "page" {
			tabs++
		}
	}
	return len(c.IDs), tabs, err
}

// Script runs an expression in the active page's own world, as the page would.
func (s *Session) Script(ctx context.Context, expression string) (string, error) {
	var answer evaluated
	params := map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}
	if err := s.activeTab().target.Call(ctx, "Runtime.evaluate", params, &answer); err != nil {
		return "", err
	}
	return string(answer.Result.Value), answer.err()
}

// Limit changes, before Run, how often the engine's browsers are asked whether they live, and for how many sessions
// they are.
func (e *Engine) Limit(every time.Duration, sessions int) {
	e.limits.every, e.limits.sessions = every, sessions
}

// Pid is the process of the session's browser.
func (s *Session) Pid() int { return s.browser.process.cmd.Process.Pid }

// Pressed has the active page run an expression, whatever becomes of it.
func (s *Session) Pressed(ctx context.Context, expression string) {
	if t := s.activeTab(); t != nil {
		_ = t.target.Call(ctx, "Runtime.evaluate", map[string]any{"expression": expression, "userGesture": true}, nil)
	}
}

// Kept counts what the engine holds of its browser and of the sessions in it.
func (s *Session) Kept() Kept {
	b := s.browser
	sessions, calls := b.conn.Held()
	b.mu.Lock()
	defer b.mu.Unlock()
	return Kept{sessions, calls, len(b.sessions), b.use.now}
}

// Kept is what is held: CDP sessions, calls under way, sessions, and those counted as open.
type Kept struct{ targets, calls, sessions, open int }

// InOurWorld runs an expression in our isolated world of the active page's main frame.
func (s *Session) InOurWorld(ctx context.Context, expression string) error {
	t := s.activeTab()
	f := &frame{target: t.target, id: t.targetID}
	if err := f.enter(ctx); err != nil {
		return err
	}
	_, err := waitObject(ctx, f.startObject(expression, objectGroup))
	return err
}
