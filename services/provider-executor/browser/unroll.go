package browser

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

// Bounds of what is read by scrolling.
const (
	RollScreens = 40               // screens of one part, if nothing else is said
	rollTime    = 40 * time.Second // for all of a page
	maxRollers  = 3                // parts of a frame that are scrolled
)

// ContentScrolled is Content with what the page loads or draws only when it is scrolled: up to so many screens of each
// part that scrolls. What was not read is said in a line of its own. The page is scrolled back to where it was.
// Errors as for Content, and the Gate's.
func (s *Session) ContentScrolled(ctx context.Context, screens int) (string, error) {
	var text string
	err := s.using(ctx, func(t *tab) error {
		defer s.watch(ctx, t)()
		frames, err := t.framesOf(ctx)
		if err != nil {
			return err
		}
		u := unrolling{session: s, screens: screens}
		if err := u.page(ctx, frames); err != nil {
			return err
		}
		text, err = contentOf(ctx, frames, u.instead)
		text += u.said()
		return err
	})
	return s.options.Secrets.Mask(text), err
}

// unrolling is the scrolling through a page.
type unrolling struct {
	session *Session
	screens int                         // at most, of each part
	instead map[*frame][]map[string]any // the text of parts that draw only what is in view
	notes   []string                    // what was not read
}

// roller is a part that scrolls.
type roller struct {
	frame  *frame
	part   int
	Total  int  `json:"total"` // items that it says it has; 0: it says nothing
	More   bool `json:"more"`  // something lies below what is in view
	bottom rolledTo
	other  bool // it holds something else than before it was scrolled; asked only at its end
}

// rolledTo is where a part stands after it was scrolled.
type rolledTo struct {
	End   bool    `json:"end"`
	Share float64 `json:"share"` // of the part that is in view or above
}

func (u *unrolling) said() (lines string) {
	for _, note := range u.notes {
		lines += "\n--- cut here: " + note + " ---"
	}
	return lines
}

// page scrolls through the parts of all frames, the main frame's first.
func (u *unrolling) page(ctx context.Context, frames []*frame) error {
	u.instead = map[*frame][]map[string]any{}
	limited, cancel := context.WithTimeout(ctx, rollTime)
	defer cancel()
	for i, f := range frames[:min(len(frames), maxFrames)] {
		err := u.frame(limited, f)
		switch {
		case err == nil || i > 0 && ending(ctx, err) == nil && limited.Err() == nil: // an inner frame is gone
		case limited.Err() != nil && ctx.Err() == nil:
			u.notes = append(u.notes, fmt.Sprintf("the page was scrolled for %v and goes on", rollTime))
			return nil
		case ending(ctx, err) != nil || errors.Is(err, cdp.ErrDetached):
			return err
		default:
			u.notes = append(u.notes, "the page changed while it was scrolled: "+err.Error())
			return nil
		}
	}
	return nil
}

func (u *unrolling) frame(ctx context.Context, f *frame) error {
	var parts []roller
	if err := f.call(ctx, &parts, "rollers", maxRollers); err != nil || len(parts) == 0 {
		return err
	}
	var err error
	for n := 0; n < len(parts) && err == nil; n++ {
		parts[n].frame, parts[n].part = f, n
		err = u.part(ctx, &parts[n])
	}
	return errors.Join(err, f.call(ctx, nil, "rollBack"))
}

// part scrolls to the end of a part, and on as long as that loads more. A part that draws only what is in view is
// scrolled through from its start.
func (u *unrolling) part(ctx context.Context, r *roller) error {
	if u.screens == 0 {
		if r.More {
			u.notes = append(u.notes, "the page was not scrolled, and may load more if it is")
		}
		return nil
	}
	before, err := u.lines(ctx, r)
	for n := 0; err == nil; n++ {
		if err = u.roll(ctx, r, "end"); err != nil {
			break
		}
		after, readErr := u.lines(ctx, r)
		fresh, lost := compared(before, after)
		if err = readErr; err != nil || n == 0 && 5*lost > len(before) && lost > 2 {
			if err == nil {
				err = u.windows(ctx, r)
			}
			break
		}
		if fresh == 0 || fresh == 1 && len(after) <= len(before) { // such as a clock
			break
		}
		if before = after; n >= u.screens {
			u.notes = append(u.notes, fmt.Sprintf("a list loads more when it is scrolled; it was scrolled to its end %d times%s", n, r.of()))
			break
		}
	}
	return err
}

// windows reads a part screen by screen and puts what was seen together.
func (u *unrolling) windows(ctx context.Context, r *roller) error {
	err := u.roll(ctx, r, "start")
	var all []string
	for n := 0; err == nil; n++ {
		seen, readErr := u.lines(ctx, r)
		if err = readErr; err != nil {
			break
		}
		if all = merged(all, seen); r.bottom.End && !r.other {
			break
		}
		if n >= u.screens {
			u.notes = append(u.notes, fmt.Sprintf("a list draws only what is in view; %d screens of it were read, about %.0f %% of it%s", n, 100*r.bottom.Share, r.of()))
			break
		}
		err = u.roll(ctx, r, "on")
	}
	if err == nil {
		u.instead[r.frame] = append(u.instead[r.frame], map[string]any{"part": r.part, "text": strings.Join(all, "\n")})
	}
	return err
}

// of says how many items a part says it has.
func (r *roller) of() string {
	if r.Total == 0 {
		return ""
	}
	return fmt.Sprintf(" (it says that it has %d items)", r.Total)
}

// roll scrolls a part and waits for what comes of that.
func (u *unrolling) roll(ctx context.Context, r *roller, to string) error {
	if err := u.session.gate(); err != nil {
		return err
	}
	if err := r.frame.call(ctx, &r.bottom, "roll", r.part, to); err != nil {
		return err
	}
	u.session.settleOnce(ctx, settleLimit)
	if !r.bottom.End {
		return nil
	}
	if err := r.changed(ctx, u.session.patience); err != nil || !r.other && u.session.atRest(ctx) {
		return err
	}
	u.session.settleOnce(ctx, settleLimit)
	return r.changed(ctx, 0)
}

// changed notes whether the part holds something else than before it was scrolled, now or within a time.
func (r *roller) changed(ctx context.Context, patience time.Duration) error {
	return r.frame.call(ctx, &r.other, "rolled", r.part, patience.Milliseconds())
}

func (u *unrolling) lines(ctx context.Context, r *roller) (lines []string, err error) {
	var text string
	if err = r.frame.call(ctx, &text, "partText", r.part, int(contentLimit)); text != "" {
		lines = strings.Split(text, "\n")
	}
	return lines, err
}

// compared counts the lines that are there only after, and those only before.
func compared(before, after []string) (fresh, lost int) {
	count := map[string]int{}
	for _, line := range before {
		count[line]++
	}
	for _, line := range after {
		if count[line]--; count[line] < 0 {
			fresh++
		}
	}
	return fresh, fresh + len(before) - len(after)
}

// merged adds the lines of what is in view now to those seen before: each where it stands among those that are in both.
func merged(all, seen []string) []string {
	at := 0
	for _, line := range seen {
		if i := slices.Index(all[at:], line); i >= 0 {
			at += i + 1
			continue
		}
		all = slices.Insert(all, at, line)
		at++
	}
	return all
}
