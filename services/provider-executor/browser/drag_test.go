package browser_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/errand-run/errand/services/provider-executor/browser"
)

// Lists, boards and drawings that take a drag as the common libraries do.
var dragged = map[string]string{
	// SortableJS: the item takes the place of what it is dragged over; what is being moved by its animation is not looked at.
	"/sortable": `<h1>Sortable</h1><ul id=list></ul><p id=log></p><script>
for (const name of ['One', 'Two', 'Three', 'Four']) list.innerHTML += '<li draggable=true style="height:40px">' + name + '</li>';
let held = null;
list.ondragstart = e => { held = e.target; e.dataTransfer.setData('text', held.textContent) };
list.ondragover = e => {
  e.preventDefault();
  const over = e.target.closest('li');
  if (!over || over === held || over.moving) return;
  over.moving = true;
  setTimeout(() => over.moving = false, 150);
  const below = over.compareDocumentPosition(held) & Node.DOCUMENT_POSITION_PRECEDING;
  over[below ? 'after' : 'before'](held);
};
list.ondrop = e => e.preventDefault();
list.ondragend = () => log.textContent = 'order ' + [...list.children].map(li => li.textContent);
</script>`,
	// jQuery UI: a pointer's drag; the item moves if it comes over the far half of another in the direction that it moves in.
	"/jqueryui": `<h1>jQuery UI</h1><ul id=list style="padding:0"></ul><p id=log></p><script>
for (const name of ['One', 'Two', 'Three', 'Four']) list.innerHTML += '<li tabindex=0 role=option style="height:40px;list-style:none">' + name + '</li>';
let held = null, last = 0, grip = 0;
list.onmousedown = e => { held = e.target; last = e.clientY; grip = e.clientY - held.getBoundingClientRect().top; e.preventDefault() };
document.onmousemove = e => {
  if (!held || e.buttons !== 1) return;
  held.style.pointerEvents = 'none';
  const down = e.clientY > last, up = e.clientY < last;
  last = e.clientY;
  for (const li of list.children) {
    const r = li.getBoundingClientRect(), middle = r.top + r.height / 2;
    if (li === held || e.clientY < r.top || e.clientY >= r.bottom) continue;
    if (down && e.clientY >= middle) li.after(held);
    if (up && e.clientY < middle) li.before(held);
  }
};
document.onmouseup = () => { if (held) log.textContent = 'order ' + [...list.children].map(li => li.textContent); held = null };
</script>`,
	// A board: cards are dropped into columns, which have to be entered and moved over.
	"/board": `<h1>Board</h1><div style="display:flex;gap:20px">` +
		`<div id=todo role=group style="width:200px;height:200px"><div id=card draggable=true style="height:40px">Card 7</div></div>` +
		`<div id=doing tabindex=0 role=button aria-label=Doing style="width:200px;height:200px"></div></div><p id=log></p><script>
let entered = false, over = 0;
card.ondragstart = e => e.dataTransfer.setData('text', 'card');
doing.ondragenter = e => { entered = true; e.preventDefault() };
doing.ondragover = e => { over++; e.preventDefault() };
doing.ondrop = e => { e.preventDefault(); doing.append(card); log.textContent = 'moved ' + e.dataTransfer.getData('text') + ' ' + entered + ' ' + (over > 1) };
</script>`,
	// A drawing: no control, only a canvas. Its strokes are what is true of it.
	"/canvas": `<h1>Drawing</h1><canvas id=c width=400 height=200 tabindex=0 aria-label=Paper style="margin:20px"></canvas><p id=log></p><script>
let stroke = null;
const at = e => Math.round(e.offsetX) + ':' + Math.round(e.offsetY);
c.onpointerdown = e => stroke = [at(e)];
c.onpointermove = e => { if (stroke) stroke.push(at(e)) };
c.onpointerup = e => { log.textContent = 'stroke ' + stroke[0] + ' to ' + at(e) + ' in ' + (stroke.length > 5 ? 'many' : 'few') + (stroke.some(p => p === '200:20') ? ' by the corner' : ''); stroke = null };
c.onclick = e => document.title = 'click ' + at(e) + (e.shiftKey ? ' shift' : '');
c.ondblclick = e => document.title = 'double ' + at(e);
</script>`,
	"/slider": `<h1>Split</h1><div id=bar tabindex=0 role=separator aria-label=Divider style="position:absolute;left:300px;top:100px;width:10px;height:200px;cursor:pointer"></div><p id=log></p><script>
let held = false;
bar.onpointerdown = e => { held = true; bar.setPointerCapture(e.pointerId) };
bar.onpointermove = e => { if (held) bar.style.left = e.clientX - 5 + 'px' };
bar.onpointerup = e => { held = false; log.textContent = 'left ' + Math.round(bar.getBoundingClientRect().left / 10) * 10 };
</script>`,
}

func TestADragLandsWhereItIsDropped(t *testing.T) {
	t.Parallel()
	s := serve(t, dragged)
	u := newUser(t)
	for _, c := range []struct{ page, from, to, path, shows string }{
		{"/sortable", "clickable One", "clickable Four", "", "order Two,Three,Four,One"},
		{"/sortable", "clickable Four", "clickable Two", "", "order One,Four,Two,Three"},
		{"/jqueryui", "option One", "option Two", "", "order Two,One,Three,Four"},
		{"/jqueryui", "option One", "option Four", "", "order Two,Three,Four,One"},
		{"/jqueryui", "option Four", "option One", "", "order Four,One,Two,Three"},
		{"/board", "clickable Card 7", "button Doing", "", "moved card true true"},
		{"/board", "clickable Card 7", "button Doing", "20,180", "moved card true true"},
		{"/canvas", "clickable Paper", "", "10,20 200,20 200,150", "stroke 10:20 to 200:150 in many by the corner"},
		{"/slider", "clickable Divider", "", "105,100", "left 400"},
	} {
		u.visit(s.URL + c.page)
		a := browser.Action{Name: "drag", Index: u.index(c.from), Path: c.path}
		if c.to != "" {
			a.To = u.index(c.to)
		}
		u.must(a)
		if !strings.Contains(u.look(), c.shows) {
			t.Errorf("%s, %s to %s %s: want %q in\n%s", c.page, c.from, c.to, c.path, c.shows, u.seen.Text)
		}
	}
	u.visit(s.URL + "/board")
	for path, because := range map[string]string{"": "drag needs", "5,x": "give points", "2000,5": "outside of the window"} {
		refused(t, u.act(browser.Action{Name: "drag", Index: u.index("clickable Card 7"), Path: path}), because)
	}
}

func TestPlacesAreClickedInAnElementAndInAPicture(t *testing.T) {
	t.Parallel()
	s := serve(t, dragged)
	u := newUser(t)
	u.visit(s.URL + "/canvas")
	paper := u.index("clickable Paper")
	for _, c := range []struct {
		a     browser.Action
		title string
	}{
		{browser.Action{Name: "click", Path: "30,40"}, "click 30:40"},
		{browser.Action{Name: "click", Path: "30,41", Keys: "Shift"}, "click 30:41 shift"},
		{browser.Action{Name: "double_click", Path: "399,199"}, "double 399:199"},
	} {
		c.a.Index = paper
		if out := u.must(c.a); !strings.Contains(out.Content, "at "+c.a.Path) || out.Path != c.a.Path {
			t.Errorf("%+v says %q and is recorded at %q", c.a, out.Content, out.Path)
		}
		u.sees("TITLE " + c.title)
	}
	refused(t, u.act(browser.Action{Name: "click", Index: paper, Path: "400,10 3,4"}), "one point")
	refused(t, u.act(browser.Action{Name: "click", Index: paper, Path: "900,10"}), "it is 400,200 pixels large")
	refused(t, u.act(browser.Action{Name: "click", Path: "100,100"}), "use screenshot first")

	if _, err := u.Picture(t.Context()); err != nil {
		t.Fatal(err)
	}
	place, err := u.Script(t.Context(), `(r => Math.round(r.left + 50) + ',' + Math.round(r.top + 60))(c.getBoundingClientRect())`)
	if err != nil {
		t.Fatal(err)
	}
	place = strings.Trim(place, `"`)
	out := u.must(browser.Action{Name: "click", Path: place})
	var target struct{ Tag string }
	if err := json.Unmarshal(out.Target, &target); err != nil || target.Tag != "canvas" || !regexp.MustCompile(`^50,(59|60|61)$`).MatchString(out.Path) {
		t.Errorf("a click in a picture is recorded as %s at %q", out.Target, out.Path)
	}
	u.sees("TITLE click 50:")
	refused(t, u.act(browser.Action{Name: "click", Path: "1280,5"}), "outside of the picture")
	u.must(browser.Action{Name: "drag", Path: place + " 300,200"})
	u.sees("stroke 50:")
	u.visit(s.URL + "/board")
	refused(t, u.act(browser.Action{Name: "click", Path: place}), "use screenshot first")
}

func TestKeysAreHeldForAClickAndBetweenActions(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"/": `<h1>List</h1><button id=b>Row</button><p id=log></p><script>
const down = new Set(), say = text => log.textContent += ' ' + text;
document.onkeydown = e => { if (!e.repeat) down.add(e.key) };
document.onkeyup = e => down.delete(e.key);
b.onclick = e => say((e.ctrlKey ? 'ctrl' : '') + (e.shiftKey ? 'shift' : '') + '/' + [...down].sort().join('+') + ';');
</script>`})
	u := newUser(t)
	u.visit(s.URL + "/")
	row := u.index("button Row")
	for _, a := range []browser.Action{
		{Name: "click", Index: row, Keys: "Control+Shift"},
		{Name: "click", Index: row},
		{Name: "send_keys", Keys: "Shift:down"},
		{Name: "click", Index: row, Keys: "Control"},
		{Name: "click", Index: row},
		{Name: "send_keys", Keys: "Shift:up g:down"},
		{Name: "click", Index: row},
		{Name: "send_keys", Keys: "g:up"},
		{Name: "click", Index: row},
	} {
		out := u.must(a)
		if a.Keys == "Shift:down" && !strings.Contains(out.Content, "Shift stays down until Shift:up") {
			t.Errorf("a key that is held is not told: %q", out.Content)
		}
	}
	u.sees("ctrlshift/Control+Shift; /; ctrlshift/Control+Shift; shift/Shift; /g; /;")
	refused(t, u.act(browser.Action{Name: "click", Index: row, Keys: "Hyper"}), "can be done with Alt, Control")
}
