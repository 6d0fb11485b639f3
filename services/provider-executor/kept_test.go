package executor

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

func TestAThumbnailShowsThePictureSmall(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{1280, 800}, {1283, 797}, {161, 2000}, {1600, 3}, {100, 80}} {
		full := image.NewRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X { // red on the left, blue on the right
				full.SetRGBA(x, y, color.RGBA{R: uint8(255 * (1 - x*2/size.X)), B: uint8(255 * (x * 2 / size.X)), A: 255})
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, full, nil); err != nil {
			t.Fatal(err)
		}
		content, err := thumbnail(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		small, err := jpeg.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		width, height := min(size.X, 160), max(1, size.Y*min(size.X, 160)/size.X)
		if got := small.Bounds().Size(); got != image.Pt(width, height) {
			t.Errorf("%v becomes %v, want %d,%d", size, got, width, height)
		}
		left, _, _, _ := small.At(width/8, height/2).RGBA()
		_, _, right, _ := small.At(width-1-width/8, height/2).RGBA()
		if left < 0xd000 || right < 0xd000 {
			t.Errorf("%v: red %x on the left, blue %x on the right", size, left, right)
		}
	}
	if _, err := thumbnail([]byte("no JPEG")); err == nil {
		t.Error("what is no JPEG has a thumbnail")
	}
}
