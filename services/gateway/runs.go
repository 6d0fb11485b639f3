package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// Submission is what both endpoints that make runs take beside their bodies.
type Submission struct {
	Idempotency
	Prefer string `header:"Prefer" doc:"wait=SECONDS bounds the wait for completion, respond-async is no wait (RFC 7240)"`
}

type runTaskInput struct {
	TaskID event.TaskID `path:"task_id"`
	Submission
	Body overrides
}

type newRunInput struct {
	Submission
	Body Definition
}

type runOutput struct {
	PreferenceApplied string `header:"Preference-Applied"`
	Location          string `header:"Location" doc:"The path of the run, if the request made one"`
	Replayed          string `header:"Idempotent-Replayed" doc:"true: the Idempotency-Key was used before, and this is the run that it made then"`
	Body              event.Run
}

type RunInput struct {
	RunID event.RunID `path:"run_id" doc:"The ID of the run"`
}

// runTask runs a saved task with the caller's overrides.
func (a *api) runTask(ctx context.Context, in *runTaskInput) (*runOutput, error) {
	noted(ctx).task = in.TaskID
	if err := in.Body.check(ctx, a.webhooks); err != nil {
		return nil, err
	}
	task, err := a.task(ctx, in.TaskID)
	if err != nil {
		return nil, err
	}
	task = in.Body.apply(task)
	if err := checkEvaluate(task, in.Body.Secrets); err != nil {
		return nil, err
	}
	values, err := a.values(ctx, task, in.Body.Parameters)
	if err != nil {
		return nil, err
	}
	if err := a.attach(ctx, &task, in.Body.Files); err != nil {
		return nil, err
	}
	k := in.at("POST /api/tasks/runs")
	secrets, err := a.sealAll(ctx, k, in.Body.Secrets)
	if err != nil {
		return nil, err
	}
	task.Secrets = event.OverrideSecrets(task.Secrets, secrets)
	return a.submit(ctx, order{k, in.Prefer, task, values})
}

// newRun makes a task and runs it.
func (a *api) newRun(ctx context.Context, in *newRunInput) (*runOutput, error) {
	body := overrides(in.Body)
	if err := body.check(ctx, a.webhooks); err != nil {
		return nil, err
	}
	if err := body.Parameters.none(); err != nil {
		return nil, err
	}
	task := Definition(body).task()
	r, err := request(task) // refused before the task is made
	if err == nil {
		err = fillKey(&r, nil)
	}
	if err != nil {
		return nil, err
	}
	if err := checkEvaluate(task, body.Secrets); err != nil {
		return nil, err
	}
	if err := a.attach(ctx, &task, body.Files); err != nil {
		return nil, err
	}
	k := in.at("POST /api/runs")
	if task.Secrets, err = a.sealAll(ctx, k, in.Body.Secrets); err != nil {
		return nil, err
	}
	task.Name, task.OneOff = titled(task.Prompt), true
	if task, _, err = a.acceptTask(ctx, k, task); err != nil {
		return nil, err
	}
	return a.submit(ctx, order{k, in.Prefer, task, nil})
}

// order is a run that a caller wants.
type order struct {
	key    key
	prefer string
	task   event.Task      // with the caller's overrides
	values json.RawMessage // of the parameters of its cached workflow
}

// submit has the run accepted and answers as wait_for_completion says.
func (a *api) submit(ctx context.Context, o order) (*runOutput, error) {
	t := o.task
	r, err := request(t)
	if err != nil {
		return nil, err
	}
	if o.values != nil {
		r.Replay.Parameters = o.values
	}
	if err := fillKey(&r, o.values); err != nil {
		return nil, err
	}
	id, stored, replayed, err := a.acceptRun(ctx, o.key, r)
	if err != nil {
		return nil, err
	}
	out := &runOutput{Location: "/api/runs/" + id.String(), Replayed: whether(replayed)}
	async := t.WaitForCompletion != nil && !*t.WaitForCompletion
	if !async && prefersAsync(o.prefer) {
		async, out.PreferenceApplied = true, "respond-async"
	}
	if async {
		run := a.current(ctx, id, stored)
		if run.Status == event.StatusInProgress {
			run.History, run.Result = nil, nil
		}
		out.Body = run
		return out, nil
	}
	limit := a.waitLimit
	if wait, ok := preferredWait(o.prefer); ok {
		limit = min(limit, wait)
		out.PreferenceApplied = "wait=" + strconv.Itoa(int(limit/time.Second))
	}
	out.Body = a.await(ctx, id, stored, limit)
	return out, nil
}

// titled is the name of a task that nobody has named: the beginning of its prompt.
func titled(prompt string) string {
	const most = 60
	title := []rune(strings.Join(strings.Fields(prompt), " "))
	if len(title) > most {
		return string(title[:most-1]) + "…"
	}
	return string(title)
}

// run answers with a run as the log has it.
func (a *api) run(ctx context.Context, in *RunInput) (*runOutput, error) {
	noted(ctx).run = in.RunID
	run, err := a.read(ctx, in.RunID)
	if err != nil {
		return nil, problem(err, "run "+in.RunID.String())
	}
	return &runOutput{Body: run}, nil
}

// read assembles a run from its log, and what became of its webhook from the delivery's.
func (a *api) read(ctx context.Context, id event.RunID) (event.Run, error) {
	run, err := a.bus.Run(ctx, id)
	if err == nil {
		a.explain(ctx, &run)
	}
	if err != nil || run.Webhook == nil || !run.State.Terminal() {
		return run, err
	}
	d, err := a.bus.LastDelivery(ctx, event.DeliveryOf(id))
	if errors.Is(err, bus.ErrNotFound) {
		return run, nil // no notifier has taken it up yet
	}
	if err == nil {
		run.Webhook = d.Data.Webhook()
	}
	return run, err
}

// cancel asks for the run's cancel, and waits a little so that the answer usually is the canceled run.
func (a *api) cancel(ctx context.Context, in *RunInput) (*runOutput, error) {
	request, k, err := a.request(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	last, err := a.bus.Last(ctx, k)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return nil, problem(err, "run "+in.RunID.String())
	}
	if event.Kind(last.RunEvent).Terminal() {
		return a.run(ctx, in)
	}
	if err := a.bus.Cancel(ctx, k); err != nil {
		return nil, problem(err, "run "+in.RunID.String())
	}
	return &runOutput{Body: a.await(ctx, in.RunID, request, cancelPatience)}, nil
}

// key finds the task of a run, from the run's request.
func (a *api) key(ctx context.Context, id event.RunID) (event.Key, error) {
	_, k, err := a.request(ctx, id)
	return k, err
}

// request reads the request of a run.
func (a *api) request(ctx context.Context, id event.RunID) (event.Request, event.Key, error) {
	noted(ctx).run = id
	r, err := a.bus.Request(ctx, id)
	if err != nil {
		return r, event.Key{}, problem(err, "run "+id.String())
	}
	noted(ctx).task = r.Task
	return r, event.Key{Task: r.Task, Run: id}, nil
}

type screenshotInput struct {
	RunInput
	Step   int    `path:"n" minimum:"1" doc:"The number of the step, from 1"`
	Digest string `query:"digest" maxLength:"100" doc:"The digest that the step's event names: the answer may then be kept for good"`
}

type screenshotOutput struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// cacheFor is how long a picture may be kept: for good if the caller names its content, since a step that an attempt
// did not finish may be pictured again.
func cacheFor(asked, digest string) string {
	if asked == digest {
		return "private, max-age=31536000, immutable"
	}
	return "private, no-cache"
}

// screenshot answers with the page as it was when the step was done.
func (a *api) screenshot(ctx context.Context, in *screenshotInput) (*screenshotOutput, error) {
	return a.picture(ctx, in, "screenshot", func(s event.StepData) string { return s.Screenshot })
}

// thumbnail answers with the same picture, made small.
func (a *api) thumbnail(ctx context.Context, in *screenshotInput) (*screenshotOutput, error) {
	return a.picture(ctx, in, "thumbnail", func(s event.StepData) string { return s.Thumbnail })
}

func (a *api) picture(ctx context.Context, in *screenshotInput, name string, digest func(event.StepData) string) (*screenshotOutput, error) {
	k, err := a.key(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("a %s of step %d of run %s", name, in.Step, in.RunID)
	step, err := a.bus.Step(ctx, k, in.Step)
	if err != nil {
		return nil, problem(err, what)
	}
	stored := digest(step.Data)
	if stored == "" {
		return nil, huma.Error404NotFound(what + " does not exist")
	}
	jpeg, err := a.bus.Screenshot(ctx, stored)
	if err != nil {
		return nil, problem(err, what)
	}
	return &screenshotOutput{ContentType: "image/jpeg", CacheControl: cacheFor(in.Digest, stored), Body: jpeg}, nil
}

// told answers with what the model was told for a step.
func (a *api) told(ctx context.Context, in *screenshotInput) (*toldOutput, error) {
	k, err := a.key(ctx, in.RunID)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("a text for the model at step %d of run %s", in.Step, in.RunID)
	step, err := a.bus.Step(ctx, k, in.Step)
	if err != nil {
		return nil, problem(err, what)
	}
	if step.Data.Told == "" {
		return nil, huma.Error404NotFound(what + " does not exist: no model was asked, or it was not kept")
	}
	text, err := a.bus.Object(ctx, step.Data.Told)
	if err != nil {
		return nil, problem(err, what)
	}
	return &toldOutput{ContentType: "text/plain; charset=utf-8", NoSniff: "nosniff", CacheControl: cacheFor(in.Digest, step.Data.Told), Body: text}, nil
}

type toldOutput struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	NoSniff      string `header:"X-Content-Type-Options"`
	Body         []byte
}
