// Pieces of text that a person can read in this frame, for finding the values of a result among them and reading
// them again on a later visit.

const PIECELESS = new Set(['script', 'style', 'noscript', 'template', 'head', 'svg', 'math', 'iframe', 'frame', 'datalist', 'object',
  'embed', 'option', 'optgroup', 'canvas', 'video', 'audio', 'button', 'br', 'hr']);
const CALLED = 'h1,h2,h3,h4,h5,h6,[role=heading]';
const SECTIONS = new Set(['section', 'article', 'aside', 'nav', 'main', 'header', 'footer', 'dialog', 'li', 'tr', 'td', 'th', 'dd',
  'fieldset', 'form', 'table', 'details']);
const MAX_PIECE = 300; // characters; a value is shorter
const MAX_MIXED = 12;  // nodes in a piece that is put together
const LEAD = /^([^:\d]{2,40}):\s+(\S.*)$/; // "Total: €39.00"

// Pieces are what one look at the frame has found. Much is computed only for those that are asked about.
class Pieces {
  found = [];          // in reading order
  ranges = new Map();  // element -> [first, end) of the pieces in it
  hosts = [];
  memo = new Map();

  constructor(view = null) {
    this.view = view;
    if (document.body) this.enter(document.body, { heading: null, struck: false, depth: 0 });
  }

  // remember computes something about an element once.
  remember(what, el, compute) {
    let known = this.memo.get(what);
    if (!known) this.memo.set(what, known = new Map());
    if (!known.has(el)) known.set(el, compute());
    return known.get(el);
  }

  // visit reads a visible element and returns the heading that holds for what follows it.
  visit(el, state) {
    if (PIECELESS.has(el.localName) || state.depth > MAX_DEPTH) return state.heading;
    if (!el.checkVisibility({ opacityProperty: true }) && getComputedStyle(el).display !== 'contents') return state.heading;
    if (this.view && this.away(el)) return lastHeading(el) ?? state.heading;
    if (el.localName.includes('-') && mayHide(el)) this.hosts.push(el);
    const own = el.matches(CALLED) ? { el, text: line(el), level: levelOf(el) } : null;
    const after = this.enter(el, { ...state, depth: state.depth + 1 });
    if (own?.text) return own;
    return scopes(el) ? state.heading : after;
  }

  enter(el, state) {
    const first = this.found.length;
    const struck = state.struck || /^(del|s|strike)$/.test(el.localName) || getComputedStyle(el).textDecorationLine.includes('line-through');
    this.take(el, { heading: state.heading, struck });
    let heading = state.heading;
    for (const child of childrenOf(el)) {
      if (child.nodeType === Node.ELEMENT_NODE) heading = this.visit(child, { ...state, heading, struck });
    }
    this.ranges.set(el, [first, this.found.length]);
    return heading;
  }

  away(el) {
    const r = el.getBoundingClientRect();
    return r.height > 0 && (r.bottom <= this.view.top || r.top >= this.view.bottom);
  }

  // take notes the pieces that an element itself is or has.
  take(el, state) {
    const texts = textsOf(el);
    if (texts.length === 0 || !legible(el) || this.view && this.away(el)) return;
    for (const [text, part, attr] of texts) this.note({ el, text, part, attr, ...state });
  }

  note(piece) {
    const lead = piece.attr || piece.part === 'value' ? null : LEAD.exec(piece.text);
    this.found.push(piece);
    if (lead) this.found.push({ ...piece, text: lead[2], lead: lead[1], part: piece.part + ':' });
  }

  inside(el) {
    const [first, end] = this.ranges.get(el) ?? [0, 0];
    return this.found.slice(first, end);
  }

  get titles() {
    return this.remember('titles', document, () => Array.from(document.querySelectorAll('h1')).filter(shown));
  }

  // sole: the heading is the page's only one of the first level.
  sole(heading) {
    return heading?.level === 1 && this.titles.length === 1 && this.titles[0] === heading.el;
  }
}

function levelOf(el) {
  return Number(HEADING.exec(el.localName)?.[1] ?? el.getAttribute('aria-level') ?? 2);
}

function lastHeading(el) {
  const found = scopes(el) ? [] : Array.from(el.querySelectorAll(CALLED)).filter(shown);
  const last = found.at(-1);
  return last && { el: last, text: line(last), level: levelOf(last) };
}

// scopes: a heading in the element says nothing of what comes behind it.
function scopes(el) {
  const alike = other => other && other.localName === el.localName && classNameOf(el) !== '' && classNameOf(other) === classNameOf(el);
  return SECTIONS.has(el.localName) || alike(siblingBefore(el)) || alike(siblingAfter(el));
}

// legible: there is something to see of it; text for screen readers alone is one pixel high.
function legible(el) {
  const r = el.getBoundingClientRect();
  if (r.width > 1 && r.height > 1) return getComputedStyle(el).visibility === 'visible';
  return getComputedStyle(el).display === 'contents' && el.textContent.trim() !== '';
}

function line(el) {
  return clip(textOf(el), MAX_PIECE);
}

// textsOf lists [text, part, attribute] of an element. Part says what of it the text is.
function textsOf(el) {
  const texts = [];
  const add = (text, part, attr = '') => {
    const said = clean(text ?? '').trim();
    if (said && said.length <= MAX_PIECE) texts.push([said, part, attr]);
  };
  switch (el.localName) {
    case 'input': case 'textarea': case 'select': add(heldBy(el), 'value'); return texts;
    case 'img': add(el.alt, 'alt', 'alt'); return texts;
  }
  const pieces = Array.from(childrenOf(el)).filter(node => node.nodeType === Node.TEXT_NODE && /\S/.test(node.data));
  const mixed = mixedText(el);
  if (mixed !== null) add(mixed, 'all');
  if (pieces.length === 1) add(pieces[0].data, 'own');
  else if (pieces.length > 1 && el.childElementCount === 0) add(pieces.map(node => node.data).join(''), 'own');
  if (el.localName === 'a' && el.hasAttribute('href') && /^https?:/.test(el.href)) add(el.href, 'attr', 'href');
  if (el.hasAttribute('datetime')) add(el.getAttribute('datetime'), 'attr', 'datetime');
  if (el.hasAttribute('itemprop')) add(el.getAttribute('content'), 'attr', 'content');
  if (el.localName === 'data') add(el.value, 'attr', 'value');
  return texts;
}

function heldBy(el) {
  if (el.localName === 'select') return Array.from(el.selectedOptions, option => option.label).join(', ');
  if (secretive(el) || /^(hidden|checkbox|radio|file|button|submit|reset|image)$/.test(el.type)) return '';
  return el.value;
}

// mixedText is the text of a small element that is put together from several inline pieces; null: it is not one.
function mixedText(el) {
  if (el.childElementCount === 0 || el.childElementCount > MAX_MIXED) return null;
  const found = { text: '', nodes: 0, pieces: 0 };
  return inlineText(el, found) && found.pieces > 1 ? found.text : null;
}

function inlineText(el, found) {
  for (const child of childrenOf(el)) {
    if (++found.nodes > MAX_MIXED) return false;
    if (child.nodeType === Node.TEXT_NODE) {
      found.text += child.data;
      if (/\S/.test(child.data)) found.pieces++;
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      if (PIECELESS.has(child.localName) && child.localName !== 'br' || /^(input|textarea|select|img)$/.test(child.localName)) return false;
      const { display } = getComputedStyle(child);
      if (display === 'none') continue;
      if (child.localName === 'br' || !display.startsWith('inline') || !inlineText(child, found)) return false;
    }
  }
  return true;
}

// skeletonOf is what is left of a text without case, spaces and signs.
function skeletonOf(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

// leaves tells the pieces of a window, or those of the whole frame that hold one of the needles. Records that hold some
// are told whole: what else they say may be a value in other words.
function leaves(view, needles, limit) {
  const page = new Pieces(needles ? null : view);
  errand.hosts = page.hosts;
  const wanted = needles ? withRecords(page, holding(page, needles.map(skeletonOf).filter(Boolean))) : page.found;
  const cut = Math.max(0, wanted.length - limit);
  const told = needles && cut ? [] : wanted.slice(0, limit);
  return { leaves: told.map(p => leafOf(page, p)), cut, hosts: page.hosts.length };
}

function holding(page, needles) {
  return page.found.filter(p => { const said = skeletonOf(p.text); return needles.some(n => said.includes(n)); });
}

const MAX_RECORDS = 100; // of a container that is told whole

function withRecords(page, pieces) {
  const met = new Map(); // group -> the items of it that hold something
  for (const p of pieces) {
    for (const item of itemsAround(page, p.el).slice(0, 2)) {
      const group = groupOf(page, item);
      met.set(group, (met.get(group) ?? new Set()).add(item));
    }
  }
  const wanted = new Set(pieces);
  for (const [group, items] of met) {
    if (items.size < 2 || group.size > MAX_RECORDS) continue;
    for (const item of group.keys()) for (const p of page.inside(item)) wanted.add(p);
  }
  return wanted.size === pieces.length ? pieces : page.found.filter(p => wanted.has(p));
}

function leafOf(page, p) {
  const anchors = anchorsOf(page, p);
  const number = el => page.remember('number', el, () => (page.numbered = (page.numbered ?? 0) + 1));
  let around = parentOf(p.el);
  while (around && !textBearing(page, around)) around = parentOf(around);
  return {
    text: p.text, node: number(p.el), within: around ? number(around) : 0, attr: p.attr,
    ...anchors, source: sourceOf(page, p, anchors), items: recordsOf(page, p),
  };
}

// textBearing: the element is a piece itself.
function textBearing(page, el) {
  const [first] = page.ranges.get(el) ?? [-1];
  return page.found[first]?.el === el;
}
