package executor

import (
	"context"
	"fmt"
	"slices"

	"github.com/errand-run/errand/services/provider-executor/effects"
	"github.com/errand-run/errand/shared/action"
	"github.com/errand-run/errand/shared/event"
)

// onInterruptRetry has what an earlier attempt may have sent sent again.
const onInterruptRetry = "retry"

// openLedger makes the ledger of the attempt from the steps before it.
func (l *lease) openLedger(history []event.StepData, onInterrupt string) {
	if onInterrupt == onInterruptRetry {
		history = nil
	}
	l.ledger = effects.New(history, l.writeSent)
}

// writeSent writes down what the step at work is about to send. A run that may be another's sends nothing more.
func (l *lease) writeSent(ctx context.Context, sent []event.Sent) error {
	if err := l.expired(); err != nil {
		return err
	}
	l.mu.Lock()
	step, attempt := l.planned, l.run.Attempt
	l.mu.Unlock()
	return l.bus.PutSent(ctx, l.key, step, attempt, sent)
}

// addSent adds to a step of an earlier attempt what it was about to send and its actions do not say: the attempt ended in
// its midst, or something was sent after the action was over. Its outcome is not known.
func (l *lease) addSent(ctx context.Context, step *event.StepData) error {
	last := -1
	for i, a := range step.Actions {
		if action.Effectful(a.Name) {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	sent, err := l.bus.Sent(ctx, l.key, step.Number, step.Attempt)
	if err != nil {
		return fmt.Errorf("read what step %d has sent: %w", step.Number, err)
	}
	for _, a := range step.Actions {
		for _, s := range a.Sent {
			s.Status = 0
			if i := slices.Index(sent, s); i >= 0 {
				sent = slices.Delete(sent, i, i+1)
			}
		}
	}
	a := &step.Actions[last]
	a.Sent, a.Sends = append(a.Sent, sent...), a.Sends || len(sent) > 0
	return nil
}
