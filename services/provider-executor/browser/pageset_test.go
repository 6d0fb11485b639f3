package browser_test

import "fmt"

// pageSet gives the pages by name.
func pageSet() map[string]string {
	pages := map[string]string{}
	seed := uint64(0)
	add := func(name, title string, body func(w writer) string) {
		seed++
		w := newWriter(seed)
		pages[name] = w.around(title, body(w))
	}
	for _, add1 := range []func(func(string, string, func(writer) string)){shops, texts, tables, apps} {
		add1(add)
	}
	pages["nodes25000"] = `<!doctype html><title>Rows</title>` + times(25000, func(i int) string { return fmt.Sprintf(`<a href="/%d">row %d</a><br>`, i, i) })
	return pages
}

type adder = func(name, title string, body func(w writer) string)

func shops(add adder) {
	add("shop", "Kettles", func(w writer) string {
		return `<div class=cols><aside class=sidebar>` + times(6, func(int) string {
			return `<h4>` + w.words(1) + `</h4>` + times(7, func(int) string { return `<label><input type=checkbox> ` + w.words(2) + `</label>` })
		}) + `</aside><div><label>Sort <select><option>Relevance<option>Price<option>Rating</select></label><div class=grid>` + times(96, w.product) + `</div></div></div>`
	})
	add("product", "Blue kettle deluxe", func(w writer) string {
		return `<nav aria-label=Breadcrumb><a href=/>Home</a> / <a href=/k>Kettles</a></nav><div class=cols><div>` +
			times(5, func(i int) string {
				return fmt.Sprintf(`<button aria-label="Picture %d"><img src="data:," alt="" width=60 height=60></button>`, i+1)
			}) +
			`</div><div><b>€49.00</b><p>` + w.prose(5) + `</p><label>Colour <select><option>Blue<option>Red<option>Steel</select></label><label>Quantity <input type=number value=1></label><button>Add to cart</button><button>Buy now</button></div></div>
<h2>Details</h2>` + w.tableOf(18, "", func(int) string { return `<tr><th>` + w.words(2) + `<td>` + w.words(4) }) +
			`<h2>Reviews</h2>` + times(20, w.comment) + `<h2>Others bought</h2><div class=grid>` + times(12, w.product) + `</div>`
	})
	add("checkout", "Checkout", func(w writer) string {
		return `<form class=cols><aside>` + times(4, func(i int) string { return w.product(i) }) + `<b>Total €212.00</b></aside><div>` + times(26, w.field) + `<button>Pay now</button></div></form>`
	})
	add("flights", "Vienna to Lisbon", func(w writer) string {
		return `<form class=row><input aria-label=From value=Vienna><input aria-label=To value=Lisbon><input type=date aria-label=Depart><button>Search</button></form>` + times(60, func(int) string {
			return fmt.Sprintf(`<div class="card row"><img src="data:," alt="%s Air" width=30 height=30><b>%02d:%02d</b> VIE – <b>%02d:%02d</b> LIS <span>%dh %dm, %d stops</span><b>%s</b><button>Select</button><button aria-expanded=false>Details</button></div>`,
				w.words(1), w.IntN(24), w.IntN(60), w.IntN(24), w.IntN(60), w.IntN(9), w.IntN(60), w.IntN(3), w.price())
		})
	})
	add("listings", "Flats to rent", func(w writer) string {
		return `<div class=grid>` + times(48, func(i int) string {
			return fmt.Sprintf(`<a class=card style="display:block" href="/flat/%d"><img src="data:," alt="" width=200 height=100><h3>%s</h3><div>%d m², %d rooms</div><b>%s</b><p class=muted>%s</p></a>`, i, w.words(4), 30+w.IntN(90), 1+w.IntN(5), w.price(), w.words(12))
		}) + `</div><nav aria-label=Pages>` + times(9, func(i int) string { return fmt.Sprintf(`<a href="?page=%d">%d</a> `, i+1, i+1) }) + `</nav>`
	})
}

func texts(add adder) {
	add("docs", "Configuration", func(w writer) string {
		return `<div class=cols><nav class=sidebar aria-label=Docs><ul>` + w.links(60) + `</ul></nav><div>` + times(22, w.section) + `</div></div>`
	})
	add("reference", "API reference", func(w writer) string {
		return times(40, func(i int) string {
			return fmt.Sprintf(`<h3 id="m%d"><code>%s(%s, %s)</code> <a href="#m%d" aria-label="Link to here">#</a></h3><p>%s</p>`, i, w.word(), w.word(), w.word(), i, w.prose(2)) +
				w.tableOf(5, `<th>Parameter<th>Type<th>Meaning`, func(int) string {
					return `<tr><td><code>` + w.word() + `</code><td>string<td>` + w.words(10)
				})
		})
	})
	add("news", "Today", func(w writer) string {
		return `<div class=grid>` + times(60, func(i int) string {
			return fmt.Sprintf(`<article class=card><a href="/a/%d"><img src="data:," alt="%s" width=200 height=100></a><a href="/t/%s">%s</a><h2><a href="/a/%d">%s</a></h2><p>%s</p><span class=muted>%s · %d min</span></article>`,
				i, w.words(4), w.word(), w.words(1), i, w.words(8), w.prose(2), w.words(2), 2+w.IntN(9))
		}) + `</div>`
	})
	add("article", "A long read", func(w writer) string {
		return `<p class=muted>By <a href=/by>` + w.words(2) + `</a>, ` + w.date() + `</p>` + times(40, func(int) string { return `<p>` + w.prose(5) + `</p>` }) + `<h2>Comments</h2>` + times(30, w.comment)
	})
	add("wiki", "Kettle", func(w writer) string {
		return times(30, func(i int) string {
			return `<h2>` + w.words(2) + ` <a href="?edit">edit</a></h2>` + times(3, func(int) string {
				return `<p>` + times(5, func(int) string {
					return w.words(7) + ` <a href="/wiki/` + w.word() + `" title="` + w.words(2) + `">` + w.words(2) + `</a> ` + w.words(6) + `<sup><a href="#r">[` + fmt.Sprint(1+w.IntN(99)) + `]</a></sup>. `
				}) + `</p>`
			})
		})
	})
	add("forum", "How do I descale it?", func(w writer) string { return times(80, w.comment) })
	add("results", "kettle – search", func(w writer) string {
		return times(40, func(i int) string {
			return fmt.Sprintf(`<div><cite class=muted>https://%s.test › %s</cite><h3><a href="https://%s.test/%d">%s</a></h3><p>%s</p></div>`, w.word(), w.word(), w.word(), i, w.words(6), w.prose(2))
		})
	})
}

func tables(add adder) {
	add("table1000", "Customers", func(w writer) string {
		return w.tableOf(1000, `<th><input type=checkbox aria-label="Select all"><th>Name<th>Mail<th>City<th>Since<th>Paid<th>`, func(i int) string {
			return fmt.Sprintf(`<tr><td><input type=checkbox aria-label="Select row"><td><a href="/c/%d">%s</a><td>%s@%s.test<td>%s<td>%s<td>%s<td><button>Edit</button> <button>Delete</button>`,
				i, w.words(2), w.word(), w.word(), w.words(1), w.date(), w.price())
		})
	})
	add("prices", "Prices", func(w writer) string {
		return w.tableOf(250, `<th>Item<th>Unit<th>2024<th>2025<th>2026`, func(int) string {
			return `<tr><td>` + w.words(3) + `<td>` + w.word() + `<td>` + w.price() + `<td>` + w.price() + `<td>` + w.price()
		})
	})
	add("form80", "Application", func(w writer) string {
		return `<form>` + times(80, w.field) + `<button>Send application</button><button type=reset>Reset</button></form>`
	})
	add("settings", "Settings", func(w writer) string {
		return `<div role=tablist>` + times(6, func(i int) string {
			return fmt.Sprintf(`<button role=tab aria-selected=%v>%s</button>`, i == 0, w.words(1))
		}) + `</div>` + times(50, func(i int) string {
			return fmt.Sprintf(`<div class="card row"><div><b>%s</b><p class=muted>%s</p></div><button role=switch aria-checked=%v aria-label="%s"></button></div>`, w.words(3), w.prose(1), i%2 == 0, w.words(3))
		})
	})
	add("jobs", "Builds", func(w writer) string {
		return `<div role=grid>` + times(150, func(i int) string {
			return fmt.Sprintf(`<div role=row class=row><div role=gridcell>#%d</div><div role=gridcell><a href="/b/%d">%s</a></div><div role=gridcell>%s</div><div role=gridcell class=muted>%dm %ds</div><div role=gridcell><button aria-label="Restart">%s</button></div></div>`,
				9000-i, i, w.words(5), w.words(1), w.IntN(40), w.IntN(60), icon)
		}) + `</div>`
	})
}

func apps(add adder) {
	add("mail", "Inbox", func(w writer) string {
		return `<div class=cols><nav class=sidebar><button>Compose</button><ul>` + w.links(14) + `</ul></nav><div role=list>` + times(100, func(i int) string {
			return fmt.Sprintf(`<div role=listitem class=row style="cursor:pointer" onclick="open%d()"><input type=checkbox aria-label="Select"><button aria-label="Star">☆</button><b style="width:160px">%s</b><span style="flex:1"><b>%s</b> <span class=muted>%s</span></span><time>%s</time></div>`,
				i, w.words(2), w.words(5), w.words(9), w.date())
		}) + `</div></div>`
	})
	add("kanban", "Board", func(w writer) string {
		return `<div class=grid>` + times(4, func(int) string {
			return `<section class=card><h2>` + w.words(1) + `</h2>` + times(14, func(i int) string {
				return fmt.Sprintf(`<div class=card draggable=true tabindex=0><a href="/i/%d">ERR-%d</a><p>%s</p><span class=muted>%s</span><button aria-label="More actions">%s</button></div>`, i, 100+w.IntN(900), w.words(8), w.words(1), icon)
			}) + `<button>Add card</button></section>`
		}) + `</div>`
	})
	add("calendar", "November 2026", func(w writer) string {
		return `<button>Today</button><button aria-label="Previous month">‹</button><button aria-label="Next month">›</button><table role=grid><tr>` +
			times(7, func(i int) string { return "<th>" + "MTWTFSS"[i:i+1] }) + times(6, func(r int) string {
			return `<tr>` + times(7, func(c int) string {
				return fmt.Sprintf(`<td role=gridcell tabindex=-1><span>%d</span>%s`, (r*7+c)%30+1, times(w.IntN(4), func(int) string {
					return fmt.Sprintf(`<div role=button tabindex=0>%02d:30 %s</div>`, 8+w.IntN(10), w.words(3))
				}))
			})
		}) + `</table>`
	})
	add("chat", "#general", func(w writer) string {
		return `<div class=cols><nav class=sidebar><ul>` + w.links(40) + `</ul></nav><div><div style="height:600px;overflow:auto">` + times(120, func(int) string {
			return `<div class=row><img src="data:," alt="" width=32 height=32><div><b>` + w.words(2) + `</b> <time class=muted>` + w.date() + `</time><p>` + w.prose(1+w.IntN(2)) + `</p><button aria-label="Add reaction">☺</button><button aria-label="Reply">↩</button></div></div>`
		}) + `</div><div contenteditable=true role=textbox aria-label="Message"></div><button>Send</button></div></div>`
	})
	add("dashboard", "Overview", func(w writer) string {
		return `<div class=grid>` + times(12, func(int) string {
			return `<div class=card><span class=muted>` + w.words(2) + `</span><h2>` + w.price() + `</h2><svg width=200 height=60 role=img aria-label="` + w.words(3) + `">` + times(60, func(i int) string { return fmt.Sprintf(`<rect x=%d y=3 width=2 height=%d />`, i*3, w.IntN(60)) }) + `</svg><button aria-label="Options">⋯</button></div>`
		}) + `</div>` + w.tableOf(40, `<th>Time<th>Event<th>User`, func(int) string {
			return `<tr><td>` + w.date() + `<td>` + w.words(6) + `<td><a href=/u>` + w.words(2) + `</a>`
		})
	})
	add("files", "Documents", func(w writer) string {
		return `<ul role=tree>` + times(20, func(i int) string {
			return fmt.Sprintf(`<li role=treeitem aria-expanded=true tabindex=0>%s<ul role=group>%s</ul></li>`, w.words(2), times(10, func(int) string {
				return fmt.Sprintf(`<li role=treeitem tabindex=-1>%s.pdf <span class=muted>%d KB</span> <button aria-label="Download">%s</button></li>`, w.word(), w.IntN(900), icon)
			}))
		}) + `</ul>`
	})
}
