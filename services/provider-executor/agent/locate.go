package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// pointed reports whether an action is for an element.
func pointed(a workflow.Action) bool {
	for _, way := range []string{"target", "css", "xpath"} {
		if a.Params[way] != nil {
			return true
		}
	}
	return false
}

// final are words of controls after which there is no way back.
var final = regexp.MustCompile(`(?i)\b(pay|buy|purchase|order now|place order|checkout|delete|remove|cancel|submit|send|confirm|transfer|book|sign|kaufen|bestellen|bezahlen|zahlen|l[öo]schen|absenden|payer|acheter|supprimer|envoyer|pagar|comprar|eliminar|enviar)\b`)

// wanted describes the element of a recorded action to the browser.
func wanted(a workflow.Action, within time.Duration) browser.Wanted {
	w := browser.Wanted{Within: within}
	if target := a.Params["target"]; target != nil {
		raw, err := json.Marshal(target)
		if err == nil {
			w.Targets = append(w.Targets, raw)
		}
	}
	w.Targets = append(w.Targets, a.Alternatives...)
	if !fingerprinted(a) { // what was recorded stands at its path only until the page changes
		w.CSS, _ = a.Params["css"].(string)
		w.XPath, _ = a.Params["xpath"].(string)
	}
	w.Irreversible = irreversible(a, strings.Join(namesOf(w), " "))
	return w
}

// fingerprinted reports whether the element of an action was recorded. A target that was written by hand has no version.
func fingerprinted(a workflow.Action) bool {
	target, _ := a.Params["target"].(map[string]any)
	return target["v"] != nil
}

// irreversible reports whether there is no way back after an action on an element of this name.
func irreversible(a workflow.Action, name string) bool {
	return clicks(a.Name) && final.MatchString(name)
}

// clicks reports whether an action presses a control; a right click only asks for its menu.
func clicks(name string) bool { return name == "click" || name == "double_click" }

// turnedFinal reports whether an element was found that says what cannot be undone, and did not say so when it was
// recorded. What was written by hand has no name to go by.
func turnedFinal(a workflow.Action, w browser.Wanted, found string) bool {
	if len(w.Targets) == 0 || !irreversible(a, found) {
		return false
	}
	known := strings.ToLower(strings.Join(namesOf(w), " "))
	return slices.ContainsFunc(final.FindAllString(strings.ToLower(found), -1), func(word string) bool { return !strings.Contains(known, word) })
}

// namesOf are the accessible names that the wanted element has had.
func namesOf(w browser.Wanted) (names []string) {
	for _, raw := range w.Targets {
		var target struct{ Name string }
		if json.Unmarshal(raw, &target) == nil {
			names = append(names, target.Name)
		}
	}
	return names
}

// sure reports whether an element was found by what it is, not by where it stands or what it is like.
func sure(f browser.Found) bool { return f.Level != "xpath" && f.Level != "score" }

// actAsRecorded does a decision's action. Where it was recorded, its element is looked for first.
func (r *run) actAsRecorded(ctx context.Context, d decision, i int, action *event.Action) (changed bool, err error) {
	if d.recorded != nil && pointed(d.recorded[i]) {
		why, err := r.locate(ctx, d, i)
		if err != nil {
			return false, err
		}
		if why != "" {
			return false, fail(action, why)
		}
		r.untraced = !d.weak[i] && d.recorded[i].Params["target"] != nil
		defer func() { r.untraced = false }()
		r.adapt(d.Actions[i], action)
	}
	return r.actOnce(ctx, d.Actions[i], action)
}

// adapt fits an action to this run: its only file stands in for one that it does not have.
func (r *run) adapt(params map[string]any, action *event.Action) {
	path, _ := params["path"].(string)
	if action.Name == "upload_file" && len(r.task.Files) == 1 && !r.session.HasFile(path) {
		params["path"], action.Params["path"] = r.task.Files[0], r.task.Files[0]
	}
}

// locate finds the element of a recorded action; why says, in a sentence, that it is not there. Where the action before
// opened what it is in and that has closed again, that is done once more.
func (r *run) locate(ctx context.Context, d decision, i int) (why string, err error) {
	a, previous := d.recorded[i], d.previous
	if i > 0 {
		previous = &d.recorded[i-1]
	}
	w := wanted(a, d.patience)
	found, err := r.session.Resolve(ctx, w)
	var missing *browser.NotFoundError
	if errors.As(err, &missing) && previous != nil && r.reopened(ctx, *previous) {
		found, err = r.session.Resolve(ctx, w)
	}
	switch {
	case err == nil && turnedFinal(a, w, found.Name):
		return fmt.Sprintf("the %s %q is now called %q, after which there is no way back", found.Role, strings.Join(namesOf(w), `", "`), found.Name), nil
	case err == nil:
		d.Actions[i]["index"], d.weak[i] = found.Index, a.Params["target"] != nil && !sure(found)
		return r.locateDrop(ctx, a, d.Actions[i], d.patience)
	case ctx.Err() != nil, errors.Is(err, browser.ErrBrowserGone):
		return "", fmt.Errorf("find the element again: %w", err)
	}
	return err.Error(), nil
}

// locateDrop finds what a recorded drag ended on.
func (r *run) locateDrop(ctx context.Context, a workflow.Action, action map[string]any, within time.Duration) (why string, err error) {
	onto := a.Params["to_target"]
	if onto == nil {
		return "", nil
	}
	found, err := r.session.Resolve(ctx, wanted(workflow.Action{Params: map[string]any{"target": onto}}, within))
	var missing *browser.NotFoundError
	if errors.As(err, &missing) {
		return "what it is to be dropped on is gone: " + missing.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("find the element again: %w", err)
	}
	action["to"] = found.Index
	return "", nil
}

// reopened opens once more what the action before has opened and what has closed again. What does not say that it is
// closed is left alone: a second click on it may count.
func (r *run) reopened(ctx context.Context, before workflow.Action) bool {
	if !pointed(before) || before.Sends || before.Name != "click" && before.Name != "hover" {
		return false
	}
	found, err := r.session.Resolve(ctx, wanted(before, 0))
	if err != nil || !sure(found) || before.Name == "click" && !found.Closed {
		return false
	}
	out, err := r.session.Do(ctx, browser.Action{Name: before.Name, Index: &found.Index})
	return err == nil && out.Error == ""
}
