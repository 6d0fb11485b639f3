package browser_test

import (
	"strings"
	"testing"
)

func TestAPageCountsAsPicturedWhereItsTextTellsHardlyAnything(t *testing.T) {
	t.Parallel()
	const (
		canvas = `<canvas width=1200 height=700></canvas>`
		photo  = `<img width=1000 height=600 src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>">`
	)
	pages := map[string]string{"/game": canvas}
	s := serve(t, pages)
	u := newUser(t)
	for name, c := range map[string]struct {
		page string
		want bool
	}{
		"a canvas":                        {canvas, true},
		"a canvas with a few tools":       {`<button>Pen</button> <button>Rubber</button>` + canvas, true},
		"a canvas in a frame":             {`<iframe src=/game width=1250 height=750></iframe>`, true},
		"a photo":                         {`<h1>Our shop</h1>` + photo, true},
		"a map of tiles":                  {`<div style="line-height:0;width:1024px">` + strings.Repeat(`<svg width=256 height=256></svg>`, 12) + `</div>`, true},
		"a small canvas":                  {`<canvas width=300 height=200></canvas>`, false},
		"a canvas below the window":       {`<div style="height:900px"></div>` + canvas, false},
		"a canvas that is not seen":       {`<div style="opacity:0">` + canvas + `</div>`, false},
		"a canvas that is mostly cut off": {`<div style="height:200px;overflow:hidden">` + canvas + `</div>`, false},
		"a photo in an article":           {photo + `<p>` + strings.Repeat("And so it went on. ", 50), false},
		"a canvas beside a form":          {strings.Repeat(`<input> `, 20) + canvas, false},
		"a page of text":                  {`<h1>Nothing to see</h1>`, false},
	} {
		pages["/"] = `<!doctype html><body style="margin:0">` + c.page
		u.visit(s.URL)
		if u.seen.Pictured != c.want {
			t.Errorf("%s: pictured is %v, of\n%s", name, u.seen.Pictured, u.seen.Text)
		}
	}
}
