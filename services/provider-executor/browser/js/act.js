// What actions ask of an element: is it still itself, where can it be hit, what does
// it hold now.

function describe(el) {
  const role = roleOf(el) || el.localName;
  const name = clip(nameSource(el, FROM_CONTENT.has(role) ? role : 'clickable')[0], 60);
  return name ? `${role} ${JSON.stringify(name)}` : role;
}

// entryOf reads a reference, [token of the world, key in it].
function entryOf([world, key]) {
  return world === token ? entries.get(key) : undefined;
}

// still returns the element of a reference as long as it is on the page.
function still(ref) {
  const el = entryOf(ref)?.ref.deref();
  return el?.isConnected ? el : null;
}

// find returns the element of a reference, or throws a sentence that says what is
// there instead.
function find(ref) {
  const entry = entryOf(ref);
  if (!entry) throw new Refusal('the page it was on has been replaced');
  let el = entry.ref.deref();
  if (!el || !el.isConnected) {
    const again = redrawn(entry);
    if (again) {
      entry.ref = new WeakRef(again);
      entry.again = true;
      keys.set(again, ref[1]);
      el = again;
    }
  }
  if (!el || !el.isConnected) {
    const twin = twinOf(entry);
    throw new Refusal(twin ? `it was removed; the page now has another ${describe(twin)}` : 'it is no longer on the page');
  }
  const role = entry.role === 'scrollarea' ? 'scrollarea' : roleOf(el) || 'clickable';
  const name = entry.role === 'scrollarea' ? entry.name : nameOf(el, role);
  if (role !== entry.role || !stays(entry, name) && !renamed(entry, el, name)) throw new Refusal(`it is now ${describe(el)}`);
  const row = moved(entry, el);
  if (row) throw new Refusal(`it stands with ${JSON.stringify(row)} now, and stood with ${JSON.stringify(entry.row.join(' '))}`);
  return el;
}

function twinOf(entry) {
  for (const el of document.querySelectorAll(CANDIDATES)) {
    const role = roleOf(el) || 'clickable';
    if (role === entry.role && nameOf(el, role) === entry.name) return el;
  }
  return null;
}

function hit(x, y) {
  let el = document.elementFromPoint(x, y);
  while (el) {
    const root = el.shadowRoot || closedRoots.get(el);
    const inner = root?.elementFromPoint(x, y);
    if (!inner || inner === el) break;
    el = inner;
  }
  return el;
}

const DRAWN_SLIDER = 80; // pixels: the height of what may be drawn in the place of a slider

// reaches: a click on target gets to el, directly, from inside it or by its label.
function reaches(el, target) {
  for (let at = target; at; at = parentOf(at)) {
    if (at === el) return true;
    if (at.localName === 'label' && at.control === el) return true;
  }
  return el.type === 'range' && el.localName === 'input' && encloses(target, el) && target.getBoundingClientRect().height <= DRAWN_SLIDER;
}

function pointsOf(el) {
  const boxes = Array.from(el.getClientRects());
  if (!shown(el) && el.labels) for (const label of el.labels) boxes.push(...label.getClientRects());
  const points = [];
  for (const r of boxes) {
    const left = Math.max(0, r.left), right = Math.min(innerWidth, r.right);
    const top = Math.max(0, r.top), bottom = Math.min(innerHeight, r.bottom);
    if (right - left < 1 || bottom - top < 1) continue;
    for (const [fx, fy] of [[0.5, 0.5], [0.2, 0.3], [0.8, 0.3], [0.2, 0.8], [0.8, 0.8]]) {
      points.push({ x: left + (right - left) * fx, y: top + (bottom - top) * fy });
    }
  }
  return points;
}

// spot tells which element stands at a point, with that point from its top left corner: the control that would be hit, or
// the element itself. frame: it shows a document of its own.
function spot(x, y) {
  const over = hit(x, y);
  if (!over) throw new Refusal('there is nothing at that point of the page');
  let el = over;
  for (let at = over; at && at !== document.body; at = parentOf(at)) if (roleOf(at) || keys.has(at)) { el = at; break; }
  const role = roleOf(el) || 'clickable', name = nameOf(el, role);
  const r = el.getBoundingClientRect();
  return { token, key: keyOf(el, role, name), role, name, x: x - r.left, y: y - r.top, frame: /^i?frame$/.test(over.localName) };
}

// into turns a point of this document into one inside a frame; null: it lies elsewhere.
function into(owner, x, y) {
  if (hit(x, y) !== owner) return null;
  const r = owner.getBoundingClientRect();
  const scale = owner.offsetWidth ? r.width / owner.offsetWidth : 1;
  return { x: (x - r.left) / scale - owner.clientLeft, y: (y - r.top) / scale - owner.clientTop };
}

// goal is where an element stands that was aimed at. What is dragged may cover it. bring: it is scrolled into view.
function goal(ref, bring) {
  const el = still(ref);
  if (!el) throw new Refusal('it is no longer on the page');
  if (bring) el.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
  const { left, top, width, height } = el.getBoundingClientRect();
  return { x: left, y: top, width, height };
}

// outward turns a point inside a frame into one of this document, whatever covers it.
function outward(owner, x, y) {
  const r = owner.getBoundingClientRect();
  const scale = owner.offsetWidth ? r.width / owner.offsetWidth : 1;
  return { x: r.left + (owner.clientLeft + x) * scale, y: r.top + (owner.clientTop + y) * scale };
}

// scrolledTo sums up how far the page is scrolled, and the parts of it that its middle stands in.
function scrolledTo() {
  const sum = { x: scrollX, y: scrollY };
  for (let at = hit(innerWidth / 2, innerHeight / 2); at && at !== document.scrollingElement; at = parentOf(at)) {
    sum.x += at.scrollLeft;
    sum.y += at.scrollTop;
  }
  return sum;
}

// placed is a point of an element in the viewport, which is scrolled to it; null: nobody can point there.
function placed(el, { x, y }) {
  const place = () => { const r = el.getBoundingClientRect(); return { x: r.left + x, y: r.top + y, r }; };
  let p = place();
  if (x < 0 || y < 0 || x > p.r.width || y > p.r.height) {
    throw new Refusal(`it is ${Math.round(p.r.width)},${Math.round(p.r.height)} pixels large, and ${Math.round(x)},${Math.round(y)} lies outside`);
  }
  if (p.x < 0 || p.y < 0 || p.x >= innerWidth || p.y >= innerHeight) {
    scrollBy({ left: p.x - innerWidth / 2, top: p.y - innerHeight / 2, behavior: 'instant' });
    p = place();
  }
  return { x: p.x, y: p.y };
}

// aim brings an element into view, gives the point where a click reaches it, and watches over that click. Eagerly it
// says what is in its way as something to wait for. untraced: no fingerprint is needed. at: the point of it that is meant.
function aim(ref, eager, untraced, at) {
  const el = find(ref);
  if (disabled(el)) throw new Refusal('it is disabled now');
  const target = el.labels?.length && !shown(el) ? el.labels[0] : el;
  for (const block of ['nearest', 'center', 'start', 'end']) {
    target.scrollIntoView({ block, inline: 'nearest', behavior: 'instant' });
    const points = at ? [placed(el, at)] : pointsOf(el);
    const point = points.find(p => reaches(el, hit(p.x, p.y)));
    if (!point) continue;
    guard(el);
    const name = nameOf(el, roleOf(el) || 'clickable');
    return { ...point, ...look(el), renamed: renamed(entryOf(ref), el, name) && name !== entryOf(ref).name ? name : '', again: entryOf(ref).again === true, target: untraced ? undefined : targetOf(el) };
  }
  const points = at ? [placed(el, at)] : pointsOf(el);
  const why = points.length === 0 ? 'it has no visible place on the page'
    : `it is covered by ${describe(hit(points[0].x, points[0].y) || document.body)}; deal with that first`;
  if (!eager) throw new Refusal(why);
  return { wait: why };
}

let guarded = null; // the element that the next press is meant for; then whether it was met, or what was instead
let guarding = false; // listeners that come before all of the page's, if the script came first, and else before most

// guard keeps the next press of the pointer from all but one element.
function guard(el) {
  guarded = { el };
  watchPresses();
}

function watchPresses() {
  if (guarding) return;
  guarding = true;
  for (const type of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'auxclick', 'dblclick', 'contextmenu']) addEventListener(type, guardPress, true);
}

function guardPress(event) {
  if (!guarded || !event.isTrusted) return;
  if (event.type === 'pointerdown' && guarded.met === undefined) { // the second press of a double click follows the first
    const [target] = event.composedPath(); // the page may have moved things since
    const over = closedRoots.has(target) ? hit(event.clientX, event.clientY) : target;
    guarded.met = over && !reaches(guarded.el, over) ? describe(over) : '';
  }
  if (!guarded.met) return;
  event.stopImmediatePropagation();
  event.preventDefault();
}

// pressed ends the watch. met: what the press would have reached instead.
function pressed() {
  const met = guarded?.met ?? '';
  guarded = null;
  return { met };
}

// caret goes into a field that was clicked.
function caret(ref, all) {
  const { met } = pressed();
  return met ? { met } : { ok: select(ref, all) };
}

// look tells what an action needs to know of an element, before and after.
function look(el) {
  return {
    role: roleOf(el) || 'clickable', tag: el.localName, type: el.type || '', toggled: toggled(el),
    expanded: el.localName === 'summary' ? String(parentElementOf(el).open) : el.getAttribute('aria-expanded'),
    editable: el.isContentEditable, multiline: el.localName === 'textarea' || el.isContentEditable,
    readonly: Boolean(el.readOnly), suggests: el.hasAttribute('list') || roleOf(el) === 'combobox' || el.hasAttribute('aria-autocomplete'),
  };
}

// state looks again at an element that an action was done to, whatever became of it.
function state(ref) {
  const el = still(ref);
  return el && look(el);
}

// through turns a point inside a frame into one of this document.
function through(owner, x, y) {
  if (!shown(owner)) throw new Refusal('its frame is not visible');
  let p = outward(owner, x, y);
  if (p.x < 0 || p.y < 0 || p.x >= innerWidth || p.y >= innerHeight) {
    owner.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    p = outward(owner, x, y);
  }
  const over = hit(p.x, p.y);
  if (over !== owner) throw new Refusal(`its frame is covered by ${over ? describe(over) : 'something'}; deal with that first`);
  return p;
}

// frameBox places a child frame: its content box in this frame's viewport.
function frameBox(owner) {
  const r = owner.getBoundingClientRect();
  const visible = shown(owner) && r.width >= 10 && r.height >= 10;
  return { top: r.top + owner.clientTop, left: r.left, right: r.right, bottom: r.bottom, visible, path: pathOf(owner), ...hopOf(owner) };
}

// options lists what can be chosen.
function options(ref) {
  const el = find(ref);
  const text = option => clean(option.label ?? textOf(option)).trim();
  if (el.localName === 'select') {
    return { native: true, options: Array.from(el.options, o => ({ text: text(o), value: o.value, selected: o.selected, off: o.matches(':disabled') })) };
  }
  const roots = [el];
  for (const id of `${el.getAttribute('aria-controls') || ''} ${el.getAttribute('aria-owns') || ''} ${el.getAttribute('list') || ''}`.split(/\s+/)) {
    const root = id && el.getRootNode().getElementById?.(id);
    if (root) roots.push(root);
  }
  const found = roots.flatMap(root => Array.from(root.querySelectorAll('[role=option],[role=menuitem],[role=menuitemradio],[role=treeitem],option')));
  return { native: false, options: found.map(o => ({ text: text(o), value: o.value ?? '', selected: o.getAttribute('aria-selected') === 'true' })) };
}

// choose picks the option with that visible text or value of a native select, or unselects it.
function choose(ref, wanted, untraced, off) {
  const el = find(ref);
  if (el.localName !== 'select') return { foreign: true };
  if (disabled(el)) throw new Refusal('it is disabled now');
  const flat = text => clean(text).trim();
  const all = Array.from(el.options);
  const option = all.find(o => flat(o.label) === flat(wanted)) || all.find(o => o.value === wanted) ||
    all.find(o => flat(o.label).toLowerCase() === flat(wanted).toLowerCase());
  if (!option) return { missing: true };
  if (option.matches(':disabled')) throw new Refusal(`its option ${JSON.stringify(wanted)} is disabled`);
  if (off && !el.multiple) throw new Refusal('it holds one choice, which can be replaced and not taken away');
  const before = option.selected;
  el.focus();
  option.selected = !off;
  if (before === Boolean(off)) {
    el.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
    el.dispatchEvent(new Event('change', { bubbles: true }));
  }
  return { index: option.index, target: untraced ? undefined : targetOf(el) };
}

function chosen(ref, index) {
  const el = still(ref);
  if (!el) return { gone: true };
  return { stuck: Boolean(el.options?.[index]?.selected), now: Array.from(el.selectedOptions ?? [], o => clean(o.label).trim()).join(', ') };
}

// scroll moves an element's scrollable part, or the page where ref is null, by screens.
function scroll(ref, screens) {
  const el = ref ? scrollerOf(find(ref)) : mainScroller(screens);
  if (!el) throw new Refusal('nothing there can be scrolled');
  const page = el === document.scrollingElement;
  const height = page ? innerHeight : el.clientHeight;
  const before = el.scrollTop;
  noteHeight(el);
  el.scrollBy({ top: screens * height, behavior: 'instant' });
  const rest = Math.max(0, el.scrollHeight - el.scrollTop - height);
  return { moved: el.scrollTop !== before, up: el.scrollTop / height, down: rest / height };
}

const LOADING = '[aria-busy=true],[role=progressbar],[class*=loading i],[class*=spinner i]';
const GROW_LOOK = 50; // ms between two looks

// grows waits for what an element, or the page, scrolls to become longer: for limit ms, or for as long as something in view
// says that it is loading, up to loading ms.
async function grows(ref, limit, loading) {
  const el = ref ? scrollerOf(find(ref)) : mainScroller(-1);
  if (!el) return { grown: false };
  const height = el === document.scrollingElement ? innerHeight : el.clientHeight;
  const before = el.scrollHeight, start = performance.now();
  const rest = () => (el.scrollHeight - el.scrollTop - height) / height;
  const busy = () => Array.from(document.querySelectorAll(LOADING)).some(sign => shown(sign) && pointsOf(sign).length > 0);
  while (el.scrollHeight <= before && rest() < 0.1) {
    const waited = performance.now() - start;
    if (waited > loading || waited > limit && !busy()) return { grown: false };
    await new Promise(resolve => setTimeout(resolve, GROW_LOOK));
  }
  return { grown: true, down: Math.max(0, rest()) };
}

function canScroll(el, screens) {
  const root = el === document.scrollingElement;
  if (!root && !/auto|scroll/.test(getComputedStyle(el).overflowY)) return false;
  const height = root ? innerHeight : el.clientHeight;
  return screens < 0 ? el.scrollTop > 0 : el.scrollTop + height < el.scrollHeight - 1;
}

function scrollerOf(el) {
  for (let at = el; at; at = parentOf(at)) if (canScroll(at, 1) || canScroll(at, -1)) return at;
  return document.scrollingElement;
}

// mainScroller is the page, or in pages that do not scroll their largest part that does.
function mainScroller(screens) {
  const root = document.scrollingElement;
  if (!root || canScroll(root, screens)) return root;
  let best = root, size = 0;
  for (let at = hit(innerWidth / 2, innerHeight / 2); at; at = parentOf(at)) if (canScroll(at, screens)) return at;
  for (const el of document.querySelectorAll('div,main,section,article,ul,ol,aside,nav,tbody')) {
    if (el.clientWidth * el.clientHeight > size && canScroll(el, screens) && shown(el)) {
      best = el;
      size = el.clientWidth * el.clientHeight;
    }
  }
  return best;
}

// findText scrolls the first visible occurrence of a text into view, also in shadow roots.
function findText(wanted) {
  const flat = clean(wanted).trim().toLowerCase();
  const says = node => clean(node.textContent).toLowerCase().includes(flat);
  const roots = rootsOf('*');
  const found = firstOf(roots, root => textWith(root, says)) ?? firstOf(roots, root => blockWith(root, says));
  found?.scrollIntoView({ block: 'center', behavior: 'instant' });
  return { found: Boolean(found), hosts: errand.hosts.length };
}

function firstOf(list, read) {
  for (const item of list) {
    const found = read(item);
    if (found) return found;
  }
  return null;
}

function textWith(root, says) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const el = says(node) && (parentElementOf(node) ?? root.host);
    if (el && shown(el) && !SKIPPED.has(el.localName)) return el;
  }
  return null;
}

// blockWith finds the innermost element around a text that is in several pieces.
function blockWith(root, says) {
  return Array.from(root.querySelectorAll('p,li,td,th,h1,h2,h3,h4,h5,h6,a,button,label,span,div'))
    .find(el => el.childElementCount <= 20 && says(el) && shown(el) && !Array.from(childrenIn(el)).some(says));
}

// quiet resolves when the document had no mutation for window ms, or after limit ms.
function quiet(window, limit) {
  return new Promise(resolve => {
    let timer;
    const finish = () => { observer.disconnect(); clearTimeout(timer); clearTimeout(last); resolve(true); };
    const observer = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(finish, window); });
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    timer = setTimeout(finish, window);
    const last = setTimeout(finish, limit);
  });
}
