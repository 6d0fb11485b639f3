// Package executor runs what the orchestrator dispatches: it leases a run, works on it with a model in a browser,
// writes its steps and its end. The agent's loop stands in package agent, Chromium in package browser, the providers
// in package model; here is what makes a run survive its executor.
package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/panics"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

// pullPatience is how long one pull waits for a job before it asks anew.
const pullPatience = 20 * time.Second

// An executor whose browser does not work fails the runs that need one, with the reason. It takes only jobs that lie in
// the queue, and late, so that executors with a free slot have them before.
const (
	brokenPause    = 2 * time.Second
	brokenPatience = 200 * time.Millisecond
)

// Service is the executor.
type Service struct {
	Frame  service.Frame
	Config Config
	// Own are the host:port of the platform's listeners that the process knows of: no run reaches them.
	Own []string
	// Browser, if it is set, is a running engine that the caller shares among services and ends; Config.Browser is not
	// used then. Otherwise the service runs its own.
	Browser *browser.Engine

	writer  event.Writer
	models  *model.Models
	browser *browser.Engine
	engine  atomic.Pointer[browser.Engine] // the browser, for Ready
	metrics *metrics
	away    outage
}

// Run works until ctx ends; then it gives the runs that it holds back, and returns nil.
func (s *Service) Run(ctx context.Context) error {
	s.prepare()
	if s.Browser != nil {
		return s.pullAll(ctx)
	}
	// The browser outlives the runs: they close their sessions in it when they are stopped.
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	pulling, stopPulling := context.WithCancel(ctx)
	defer stopPulling()
	var browsing errgroup.Group
	browsing.Go(func() error {
		defer stopPulling() // without a way to the network there is no work
		return s.browser.Run(engine)
	})
	err := s.pullAll(pulling)
	stopEngine()
	if browserErr := browsing.Wait(); err == nil && browserErr != nil {
		err = fmt.Errorf("run the browser: %w", browserErr)
	}
	return err
}

// Ready reports why the executor cannot do runs that need a browser, nil if it can as far as it knows.
func (s *Service) Ready(context.Context) error {
	engine := s.engine.Load()
	if engine == nil {
		return errors.New("the executor has not begun")
	}
	return engine.Ready()
}

func (s *Service) prepare() {
	s.writer = event.Writer{Service: "executor", Instance: s.Frame.Instance}
	s.models = model.New(s.Config.Models)
	s.metrics = newMetrics(s.Frame.Metrics)
	if s.browser = s.Browser; s.browser == nil {
		s.browser = browser.New(s.browserConfig())
	}
	s.engine.Store(s.browser)
}

func (s *Service) browserConfig() browser.Config {
	c := s.Config.Browser
	c.Log = s.Frame.Log
	c.Egress.Own = slices.Concat(c.Egress.Own, s.Own)
	c.Egress.Counted = func(class string) { s.metrics.refused.WithLabelValues(class).Inc() }
	return c
}

// pullAll pulls the jobs of every provider into the free slots, until ctx ends and the runs at work have been
// given back.
func (s *Service) pullAll(ctx context.Context) error {
	free := make(chan struct{}, s.Config.Slots)
	for range s.Config.Slots {
		free <- struct{}{}
	}
	var work sync.WaitGroup
	defer work.Wait()
	var pulls sync.WaitGroup
	defer pulls.Wait()
	pulls.Go(func() {
		if err := s.Frame.Bus.Announce(ctx, s.announcement); err != nil {
			s.Frame.Log.Warn("announce the executor", "error", err)
		}
	})
	for _, provider := range event.Providers() {
		pulls.Go(func() { s.pull(ctx, provider, free, &work) })
	}
	return nil
}

// announcement is what the orchestrator needs to know: how many runs it may give.
func (s *Service) announcement() bus.Executor {
	e := bus.Executor{Instance: s.Frame.Instance, Slots: s.Config.Slots}
	if s.browser.Ready() != nil {
		e.Slots = 0 // others first
	}
	return e
}

// pull takes one job at a time, while there is a free slot. All providers share the slots: where another has taken
// the last one meanwhile, the job goes back to the queue at once.
func (s *Service) pull(ctx context.Context, provider string, free chan struct{}, work *sync.WaitGroup) {
	consumer := bus.ConsumerJobs(provider)
	for ctx.Err() == nil {
		select {
		case slot := <-free:
			free <- slot
		case <-ctx.Done():
			return
		}
		began := time.Now()
		patience := pullPatience
		if s.browser.Ready() != nil { // other executors first
			pause(ctx, brokenPause)
			patience = brokenPatience
		}
		job, ok, err := s.Frame.Bus.Fetch(ctx, consumer, patience)
		if err != nil && ctx.Err() == nil {
			if !s.Frame.Bus.Away() { // which has a line of its own
				s.away.failed(s.Frame.Log, provider, err)
			}
			pause(ctx, time.Second)
		} else {
			s.away.over(began)
		}
		if !ok {
			continue
		}
		if ctx.Err() != nil {
			s.settle(job.Return, job)
			return
		}
		select {
		case slot := <-free:
			work.Go(func() {
				defer func() { free <- slot }()
				if err := panics.Catch(func() { s.attempt(ctx, job) }); err != nil {
					s.settle(func() error { return job.GiveUp(err) }, job) // before its run was ours
				}
			})
		default:
			s.settle(job.Return, job)
		}
	}
}

// outage is a time in which no jobs can be pulled. Its first failure is logged, and none that follows: the queues of all
// providers fail together.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero: there is none
}

func (o *outage) failed(log *slog.Logger, provider string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		log.Warn("pull jobs, trying again until it works", "provider", provider, "error", err)
	}
	o.since = time.Now()
}

// over ends the outage if a pull that began after its last failure has worked.
func (o *outage) over(began time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if began.After(o.since) {
		o.since = time.Time{}
	}
}

// settle tells the server what becomes of a job. Where that fails the job comes back, and is recognised.
func (s *Service) settle(settle func() error, job bus.Job) {
	if err := settle(); err != nil {
		s.Frame.Log.Warn("settle job", "subject", job.Subject, "error", err)
	}
}

func (s *Service) logger(k event.Key, attempt int) *slog.Logger {
	return s.Frame.Log.With("task_id", k.Task, "run_id", k.Run, "attempt", attempt)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
