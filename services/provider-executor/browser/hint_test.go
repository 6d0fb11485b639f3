package browser_test

import (
	"strings"
	"testing"
)

func TestAControlWithoutANameIsDescribed(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<!doctype html><meta charset=utf-8><title>Hints</title>
<style>a,button,span{display:inline-block;min-width:20px;min-height:20px} .on{background:navy;color:white} .primary{background:navy} .pic{background-image:url(/img/archive.png)} .point{cursor:pointer}</style>
<a href="#main" style="position:absolute;left:-999px">Skip to main content</a><div style="height:0;overflow:hidden"><a href="#nav">Jump to navigation</a></div>
<p><button><i class="fas fa-lock fa-fw"></i></button> <button data-bs-original-title="Duplicate"></button> <a href="/users/42/history?x=1"></a>
<span class="star point" onclick="1"></span> <button class="btn btn-sm css-1x8ab2"><svg width=9 height=9><use href="#icon-trash"/></svg></button>
<button class="pic"></button> <button><img src="/icons/reply.svg"></button> <button id=ember-77></button> <input id=wiki__text> <button data-testid=go></button> <button class="mdi mdi-pencil" id=e1></button></p>
<p><a href=/l aria-label="Site number 12">https://site12.example/page</a> <button aria-label="Remove tag">foo x</button> <button aria-label="Close dialog">Close</button></p>
<div><a href=#c class=choice>current flow</a> <a href=#n class="choice selected on">new flow</a></div>
<ul><li><button class=s>S</button><li><button class="s" style="border:3px solid red">M</button><li><button class=s>L</button></ul>
<div><button>Back</button> <button>Cancel</button> <button class="primary">Next</button></div>
<div><button class=a>One</button> <button class=a>Two</button></div>
<textarea aria-label=Page>Line one
  Line  two

Line four</textarea><div contenteditable aria-label=Editor><p>First</p><p>Second</p></div>`})
	u := newUser(t)
	text := u.visit(s.URL)
	for _, wanted := range []string{
		"button (lock icon)", "button (Duplicate)", "link (→ history)", "clickable (class star point)", "button (trash icon)", "button (archive icon)", "button (reply icon)",
		"button ember-77 (id)", "textbox wiki__text (id)", "button go (id)", "button e1 (pencil icon)",
		`link Site number 12 shows "https://site12.example/page"`, `button Remove tag shows "foo x"`, "button Close dialog\n",
		"link current flow [", "link new flow looks selected\n", "button M looks selected", "button Next\n", "button One [",
		`textbox Page ="Line one\n Line two\n\nLine four"`, `textbox Editor ="First\nSecond"`,
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("no %q", wanted)
		}
	}
	if strings.Contains(text, "Skip to") || strings.Contains(text, "Jump to") {
		t.Error("there are skip links")
	}
	if t.Failed() {
		t.Log(text)
	}
}
