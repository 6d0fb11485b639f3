package browser

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// Wanted says which element is meant, by one or more of Targets, CSS and XPath.
type Wanted struct {
	// Targets are fingerprints as Outcome.Target gives them, the newest first. Fields may be missing.
	Targets []json.RawMessage
	// CSS and XPath are written by hand and must find one visible element. An XPath may lead through frames and shadow
	// roots by the steps #document and #shadow-root, as Outcome.XPath does.
	CSS, XPath string
	// Role is what an element found by CSS or XPath must be; empty: anything.
	Role string
	// Irreversible asks for near certainty: what the action does cannot be undone. The caller decides that by the
	// recorded name, and looks at Found.Name too.
	Irreversible bool
	// Within is how long the element may take to appear and to become enabled; 0: it is looked for once.
	Within time.Duration
}

// Found is the element, as the page has it now.
type Found struct {
	Index int     // for Action.Index
	Level string  // what it was found by: testid, id, name, label, placeholder, field, row, css, xpath or score
	Score float64 // 0 to 1: how sure that is
	Role  string
	Name  string
	// Closed says that it opens something, as a menu's button does, which is closed.
	Closed bool
}

// NotFoundError says that no element, or more than one, is the wanted one.
type NotFoundError struct {
	Wanted  string   // as `button "Pay"`
	Closest []string // up to 3, each with why it was not taken
}

func (e *NotFoundError) Error() string {
	if len(e.Closest) == 0 {
		return "the page has no " + e.Wanted + ", and nothing like it"
	}
	return "the page has no such " + e.Wanted + "; closest are " + strings.Join(e.Closest, ", ")
}

const (
	pollEvery    = 80 * time.Millisecond  // where the page does not change
	pollPause    = 10 * time.Millisecond  // between looks at a page that changes all the time
	weakPatience = 300 * time.Millisecond // what is only likely must stay so for as long: the right one may yet appear
)

// Resolve finds an element again that was acted on in an earlier visit, in whatever frame or shadow root it is now. It
// must be visible and enabled.
// Errors: NotFoundError, a refusal of a malformed CSS or XPath, ErrBrowserGone, ErrPageCrashed, ctx's.
func (s *Session) Resolve(ctx context.Context, w Wanted) (Found, error) {
	h, err := newHunt(w)
	if err != nil {
		return Found{}, err
	}
	deadline := time.Now().Add(w.Within)
	for {
		last := !time.Now().Before(deadline)
		var found *Found
		err := s.using(ctx, func(t *tab) (err error) {
			found, err = s.seek(ctx, t, h, last)
			return err
		})
		switch {
		case err != nil:
			return Found{}, err
		case found != nil:
			return *found, nil
		case last:
			return Found{}, s.notFound(h)
		}
		if err := s.stir(ctx, min(pollEvery, time.Until(deadline))); err != nil {
			return Found{}, err
		}
	}
}

// NameOf is what the element with an index was called when it was last seen; empty for none.
func (s *Session) NameOf(ctx context.Context, index int) (name string, err error) {
	done, err := s.take(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return s.options.Secrets.Mask(s.refs.elements[index].name), nil
}

// stir waits for the page to change, or for at most limit.
func (s *Session) stir(ctx context.Context, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, max(limit, pollPause)+time.Second) // a page that hangs is asked again
	defer cancel()
	start := time.Now()
	if t := s.activeTab(); t != nil {
		f := frame{target: t.target, id: t.targetID}
		if f.enter(limited) == nil {
			_ = f.call(limited, nil, "stirs", limit.Milliseconds()) // fails where the page is being replaced
		}
	}
	rest := time.NewTimer(pollPause - time.Since(start))
	defer rest.Stop()
	select {
	case <-rest.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seek looks for the element once. nil: there is none yet that may be taken.
func (s *Session) seek(ctx context.Context, t *tab, h *hunt, last bool) (*Found, error) {
	frames, err := t.framesOf(ctx)
	if err != nil {
		return nil, lasting(ctx, err)
	}
	if err := h.read(ctx, &s.refs, frames); err != nil {
		return nil, err
	}
	m, sure := h.choose()
	if m == nil || m.Off || !sure && !h.stays(m, last || h.Within == 0, s.calm()) {
		return nil, nil
	}
	index, _ := s.refs.number(reference{tab: t, frame: m.frame.id, token: m.token, key: m.Key, role: m.Role, name: m.Name})
	s.refs.world(m.token).frame = m.frame
	return &Found{Index: index, Level: m.Level, Score: m.sureness(), Role: m.Role, Name: s.options.Secrets.Mask(m.Name), Closed: m.Closed}, nil
}

// lasting is what of an error ends a search; nil: the page is on its way to another, and is asked again.
func lasting(ctx context.Context, err error) error {
	var refused refusal
	if errors.Is(err, cdp.ErrDetached) || errors.As(err, &refused) {
		return err
	}
	return ending(ctx, err)
}

// calm: nothing that the page has asked for is outstanding.
func (s *Session) calm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle()
}

func (s *Session) notFound(h *hunt) error {
	e := &NotFoundError{Wanted: s.options.Secrets.Mask(h.what())}
	for _, told := range h.closest() {
		e.Closest = append(e.Closest, s.options.Secrets.Mask(told))
	}
	return e
}

// read asks all frames at once what in them could be it.
func (h *hunt) read(ctx context.Context, r *refs, frames []*frame) error {
	h.matches = nil
	h.settleHomes(ctx, frames)
	frames = frames[:min(len(frames), maxFrames)]
	var sent []*cdp.Pending
	for _, f := range frames {
		sent = append(sent, f.start("seek", h.targetsFor(f)))
	}
	for i, f := range frames {
		found, err := h.readFrame(ctx, r, f, sent[i])
		if fatal := lasting(ctx, err); fatal != nil {
			for _, p := range sent[i+1:] {
				p.Forget()
			}
			return fatal
		}
		if err == nil {
			h.take(f, found)
		}
	}
	return nil
}

// sought is what one frame has.
type sought struct {
	Token int      `json:"token"`
	Hosts int      `json:"hosts"`
	Found []*match `json:"found"`
}

// readFrame looks again where the first look brought to light what hid from it.
func (h *hunt) readFrame(ctx context.Context, r *refs, f *frame, p *cdp.Pending) (found sought, err error) {
	err = f.finish(ctx, p, &found, "seek", h.targetsFor(f))
	if err != nil || found.Hosts == 0 && !h.clickable {
		return found, err
	}
	w := r.world(found.Token)
	if !f.discover(ctx, discovery{found.Hosts, w.heard, w.typing}) {
		return found, nil
	}
	return found, f.call(ctx, &found, "seek", h.targetsFor(f))
}
