package browser

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
	"github.com/errand-run/errand/shared/panics"
)

const (
	viewportWidth  = 1280
	viewportHeight = 800
	lookahead      = 1.0   // screens below the viewport that are shown too
	maxFrames      = 40    // frames beyond it are counted, not read
	maxDialogs     = 20    // between two observations
	maxText        = 24000 // characters of one observation, about 6,000 tokens
	lookTries      = 4     // at a page that goes on to others by itself
	farAway        = 1e9   // pixels: beyond the end of every page
)

// Observation is a page as the model sees it.
type Observation struct {
	URL, Title string
	// Text is the page in the format of the observation, header lines included.
	Text string
	// Controls counts the numbered controls in Text.
	Controls int
	// Pictured: most of the viewport is a canvas or pictures, and Text tells hardly anything.
	Pictured bool
	// Fingerprint changes when the URL changes or what the model sees.
	Fingerprint string
}

// view is the part of a frame that is read, in its own viewport's coordinates.
type view struct {
	Top    float64 `json:"top"`
	Bottom float64 `json:"bottom"`
	Limit  int     `json:"limit"` // characters of text
	// Whole shows what is scrolled out of sight too.
	Whole bool `json:"whole"`
}

var (
	window = view{Top: 0, Bottom: viewportHeight * (1 + lookahead), Limit: maxText}
	whole  = view{Top: -farAway, Bottom: farAway, Whole: true}
)

// snapshot is what the walker found in one frame.
type snapshot struct {
	Token    int      `json:"token"`
	URL      string   `json:"url"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Controls controls `json:"controls"`
	Broken   bool     `json:"broken"` // objects of the page stand in our world: nothing was read
	Hosts    int      `json:"hosts"`  // elements that may have a closed shadow root
	Above    int      `json:"above"`
	Below    int      `json:"below"`
	Cut      int      `json:"cut"`      // controls in the view that did not fit
	More     bool     `json:"more"`     // text did not fit either
	Behind   int      `json:"behind"`   // controls that a dialog covers, which is all that was read; 0: there is none
	Pictures float64  `json:"pictures"` // square pixels of the viewport; what overlaps counts twice
	Up       float64  `json:"up"`
	Down     float64  `json:"down"`
}

// controls are those of a frame in the order of their marks in its text, a line for each: key, role and name.
type controls string

type control struct {
	key        int
	role, name string
}

// next takes off the first.
func (c *controls) next() control {
	line, rest, _ := strings.Cut(string(*c), "\n")
	*c = controls(rest)
	number, described, _ := strings.Cut(line, " ")
	role, name, _ := strings.Cut(described, " ")
	key, _ := strconv.Atoi(number)
	return control{key, role, name}
}

// Observe reads the active tab: its window of the viewport and about one screen
// below. A frame that cannot be read becomes a line.
// Errors: ErrBrowserGone, ErrPageCrashed, ctx's.
func (s *Session) Observe(ctx context.Context) (Observation, error) {
	return s.observe(ctx, window)
}

// ObserveWhole is Observe for the page from its top to its end, up to a limit of
// characters; what does not fit is counted in its last lines.
func (s *Session) ObserveWhole(ctx context.Context, limit int) (Observation, error) {
	v := whole
	v.Limit = limit
	return s.observe(ctx, v)
}

func (s *Session) observe(ctx context.Context, v view) (Observation, error) {
	var o Observation
	err := s.using(ctx, func(t *tab) error {
		seen, err := s.lookAgain(ctx, t, v)
		if errors.Is(err, cdp.ErrDetached) {
			return err
		}
		if fatal := ending(ctx, err); fatal != nil {
			return fatal
		}
		s.tellRefused()
		s.tellDownloads(ctx)
		o = s.render(ctx, t, seen, v.Limit)
		mask := s.options.Secrets.Mask
		o.URL, o.Title, o.Text = mask(o.URL), mask(o.Title), mask(o.Text)
		s.change(func() { s.dialogs, s.notices, s.acting, s.crashed = nil, nil, false, nil })
		return nil
	})
	return o, err
}

// lookAgain looks once more where the page was replaced by another under the look.
func (s *Session) lookAgain(ctx context.Context, t *tab, v view) (seen *glance, err error) {
	for range lookTries {
		seen, err = s.look(ctx, t, v)
		if replaced, ok := errors.AsType[*cdp.Error](err); !ok || replaced.Code == terminated {
			break
		}
		s.follow(ctx)
	}
	return seen, err
}

// orAsIs is ending for calls without which nothing can go on.
func orAsIs(ctx context.Context, err error) error {
	if fatal := ending(ctx, err); fatal != nil {
		return fatal
	}
	return err
}

// glance is one frame and what was seen in it.
type glance struct {
	tab   *tab
	log   *slog.Logger
	frame *frame
	snapshot
	box      box
	err      error
	hidden   bool
	children []*glance
}

// look reads the tab's frames, every level at once. Its error says that not even
// the main frame could be asked; the page's glance is returned all the same.
func (s *Session) look(ctx context.Context, t *tab, v view) (*glance, error) {
	frames, err := t.framesOf(ctx)
	if err != nil {
		return &glance{err: err}, err
	}
	glances := map[*frame]*glance{}
	for _, f := range frames[:min(len(frames), maxFrames)] {
		glances[f] = &glance{tab: t, log: s.browser.log, frame: f}
	}
	for _, f := range frames {
		if g, parent := glances[f], glances[f.parent]; g != nil && parent != nil {
			parent.children = append(parent.children, g)
		}
	}
	page := glances[frames[0]]
	page.read(ctx, &s.refs, v)
	return page, page.err
}

// read walks the frame and then, at the same time, the frames in it.
func (g *glance) read(ctx context.Context, r *refs, v view) {
	if g.err = g.walk(ctx, r, v); g.err != nil {
		return
	}
	var wg panics.Group
	for _, child := range g.children {
		wg.Go(func() { child.readInside(ctx, r, v) })
	}
	wg.Wait()
	slices.SortStableFunc(g.children, func(a, b *glance) int {
		return cmp.Or(cmp.Compare(a.box.Top, b.box.Top), cmp.Compare(a.box.Left, b.box.Left), cmp.Compare(a.frame.id, b.frame.id))
	})
}

// walk looks twice where the first look brought to light what hid from it.
func (g *glance) walk(ctx context.Context, r *refs, v view) error {
	if err := g.walkSafely(ctx, v); err != nil {
		return err
	}
	w := r.world(g.Token)
	if !g.frame.discover(ctx, discovery{g.Hosts, w.heard, w.typing}) {
		return nil
	}
	return g.walkSafely(ctx, v)
}

// walkSafely reads a frame in a world of another name if something has broken this one, and in a simpler way if our own
// script throws.
func (g *glance) walkSafely(ctx context.Context, v view) error {
	err := g.frame.call(ctx, &g.snapshot, "walk", v)
	if err == nil && g.Broken {
		g.log.Warn("our world in a frame was broken; it gets another", "url", g.frame.url)
		if err = g.tab.renew(ctx, g.frame); err == nil {
			g.Broken = false
			err = g.frame.call(ctx, &g.snapshot, "walk", v)
		}
	}
	if threw, ok := errors.AsType[*scriptError](err); ok {
		g.log.Error("the script that reads pages threw; the page is read in a simpler way", "url", g.frame.url, "error", threw)
		return g.frame.call(ctx, &g.snapshot, "walkPlainly", v)
	}
	return err
}

// box is where a frame stands in its parent's viewport.
type box struct {
	view
	Left    float64 `json:"left"`
	Right   float64 `json:"right"`
	Visible bool    `json:"visible"`
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Ordinal int     `json:"ordinal"` // among the frames of the parent
	CSS     string  `json:"css"`
}

// readInside reads the part of a frame that lies within its parent's view.
func (g *glance) readInside(ctx context.Context, r *refs, outer view) {
	if g.err = g.frame.atOwner(ctx, &g.box, "frameBox"); g.err != nil {
		return
	}
	v := outer
	if !v.Whole {
		v.Top, v.Bottom = max(0, outer.Top-g.box.Top), min(g.box.Bottom, outer.Bottom)-g.box.Top
	}
	if g.hidden = !g.box.Visible || v.Bottom <= v.Top || g.box.Right <= 0; !g.hidden {
		g.read(ctx, r, v)
	}
}

func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
