package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/reading"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// Recording is a cached workflow, by which a task is done without a model.
type Recording struct {
	Workflow   workflow.Workflow
	Parameters json.RawMessage // the caller's values by name: an object, or nil
	Confirmed  bool            // a replay of it with other data was confirmed
	Patience   time.Duration   // how long what was recorded may take to appear, at least; 0: leastPatience
}

// How long a page may take to become what a recording expects.
const (
	leastPatience   = 10 * time.Second       // until an element is there, or a part of the result,
	mostPatience    = 60 * time.Second       // however slow the recorded run was:
	patienceFactor  = 3                      // so many times as long as it took there
	arrivePatience  = 5 * time.Second        // until the page is the next one
	headingPatience = 500 * time.Millisecond // at the right address, until the next element is taken for its heading
	lookInterval    = 50 * time.Millisecond
)

// codeWorkflowFailed is how a run ends whose workflow does not fit the site any more.
const codeWorkflowFailed = "workflow_failed"

// player replays a recording. It is a run whose decisions were taken before.
type player struct {
	*run
	recorded workflow.Workflow // with its placeholders
	filled   workflow.Workflow // with this run's values
	healed   workflow.Workflow // what the recording should become
	mended   bool              // healed differs from recorded
	values   map[string]any
	read     map[string]json.RawMessage // what the result's fields gave, by name
	unread   []error                    // why some gave nothing
	said     string                     // what the pages said on which parts of the result were read
	use      event.WorkflowUse
}

// replay does the task by its recording.
func (r *run) replay(ctx context.Context) (*Result, error) {
	rec := r.task.Recording
	p := &player{
		run: r, recorded: rec.Workflow, healed: rec.Workflow, read: map[string]json.RawMessage{},
		use: event.WorkflowUse{Version: rec.Workflow.Version, Parameters: map[string]any{}, Unconfirmed: []string{}},
	}
	p.healed.Steps = slices.Clone(rec.Workflow.Steps)
	r.execution = event.ExecutionCached
	result, err := p.bind(ctx)
	if result == nil && err == nil {
		result, err = p.play(ctx)
	}
	if err != nil {
		return nil, err
	}
	result.Workflow = &p.use
	if denied := result.Judgement != nil && !result.Judgement.Verdict; p.mended && result.Error == nil && !denied {
		result.Healed = &p.healed
	}
	return result, nil
}

// patience is how long what the i-th step needs may take to appear.
func (p *player) patience(i int) time.Duration {
	least := cmp.Or(p.task.Recording.Patience, leastPatience)
	if i < 0 || i >= len(p.filled.Steps) {
		return least
	}
	recorded := time.Duration(patienceFactor * p.filled.Steps[i].Seconds * float64(time.Second))
	return max(least, min(recorded, mostPatience))
}

// play does the steps in order and gives the result. What an earlier attempt may have sent is not sent again.
func (p *player) play(ctx context.Context) (*Result, error) {
	if why := p.begun(); why != "" {
		return p.takeOver(ctx, why)
	}
	for i := range p.filled.Steps {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if failed, err := p.step(ctx, i, 0); failed != nil || err != nil {
			return failed, err
		}
	}
	return p.conclude(ctx)
}

// step does a step's actions from one on, and waits for the page that they led to.
func (p *player) step(ctx context.Context, i, from int) (*Result, error) {
	s := p.filled.Steps[i]
	if err := p.openBrowser(ctx); err != nil {
		return nil, err
	}
	if from == 0 {
		why, err := p.await(ctx, s.Before, s.Actions)
		if err != nil {
			return nil, err
		}
		if why == "" || p.isAt(ctx, s.Before) { // under another heading the result may stand as it did
			if err := p.readAt(ctx, i+1); err != nil {
				return nil, err
			}
		}
		if why != "" {
			return p.mend(ctx, gap{step: i, why: why})
		}
	}
	if from == len(s.Actions) {
		return nil, nil // the end: what is reported is put together from what was read
	}
	d := p.decisionOf(i, from)
	step := p.beginHere(ctx)
	step.Description = s.Description
	done, failed, err := p.perform(ctx, d, step)
	if failed != nil || err != nil {
		return failed, err
	}
	if k := slices.IndexFunc(done.Actions, func(a event.Action) bool { return a.Error != nil }); k >= 0 {
		a := done.Actions[k]
		return p.mend(ctx, gap{step: i, action: from + k, acted: a.Sends, why: *a.Error})
	}
	if failed, err := p.arrive(ctx, i); failed != nil || err != nil {
		return failed, err
	}
	p.renew(renewal{i, from, d.weak, done.Actions})
	return nil, nil
}

// beginHere numbers the next step and says on which page it begins.
func (p *player) beginHere(ctx context.Context) event.StepData {
	var page *browser.Observation
	if sight, err := p.session.Sight(ctx); err == nil {
		page = &browser.Observation{URL: sight.URL, Title: sight.Title}
	}
	return p.begin(page)
}

// arrive waits for the page that a step leads to.
func (p *player) arrive(ctx context.Context, i int) (*Result, error) {
	s := p.filled.Steps[i]
	var next []workflow.Action
	if i+1 < len(p.filled.Steps) {
		next = p.filled.Steps[i+1].Actions
	}
	why, err := p.await(ctx, s.After, next)
	if err != nil || why == "" {
		return nil, err
	}
	return p.mend(ctx, gap{step: i, action: len(s.Actions), why: why})
}

// await waits until a condition holds, and says why it does not. A page at the right address whose headings differ is
// taken for the right one where the element that is wanted next is there beyond doubt, and touching it sends nothing.
func (p *player) await(ctx context.Context, c *workflow.Condition, next []workflow.Action) (why string, err error) {
	if c == nil {
		return "", nil
	}
	began := time.Now()
	for {
		sight, err := p.session.Sight(ctx)
		if err != nil && !errors.Is(err, browser.ErrPageCrashed) {
			return "", fmt.Errorf("look at the page: %w", err)
		}
		why, ok := c.Holds(sight.URL, sight.Headings)
		waited := time.Since(began)
		switch {
		case ok:
			return "", nil
		case c.AtURL(sight.URL) && waited > headingPatience && p.beyondDoubt(ctx, next):
			return "", nil
		case waited > arrivePatience:
			return why, nil
		}
		if err := rest(ctx, lookInterval); err != nil {
			return "", err
		}
	}
}

// isAt reports whether the page has the address of a condition, whatever it shows.
func (p *player) isAt(ctx context.Context, c *workflow.Condition) bool {
	sight, err := p.session.Sight(ctx)
	return err == nil && c.AtURL(sight.URL)
}

// beyondDoubt reports whether the first element of the actions is there as it was recorded.
func (p *player) beyondDoubt(ctx context.Context, next []workflow.Action) bool {
	if len(next) == 0 || !pointed(next[0]) || next[0].Sends {
		return false
	}
	found, err := p.session.Resolve(ctx, wanted(next[0], 0))
	return err == nil && sure(found)
}

// decisionOf are a step's actions from one on, as a model would have given them.
func (p *player) decisionOf(step, from int) decision {
	s := p.filled.Steps[step]
	d := decision{NextGoal: s.Description, recorded: s.Actions[from:], weak: make([]bool, len(s.Actions)-from), patience: p.patience(step)}
	for i, a := range d.recorded {
		action := flat(a)
		if recorded := p.recorded.Steps[step].Actions[from+i]; a.Name == "send_keys" && recorded.Params["keys"] != a.Params["keys"] {
			action["literal"] = true // the keys hold the value of a parameter
		}
		d.Actions = append(d.Actions, action)
	}
	switch {
	case from > 0:
		d.previous = &s.Actions[from-1]
	case step > 0:
		if before := p.filled.Steps[step-1].Actions; len(before) > 0 {
			d.previous = &before[len(before)-1]
		}
	}
	return d
}

// flat is a recorded action as a model would have given it.
func flat(a workflow.Action) map[string]any {
	action := map[string]any{"name": a.Name}
	maps.Copy(action, a.Params)
	return action
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readAt reads the fields of the result that stand on the page before a step, or at the end.
func (p *player) readAt(ctx context.Context, step int) error {
	if p.filled.Result == nil {
		return nil
	}
	last := step > len(p.filled.Steps)
	var fields []workflow.Field
	for _, f := range p.filled.Result.Fields {
		if f.Step == step || last && f.Step > step {
			fields = append(fields, f)
		}
	}
	return p.readFields(ctx, fields)
}

// readFields reads until every field has given a value, or for as long as a page may take to show them.
func (p *player) readFields(ctx context.Context, fields []workflow.Field) error {
	if len(fields) == 0 {
		return nil
	}
	// What stands there may be of before the last action.
	if err := p.session.Settle(ctx); err != nil && !errors.Is(err, browser.ErrPageCrashed) {
		return fmt.Errorf("wait for the page: %w", err)
	}
	if err := p.shown(ctx); err != nil {
		return err
	}
	for began := time.Now(); len(fields) > 0; {
		read, err := reading.Read(ctx, p.session, fields)
		maps.Copy(p.read, read)
		var unread *reading.UnreadError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &unread):
			return fmt.Errorf("read the result: %w", err)
		case time.Since(began) > p.patience(-1):
			p.unread = append(p.unread, err)
			return nil
		}
		fields = slices.DeleteFunc(fields, func(f workflow.Field) bool { return read[f.Name] != nil })
		if err := rest(ctx, lookInterval); err != nil {
			return err
		}
	}
	return nil
}
