// Package effects keeps what a run has sent to websites, so that a run that changes its executor sends nothing twice by
// mistake. A request that may change something at the other end is written down before it leaves. After a takeover a
// request like one of those is stopped below the page, until the agent has looked and says that it is to be sent.
//
// Two requests are alike if they have the same method, origin, path and form of body: the same fields, whatever their
// values. Values differ between two tries at the same order: tokens, times, ids that pages make up.
package effects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/errand-run/errand/shared/event"
)

// backgroundSteps is in how many steps scripts of a page must have sent the same, each with a known outcome, to be taken
// for what the page does by itself whatever is clicked.
const backgroundSteps = 3

// ErrNotSeen says that the agent wants something sent again without having looked at a page that could show whether it
// was done.
var ErrNotSeen = errors.New("no other page of the site has been looked at since the browser is a new one")

// Ledger is what a run has sent. Its methods may be called concurrently; those of a nil Ledger do nothing.
type Ledger struct {
	// Store writes down what the step at work sends, before it leaves: all of it so far. Its error stops the request.
	Store func(ctx context.Context, sent []event.Sent) error

	storing chan struct{} // holds one value: of two stores at once the older list could be the last one written

	mu      sync.Mutex
	earlier []entry
	now     []event.Sent    // of the step at work
	seen    map[string]bool // addresses without queries of pages looked at in this attempt
	stopped map[string]int  // how often something was stopped, by its description
}

// entry is something that an earlier attempt has sent, or may have.
type entry struct {
	event.Sent
	step    int
	page    string // that the step was decided on
	unknown bool
}

// New makes the ledger of an attempt from the steps of those before it.
func New(history []event.StepData, store func(context.Context, []event.Sent) error) *Ledger {
	l := &Ledger{Store: store, storing: make(chan struct{}, 1), seen: map[string]bool{}, stopped: map[string]int{}}
	steps := map[event.Sent]map[int]bool{}
	for _, s := range history {
		for _, a := range s.Actions {
			for _, sent := range a.Sent {
				e := entry{sent, s.Number, s.URL, sent.Status == 0 || sent.Status >= 500 || s.Interrupted || a.MayHaveHappened()}
				if sent.Status >= 400 && sent.Status < 500 {
					continue // the site has refused it
				}
				l.earlier = append(l.earlier, e)
				if steps[alike(sent)] == nil {
					steps[alike(sent)] = map[int]bool{}
				}
				if !e.unknown && sent.Script {
					steps[alike(sent)][s.Number] = true
				}
			}
		}
	}
	l.earlier = slices.DeleteFunc(l.earlier, func(e entry) bool {
		return !e.unknown && len(steps[alike(e.Sent)]) >= backgroundSteps
	})
	return l
}

// alike is what two requests have in common that are alike.
func alike(s event.Sent) event.Sent { return event.Sent{Method: s.Method, URL: s.URL, Form: s.Form} }

// Begin says that a step begins.
func (l *Ledger) Begin() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = nil
}

// Sending writes a request down that is about to leave. Errors: the Store's, ctx's.
func (l *Ledger) Sending(ctx context.Context, s event.Sent) error {
	if l == nil || l.Store == nil {
		return nil
	}
	select {
	case l.storing <- struct{}{}:
		defer func() { <-l.storing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	l.now = append(l.now, s)
	all := slices.Clone(l.now)
	l.mu.Unlock()
	return l.Store(ctx, all)
}

// Stops reports whether a request must not leave, and why, as a sentence for the agent.
func (l *Ledger) Stops(s event.Sent) (why string, stop bool) {
	if l == nil {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range slices.Backward(l.earlier) {
		if alike(e.Sent) == alike(s) {
			l.stopped[e.describe()]++
			return fmt.Sprintf("%s, and the same is not sent again unseen. Look at a page of the site that shows whether it was done (a list of orders, messages or entries). "+
				"If it was done, go on from there. If it must be sent, write \"REPEAT STEP %d: \" and what that page shows into evaluation_previous_goal, and do the action again.", e.describe(), e.step), true
		}
	}
	return "", false
}

func (e entry) describe() string {
	how := "has sent"
	if e.unknown {
		how = "may have sent"
	}
	return fmt.Sprintf("step %d %s %s %s", e.step, how, e.Method, e.URL)
}

// Patterns match, as Fetch.enable has it, the addresses of what may be stopped.
func (l *Ledger) Patterns() (patterns []string) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
	for _, e := range l.earlier {
		if p := literal.Replace(e.URL) + "*"; !slices.Contains(patterns, p) {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

// Stopped are what was stopped, each once. Empty: nothing.
func (l *Ledger) Stopped() (all []string) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for what := range l.stopped {
		all = append(all, what)
	}
	slices.Sort(all)
	return all
}

// Unseen are what was stopped although nobody knows whether it was done, if no other page of its site has been looked at:
// a success that rests on it is a guess.
func (l *Ledger) Unseen() (all []string) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.earlier {
		if what := e.describe(); e.unknown && l.stopped[what] > 0 && !l.sawOther(e.step) && !slices.Contains(all, what) {
			all = append(all, what)
		}
	}
	return all
}

// Looked says that the agent was shown a page.
func (l *Ledger) Looked(address string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[bare(address)] = true
}

var repeat = regexp.MustCompile(`(?i)\brepeat step (\d+):\s*\S`)

// Heed lets a step's requests be sent again where the agent's words ask for it. An error says, in words for the agent,
// why that is not done; ErrNotSeen is in it.
func (l *Ledger) Heed(words string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, m := range repeat.FindAllStringSubmatch(words, -1) {
		step, _ := strconv.Atoi(m[1])
		if !l.sawOther(step) {
			errs = append(errs, fmt.Errorf("step %d is not repeated: %w", step, ErrNotSeen))
			continue
		}
		l.earlier = slices.DeleteFunc(l.earlier, func(e entry) bool {
			if e.step == step {
				delete(l.stopped, e.describe())
			}
			return e.step == step
		})
	}
	return errors.Join(errs...)
}

// sawOther reports whether a page of a site that the step has sent something to was looked at, other than the one that
// it was sent from.
func (l *Ledger) sawOther(step int) bool {
	for _, e := range l.earlier {
		if e.step != step {
			continue
		}
		for address := range l.seen {
			if address != bare(e.page) && (originOf(address) == originOf(e.URL) || originOf(address) == originOf(e.page)) {
				return true
			}
		}
	}
	return false
}

// bare is an address without its query and fragment.
func bare(address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	return address
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
