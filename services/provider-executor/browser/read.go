package browser

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser/cdp"
)

const shotQuality = 60 // of screenshots, in JPEG's own measure

const contentLimit = 400e3 // characters of readable text per frame

// Screenshot gives the viewport of the active tab as a JPEG. Where a secret could be
// seen it is black.
// Errors: ErrBrowserGone, ErrPageCrashed, ctx's, or why there is no picture.
func (s *Session) Screenshot(ctx context.Context) ([]byte, error) {
	var answer struct {
		Data []byte `json:"data"`
	}
	err := s.using(ctx, func(t *tab) error {
		places, err := s.exposed(ctx, t)
		if err != nil {
			return err
		}
		err = t.target.Call(ctx, "Page.captureScreenshot", map[string]any{
			"format": "jpeg", "quality": shotQuality, "optimizeForSpeed": true,
		}, &answer)
		if err == nil {
			answer.Data, err = blacken(answer.Data, places)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}

// Content gives the whole page's readable text, frames included, with its links and
// tables kept.
// Errors: ErrBrowserGone, ErrPageCrashed, ctx's, or why the page cannot be read.
func (s *Session) Content(ctx context.Context) (string, error) {
	var text string
	err := s.using(ctx, func(t *tab) error {
		frames, err := t.framesOf(ctx)
		if err != nil {
			return err
		}
		text, err = contentOf(ctx, frames, nil)
		return err
	})
	return s.options.Secrets.Mask(text), err
}

// contentOf reads the frames. instead has the texts of parts that were read by scrolling.
func contentOf(ctx context.Context, frames []*frame, instead map[*frame][]map[string]any) (string, error) {
	var b strings.Builder
	for i, f := range frames[:min(len(frames), maxFrames)] {
		var read struct {
			URL  string `json:"url"`
			Text string `json:"text"`
			Cut  bool   `json:"cut"`
		}
		if err := f.call(ctx, &read, "content", int(contentLimit), instead[f]); err != nil {
			if i == 0 {
				return "", err
			}
			fmt.Fprintf(&b, "\n\n--- frame %s could not be read ---\n", hostOf(f.url))
			continue
		}
		if i > 0 && read.Text != "" {
			b.WriteString("\n\n--- frame " + hostOf(read.URL) + " ---\n")
		}
		b.WriteString(read.Text)
		if read.Cut {
			b.WriteString("\n--- cut here: the page is longer ---")
		}
	}
	if more := len(frames) - maxFrames; more > 0 {
		fmt.Fprintf(&b, "\n\n--- %d more frames were not read ---\n", more)
	}
	return b.String(), nil
}

// using takes the turn and runs f on the active tab, or on the next one if that tab
// is closed meanwhile.
func (s *Session) using(ctx context.Context, f func(*tab) error) error {
	done, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	for {
		t, err := s.present(ctx)
		if err != nil {
			return orAsIs(ctx, err)
		}
		err = f(t)
		if errors.Is(t.target.Err(), ErrPageCrashed) {
			if err = s.crashedUnder(ctx, t); err == nil {
				continue
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, cdp.ErrDetached) {
			return orAsIs(ctx, err)
		}
		if err := s.await(ctx, func() bool { return s.active != t }); err != nil {
			return orAsIs(ctx, err)
		}
	}
}
