package agent

import (
	"context"
	"encoding/json"

	"github.com/errand-run/errand/services/provider-executor/reading"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/panics"
	"github.com/errand-run/errand/shared/workflow"
)

// Bounds of what is noticed for a later recording.
const (
	maxPages   = 40        // newest pages whose texts are remembered
	maxSources = 24 * 1024 // bytes of a step's sources: an event stays under 64 KB
)

// notices is what a run remembers of its pages, so that the values of its result can be found on them when it is known.
// It is lost with the attempt; what it was good for stands with the last step.
type notices struct {
	pages []reading.Page
}

func (n *notices) add(p reading.Page) {
	if len(p.Leaves) == 0 {
		return
	}
	n.pages = append(n.pages, p)
	if len(n.pages) > maxPages {
		n.pages = n.pages[1:]
	}
}

// notice looks at the page that a step is decided on for what a recording needs to know of it. That happens while the
// model thinks; the step has it when the returned function has returned.
func (r *run) notice(ctx context.Context, step *event.StepData) (noticed func()) {
	if r.session == nil {
		return func() {}
	}
	var seen workflow.Sources
	page := reading.Page{Step: step.Number}
	var looking panics.Group
	looking.Go(func() {
		sight, err := r.session.Sight(ctx)
		if err != nil {
			return // the page is busy or gone: it cannot be recorded, and nothing else is lost
		}
		seen.Headings = sight.Headings
		page.Leaves, _ = r.session.Leaves(ctx, nil)
	})
	return func() {
		looking.Wait()
		r.notices.add(page)
		step.Sources = encoded(seen)
	}
}

// noticeAnswer remembers where the values of an answer stand that was read from the whole page: as it is before the
// step, or, where actions of the step came first, before the next one.
func (r *run) noticeAnswer(ctx context.Context, answer string) {
	value, err := json.Marshal(answer)
	if err != nil {
		return
	}
	leaves, err := r.session.Leaves(ctx, reading.Needles(value, false))
	if err == nil {
		r.notices.add(reading.Page{Step: r.number + min(r.acting, 1), Leaves: leaves})
	}
}

// trace finds where the values of the result stand, on the page at the end and on those before.
func (r *run) trace(ctx context.Context, step *event.StepData, value json.RawMessage) {
	if r.session == nil || len(value) == 0 {
		return
	}
	var seen workflow.Sources
	if len(step.Sources) > 0 && json.Unmarshal(step.Sources, &seen) != nil {
		return
	}
	pages, isJSON := r.notices.pages, r.task.JSON || len(r.task.Schema) > 0
	if leaves, err := r.session.Leaves(ctx, reading.Needles(value, isJSON)); err == nil {
		pages = append(pages[:len(pages):len(pages)], reading.Page{Step: step.Number, Leaves: leaves})
	}
	found := reading.Find(reading.Recorded{Result: value, JSON: isJSON, Prompt: r.task.Prompt, Pages: pages})
	found.Headings = seen.Headings
	step.Sources = encoded(found)
}

// encoded are sources as an event carries them. Those that are too large are left out: the recording then says that it
// needs a model for them.
func encoded(s workflow.Sources) json.RawMessage {
	raw, err := json.Marshal(s)
	if err == nil && len(raw) <= maxSources {
		return raw
	}
	raw, _ = json.Marshal(workflow.Sources{Headings: s.Headings, NeedsModel: []string{""}})
	return raw
}
