// The walker: what a person would see of this frame within a window, as text in
// reading order. A control stands in it as \u0001key\u0002; Go puts its number there.

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'head', 'meta', 'link', 'title', 'source', 'track',
  'param', 'datalist', 'option', 'optgroup', 'svg', 'math', 'object', 'embed']);
const HEADING = /^h([1-6])$/;
const MAX_DEPTH = 2000;

// walk takes {top, bottom} in this frame's viewport coordinates.
function walk(view) {
  const out = new Lines();
  const found = { controls: [], above: 0, below: 0 };
  const clip = { left: -Infinity, right: Infinity, top: view.top, bottom: view.bottom };
  const page = { out, found, view };
  const root = document.scrollingElement || document.documentElement;
  if (document.body) visitChildren(page, document.body, { clip, depth: 0, pointer: false, muted: false, cover: false });
  return {
    token, url: location.href, title: clean(document.title).trim(), text: out.finish(),
    controls: found.controls, above: found.above, below: found.below,
    up: root ? root.scrollTop / innerHeight : 0,
    down: root ? Math.max(0, root.scrollHeight - root.scrollTop - innerHeight) / innerHeight : 0,
  };
}

// Lines joins pieces of text: spaces within a line collapse, empty lines vanish.
class Lines {
  lines = [];
  line = '';
  add(text) {
    if (this.line === '' || this.line.endsWith(' ')) text = text.trimStart();
    this.line += text;
  }
  space() { if (this.line !== '' && !this.line.endsWith(' ')) this.line += ' '; }
  control(text) { this.space(); this.line += text; this.space(); }
  end() {
    const line = this.line.trim();
    if (line !== '') this.lines.push(line);
    this.line = '';
  }
  finish() { this.end(); return this.lines.join('\n'); }
}

function visitChildren(page, el, state) {
  if (state.depth > MAX_DEPTH) {
    page.out.add(clip(clean(el.textContent), 2000));
    return;
  }
  for (const child of childrenOf(el)) {
    if (child.nodeType === Node.TEXT_NODE) {
      if (!state.muted && !state.hidden) visitText(page, child, state);
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      visit(page, child, state);
    }
  }
}

function visitText(page, node, state) {
  if (state.pre && node.data.includes('\n')) {
    for (const line of node.data.split('\n')) { page.out.add(safe(line)); page.out.end(); }
    return;
  }
  const text = safe(node.data);
  if (text.trim() === '') { if (text) page.out.space(); return; }
  if (state.tall && !textInWindow(node, state.clip)) return;
  page.out.add(text);
}

// safe keeps page text from looking like one of our numbered controls.
function safe(text) {
  return clean(text).replace(/\[(\d+)\]/g, '($1)');
}

// textInWindow is asked only for text whose parent reaches out of the window.
function textInWindow(node, clip) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const r = range.getBoundingClientRect();
  return r.bottom > clip.top && r.top < clip.bottom && r.right > clip.left && r.left < clip.right;
}

function visit(page, el, state) {
  const tag = el.localName;
  if (SKIPPED.has(tag)) return;
  if (tag === 'br') { page.out.end(); return; }
  const rect = el.getBoundingClientRect();
  const sized = rect.width > 0 && rect.height > 0;
  if (sized && outside(page, el, rect, state.clip)) return;
  if (!el.checkVisibility({ opacityProperty: true })) {
    if (standsBehindLabel(el)) emit(page, el, roleOf(el));
    return;
  }
  const style = getComputedStyle(el);
  const inner = inherit(el, style, rect, state);
  if (inner.clip.bottom <= inner.clip.top || inner.clip.right <= inner.clip.left) return;
  const parts = begin(page, el, style, state);
  visitSelf(page, el, { style, rect, sized }, inner);
  parts();
}

// outside counts the controls of a subtree that lies wholly out of the window.
function outside(page, el, rect, clip) {
  const under = rect.top >= clip.bottom, over = rect.bottom <= clip.top;
  if (!under && !over) return rect.left >= clip.right || rect.right <= clip.left;
  let count = el.matches(NATIVE) && el.checkVisibility() ? 1 : 0;
  if (el.firstElementChild) for (const control of el.querySelectorAll(NATIVE)) if (control.checkVisibility()) count++;
  if (rect.top >= page.view.bottom) page.found.below += count;
  else if (rect.bottom <= page.view.top) page.found.above += count;
  else if (under) page.found.below += count;
  else page.found.above += count;
  return true;
}

function inherit(el, style, rect, state) {
  const inner = { ...state, depth: state.depth + 1, hidden: style.visibility !== 'visible', pre: style.whiteSpaceCollapse === 'preserve' };
  inner.row = style.display.endsWith('flex') && style.flexDirection.startsWith('row') || style.display === 'table-row';
  inner.pointer = style.cursor === 'pointer';
  inner.tall = rect.bottom > state.clip.bottom || rect.top < state.clip.top || rect.left < state.clip.left || rect.right > state.clip.right;
  if (el.localName === 'label' && el.control && roleOf(el.control)) inner.muted = true;
  if (style.overflowX !== 'visible' || style.overflowY !== 'visible') inner.clip = cut(state.clip, rect);
  if (style.position === 'fixed') inner.clip = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
  return inner;
}

function cut(clip, rect) {
  return {
    left: Math.max(clip.left, rect.left), right: Math.min(clip.right, rect.right),
    top: Math.max(clip.top, rect.top), bottom: Math.min(clip.bottom, rect.bottom),
  };
}

// begin opens an element's place in the text and returns what closes it.
function begin(page, el, style, state) {
  const { out } = page;
  const display = style.display;
  const heading = HEADING.exec(el.localName);
  if (display === 'table-cell') {
    if (el.previousElementSibling && out.line.trim() !== '') out.control('|');
    return () => {};
  }
  if (display.startsWith('inline') || display === 'contents') {
    if (display !== 'inline' && display !== 'contents') { out.space(); return () => out.space(); }
    return () => {};
  }
  if (state.row) { out.space(); return () => out.space(); }
  out.end();
  if (heading) {
    out.line = '#'.repeat(Number(heading[1])) + ' ';
    return () => { if (/^#+ $/.test(out.line)) out.line = ''; out.end(); };
  }
  return () => out.end();
}

function visitSelf(page, el, look, inner) {
  const role = inner.hidden ? '' : controlRole(el, look, inner);
  if (role === '') {
    if (el.localName === 'img' && el.alt && look.sized) page.out.add(` (image ${clip(safe(el.alt), NAME_LIMIT)}) `);
    if (scrolls(el, look)) emitScroller(page, el);
    visitChildren(page, el, inner);
    return;
  }
  const [name, source] = nameSource(el, role);
  const open = source === 'content' && (name.length > NAME_LIMIT || holdsControls(el));
  emit(page, el, role, open ? '' : name);
  if (el.localName === 'select' || role === 'textbox' && el.isContentEditable) return;
  visitChildren(page, el, open ? { ...inner, pointer: true } : { ...inner, muted: true, pointer: true });
}

function holdsControls(el) {
  for (const inner of el.querySelectorAll(CANDIDATES)) if (roleOf(inner) && shown(inner)) return true;
  return false;
}

// controlRole tells what an element is to a person: a control by its role, or
// something else that reacts to a click.
function controlRole(el, look, inner) {
  const role = roleOf(el);
  if (role) return look.sized || standsBehindLabel(el) || el.firstElementChild ? role : '';
  if (!look.sized || inner.muted || el.localName === 'label' || el === document.body) return '';
  const pointed = look.style.cursor === 'pointer' && getComputedStyle(parentOf(el)).cursor !== 'pointer';
  const reacts = el.hasAttribute('onclick') || listeners.has(el) || el.getAttribute('tabindex') === '0';
  if (!pointed && !reacts) return '';
  if (!pointed && look.rect.width * look.rect.height > innerWidth * innerHeight / 2) return '';
  return pointed || el.hasAttribute('onclick') || !holdsControls(el) ? 'clickable' : '';
}

// standsBehindLabel: a control hidden by style whose visible label works for it.
function standsBehindLabel(el) {
  return el.localName === 'input' && /^(checkbox|radio|file)$/.test(el.type) && Array.from(el.labels).some(shown);
}

function scrolls(el, { style, rect }) {
  return /auto|scroll/.test(style.overflowY) && el.scrollHeight > el.clientHeight + 20 && rect.height > 40 && el !== document.scrollingElement;
}

function emitScroller(page, el) {
  page.out.end();
  const screens = n => (n / el.clientHeight).toFixed(1);
  const rest = el.scrollHeight - el.scrollTop - el.clientHeight;
  const name = clip(byIds(el, 'aria-labelledby') || clean(el.getAttribute('aria-label') || ''), NAME_LIMIT);
  put(page, el, 'scrollarea', name, ` ${screens(el.scrollTop)} up ${screens(Math.max(0, rest))} down`);
  page.out.end();
}

function emit(page, el, role, name = nameSource(el, role)[0]) {
  const shownName = name && ' ' + clip(safe(name), NAME_LIMIT);
  const value = valueOf(el, role);
  const states = statesOf(el);
  if (covered(el)) states.push('covered');
  put(page, el, role, nameOf(el, role), [shownName, value && ' ' + value, ...states.map(s => ' ' + s)].join(''));
}

function put(page, el, role, name, rest) {
  const key = keyOf(el, role, name);
  page.found.controls.push([key, role, name]);
  page.out.control(`\u0001${key}\u0002${role}${rest}`);
}

// covered: within the viewport, and no point of it can be hit.
function covered(el) {
  const r = el.getBoundingClientRect();
  if (r.width === 0 || r.height === 0) return false;
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
  return !pointsOf(el).some(p => reaches(el, hit(p.x, p.y)));
}
