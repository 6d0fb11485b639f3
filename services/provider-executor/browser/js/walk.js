// The walker: what a person would see of this frame within a window, as text in
// reading order. A control stands in it as \u0001; Go puts its number there.

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'head', 'meta', 'link', 'title', 'source', 'track',
  'param', 'datalist', 'option', 'optgroup', 'math', 'object', 'embed',
  'defs', 'symbol', 'clipPath', 'mask', 'marker', 'pattern', 'metadata', 'desc']);
const PICTURES = new Set(['canvas', 'img', 'video', 'svg', 'object', 'embed']);
const HEADING = /^h([1-6])$/;
const MAX_DEPTH = 600;  // elements in one another: V8 has the stack for 1,200, not for 2,000; what is deeper is told flat
const LONG_ROW = 100;   // so many siblings under the window: those up to the last so many are only counted
const LONG_TEXT = 500; // characters; what is longer is looked for where it stands in the window
const ICON = 48;        // pixels: an svg no larger is a picture without parts
const SVG_PARTS = 500;  // elements of an svg that are looked at
const HIT_BUDGET = 25;  // ms of hit tests in one walk; what is not tested counts as not covered
const WALK_BUDGET = 2000; // ms of one walk, half of what a script may take (scriptTime); the rest of the page is cut, which is better than no page

// walk takes {top, bottom} in this frame's viewport coordinates and a limit of characters;
// whole: what is scrolled out of sight within the page is shown too.
function walk(view) {
  const out = new Lines();
  const found = { controls: [], entries: [], above: 0, below: 0, cut: 0, more: false, pictures: 0, hitting: 0 };
  const clip = { left: -Infinity, right: Infinity, top: view.top, bottom: view.bottom, endless: view.whole };
  const page = { out, found, view, end: 0 };
  errand.hosts = [];
  if (broken()) return { broken: true };
  const root = document.scrollingElement || document.documentElement;
  openers = openersNow();
  const modal = document.body && modalNow();
  const state = document.body && { look: new Look(document.body), ...clipsOf(root, clip), depth: 0, muted: false, tall: !view.whole };
  page.end = performance.now() + WALK_BUDGET; // the page has its layout by now
  if (modal) visitModal(page, modal.el, state);
  else if (document.body) visitChildren(page, document.body, state);
  placeTwins(found.entries);
  return {
    token, url: location.href, title: clean(document.title).trim(), text: out.finish(),
    controls: found.controls.join('\n'), hosts: errand.hosts.length, above: found.above, below: found.below, cut: found.cut, more: found.more,
    pictures: found.pictures, behind: modal?.behind ?? 0,
    up: root ? root.scrollTop / innerHeight : 0,
    down: root ? Math.max(0, root.scrollHeight - root.scrollTop - innerHeight) / innerHeight : 0,
  };
}

// broken: objects of the page's own world stand in ours, and what is asked of them throws or is untrue.
function broken() {
  return [document.documentElement, document.body].some(el => el && !(el instanceof Node && el.ownerDocument === document));
}

// walkPlainly reads the frame without what walk asks of styles and places: for a page at which walk throws.
function walkPlainly(view) {
  const out = new Lines();
  const found = { controls: [], entries: [] };
  const nodes = document.createTreeWalker(document, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  let more = false;
  for (let node = nodes.nextNode(); node && !more; node = nodes.nextNode()) {
    try {
      addPlainly({ out, found }, node);
    } catch { continue; } // what cannot be read is left out, not the page
    more = out.size > view.limit;
  }
  return { token, url: location.href, title: clean(document.title).trim(), text: out.finish(), controls: found.controls.join('\n'), more };
}

function addPlainly(page, node) {
  if (node.nodeType === Node.ELEMENT_NODE) {
    const role = node.checkVisibility() ? roleOf(node) : '';
    if (role) put(page, node, role, nameOf(node, role), ' ' + nameOf(node, role));
    if (!getComputedStyle(node).display.startsWith('inline')) page.out.end();
    return;
  }
  const parent = parentElementOf(node);
  if (!parent || SKIPPED.has(parent.localName) || !parent.checkVisibility() || parent.closest('button,a[href],textarea')) return;
  page.out.add(clean(node.data));
}

function visitChildren(page, el, state) {
  if (state.depth > MAX_DEPTH) return visitFlat(page, el);
  const shut = el.localName === 'details' && !el.open;
  const nodes = childrenOf(el);
  const long = nodes.length > 4 * LONG_ROW;
  const first = long ? firstInWindow(nodes, state.clip) : 0;
  if (first > 0) page.found.above += countBetween(nodes[0], nodes[first]);
  let under = 0; // siblings in a row that lie under the window
  for (let i = first; i < nodes.length; i++) {
    const child = nodes[i];
    if (performance.now() > page.end) { page.found.more = true; return; }
    if (shut && child.localName !== 'summary') continue;
    if (child.nodeType === Node.TEXT_NODE) {
      if (!state.muted && !state.hidden) visitText(page, child, state);
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      const below = visit(page, child, state);
      if (below !== null) under = below ? under + 1 : 0;
      if (!long || under <= LONG_ROW || i >= nodes.length - 2 * LONG_ROW) continue;
      const last = nodes.length - LONG_ROW;
      page.found.below += countBetween(nodes[i + 1], nodes[last]);
      i = last - 1;
      under = 0;
    }
  }
}

// visitFlat tells what lies too deep: its text, and then its controls.
function visitFlat(page, el) {
  page.out.add(clip(clean(el.textContent), 2000));
  for (const control of el.querySelectorAll(NATIVE)) {
    const role = shown(control) ? roleOf(control) : '';
    if (role) emit(page, { el: control, rect: control.getBoundingClientRect() }, role, nameSource(control, role)[0]);
  }
}

// firstInWindow finds, in a long row of siblings, where to begin: a good number of them
// before the first that reaches down into the window. They are taken to stand in order.
function firstInWindow(nodes, clip) {
  let low = 0, high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    let at = middle, rect = null;
    for (; at < high; at++) {
      rect = nodes[at].nodeType === Node.ELEMENT_NODE ? nodes[at].getBoundingClientRect() : null;
      if (rect && rect.height > 0) break;
    }
    if (at < high && rect.bottom <= clip.top) low = at + 1;
    else high = middle;
  }
  return Math.max(0, low - LONG_ROW);
}

// countBetween counts the controls from one node up to a later sibling.
function countBetween(from, to) {
  const all = parentNodeOf(from).querySelectorAll(NATIVE);
  const before = node => {
    let low = 0, high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING && !all[middle].contains(node)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return before(to) - before(from);
}

function visitText(page, node, state) {
  if (state.tall && /\S/.test(node.data) && !textInWindow(node, state.clip)) return;
  const data = state.tall && node.data.length > LONG_TEXT ? partInWindow(node, state.clip) : node.data;
  const room = page.view.limit - page.out.size;
  if (data.includes('\n') && state.look.pre) return visitLines(page, data, room);
  const text = clean(data);
  if (text.trim() === '') { if (text) page.out.space(); return; }
  if (text.length > room) page.found.more = true;
  if (room > 0) page.out.add(clip(text, room));
}

function visitLines(page, data, room) {
  if (data.length > room) page.found.more = true;
  for (const line of data.slice(0, Math.max(0, room)).split('\n')) { page.out.add(clean(line)); page.out.end(); }
}

// partInWindow is what of a long text stands in the window: its characters go down the page in their order.
function partInWindow(node, { top, bottom }) {
  const range = document.createRange();
  const below = y => {
    let low = 0, high = node.data.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      range.setStart(node, middle);
      range.setEnd(node, Math.min(node.data.length, middle + LONG_TEXT));
      const [first] = range.getClientRects();
      if (first && first.bottom > y) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return node.data.slice(below(top), below(bottom) + LONG_TEXT);
}

// textInWindow is asked only for text whose parent reaches out of the window.
function textInWindow(node, clip) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const r = range.getBoundingClientRect();
  return r.bottom > clip.top && r.top < clip.bottom && r.right > clip.left && r.left < clip.right;
}

// clipsOf is what the page shows of boxes in the flow (clip), of absolutely positioned (absolute) and of fixed ones (fixed):
// a box is clipped only by those of its ancestors that contain it. reach is what scrolling can bring to light.
function clipsOf(root, clip) {
  const viewport = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
  viewport.reach = viewport;
  const still = root && [root, document.body].some(el => /hidden|clip/.test(getComputedStyle(el).overflowY));
  clip.reach = !root || still ? viewport : {
    left: -scrollX, right: root.scrollWidth - scrollX, top: -scrollY, bottom: root.scrollHeight - scrollY,
  };
  return { clip, absolute: clip, fixed: viewport };
}

// visit reports whether the element lies wholly under the window; null: it has no place.
function visit(page, el, state) {
  const tag = el.localName;
  if (PICTURES.has(tag)) page.found.pictures += areaInViewport(el, state.clip);
  if (SKIPPED.has(tag)) return false;
  if (tag === 'br') { page.out.end(); return null; }
  const look = new Look(el);
  if (tag === 'svg' && (look.rect.width <= ICON && look.rect.height <= ICON || el.getElementsByTagName('*').length > SVG_PARTS) && controlRole(look, state) === '') return false;
  const own = ownClip(look, state);
  if (!own.endless && look.sized && outside(look.rect, own)) {
    const under = look.rect.top >= page.view.bottom;
    if (escapes(el, own, look.rect, page.view)) visitHidden(page, look, state);
    else countOutside(page, el, look.rect, own);
    return under;
  }
  if (page.out.size > page.view.limit) {
    page.found.cut += countIn(el);
    page.found.more ||= el.checkVisibility() && /\S/.test(el.textContent);
    return false;
  }
  const seen = el.checkVisibility(SEEN);
  if (!seen && look.gone) {
    if (standsBehindLabel(el) || standsOverDrawing(el, look)) emit(page, look, roleOf(el), nameSource(el, roleOf(el))[0]);
    return false;
  }
  const inner = inherit(page, look, state);
  inner.hidden = !seen && look.style.visibility !== 'visible';
  if (inner.clip.bottom <= inner.clip.top || inner.clip.right <= inner.clip.left) {
    if (el.firstElementChild) visitHidden(page, look, state);
    return false;
  }
  if (mayHide(el) && look.sized) errand.hosts.push(el);
  const close = begin(page, look, state);
  visitSelf(page, look, inner);
  if (close) close(page.out);
  return false;
}

const SEEN = { opacityProperty: true, visibilityProperty: true };

// Look measures an element, each thing when it is first asked for: a whole page may have 25,000 of them.
class Look {
  #rect = null;
  #style = null;
  #display = null;
  #overflow = null;
  #pre = null;
  constructor(el) { this.el = el; }
  get style() { return this.#style ??= getComputedStyle(this.el); }
  get rect() { return this.#rect ??= this.el.getBoundingClientRect(); }
  get sized() { return this.rect.width > 0 && this.rect.height > 0; }
  get display() { return this.#display ??= this.style.display; }
  get pre() { return this.#pre ??= this.style.whiteSpaceCollapse === 'preserve'; }
  // overflow is of boxes: what stands in lines has none.
  get overflow() { return this.#overflow ??= this.display === 'inline' ? 'visible' : this.style.overflow; }
  // gone: nothing of it is shown. An element without a box of its own counts as not visible, and its children are.
  get gone() { return this.style.opacity === '0' || !this.el.checkVisibility() && this.display !== 'contents'; }
}

// areaInViewport is what of an element can be seen without scrolling, in square pixels.
function areaInViewport(el, clip) {
  const seen = cut(cut(clip, el.getBoundingClientRect()), { left: 0, right: innerWidth, top: 0, bottom: innerHeight });
  const area = Math.max(0, seen.right - seen.left) * Math.max(0, seen.bottom - seen.top);
  return area > 0 && el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) ? area : 0;
}

// mayHide: a custom element with nothing to see in it may have a closed shadow root.
function mayHide(el) {
  return el.localName.includes('-') && !el.shadowRoot && !closedRoots.has(el) && !el.firstElementChild;
}

// ownClip is what the page shows of the element itself.
function ownClip({ el, style }, state) {
  if (state.clip === state.absolute && state.clip === state.fixed) return state.clip;
  return style.position === 'fixed' ? state.fixed : style.position === 'absolute' ? state.absolute : state.clip;
}

function outside(rect, clip) {
  return rect.top >= clip.bottom || rect.bottom <= clip.top || rect.left >= clip.right || rect.right <= clip.left;
}

const POSITIONED = 'dialog[open],[role=dialog],[role=alertdialog],[aria-modal=true],[popover],[style*=fixed],[style*=absolute]';

// escapes: something in the element may be shown although it is not: an ancestor clips it that does not clip what is
// positioned in it. Under and over the window only what is likely to be positioned is looked for.
function escapes(el, clip, rect, view) {
  if (!el.firstElementChild) return false;
  return !outside(rect, { ...view, left: 0, right: innerWidth }) || el.querySelector(POSITIONED) !== null;
}

// visitHidden looks in an element that is not shown for what is.
function visitHidden(page, look, state) {
  visitChildren(page, look.el, { ...inherit(page, look, state), hidden: true });
}

// countOutside counts the controls of a subtree that lies wholly out of the window, as far as scrolling shows them.
function countOutside(page, el, rect, clip) {
  const under = rect.top >= clip.bottom, over = rect.bottom <= clip.top;
  if (!under && !over) return;
  const count = countIn(el, clip.reach);
  const below = rect.top >= page.view.bottom || rect.bottom > page.view.top && under;
  page.found[below ? 'below' : 'above'] += count;
}

function countIn(el, reach) {
  const counts = control => control.checkVisibility(SEEN) && (!reach || !outside(control.getBoundingClientRect(), reach));
  let count = el.matches(NATIVE) && counts(el) ? 1 : 0;
  if (el.firstElementChild) for (const control of el.querySelectorAll(NATIVE)) if (counts(control)) count++;
  return count;
}

function inherit(page, look, state) {
  const { el, style, display } = look;
  const { muted, depth, absolute, fixed } = state;
  const clip = ownClip(look, state);
  const inner = { look, clip, absolute, fixed, depth: depth + 1, muted, row: display === 'table-row', tall: !clip.endless && reachesOut(look.rect, clip), hidden: false };
  if (el.localName === 'label' && el.control && roleOf(el.control) && !holdsMore(el)) inner.muted = true;
  if (display === 'inline' && style.position === 'static') return inner;
  if (display.endsWith('flex')) inner.row = style.flexDirection.startsWith('row');
  if (clips(page, look)) inner.clip = within(clip, look);
  if (containsFixed(style)) inner.absolute = inner.fixed = inner.clip;
  else if (style.position !== 'static') inner.absolute = inner.clip;
  return inner;
}

// within is a clip inside an element that clips. What it hides is out of reach; what it scrolls is not.
function within(clip, { rect, style }) {
  const inner = cut(clip, rect);
  inner.reach = /auto|scroll/.test(style.overflowX + style.overflowY) ? null : clip.reach ? cut(clip.reach, rect) : rect;
  return inner;
}

// containsFixed: fixed boxes in it are positioned and clipped by it.
function containsFixed(style) {
  return style.transform !== 'none' || style.filter !== 'none' || style.perspective !== 'none' || style.backdropFilter !== 'none' ||
    /paint|strict|content|layout/.test(style.contain) || /transform|filter|perspective/.test(style.willChange);
}

// holdsMore: a label that stands around more than its own control, such as a calendar, is no mere text of it.
function holdsMore(label) {
  return Array.from(label.querySelectorAll(CANDIDATES)).some(el => el !== label.control && roleOf(el) && shown(el));
}

function reachesOut(rect, clip) {
  return rect.bottom > clip.bottom || rect.top < clip.top || rect.left < clip.left || rect.right > clip.right;
}

function clips(page, { overflow }) {
  return overflow !== 'visible' && (!page.view.whole || !/auto|scroll/.test(overflow));
}

function cut(clip, rect) {
  return {
    left: Math.max(clip.left, rect.left), right: Math.min(clip.right, rect.right),
    top: Math.max(clip.top, rect.top), bottom: Math.min(clip.bottom, rect.bottom),
  };
}

const spaced = out => out.space();
const ended = out => out.end();

// begin opens an element's place in the text and returns what closes it; null: nothing does.
function begin({ out }, { el, display }, state) {
  if (el.localName === 'text') { out.space(); return spaced; }
  if (display === 'inline' || display === 'contents') return null;
  if (display === 'table-cell') {
    if (siblingBefore(el) && !out.empty) out.control('|');
    return null;
  }
  if (state.row || display.startsWith('inline')) { out.space(); return spaced; }
  out.end();
  const heading = HEADING.exec(el.localName);
  if (heading) out.heading(Number(heading[1]));
  return ended;
}

function visitSelf(page, look, inner) {
  const { el } = look;
  const role = inner.hidden ? '' : controlRole(look, inner);
  if (role === '') {
    if (el.localName === 'img' && el.alt && !inner.muted && look.sized) page.out.add(` (image ${clip(clean(el.alt), NAME_LIMIT)}) `);
    if (scrolls(look)) emitScroller(page, el);
    visitChildren(page, el, inner);
    return;
  }
  const [name, source] = nameSource(el, role);
  const open = source === 'content' && (name.length > NAME_LIMIT || holdsControls(el) || GENERIC.has(role) && holdsReacting(el, look.rect));
  emit(page, look, role, name, open ? '' : name, source);
  if (el.localName === 'select' || role === 'textbox' && el.isContentEditable) return;
  inner.muted ||= !open && !(source === 'label' && el.localName === 'button');
  visitChildren(page, el, inner);
}

function holdsControls(el) {
  if (!el.firstElementChild) return false;
  for (const inner of el.querySelectorAll(CANDIDATES)) if (roleOf(inner) && shown(inner)) return true;
  return false;
}

// GENERIC are controls in which others may stand that only their listeners make such.
const GENERIC = new Set(['clickable', 'gridcell', 'option', 'treeitem']);

// holdsReacting: a part of the element, clearly smaller than it, reacts by itself.
function holdsReacting(el, rect) {
  let left = 200;
  for (const inner of el.querySelectorAll('*')) {
    if (left-- === 0) return false;
    if (!actsItself(inner) || !shown(inner)) continue;
    const part = inner.getBoundingClientRect();
    if (part.width * part.height < 0.6 * rect.width * rect.height) return true;
  }
  return false;
}

function actsItself(el) {
  return el.hasAttribute('onclick') || listens(el) || el.getAttribute('tabindex') === '0' || el.getAttribute('draggable') === 'true';
}

// controlRole tells what an element is to a person: a control by its role, or
// something else that reacts to a click.
function controlRole(look, inner) {
  const { el } = look;
  const role = roleOf(el);
  if (role) return look.sized || standsBehindLabel(el) || el.firstElementChild ? role : '';
  if (inner.muted || el.localName === 'label' || el === document.body) return '';
  const pointed = look.style.cursor === 'pointer' && getComputedStyle(parentOf(el)).cursor !== 'pointer';
  if (!pointed && !actsItself(el) && !openers.has(el) || !look.sized) return '';
  if (!pointed && look.rect.width * look.rect.height > innerWidth * innerHeight / 2) return '';
  return pointed || el.hasAttribute('onclick') || !holdsControls(el) ? 'clickable' : '';
}

// listens: a listener of its own, or of the list that it is an item of.
function listens(el) {
  const list = parentElementOf(el);
  return listeners.has(el) && !isList(el) || list !== null && listeners.has(list) && isList(list);
}

// isList: what is clicked in it is one of its items, all alike.
function isList(el) {
  const first = el.firstElementChild;
  if (el.childElementCount < 3) return false;
  return Array.from(childrenIn(el)).slice(0, 10).every(item => item.localName === first.localName && classNameOf(item) === classNameOf(first));
}

// standsBehindLabel: a control hidden by style whose visible label works for it.
function standsBehindLabel(el) {
  return el.localName === 'input' && /^(checkbox|radio|file)$/.test(el.type) && labelsOf(el).some(shown);
}

// standsOverDrawing: a field of opacity 0 over a box that is drawn for it; who clicks the box clicks the field.
function standsOverDrawing(el, { rect, sized, style }) {
  if (!sized || style.visibility !== 'visible' || !el.matches('select,input:not([type=hidden]),button')) return false;
  const x = rect.left + rect.width / 2, y = rect.top + rect.height / 2;
  return x >= 0 && y >= 0 && x < innerWidth && y < innerHeight && reaches(el, hit(x, y));
}

function scrolls(look) {
  const { el, style } = look;
  if (look.overflow === 'visible' || !/auto|scroll/.test(style.overflowY)) return false;
  return el.scrollHeight > el.clientHeight + 20 && look.rect.height > 40 && el !== document.scrollingElement;
}

function emitScroller(page, el) {
  page.out.end();
  const screens = n => (n / el.clientHeight).toFixed(1);
  const rest = el.scrollHeight - el.scrollTop - el.clientHeight;
  const name = clip(referenced(el.ariaLabelledByElements) || clean(el.getAttribute('aria-label') || ''), NAME_LIMIT);
  put(page, el, 'scrollarea', name, `${name && ' ' + name} ${screens(el.scrollTop)} up ${screens(Math.max(0, rest))} down`);
  page.out.end();
}

// emit writes a control, without its name if that follows as its content.
function emit(page, { el, rect }, role, name, told = name, source = told && nameSource(el, role)[1]) {
  const hidden = covered(page, el, rect);
  if (skipLink(el, role, name) && (hidden || rect.width * rect.height < 10 || rect.right + scrollX <= 0 || rect.bottom + scrollY <= 0)) return;
  let rest = told && ' ' + clip(told, NAME_LIMIT);
  const hint = told === name ? hintOf(el, name, source) || shownBeside(el, role, name, source) : '';
  if (hint) rest += ' ' + hint;
  const value = valueOf(el, role);
  if (value) rest += ' ' + value;
  for (const state of statesOf(el)) rest += ' ' + state;
  const drawn = name && drawnState(el, role);
  if (drawn) rest += ' ' + drawn;
  if (openers.has(el)) rest += ' opens on hover';
  if (hidden) rest += ' covered';
  put(page, el, role, clip(name, NAME_LIMIT), rest);
}

function put(page, el, role, name, rest) {
  const key = keyOf(el, role, name);
  page.found.controls.push(`${key} ${role} ${name}`);
  page.found.entries.push(entries.get(key));
  page.out.control('\u0001' + role + rest);
}

// covered: within the viewport, and no point of it can be hit.
function covered(page, el, r) {
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  if (r.width === 0 || r.height === 0 || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
  if (page.found.hitting > HIT_BUDGET) return false;
  const start = performance.now();
  const reached = reaches(el, hit(x, y)) || pointsOf(el).some(p => reaches(el, hit(p.x, p.y)));
  page.found.hitting += performance.now() - start;
  return !reached;
}
