// Package orchestrator decides what becomes of a run: it turns requests into jobs, brings lost runs back, and ends
// those that are canceled or out of time. The decisions are the pure function Next; the rest of the package feeds
// it from the log and writes what it says, guarded, so that any number of orchestrators may run. One of them at a time
// gives the queued runs to the executors, in the order of package queue.
package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/service"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// How many messages are decided at once. A decision is two or three writes; more at once than this only queue
// at the stream.
const (
	parallelRequests = 64
	parallelControl  = 32
	parallelEnds     = 8
	parallelErase    = 4
)

// cancelPatience is when a cancel that came before its run was created is looked at again.
const cancelPatience = 200 * time.Millisecond

// Service is the orchestrator. The zero value needs its Frame.
type Service struct {
	Frame  service.Frame
	Config Config

	dispatcher  *dispatcher
	writer      event.Writer
	transitions *prometheus.CounterVec
	ended       *prometheus.CounterVec
}

// Run works until ctx ends and returns nil after a graceful stop.
func (s *Service) Run(ctx context.Context) error {
	s.writer = event.Writer{Service: "orchestrator", Instance: s.Frame.Instance}
	s.transitions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "errand_run_transitions_total", Help: "Lifecycle events written by the orchestrator, by type.",
	}, []string{"type"})
	s.ended = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "errand_runs_ended_total", Help: "Runs that ended, whoever ended them, by state and error code (docs/errors.md).",
	}, []string{"state", "code"})
	for _, c := range []prometheus.Collector{s.transitions, s.ended} {
		if err := s.Frame.Metrics.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	s.dispatcher = newDispatcher(s)
	if err := s.Frame.Metrics.Register(s.dispatcher); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.dispatcher.run(ctx) })
	g.Go(func() error { return s.Frame.Bus.Consume(ctx, bus.ConsumerRequests, parallelRequests, s.request) })
	g.Go(func() error { return s.Frame.Bus.Consume(ctx, bus.ConsumerControl, parallelControl, s.control) })
	g.Go(func() error { return s.Frame.Bus.Consume(ctx, bus.ConsumerEnds, parallelEnds, s.learn) })
	g.Go(func() error { return s.Frame.Bus.Consume(ctx, bus.ConsumerErase, parallelErase, s.Frame.Bus.Erase) })
	return g.Wait()
}

// request handles a stored run request: its sequence is the run's id.
func (s *Service) request(ctx context.Context, m bus.Message) error {
	req, err := bus.DecodeRequest(m.Subject, m.Data)
	if err != nil {
		return bus.Terminal(fmt.Errorf("read the request of run %d: %w", m.Sequence, err))
	}
	queued := event.Queued(event.RunID(m.Sequence), req)
	in := Input{Requested: true}
	if wrong := req.Wrong(); wrong != "" {
		in = Input{Refused: &event.Error{Code: "invalid_request", Message: "The run's request cannot be carried out: " + wrong + "."}}
	}
	fresh := position{State: State{Run: queued}, at: queued.CreatedAt}
	if m.Delivered > 1 {
		return s.decide(ctx, queued.Key(), in, &fresh)
	}
	// The first delivery is nearly always a run that nobody has touched: the guard says so if it is not.
	now := event.NotBefore(s.Frame.Bus.Now(ctx), fresh.at)
	err = s.carryOut(ctx, fresh, Next(fresh.State, in, now))
	if errors.Is(err, bus.ErrConflict) {
		return s.decide(ctx, queued.Key(), in, &fresh)
	}
	return err
}

// control handles a cancel command or a timer that fired.
func (s *Service) control(ctx context.Context, m bus.Message) error {
	info, ok := event.ParseSubject(m.Subject)
	if !ok {
		return bus.Terminal(fmt.Errorf("read control message: subject %s names no run", m.Subject))
	}
	if m.Subject == event.CancelSubject(info.Key) {
		return s.decide(ctx, info.Key, Input{Cancel: true}, nil)
	}
	var t bus.Timer
	if err := json.Unmarshal(m.Data, &t); err != nil {
		return bus.Terminal(fmt.Errorf("decode timer of run %s: %w", info.Key, err))
	}
	return s.decide(ctx, info.Key, Input{Timer: &t}, nil)
}

// position is a run's state and where in the log it was read.
type position struct {
	State
	sequence uint64
	at       time.Time // of its last event: what follows is not before it
	lastStep *event.StepRef
}

// decide reads the run's state, decides and writes, and starts over when another writer came first. fresh is the
// state of a run that has no event yet, nil where the run is not known to exist.
func (s *Service) decide(ctx context.Context, k event.Key, in Input, fresh *position) error {
	for {
		p, err := s.read(ctx, k, fresh)
		if err != nil {
			return err
		}
		if p.Progressed, err = s.progressed(ctx, p, in); err != nil {
			return err
		}
		p.at = event.NotBefore(s.Frame.Bus.Now(ctx), p.at)
		d := Next(p.State, in, p.at)
		if d.Later {
			return s.later(ctx, k)
		}
		if err := s.carryOut(ctx, p, d); !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

// progressed reports whether the attempt at work has finished a step, where that matters: its lease is lost, and it is
// not the first that the run loses.
func (s *Service) progressed(ctx context.Context, p position, in Input) (bool, error) {
	if in.Timer == nil || !p.held() || p.Run.Failures == 0 {
		return false, nil
	}
	last, err := s.Frame.Bus.LastStep(ctx, p.Run.Key())
	if errors.Is(err, bus.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if last.Phase == event.Planned { // the step before it, if there is one of this attempt, is done
		if last.Data.Previous == nil {
			return false, nil
		}
		if last, err = s.Frame.Bus.Step(ctx, p.Run.Key(), last.Data.Previous.Number); err != nil {
			return false, err
		}
	}
	return last.Data.Attempt == p.Run.Attempt && !last.Data.Interrupted, nil
}

// later brings a cancel back that came before its run was created, unless there is no such run at all.
func (s *Service) later(ctx context.Context, k event.Key) error {
	_, err := s.Frame.Bus.Request(ctx, k.Run)
	if errors.Is(err, bus.ErrNotFound) {
		return bus.Terminal(fmt.Errorf("cancel run %s: %w", k, err))
	}
	if err != nil {
		return err
	}
	return bus.Later(cancelPatience)
}

func (s *Service) read(ctx context.Context, k event.Key, fresh *position) (position, error) {
	last, err := s.Frame.Bus.Last(ctx, k)
	if errors.Is(err, bus.ErrNotFound) {
		if fresh != nil {
			return *fresh, nil
		}
		return position{State: State{Run: event.Snapshot{Task: k.Task, Run: k.Run}}}, nil
	}
	if err != nil {
		return position{}, err
	}
	return position{
		State:    State{Last: event.Kind(last.RunEvent), Run: last.Data.Run},
		sequence: last.Sequence, at: last.Time, lastStep: last.Data.LastStep,
	}, nil
}

// carryOut appends the decision's events, each guarded by the one before it, and arms its timer.
func (s *Service) carryOut(ctx context.Context, p position, d Decision) error {
	for _, t := range d.Append {
		data := event.RunData{Run: t.Run, Previous: p.sequence, Request: uint64(t.Run.Run), LastStep: p.lastStep}
		if t.Type.Terminal() {
			if err := s.close(ctx, &data); err != nil {
				return err
			}
		}
		p.at = event.NotBefore(s.Frame.Bus.Now(ctx), p.at)
		e := s.writer.Run(t.Type, p.at, data)
		seq, err := s.Frame.Bus.Append(ctx, e, p.sequence)
		if err != nil {
			return err
		}
		p.sequence = seq
		if t.Type == event.Created {
			s.dispatcher.created(e, seq)
		}
		s.transitions.WithLabelValues(string(t.Type)).Inc()
		s.report(t, seq)
	}
	if d.Arm == nil {
		return nil
	}
	return s.Frame.Bus.Arm(ctx, *d.Arm, p.sequence)
}

// report writes the one line of an event.
func (s *Service) report(t Transition, seq uint64) {
	line := s.Frame.Log.With("task_id", t.Run.Task, "run_id", t.Run.Run, "attempt", t.Run.Attempt, "sequence", seq)
	switch {
	case t.Run.Error != nil:
		line.Warn("run "+string(t.Type), "code", t.Run.Error.Code, "error", t.Run.Error.Message)
	case t.Run.RetryReason != "":
		line.Info("run "+string(t.Type), "reason", t.Run.RetryReason)
	default:
		line.Info("run " + string(t.Type))
	}
}

// close completes a terminal event with what the executor would have known: the last step and what was spent.
func (s *Service) close(ctx context.Context, data *event.RunData) error {
	if data.Run.StartedAt == nil {
		return nil
	}
	steps, err := s.Frame.Bus.Steps(ctx, data.Run.Key())
	if err != nil {
		return err
	}
	for _, step := range steps {
		data.Run.Usage = data.Run.Usage.Add(step.Data.Usage)
		data.LastStep = &event.StepRef{Number: step.Data.Number, Sequence: step.Sequence}
	}
	return nil
}
