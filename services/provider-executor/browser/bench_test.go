package browser_test

import (
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// Pages of the shapes that cost an observation most.
var shapes = map[string]string{
	"form":  `<h1>Application</h1><form>` + strings.Repeat(`<label>Given name <input name=a required></label><label>Country <select><option>Austria<option>Belgium</select></label>`, 40) + `</form>`,
	"table": `<table>` + strings.Repeat(`<tr><td><input type=checkbox><td><a href=/x>Customer name</a><td>39.00<td>Paid<td><button>Edit</button><button>Delete</button>`, 1000) + `</table>`,
	"shop": `<style>.g{display:grid;grid-template-columns:repeat(5,1fr)}</style><div class=g>` +
		strings.Repeat(`<div><a href=/p><img alt="Blue kettle" width=50 height=50></a><h3><a href=/p>Blue kettle deluxe</a></h3><span>€39.00</span><button>Add to cart</button></div>`, 200) + `</div>`,
	"news":       strings.Repeat(`<article><h2><a href=/n>Something happened again today</a></h2><p>`+strings.Repeat("Words about it follow here. ", 60)+`</p></article>`, 60),
	"nodes25000": `<div id=x></div><script>x.innerHTML = Array.from({length: 25000}, (_, i) => '<a href=/' + i + '>row ' + i + '</a><br>').join('')</script>`,
}

func BenchmarkObserve(b *testing.B) {
	pages := map[string]string{}
	for name, page := range shapes {
		pages["/"+name] = page
	}
	s := serve(b, pages)
	for name := range shapes {
		b.Run(name, func(b *testing.B) {
			u := newUser(b)
			u.visit(s.URL + "/" + name)
			for b.Loop() {
				u.look()
			}
			b.ReportMetric(float64(len(u.seen.Text)), "chars")
			b.ReportMetric(float64(u.seen.Controls), "controls")
		})
	}
}

func BenchmarkNewSession(b *testing.B) {
	e := sharedEngine(b)
	for b.Loop() {
		s, err := e.NewSession(b.Context(), browser.SessionOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
