// Package agent is the loop that carries out a task: observe the page, let the model decide, act, until done; or do
// again what was recorded, and ask the model only where the page has changed. It knows pages and models, and neither
// the bus nor leases: what it plans and what came of it goes to a Journal.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/services/provider-executor/secret"
	"github.com/errand-run/errand/shared/event"
)

// maxFruitless is how many steps in a row may do nothing but fail, before the run fails.
const maxFruitless = 5

// journalTime is how long the last line of a step may take to be written when the run is being stopped, and journalPatience
// otherwise: the log may be away for a minute.
const (
	journalTime     = 10 * time.Second
	journalPatience = 75 * time.Second
)

// Task is what to do, and what was done of it by earlier attempts.
type Task struct {
	Prompt     string
	Schema     []byte // JSON Schema of the result, nil for none
	JSON       bool   // the result is JSON also without a schema
	InitialURL string // opened as the first step; empty for none
	MaxSteps   int
	History    []event.StepData // steps of earlier attempts in order, all done
	State      *browser.State   // what the browser of an earlier attempt held at last; nil: nothing is known of it

	Budget       *event.Budget // nil: no limits
	ExtractModel string        // reads pages for extract; empty: the model that decides
	ModelTimeout time.Duration // of one call of a model; 0: the client's own
	Judge        bool          // a claim of success is checked by one more call
	Vision       bool          // the model sees a screenshot beside the text
	Files        []string      // names of what may be uploaded
	Evaluate     bool          // the model may run code in pages
	Secrets      *secret.Set   // what may be typed without the model seeing it; nil: nothing

	Ledger *effects.Ledger // what was sent before, and must not be sent again unseen; nil: nothing

	Recording *Recording // how it was done before, to be done again without a model; nil: a model decides
}

// Journal keeps the steps and the waits between them. Its calls return when the line is stored; an error ends the attempt.
type Journal interface {
	// Planned stores a step before it acts with effects outside.
	Planned(ctx context.Context, step event.StepData) error
	// Done stores a step's outcome, with a JPEG of the page where there is one.
	Done(ctx context.Context, step event.StepData, screenshot []byte) error
	// Waits stores that the run stands still for its provider until a time, and why; Resumed that it goes on.
	Waits(ctx context.Context, until time.Time, why string) error
	Resumed(ctx context.Context) error
}

// Agent carries out tasks. Its fields are its dependencies and are all needed.
type Agent struct {
	Models  []Model                                                         // the first is asked; the others are its fallbacks, in order; none: only a recording can be replayed
	Browser func(context.Context, *browser.State) (*browser.Session, error) // called at most once: at the first browser action, or at once with the state to go on with
	Journal Journal
	Prices  model.Prices
	Now     func() time.Time
	Log     *slog.Logger
	// Keep stores the state of the browser after a step, by its number, and returns the key that names it; empty: it
	// could not be stored, and a takeover does without.
	Keep func(context.Context, int, browser.State) string
	// Told stores what the model is told for a step and returns the digest that names it; empty: it could not be
	// stored. nil: nothing is stored.
	Told func(context.Context, string) string
}

// Run carries out t. An error means that the attempt ended without a result: the browser is gone, the journal
// refused a line, or ctx is over. A task that cannot be done is a Result with an Error.
func (a *Agent) Run(ctx context.Context, t Task) (Result, error) {
	r := &run{Agent: a, task: t, talk: resumed(t, browser.Restored{})}
	for _, step := range t.History {
		r.usage = r.usage.Add(step.Usage)
		r.number, r.memory = step.Number, step.Memory
	}
	defer r.closeBrowser(ctx)
	result, err := r.carriedOut(ctx)
	r.interrupted(result)
	usage := r.usage.Add(r.spent)
	if err != nil {
		return Result{Usage: usage}, err
	}
	result.Usage, result.Execution = usage, r.execution
	return *result, nil
}

func (r *run) carriedOut(ctx context.Context) (*Result, error) {
	if r.task.Recording != nil {
		return r.replay(ctx)
	}
	r.execution = event.ExecutionAI
	if err := r.goOn(ctx); err != nil {
		return nil, err
	}
	return r.loop(ctx)
}

// run is one Run at work.
type run struct {
	*Agent
	task    Task
	talk    *conversation
	session *browser.Session
	number  int         // of the last step
	usage   event.Usage // of the steps that are over
	spent   event.Usage // of the step at work
	using   int         // index of the model in use
	loops   loops

	answered, answeredBy string // the model that answered last and its provider
	told                 string // digest of what the model was told for the step at work
	unusable             int    // answers in a row that were no decision, of the model in use
	picture              bool   // the next page is shown with a screenshot
	whole                bool   // the next page is shown from its top to its end
	faulty               bool   // the provider's last outage began with a 500 or 501
	waits                bool   // the journal says that the run stands still
	repaired             bool   // the one repair round for the result was given
	fruitless            int    // steps in a row in which all failed
	memory               string // what the model last wrote into it

	acting    int             // index of the action at work in its step
	untraced  bool            // its element is known for what it is: no new fingerprint is needed
	notices   notices         // what was on the pages, for a later recording
	execution event.Execution // how it was done so far
	standIn   standIn         // why a model decides in a replay
}

// standIn says why, and at which try, a model stands in for a recorded action. The zero value: it does not.
type standIn struct {
	reason  string
	attempt int
}

func (r *run) loop(ctx context.Context) (*Result, error) {
	if r.task.InitialURL != "" && r.number == 0 {
		first := decision{NextGoal: "Open the initial page", Actions: []map[string]any{{"name": "navigate", "url": r.task.InitialURL}}}
		if _, err := r.carryOut(ctx, first, r.begin(nil)); err != nil {
			return nil, err
		}
	}
	for r.number < r.task.MaxSteps {
		result, err := r.step(ctx)
		if result != nil || err != nil {
			return result, err
		}
		if r.fruitless >= maxFruitless {
			return r.partial("too_many_failures", fmt.Sprintf("Every action of the last %d steps failed. The history says how; try a clearer prompt or another model.", maxFruitless)), nil
		}
	}
	return r.outOfSteps(), nil
}

func (r *run) outOfSteps() *Result {
	return r.partial("max_steps", fmt.Sprintf("The task was not done after %d steps. Raise max_steps, or make the task smaller.", r.task.MaxSteps))
}

// partial is a failure that keeps what the agent last held to be worth knowing, where a text can say it.
func (r *run) partial(code, message string) *Result {
	result := failure(code, message)
	if r.memory != "" && !r.task.JSON && len(r.task.Schema) == 0 {
		result.Value, _ = json.Marshal(r.memory)
	}
	return result
}

// step is one round of observe, decide, act. The result is nil while the task goes on.
func (r *run) step(ctx context.Context) (*Result, error) {
	page, err := r.observe(ctx)
	if err != nil {
		return nil, err
	}
	step := r.begin(page)
	sight := r.sight(ctx, page)
	noticed := r.notice(ctx, &step)
	d, failed, err := r.decide(ctx, page, sight)
	noticed()
	if failed != nil || err != nil {
		return failed, err
	}
	step.Model, step.Provider, step.Told, r.memory = r.answered, r.answeredBy, r.told, d.Memory
	times := r.loops.note(d, appearance(page, sight))
	if times >= loopStuck {
		return r.partial("stuck", fmt.Sprintf("The agent did the same %d times on a page that did not change by it: %s.", times-1, d.NextGoal)), nil
	}
	d.note += nudge(times)
	if err := r.task.Ledger.Heed(d.Evaluation); err != nil {
		d.note += err.Error() + ".\n"
	}
	return r.carryOut(ctx, d, step)
}

// begin numbers the next step.
func (r *run) begin(page *browser.Observation) event.StepData {
	r.number++
	r.usage, r.spent = r.usage.Add(r.spent), event.Usage{}
	step := event.StepData{Number: r.number, StartedAt: r.Now()}
	if page != nil {
		step.URL, step.Title = page.URL, page.Title
	}
	return step
}

// observe reads the page, where one is open.
func (r *run) observe(ctx context.Context) (*browser.Observation, error) {
	if r.session == nil {
		return &browser.Observation{Text: "PAGE none"}, nil
	}
	page, err := r.look(ctx)
	if errors.Is(err, browser.ErrPageCrashed) {
		return &browser.Observation{Text: "PAGE none: " + err.Error()}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	r.task.Ledger.Looked(page.URL)
	return &page, nil
}

// wholeLimit is the most of a whole page that is shown, in characters: about 20,000 tokens.
const wholeLimit = 80_000

func (r *run) look(ctx context.Context) (browser.Observation, error) {
	if r.task.Recording != nil { // whose actions do not wait for the page to be at rest
		if err := r.session.Settle(ctx); err != nil {
			return browser.Observation{}, err
		}
	}
	if !r.whole {
		return r.session.Observe(ctx)
	}
	r.whole = false
	return r.session.ObserveWhole(ctx, wholeLimit)
}

// carryOut does what was decided: plans it on the journal where it may have effects, acts, writes what came of it.
func (r *run) carryOut(ctx context.Context, d decision, step event.StepData) (*Result, error) {
	step.Description, step.Evaluation, step.Memory = d.NextGoal, d.Evaluation, d.Memory
	if isDone(d.Actions[0]) {
		return r.finish(ctx, d.Actions[0], step)
	}
	_, failed, err := r.perform(ctx, d, step)
	return failed, err
}

// perform does the actions of a step that does not end the run, and returns the step with what came of them.
func (r *run) perform(ctx context.Context, d decision, step event.StepData) (event.StepData, *Result, error) {
	if d.effectful() {
		step.Actions, step.Usage = r.planned(d), r.spent // should this attempt be lost, so much was spent
		if err := r.Journal.Planned(ctx, step); err != nil {
			return step, nil, fmt.Errorf("write the plan of step %d: %w", step.Number, err)
		}
	}
	var stopped error
	step.Actions, stopped = r.act(ctx, d)
	if d.effectful() && stopped == nil {
		step.State = r.keep(ctx, step.Number)
	}
	var spent overBudget
	if errors.As(stopped, &spent) {
		return step, r.partial("budget_exceeded", "The run met its budget: "+spent.what+"."), r.written(ctx, step, nil)
	}
	if err := r.written(ctx, step, stopped); err != nil {
		return step, nil, err
	}
	r.count(step)
	r.talk.add(step, d)
	return step, nil, nil
}

// planned are the actions of a step as they stand on the log before they are done.
func (r *run) planned(d decision) []event.Action {
	var actions []event.Action
	for _, a := range d.Actions {
		actions = append(actions, r.action(a))
	}
	return actions
}

// action is an action as the history keeps it, before it is done.
func (r *run) action(a map[string]any) event.Action {
	return event.Action{
		Name: a["name"].(string), Params: params(a),
		ExecutedByAI: r.standIn.reason != "", FallbackReason: r.standIn.reason, FallbackAttempt: r.standIn.attempt,
	}
}

// written puts the step on the journal, also when the run has been stopped: what was done must be known.
func (r *run) written(ctx context.Context, step event.StepData, stopped error) error {
	var screenshot []byte
	if stopped == nil {
		screenshot = r.screenshot(ctx)
	}
	now := r.Now()
	step.FinishedAt, step.Usage = &now, r.spent
	limit := journalPatience
	if stopped != nil {
		limit = journalTime
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := r.Journal.Done(finish, step, screenshot); err != nil {
		return errors.Join(stopped, fmt.Errorf("write the outcome of step %d: %w", step.Number, err))
	}
	return stopped
}

// finish ends the run with a done action.
func (r *run) finish(ctx context.Context, done map[string]any, step event.StepData) (*Result, error) {
	result, invalid := r.task.judge(ctx, done)
	if ctx.Err() != nil { // it may be why the result could not be judged
		return nil, context.Cause(ctx)
	}
	if invalid != nil {
		again := ""
		if r.repaired {
			again = ", and neither after it was asked for again"
		}
		result = failure("invalid_result", "The result was not what the task asks for"+again+": "+invalid.Error()+".")
	}
	action := event.Action{Name: actionDone, Params: params(done), IsDone: ref(true), Success: ref(result.Error == nil)}
	if text, ok := done["text"].(string); ok {
		action.ExtractedContent = &text
	}
	if invalid != nil {
		action.Error = ref(invalid.Error())
	}
	step.Actions = []event.Action{action}
	if result.Error == nil && r.task.Recording == nil {
		r.trace(ctx, &step, result.Value)
	}
	if err := r.secondOpinion(ctx, result); err != nil {
		return nil, errors.Join(err, r.written(ctx, step, err))
	}
	return result, r.written(ctx, step, nil)
}

func (r *run) count(step event.StepData) {
	for _, a := range step.Actions {
		if a.Error == nil {
			r.fruitless = 0
			return
		}
	}
	r.fruitless++
}

// screenshot is a JPEG of the page, nil where there is none. A page that gives none is no reason to end a run.
func (r *run) screenshot(ctx context.Context) []byte {
	return r.pictureOf(ctx, (*browser.Session).Screenshot)
}

func (r *run) pictureOf(ctx context.Context, take func(*browser.Session, context.Context) ([]byte, error)) []byte {
	if r.session == nil {
		return nil
	}
	shot, err := take(r.session, ctx)
	if err != nil {
		r.Log.Warn("take screenshot", "error", err)
		return nil
	}
	return shot
}

func (r *run) closeBrowser(ctx context.Context) {
	if r.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	if err := r.session.Close(ctx); err != nil && !errors.Is(err, browser.ErrBrowserGone) {
		r.Log.Warn("close browser session", "error", err)
	}
}

func ref[T any](v T) *T { return &v }
