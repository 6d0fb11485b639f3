package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"sync"

	"github.com/errand-run/errand/shared/event"
)

const thumbnailQuality = 60 // in JPEG's own measure: about 4 KB

// keepPicture stores a picture of a page and its thumbnail, and returns their digests. One that could not be stored has
// none.
func (l *lease) keepPicture(ctx context.Context, screenshot []byte) (picture, thumb string, err error) {
	var small sync.WaitGroup
	var errSmall error
	small.Go(func() {
		var content []byte
		if content, errSmall = thumbnail(screenshot); errSmall == nil {
			thumb, errSmall = l.bus.PutScreenshot(ctx, content)
		}
	})
	picture, err = l.bus.PutScreenshot(ctx, screenshot)
	small.Wait()
	return picture, thumb, errors.Join(err, errSmall)
}

// keepTold stores what the model is told for a step, with secrets masked, and returns its digest; empty: it could not be
// stored.
func (l *lease) keepTold(ctx context.Context, text string) string {
	digest, err := l.bus.PutObject(ctx, []byte(l.secrets.Mask(text)))
	if err != nil && ctx.Err() == nil {
		l.log.Warn("store what the model is told", "error", err)
	}
	return digest
}

// thumbnail is a JPEG made smaller, to event.ThumbnailWidth. One that is smaller stays as it is.
func thumbnail(screenshot []byte) ([]byte, error) {
	decoded, err := jpeg.Decode(bytes.NewReader(screenshot))
	if err != nil {
		return nil, fmt.Errorf("decode screenshot: %w", err)
	}
	full, ok := decoded.(*image.YCbCr)
	if !ok || full.Bounds().Dx() <= event.ThumbnailWidth {
		return screenshot, nil
	}
	width := full.Bounds().Dx()
	small := image.NewRGBA(image.Rect(0, 0, event.ThumbnailWidth, max(1, full.Bounds().Dy()*event.ThumbnailWidth/width)))
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			small.SetRGBA(x, y, mean(full, image.Rect(
				x*width/event.ThumbnailWidth, y*width/event.ThumbnailWidth, (x+1)*width/event.ThumbnailWidth, (y+1)*width/event.ThumbnailWidth)))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: thumbnailQuality}); err != nil {
		return nil, fmt.Errorf("encode thumbnail: %w", err)
	}
	return b.Bytes(), nil
}

// mean is the average colour of a part of a picture.
func mean(p *image.YCbCr, part image.Rectangle) color.RGBA {
	part = part.Add(p.Rect.Min).Intersect(p.Rect)
	var luma, blue, red, n int
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			luma += int(p.Y[p.YOffset(x, y)])
			c := p.COffset(x, y)
			blue, red, n = blue+int(p.Cb[c]), red+int(p.Cr[c]), n+1
		}
	}
	if n == 0 {
		return color.RGBA{A: 255}
	}
	r, g, b := color.YCbCrToRGB(uint8(luma/n), uint8(blue/n), uint8(red/n))
	return color.RGBA{r, g, b, 255}
}
