package browser_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The page set: pages of the kinds and sizes that runs meet, made here so that every
// machine measures the same. Their words come from a generator with a fixed seed.

// writer makes text and markup; equal seeds make equal pages.
type writer struct{ *rand.Rand }

func newWriter(seed uint64) writer { return writer{rand.New(rand.NewPCG(seed, 7))} }

var vocabulary = strings.Fields(`market river report window yellow under between several people number company during public
garden winter kettle bottle paper handle system update travel ticket order delivery street office review question answer
around simple strong little modern classic deluxe portable wireless ceramic wooden steel cotton summer project result
change other which about their would these after could first never still where think great every found while might
country problem service history support account message payment customer security language national business research`)

func (w writer) word() string { return vocabulary[w.IntN(len(vocabulary))] }

// words gives n words, the first with a capital letter.
func (w writer) words(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = w.word()
	}
	text := strings.Join(list, " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// prose gives n sentences.
func (w writer) prose(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = w.words(8+w.IntN(12)) + "."
	}
	return strings.Join(list, " ")
}

func (w writer) price() string { return fmt.Sprintf("€%d.%02d", 5+w.IntN(300), w.IntN(100)) }

func (w writer) date() string { return fmt.Sprintf("%d Nov 2026", 1+w.IntN(28)) }

func times(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

func (w writer) links(n int) string {
	return times(n, func(i int) string {
		return fmt.Sprintf(`<li><a href="/section/%d?ref=nav">%s</a></li>`, i, w.words(1+w.IntN(2)))
	})
}

const look = `<style>
*{box-sizing:border-box} body{margin:0;font:16px/1.5 sans-serif} header,footer{background:#eee;padding:12px 24px}
ul.menu{display:flex;gap:18px;list-style:none;padding:0;margin:0} main{max-width:1100px;margin:0 auto;padding:24px}
.grid{display:grid;grid-template-columns:repeat(4,1fr);gap:20px} .card{border:1px solid #ccc;padding:12px} .row{display:flex;gap:12px;align-items:center}
.cols{display:grid;grid-template-columns:240px 1fr;gap:24px} .sidebar{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto}
.muted{color:#777} .btn,button{padding:6px 12px;cursor:pointer} table{border-collapse:collapse;width:100%} td,th{border-bottom:1px solid #ddd;padding:6px 8px;text-align:left}
label{display:block} input,select,textarea{padding:6px;width:100%} input[type=checkbox],input[type=radio]{width:auto} .foot{columns:4}
</style>`

const icon = `<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d="M1 1h14v14z"/></svg>`

// around puts a site's header and footer around a page's own part.
func (w writer) around(title, body string) string {
	return `<!doctype html><html lang=en><head><title>` + title + `</title>` + look + `</head><body><a class=muted href="#main">Skip to content</a><header><div class=row>
<a href="/"><img src="data:," alt="Northwind" width=90 height=30></a><nav aria-label=Main><ul class=menu>` + w.links(8) + `</ul></nav>
<form role=search class=row><input type=search name=q placeholder="Search" aria-label="Search the site"><button type=button aria-label="Search">` + icon + `</button></form>
<button type=button aria-haspopup=menu aria-expanded=false>` + icon + ` Account</button><a href=/cart>` + icon + ` Cart (2)</a></div></header>
<main id=main><h1>` + title + `</h1>` + body + `</main><footer><div class=foot>` +
		times(4, func(int) string { return `<h4>` + w.words(2) + `</h4><ul>` + w.links(9) + `</ul>` }) +
		`</div><p class=muted>© 2026 Northwind. ` + w.prose(2) + `</p></footer></body></html>`
}

func (w writer) product(i int) string {
	return fmt.Sprintf(`<div class=card data-sku="%d"><a href="/p/%d"><img src="data:," alt="%s" width=120 height=120></a><h3><a href="/p/%d">%s</a></h3>
<div class=row><span aria-label="Rated %d of 5">★★★★☆</span> <a href="/p/%d#reviews">(%d)</a></div><div class=row><s class=muted>%s</s> <b>%s</b></div>
<p class=muted>%s</p><div class=row><button>Add to cart</button><button aria-label="Add to wish list">%s</button></div></div>`,
		i, i, w.words(3), i, w.words(4), 3+i%3, i, w.IntN(900), w.price(), w.price(), w.words(9), icon)
}

func (w writer) field(i int) string {
	name := w.words(2)
	switch i % 8 {
	case 3:
		return `<label>` + name + `<select name=f><option>Choose</option>` + times(12, func(int) string { return "<option>" + w.words(1) + "</option>" }) + `</select></label>`
	case 5:
		return `<label><input type=checkbox name=f> ` + w.words(6) + `</label>`
	case 6:
		return `<fieldset><legend>` + name + `</legend><label><input type=radio name=r` + fmt.Sprint(i) + `> Yes</label><label><input type=radio name=r` + fmt.Sprint(i) + `> No</label></fieldset>`
	case 7:
		return `<label>` + name + `<textarea name=f rows=3></textarea></label><small class=muted>` + w.words(10) + `</small>`
	}
	return fmt.Sprintf(`<label for=f%d>%s *</label><input id=f%d name=f%d required placeholder="%s"><small class=muted>%s</small>`, i, name, i, i, w.words(1), w.words(7))
}

func (w writer) comment(i int) string {
	return fmt.Sprintf(`<article class=card style="margin-left:%dpx"><div class=row><a href="/u/%s">%s</a><time class=muted>%s</time></div><p>%s</p>
<div class=row><button aria-label="Upvote">%s %d</button><button>Reply</button><button>Share</button><a href="#c%d">Link</a></div></article>`,
		i%4*24, w.word(), w.words(2), w.date(), w.prose(1+w.IntN(4)), icon, w.IntN(500), i)
}

func (w writer) tableOf(rows int, head string, row func(i int) string) string {
	return `<table><thead><tr>` + head + `</tr></thead><tbody>` + times(rows, row) + `</tbody></table>`
}

func (w writer) section(int) string {
	return `<h2 id="` + w.word() + `">` + w.words(3) + `</h2><p>` + w.prose(4) + ` See <a href="/docs/` + w.word() + `">` + w.words(2) + `</a> or <a href="#x">` + w.words(1) +
		`</a>.</p><pre><code>errand run --name ` + w.word() + "\n  --wait 30s\n  --json</code></pre><ul>" +
		times(4, func(int) string { return "<li><code>" + w.word() + "</code>: " + w.words(9) + "</li>" }) + `</ul><p>` + w.prose(3) + `</p>`
}
