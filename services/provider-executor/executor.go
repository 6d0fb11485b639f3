// Package executor runs what the orchestrator dispatches: it leases a run, works on it with a model in a browser,
// writes its steps and its end. The agent's loop stands in package agent, Chromium in package browser, the providers
// in package model; here is what makes a run survive its executor.
package executor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/services/provider-executor/model"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// pullPatience is how long one pull waits for a job before it asks anew.
const pullPatience = 20 * time.Second

// Service is the executor.
type Service struct {
	Frame  service.Frame
	Config Config
	// Own are the host:port of the platform's listeners that the process knows of: no run reaches them.
	Own []string

	writer  event.Writer
	models  *model.Models
	browser *browser.Engine
	refused *prometheus.CounterVec
	busy    prometheus.Gauge
	ended   *prometheus.CounterVec
	steps   prometheus.Counter
}

// Run works until ctx ends; then it gives the runs that it holds back, and returns nil.
func (s *Service) Run(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
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

func (s *Service) prepare() error {
	s.writer = event.Writer{Service: "executor", Instance: s.Frame.Instance}
	s.models = model.New(s.Config.Models)
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "errand_executor_connections_refused_total", Help: "Connections that runs asked for in vain, by why.",
	}, []string{"class"})
	s.browser = browser.New(s.browserConfig())
	s.busy = prometheus.NewGauge(prometheus.GaugeOpts{Name: "errand_executor_busy_slots", Help: "Runs at work."})
	s.ended = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "errand_executor_attempts_total", Help: "Attempts that ended here, by how.",
	}, []string{"outcome"})
	s.steps = prometheus.NewCounter(prometheus.CounterOpts{Name: "errand_executor_steps_total", Help: "Steps done."})
	for _, c := range []prometheus.Collector{s.refused, s.busy, s.ended, s.steps} {
		if err := s.Frame.Metrics.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

func (s *Service) browserConfig() browser.Config {
	c := s.Config.Browser
	c.Log = s.Frame.Log
	c.Egress.Own = slices.Concat(c.Egress.Own, s.Own)
	c.Egress.Counted = func(class string) { s.refused.WithLabelValues(class).Inc() }
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
	for _, provider := range event.Providers() {
		pulls.Go(func() { s.pull(ctx, provider, free, &work) })
	}
	return nil
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
		job, ok, err := s.Frame.Bus.Fetch(ctx, consumer, pullPatience)
		if err != nil && ctx.Err() == nil {
			s.Frame.Log.Warn("pull jobs", "provider", provider, "error", err)
			pause(ctx, time.Second)
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
				s.attempt(ctx, job)
			})
		default:
			s.settle(job.Return, job)
		}
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
