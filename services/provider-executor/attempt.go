package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/services/provider-executor/agent"
	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/panics"
)

// closingTime is how long the end of an attempt may take to be written after it was stopped. A result has absence more.
const closingTime = 15 * time.Second

// attempt claims a job, works on its run, and writes how it ended. The job is settled as soon as the run is ours:
// from then on the lease brings it back, not the queue.
func (s *Service) attempt(ctx context.Context, job bus.Job) {
	l, ok, err := s.claim(context.WithoutCancel(ctx), job)
	switch {
	case errors.Is(err, bus.ErrMalformed):
		s.settle(func() error { return job.GiveUp(err) }, job)
		return
	case err != nil:
		s.Frame.Log.Warn("claim run", "subject", job.Subject, "delivered", job.Delivered, "error", err)
		s.settle(job.ReturnLater, job)
		return
	}
	s.settle(job.Ack, job)
	if !ok {
		return
	}
	s.metrics.busy.Inc()
	defer s.metrics.busy.Dec()
	s.hold(ctx, l)
}

// hold works on a run under its lease until it has a result or is stopped.
func (s *Service) hold(ctx context.Context, l *lease) {
	// The end of the service is a cause of its own: a run that it stops is given back, not failed.
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	l.stop = stop
	defer context.AfterFunc(ctx, func() { l.drain(working, s.Config.Grace) })()

	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := panics.Catch(func() { l.keep(keeping) }); err != nil {
			stop(err)
		}
	}()
	defer func() { stopKeeping(); <-kept }()

	var result agent.Result
	var err error
	if panicked := panics.Catch(func() { result, err = s.work(working, l) }); panicked != nil {
		result, err = agent.Result{}, panicked
	}
	cause, limit := stopCause(working, err), closingTime+absence
	if cause != nil {
		limit = closingTime
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	outcome, err := s.endSafely(closing, l, result, cause)
	s.metrics.ended.WithLabelValues(outcome).Inc()
	if err != nil {
		l.log.Warn("end attempt", "outcome", outcome, "error", err)
	}
}

// endSafely is end, also where a panic ends it: then the run fails without its result.
func (s *Service) endSafely(ctx context.Context, l *lease, r agent.Result, cause error) (outcome string, err error) {
	panicked := panics.Catch(func() { outcome, err = s.end(ctx, l, r, cause) })
	if panicked == nil {
		return outcome, err
	}
	if again := panics.Catch(func() { outcome, err = s.end(ctx, l, agent.Result{}, panicked) }); again != nil {
		return "panicked", again
	}
	return outcome, err
}

// failInternally ends the run whose attempt has panicked. It is not dispatched again: it would panic again.
func (s *Service) failInternally(ctx context.Context, l *lease, p *panics.Error) error {
	s.metrics.panicked.Inc()
	l.log.Error("attempt panicked", "error", p, "stack", string(p.Stack))
	return l.finish(ctx, event.Failed, agent.Result{Error: &event.Error{
		Code: "internal_error", Message: "Errand itself failed while it worked on this run; its log has the details, look for this run's id. Please report it.",
	}})
}

// stopCause prefers why the attempt was stopped to what that led to.
func stopCause(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := stopped(ctx, err); cause != nil {
		return cause
	}
	return err
}

// work carries out the run's task.
func (s *Service) work(ctx context.Context, l *lease) (agent.Result, error) {
	req, err := s.Frame.Bus.Request(ctx, l.run.Run)
	if err != nil {
		return agent.Result{}, fmt.Errorf("read the request: %w", err)
	}
	a, failed, err := s.agent(ctx, l, req)
	if failed != nil || err != nil {
		return agent.Result{Error: failed}, err
	}
	recording, failed, err := s.recording(ctx, req.Replay)
	if failed != nil || err != nil {
		return agent.Result{Error: failed}, err
	}
	if failed, err := s.open(ctx, l, req.Secrets); failed != nil || err != nil {
		return agent.Result{Error: failed}, err
	}
	history, err := l.resume(ctx)
	if err != nil {
		return agent.Result{}, err
	}
	l.openLedger(history, req.OnInterrupt)
	state, err := s.lastState(ctx, l, history)
	if err != nil {
		return agent.Result{}, err
	}
	return a.Run(ctx, agent.Task{
		Prompt: req.Prompt, Schema: req.Schema(), JSON: req.ResponseFormat == "json",
		InitialURL: req.InitialURL, MaxSteps: req.MaxSteps, History: history, State: state, Ledger: l.ledger, Recording: recording,
		Budget: req.Budget, ExtractModel: req.ExtractModel, ModelTimeout: time.Duration(req.ModelTimeout) * time.Second, Judge: req.Judge, Vision: req.Vision, Secrets: l.secrets,
		Files: l.files.Names(), Evaluate: req.AllowEvaluate,
	})
}

// agent makes the agent that the request asks for. failed is why no executor of this configuration can.
func (s *Service) agent(ctx context.Context, l *lease, req event.Request) (a agent.Agent, failed *event.Error, err error) {
	models, err := s.choices(req)
	var missing *model.NotConfiguredError
	switch {
	case errors.As(err, &missing) && req.Replay != nil: // a replay needs no model as long as it fits the site
	case errors.As(err, &missing):
		return a, &event.Error{Code: model.CodeNotConfigured, Message: missing.Error() + "."}, nil
	case err != nil:
		return a, nil, err
	}
	domains, err := netguard.ParseDomains(req.AllowedDomains)
	if err != nil {
		return a, &event.Error{Code: "invalid_allowed_domains", Message: err.Error() + "."}, nil
	}
	if len(req.Files) > 0 && s.Config.Browser.CDPURL != "" {
		return a, &event.Error{Code: codeNoFiles, Message: "The browser at ERRAND_CDP_URL cannot be given files: " +
			"leave files out, or use an executor with a Chromium of its own."}, nil
	}
	return agent.Agent{
		Models: models, Prices: s.Config.Prices, Journal: l, Log: l.log,
		Now: func() time.Time { return l.now(ctx) },
		Keep: func(ctx context.Context, step int, state browser.State) string {
			return s.keepState(ctx, l, step, state)
		},
		Told: l.keepTold,
		Browser: func(ctx context.Context, state *browser.State) (*browser.Session, error) {
			return s.browser.NewSession(ctx, browser.SessionOptions{
				UserAgent: req.UserAgent, AllowedDomains: domains, Gate: func() error { return l.gate(ctx) }, Log: l.log, Secrets: l.secrets,
				Restore: state, Ledger: l.ledger, Digest: s.digest, Panicked: l.stop, Files: l.files, AllowEvaluate: req.AllowEvaluate, Eager: req.Replay != nil,
				Alone: l.run.Attempt > 1, // whether it ended the browser that it had is known then
			})
		},
	}, nil, nil
}

// choices are the models that the run may ask: its own, then its fallbacks. A fallback whose provider has no key is
// left out; a run whose own provider has none fails, unless a fallback can stand in.
func (s *Service) choices(req event.Request) ([]agent.Model, error) {
	var models []agent.Model
	var first error
	for _, c := range append([]event.Choice{{Provider: req.Provider, Model: req.Model}}, req.Fallbacks...) {
		client, err := s.models.Client(model.Provider(c.Provider))
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		counted := measured{client, model.Provider(c.Provider), s.Config.Prices, s.metrics}
		models = append(models, agent.Model{Provider: c.Provider, Name: c.Model, Client: counted})
	}
	if len(models) == 0 {
		return nil, first
	}
	return models, nil
}

// end writes how the attempt ended: the run's terminal event, or that the run is given back. outcome is for metrics.
func (s *Service) end(ctx context.Context, l *lease, r agent.Result, err error) (outcome string, _ error) {
	var outage *agent.Outage
	var panicked *panics.Error
	switch {
	case errors.As(err, &panicked):
		return "panicked", s.failInternally(ctx, l, panicked)
	case err == nil && r.Error == nil:
		return "succeeded", l.finish(ctx, event.Succeeded, r)
	case err == nil:
		return "failed", l.finish(ctx, event.Failed, r)
	case errors.Is(err, errCanceled):
		return "canceled", l.finish(ctx, event.Canceled, r)
	case errors.Is(err, errLost):
		return "lost", nil
	case errors.Is(err, errShutdown):
		return "released", l.release(ctx, "its executor was shut down", false)
	case errors.As(err, &outage):
		if ok, err := l.postpone(ctx, outage); ok {
			return "postponed", err
		}
		r.Error = &event.Error{Code: outage.Cause.Code, Message: outage.Cause.Message}
		return "failed", l.finish(ctx, event.Failed, r)
	}
	if r.Error = final(err); r.Error != nil {
		return "failed", l.finish(ctx, event.Failed, r)
	}
	l.log.Warn("attempt lost", "error", err)
	return "released", l.release(ctx, err.Error(), !s.victim(ctx, err))
}

// final is the run's error where another attempt would not help, nil where it may.
func final(err error) *event.Error {
	switch {
	case errors.Is(err, browser.ErrUnenforceable):
		return &event.Error{Code: "allowed_domains_unenforceable", Message: err.Error() + "."}
	case errors.Is(err, browser.ErrNoBrowser), errors.Is(err, browser.ErrNotStarted):
		return &event.Error{Code: "no_browser", Message: err.Error()}
	case errors.Is(err, browser.ErrPageTooHeavy):
		return &event.Error{Code: "page_too_heavy", Message: err.Error() + ". See the history for which, and ERRAND_PAGE_MEMORY for the bound."}
	}
	return nil
}

// stormDelay is given to other runs to lose their browsers by the same cause.
const stormDelay = time.Second

// victim reports whether a run lost its browser by no doing of its own: together with others. It is not counted as an
// attempt then. Where several runs shared the browser, each gets one of its own next, and the culprit is known.
func (s *Service) victim(ctx context.Context, err error) bool {
	if !errors.Is(err, browser.ErrBrowserGone) {
		return false
	}
	pause(ctx, stormDelay)
	return s.browser.Storm()
}
