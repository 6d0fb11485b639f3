package browser

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"slices"

	"github.com/errand-run/errand/services/provider-executor/secret"
)

// reveal puts the values of secrets into a text that is about to be typed into f. It
// asks the document itself for its origin: a sandboxed frame has none, and an empty one
// has that of the page which made it.
func (s *Session) reveal(ctx context.Context, f *frame, text string) (string, error) {
	var origins []string
	for ; f != nil; f = f.parent {
		var origin string
		if err := f.call(ctx, &origin, "origin"); err != nil {
			return "", err
		}
		origins = append(origins, origin)
	}
	filled, err := s.options.Secrets.Fill(text, origins)
	if err != nil {
		return "", refusal(err.Error())
	}
	return filled, nil
}

// inputSecret types a text with secrets into the element. The element's frame keeps its
// document until the value is in: the script that types runs in that document only.
func (d *doing) inputSecret(ctx context.Context, e element, seen look) error {
	text, err := d.reveal(ctx, e.frame, d.action.Text)
	if err != nil {
		return err
	}
	d.action.Text = text
	if slices.Contains(assigned, seen.Type) {
		if err := e.call(ctx, nil, "conceal"); err != nil {
			return err
		}
		return d.assign(ctx, e)
	}
	if _, err := d.press(ctx, e); err != nil {
		return err
	}
	if err := d.gate(); err != nil {
		return err
	}
	return e.call(ctx, nil, "insert", fieldText(text, seen), or(d.action.Clear, true))
}

// sendSecret types a text with secrets where the focus is.
func (d *doing) sendSecret(ctx context.Context) error {
	frames, err := d.tab.framesOf(ctx)
	if err != nil {
		return err
	}
	f := frames[0]
	for i := 0; i < len(frames); i++ { // parents come before their frames
		var focused bool
		if frames[i].parent == f && frames[i].atOwner(ctx, &focused, "holdsFocus") == nil && focused {
			f = frames[i]
		}
	}
	text, err := d.reveal(ctx, f, d.action.Keys)
	if err != nil {
		return err
	}
	if err := d.gate(); err != nil {
		return err
	}
	return f.call(ctx, nil, "insertFocused", text)
}

// masked takes the values of secrets out of what an action brought.
func (s *Session) masked(out Outcome) Outcome {
	secrets := s.options.Secrets
	out.Content, out.Error, out.XPath = secrets.Mask(out.Content), secrets.Mask(out.Error), secrets.Mask(out.XPath)
	out.Target, out.Drop = secrets.MaskJSON(out.Target), secrets.MaskJSON(out.Drop)
	return out
}

// exposed are the places of the viewport in which a secret could be seen.
func (s *Session) exposed(ctx context.Context, t *tab) ([]image.Rectangle, error) {
	if s.options.Secrets.Empty() {
		return nil, nil
	}
	frames, err := t.framesOf(ctx)
	if err != nil {
		return nil, err
	}
	var places []image.Rectangle
	for i, f := range frames {
		found, err := f.exposed(ctx, s.options.Secrets)
		if err != nil && i == 0 {
			return nil, err
		}
		places = append(places, found...)
	}
	return places, nil
}

// secretsOf are the values that the frame's document may have.
func (f *frame) secretsOf(ctx context.Context, secrets *secret.Set) ([]string, error) {
	var origin string
	if err := f.call(ctx, &origin, "origin"); err != nil {
		return nil, err
	}
	return append([]string{}, secrets.Typeable(origin)...), nil
}

// margin is how far around a secret's place nothing is shown, in pixels: boxes are rounded, and borders of frames are
// left out of the sum.
const margin = 4

func (f *frame) exposed(ctx context.Context, secrets *secret.Set) ([]image.Rectangle, error) {
	values, err := f.secretsOf(ctx, secrets)
	if err != nil {
		return nil, err
	}
	var boxes [][4]float64
	if err := f.call(ctx, &boxes, "exposed", values); err != nil || len(boxes) == 0 {
		return nil, err
	}
	var at image.Point
	for inner := f; inner.parent != nil; inner = inner.parent {
		var b box
		if err := inner.atOwner(ctx, &b, "frameBox"); err != nil {
			return nil, err
		}
		at = at.Add(image.Pt(int(b.Left), int(b.Top)))
	}
	var places []image.Rectangle
	for _, b := range boxes {
		r := image.Rect(int(b[0]), int(b[1]), int(b[2]), int(b[3])).Add(at).Inset(-margin)
		places = append(places, r)
	}
	return places, nil
}

// blacken paints over places of a JPEG.
func blacken(shot []byte, places []image.Rectangle) ([]byte, error) {
	if len(places) == 0 {
		return shot, nil
	}
	decoded, err := jpeg.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, fmt.Errorf("decode screenshot: %w", err)
	}
	canvas := image.NewRGBA(decoded.Bounds())
	draw.Draw(canvas, canvas.Bounds(), decoded, image.Point{}, draw.Src)
	for _, p := range places {
		draw.Draw(canvas, p, image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, canvas, &jpeg.Options{Quality: shotQuality}); err != nil {
		return nil, fmt.Errorf("encode screenshot: %w", err)
	}
	return out.Bytes(), nil
}
