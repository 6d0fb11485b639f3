package browser

import (
	"context"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// expectation is an effect of an action that is waited for.
type expectation struct {
	frame   *frame // in which it is looked for
	dialogs int    // told before the action
}

// expect notes, just before the action's input, what can be seen on the page. typing: the input is text for the element;
// there is no effect to wait for if that is a plain field.
func (d *doing) expect(ctx context.Context, e element, typing bool) {
	d.expectIn(ctx, e.frame, []int{e.token, e.key}, typing)
}

// expectOfKeys is expect for the element that has the focus.
func (d *doing) expectOfKeys(ctx context.Context) {
	f := &frame{target: d.tab.target, id: d.tab.targetID, world: d.tab.worldOf(d.tab.targetID)}
	if !d.options.Eager && f.enter(ctx) == nil {
		d.expectIn(ctx, f, nil, !strings.Contains(d.action.Keys, "Enter") && !strings.Contains(d.action.Keys, "Escape"))
	}
}

func (d *doing) expectIn(ctx context.Context, f *frame, ref any, typing bool) {
	var expected bool
	if d.effect = nil; d.options.Eager || f.call(ctx, &expected, "expect", ref, typing) != nil || !expected {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.effect = &expectation{f, len(d.dialogs)}
}

// settlePatiently is settle for an action of which an effect is expected: as long as there is none that can be seen, and
// no request runs, it is waited for.
func (d *doing) settlePatiently(ctx context.Context) {
	if d.effect == nil {
		d.settle(ctx, settleLimit)
		return
	}
	early := d.lookForEffect(0) // the answer comes while the page settles
	d.settle(ctx, settleLimit)
	if d.affected(ctx, early).Seen || d.affectedOtherwise() {
		return
	}
	if now := d.affected(ctx, d.lookForEffect(d.patience)); now.Late || !now.Seen && !d.atRest(ctx) {
		d.settleWholly(ctx, settleLimit)
	}
}

// lookForEffect asks whether something else can be seen than before the action, now or within a time.
func (d *doing) lookForEffect(patience time.Duration) *cdp.Pending {
	return d.effect.frame.start("affected", patience.Milliseconds())
}

// effect is whether an action's effect can be seen, and whether it came late.
type effect struct {
	Seen bool `json:"seen"`
	Late bool `json:"late"`
}

// affected waits for the answer. There is none from a document that is gone.
func (d *doing) affected(ctx context.Context, asked *cdp.Pending) (e effect) {
	if err := d.effect.frame.wait(ctx, asked, &e); err != nil {
		return effect{Seen: true}
	}
	return e
}

// affectedOtherwise reports effects outside of the page: another document or tab, a dialog, a download.
func (d *doing) affectedOtherwise() bool {
	if d.place() != d.from {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dialogs) != d.effect.dialogs || d.chooser != nil || len(d.downloads) > 0
}

// atRest reports whether no request is under way, as far as the browser has told.
func (s *Session) atRest(ctx context.Context) bool {
	s.catchUp(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle()
}
