package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// act carries out a decision's actions in order, until one fails or changes the page. It returns what came of each,
// those that were not begun included. stopped is why the run cannot go on.
func (r *run) act(ctx context.Context, d decision) (actions []event.Action, stopped error) {
	moved := false // the page is not the one that was shown
	for i, a := range d.Actions {
		if moved && !follows(a) {
			return append(actions, r.dropped(d.Actions[i:], "not begun: the page changed")...), nil
		}
		r.acting = i
		action := r.action(a)
		changed, err := r.actAsRecorded(ctx, d, i, &action)
		if err != nil && action.Error == nil {
			action.Unfinished, action.Error = true, ref("not finished: "+err.Error())
		}
		actions = append(actions, action)
		if err != nil {
			return append(actions, r.dropped(d.Actions[i+1:], "not begun: the run was stopped")...), err
		}
		if action.Error != nil {
			return append(actions, r.dropped(d.Actions[i+1:], "not begun: the action before it failed")...), nil
		}
		moved = d.recorded == nil && (moved || changed)
	}
	return actions, nil
}

// follows reports whether an action may be done on a page that the model has not seen: it only looks, and at no control
// that has a number.
func follows(a map[string]any) bool {
	spec, _ := action.Lookup(a["name"].(string))
	return spec.Unaimed && spec.ReadOnly
}

func (r *run) dropped(rest []map[string]any, why string) []event.Action {
	var actions []event.Action
	for _, a := range rest {
		action := r.action(a)
		action.Success, action.Error = ref(false), &why
		actions = append(actions, action)
	}
	return actions
}

// actOnce does one action and notes what came of it. changed means that the page is another now.
func (r *run) actOnce(ctx context.Context, params map[string]any, action *event.Action) (changed bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err := r.openBrowser(ctx); err != nil {
		return false, err
	}
	if action.Name == actionExtract {
		return false, r.extract(ctx, params, action)
	}
	a, err := browserAction(params)
	if err != nil {
		return false, fail(action, err.Error())
	}
	a.SkipFingerprint = r.untraced
	out, err := r.session.Do(ctx, a)
	note(action, out)
	if errors.Is(err, browser.ErrPageCrashed) {
		return true, fail(action, err.Error())
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", action.Name, err)
	}
	r.picture = r.picture || action.Name == actionScreenshot
	r.whole = r.whole || action.Name == actionWhole
	return out.PageChanged, nil
}

func fail(action *event.Action, why string) error {
	action.Success, action.Error = ref(false), &why
	return nil
}

func browserAction(params map[string]any) (browser.Action, error) {
	a, err := action.Decode(params)
	if err != nil {
		return a, fmt.Errorf("a parameter has the wrong type: %s", misfit(err))
	}
	return a, nil
}

// note puts a browser action's outcome into the history, with what replay needs to find the element again.
func note(action *event.Action, out browser.Outcome) {
	action.Sent = out.Sent
	action.Success, action.Sends, action.OpenedTabs = out.Success, out.Sends, out.OpenedTabs
	action.BoxBefore, action.Box = out.Before, out.After
	if out.Content != "" {
		action.ExtractedContent = &out.Content
	}
	if out.Error != "" {
		action.Success, action.Error = ref(false), &out.Error
	}
	if out.XPath != "" {
		action.Params["xpath"] = out.XPath
	}
	if len(out.Target) > 0 {
		action.Params["target"] = out.Target
	}
	if out.Path != "" {
		action.Params["path"] = out.Path
	}
	if len(out.Drop) > 0 {
		delete(action.Params, "to") // an index, as index is
		action.Params["to_target"] = out.Drop
	}
}

func (r *run) openBrowser(ctx context.Context) error { return r.openBrowserAs(ctx, nil) }

// openBrowserAs opens a browser that goes on with a state; nil: with nothing.
func (r *run) openBrowserAs(ctx context.Context, state *browser.State) (err error) {
	if r.session != nil {
		return nil
	}
	if r.session, err = r.Browser(ctx, state); err != nil {
		return fmt.Errorf("open browser: %w", err)
	}
	return nil
}
