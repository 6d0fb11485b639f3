package browser

import (
	"context"
	"time"
)

// CrashPage ends the renderer of the session's active tab.
func (s *Session) CrashPage() {
	s.activeTab().target.Start("Page.crash", nil).Forget()
}

// AwaitCrash returns when the session knows of the crash of its active tab.
func (s *Session) AwaitCrash(ctx context.Context) {
	_ = s.await(ctx, func() bool { return s.crashed != nil })
}

// Forgive forgets which pages have crashed.
func (s *Session) Forgive() { s.change(func() { clear(s.fragile) }) }

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

// Hurry lets, before Run, no session of the engine wait for late effects of actions.
func (e *Engine) Hurry() { e.limits.effect = 0 }

// Wait lets the session wait for late effects of actions as it would outside of tests.
func (s *Session) Wait() { s.patience = ordinary.effect }

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

// Awaits reports whether an action on an element of the page would wait for an effect, and whether it would still once
// change, an expression in the page's world, has run.
func (s *Session) Awaits(ctx context.Context, index int, typing bool, change string) (before, after bool, err error) {
	d := &doing{Session: s, tab: s.activeTab(), action: Action{Index: &index}, from: s.place()}
	e, err := d.element(ctx)
	if err != nil {
		return false, false, err
	}
	if d.expect(ctx, e, typing); d.effect == nil {
		return false, false, nil
	}
	_, err = s.Script(ctx, change)
	return true, !d.affected(ctx, d.lookForEffect(0)).Seen, err
}
