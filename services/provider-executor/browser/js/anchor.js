// What a person would say where a piece of text stands: its label, row, column and heading; and paths to it.

// named is a text by which something is called: without its colon, and without a count in brackets.
function named(text) {
  return clip(text.trim().replace(/\s*:$/, ''), NAME_LIMIT);
}

// sameName compares such names.
function sameName(a, b) {
  const bare = text => text.toLowerCase().replace(/\([^()]*\d[^()]*\)/g, '()').replace(/\s+/g, ' ').replace(/\s*:$/, '').trim();
  return bare(a) === bare(b);
}

const NAMELESS = { text: '', plain: false, el: null };

// labelled finds a piece's label. plain: only where it stands makes it one, so that it may be a value itself.
function labelled(page, p) {
  if (p.lead) return { text: named(p.lead), plain: false, el: null };
  return page.remember('label', p.el, () => labelFor(page, p.el));
}

function labelFor(page, el) {
  const sure = (text, from = null) => text ? { text: named(text), plain: false, el: from } : null;
  if (/^(input|textarea|select)$/.test(el.localName)) {
    const [name, source] = nameSource(el, roleOf(el));
    return /^(label|labelledby|aria-label|title|placeholder)$/.test(source) && sure(name) || besides(page, el) || NAMELESS;
  }
  const said = referenced(el.ariaLabelledByElements) || (/^(img|a)$/.test(el.localName) ? '' : attributeOf(el, 'aria-label')) || labelOf(el);
  return sure(said) ?? defined(el) ?? inRow(page, el) ?? besides(page, el) ?? sure(attributeOf(el, 'itemprop')) ?? NAMELESS;
}

// defined: the dt of a dd.
function defined(el) {
  const dd = el.closest('dd');
  let dt = siblingBefore(dd);
  while (dt && dt.localName !== 'dt') dt = siblingBefore(dt);
  const text = dt && line(dt);
  return text ? { text: named(text), plain: false, el: dt } : null;
}

// inRow: the first cell of a row of two, or its th, in a table without columns that have names.
function inRow(page, el) {
  const cell = el.closest('td');
  if (!cell || columnOf(page, cell)) return null;
  const cells = Array.from(parentElementOf(cell).cells ?? []);
  const head = cells.find(other => other.localName === 'th') ?? (cells.length === 2 ? cells[0] : null);
  const text = head && head !== cell ? line(head) : '';
  return text ? { text: named(text), plain: head.localName !== 'th', el: head } : null;
}

// besides: what stands before the piece with a colon, or makes a pair with it.
function besides(page, el) {
  for (let at = el, up = 0; up < 4 && parentElementOf(at); at = parentElementOf(at), up++) {
    if (up > 0 && SECTIONS.has(at.localName)) return null;
    const inline = page.remember('inline', at, () => inTheLine(at));
    if (inline) return { text: named(inline), plain: !inline.endsWith(':'), el: null };
    const [before, count, paired] = page.remember('before', at, () => textBefore(page, at));
    if (!before) continue;
    if (before.nodeType === Node.ELEMENT_NODE && saysItsOwn(before)) return null;
    const text = before.nodeType === Node.TEXT_NODE ? clean(before.data).trim() : line(before);
    const colon = text.endsWith(':') || before.localName === 'label';
    if (text.length > 60 || !/\p{L}/u.test(text) || /\d/.test(text) && !/\(.*\d.*\)/.test(text)) return null;
    if (!colon && count !== 2 && !paired) return null;
    return { text: named(text), plain: !colon, el: before };
  }
  return null;
}

// inTheLine is what the text of a line says right before an inline element and, if it is the line's last element, right
// behind it: "price … euro" of "price <b>39</b> euro".
function inTheLine(el) {
  if (!getComputedStyle(el).display.startsWith('inline') || CONTROLS.has(el.localName)) return '';
  const words = text => text && text.length <= 40 && /\p{L}/u.test(text) && !/\d/.test(text) ? text : '';
  const parts = text => clean(text).split(/[()[\],;.!?|•·–—]/).map(part => part.trim());
  const before = words(parts(textBeside(el, 'previousSibling')?.data ?? '').at(-1));
  const next = textBeside(el, 'nextSibling');
  const last = next && !textOrElement(next, 'nextSibling');
  const behind = before.endsWith(':') || !last ? '' : words(parts(next.data)[0]);
  return before && behind ? `${before} … ${behind}` : before || behind;
}

const CONTROLS = new Set(['input', 'select', 'textarea', 'button', 'img']);

// textBeside is the text next to an element in its line, null if something else is there or nothing.
function textBeside(el, way) {
  const node = textOrElement(el, way);
  return node?.nodeType === Node.TEXT_NODE ? node : null;
}

// textOrElement is the next sibling that says or is something in the same line.
function textOrElement(node, way) {
  let next = node[way];
  while (next && (next.nodeType === Node.TEXT_NODE ? !/\S/.test(next.data) : next.nodeType !== Node.ELEMENT_NODE)) next = next[way];
  return next?.localName === 'br' ? null : next;
}

// saysItsOwn: a heading, or what labels or holds a control, is no label of what comes behind it.
function saysItsOwn(el) {
  const inner = CALLED + ',input,select,textarea,button';
  return el.matches(inner) || el.querySelector(inner) !== null || Boolean(el.control);
}

// textBefore gives the nearest sibling before an element that says something, and how many of its siblings, itself
// included, do.
function textBefore(page, el) {
  const saying = page.remember('saying', parentElementOf(el), () => {
    const nodes = Array.from(parentElementOf(el).childNodes).filter(says);
    return { nodes, places: new Map(nodes.map((node, i) => [node, i])) };
  });
  const place = saying.places.get(el) ?? -1; // a control says nothing by itself
  const before = place >= 0 ? saying.nodes[place - 1] : saying.nodes.findLast(node => node.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING);
  return [before, saying.nodes.length + (place < 0), place % 2 === 1 && inPairs(saying)];
}

// inPairs: of what stands side by side each second one holds a figure, and the others none: they are its labels.
function inPairs(saying) {
  const texts = saying.nodes.map(node => node.nodeType === Node.ELEMENT_NODE ? node.textContent : node.data);
  return saying.pairs ??= texts.length % 2 === 0 && texts.length <= 20 && texts.every((text, i) => /\d/.test(text) === (i % 2 === 1));
}

function says(node) {
  if (node.nodeType === Node.TEXT_NODE) return /\S/.test(node.data);
  return node.nodeType === Node.ELEMENT_NODE && !PIECELESS.has(node.localName) && /\S/.test(node.textContent) && shown(node);
}

// columnOf is the name of a cell's column, unless spans or twins leave it in doubt.
function columnOf(page, cell) {
  const table = cell.closest('table');
  const heads = table && page.remember('columns', table, () => columnsOf(table));
  if (!heads || cell.localName !== 'td' && cell.localName !== 'th') return '';
  let place = 0;
  for (let before = siblingBefore(cell); before; before = siblingBefore(before)) place += before.colSpan ?? 1;
  const head = cell.colSpan === 1 ? heads[place] ?? '' : '';
  return heads.filter(other => sameName(other, head)).length === 1 ? head : '';
}

function columnsOf(table) {
  const row = Array.from(table.tHead?.rows ?? []).at(-1) ?? table.rows[0];
  const cells = Array.from(row?.cells ?? []);
  if (cells.length < 2 || !table.tHead && cells.some(cell => cell.localName !== 'th')) return null;
  if (table.querySelector('[rowspan]:not([rowspan="1"])')) return null;
  return cells.flatMap(cell => [named(line(cell)), ...Array(Math.max(0, Math.min(cell.colSpan, 100) - 1)).fill('')]);
}

// groupOf gives the siblings that an element is one of several with; null: it is not.
function groupOf(page, el) {
  const parent = parentElementOf(el);
  if (!parent || el === document.body) return null;
  const group = page.remember('groups', parent, () => groupsIn(parent)).get(kindOf(el));
  return group?.has(el) && (group.size > 1 || /^(li|tr|article)$/.test(el.localName)) ? group : null;
}

// groupsIn sorts the children of an element by kind: kind -> child -> its place.
function groupsIn(parent) {
  const groups = new Map();
  for (const child of childrenIn(parent)) {
    if (!isItem(child) || !shown(child)) continue;
    const kind = kindOf(child);
    if (!groups.has(kind)) groups.set(kind, new Map());
    groups.get(kind).set(child, groups.get(kind).size);
  }
  return groups;
}

// isItem: a row of a table is one where it holds data.
function isItem(el) {
  if (/^(td|th|dt|dd|tbody|thead|tfoot|br|p|h[1-6])$/.test(el.localName)) return false;
  return el.localName !== 'tr' || el.querySelector(':scope > td') !== null;
}

function kindOf(el) {
  if (/^(li|tr)$/.test(el.localName)) return el.localName;
  const first = Array.from(classesOf(el)).find(name => !generated(name));
  return first ? `${el.localName}.${first}` : el.localName;
}

// itemsAround lists the repeated elements that a piece is in, the innermost first.
function itemsAround(page, el) {
  const items = [];
  for (let at = el; at && items.length < 4; at = parentElementOf(at)) if (groupOf(page, at)) items.push(at);
  return items;
}

// isRecord: items of its kind say the same things of different keys, as rows do. The rows of a list of totals do not.
function isRecord(page, item) {
  return page.remember('record', parentElementOf(item), () => {
    const told = new Set();
    for (const each of Array.from(groupOf(page, item).keys()).slice(0, 6)) {
      const here = facts(page, each);
      if (Array.from(here).some(fact => told.has(fact))) return true;
      for (const fact of here) told.add(fact);
    }
    return false;
  });
}

// facts are what an item holds, and under which labels, less its key and the labels themselves.
function facts(page, item) {
  const inside = page.inside(item).slice(0, 40);
  const labels = new Set(inside.map(p => labelled(page, p).el).filter(Boolean));
  const key = keyElement(page, item);
  const plain = inside.filter(p => p.el !== key && !Array.from(labels).some(label => label.contains(p.el)));
  return new Set(plain.map(p => JSON.stringify([fieldPath(page, item, p.el), labelled(page, p).text, p.part])));
}

// keyElement is what an item is called by: its heading, first cell, first link or first text.
function keyElement(page, item) {
  return page.remember('key', item, () => {
    const cells = item.localName === 'tr' ? [item.querySelector(':scope > th'), ...item.cells] : [];
    const candidates = [item.querySelector(CALLED), ...cells, item.querySelector('a[href]')];
    return candidates.find(el => el && says(el)) ?? page.inside(item)[0]?.el ?? null;
  });
}

// rowsOf are the keys of the records that a piece is in, the innermost first. own: the piece is such a key itself.
function rowsOf(page, p, label) {
  const rows = [];
  let own = false;
  for (const item of itemsAround(page, p.el)) {
    if (groupOf(page, item).size < 2 || !isRecord(page, item)) continue;
    const key = keyElement(page, item);
    if (!key) continue;
    if (key.contains(p.el) || p.el.contains(key)) own = true;
    else if (!label.text || !sameName(line(key), label.text)) rows.push(named(line(key)));
  }
  return { rows, own };
}

function anchorsOf(page, p) {
  const label = labelled(page, p);
  const cell = p.el.closest('td,th');
  const { rows, own } = rowsOf(page, p, label);
  const title = page.titles.length === 1 && page.titles[0].contains(p.el);
  return {
    label: label.text, plain: label.plain, repeated: itemsAround(page, p.el).some(item => groupOf(page, item).size > 1),
    row: rows[0] ?? '', above: rows[1] ?? '', own, title, column: cell && !p.lead ? columnOf(page, cell) : '',
    heading: p.heading?.text ?? '', sole: page.sole(p.heading),
  };
}

// fieldPath leads from an item to a piece in it. A step that no class tells from its siblings says how many there are,
// so that another one among them is noticed.
function fieldPath(page, item, el) {
  const steps = [];
  for (let at = el; at && at !== item; at = parentOf(at)) {
    const column = /^(td|th)$/.test(at.localName) ? columnOf(page, at) : '';
    steps.unshift(column ? `"${column}"` : stepOf(page, at));
  }
  return steps.join('/');
}

function stepOf(page, el) {
  return page.remember('step', el, () => {
    const twins = Array.from(childrenIn(parentNodeOf(el))).filter(other => other.localName === el.localName);
    if (twins.length === 1) return el.localName;
    const telling = Array.from(classesOf(el)).filter(name => !generated(name) && twins.filter(other => classesOf(other).contains(name)).length === 1);
    const common = name => page.remember('classes', name, () => document.getElementsByClassName(name).length);
    const best = telling.sort((a, b) => common(b) - common(a))[0];
    return best ? `${el.localName}.${best}` : `${el.localName}[${twins.indexOf(el) + 1}/${twins.length}]`;
  });
}

// selectorFor names just this element within its root: by the nearest element that a name of its own tells apart.
function selectorFor(page, el) {
  return page.remember('css', el, () => {
    const root = el.getRootNode();
    const unique = selector => page.remember('unique', selector, () => root.querySelectorAll(selector).length === 1);
    const found = marksOf(el).find(mark => root === document ? unique(mark) : root.querySelectorAll(mark).length === 1);
    if (found) return found;
    const step = el.localName + placeIn(page, el);
    return parentElementOf(el) ? `${selectorFor(page, parentElementOf(el))} > ${step}` : step;
  });
}

function marksOf(el) {
  const marks = [];
  for (const { name, value } of attributesOf(el)) {
    if (/^data-(test.*|qa|cy)$/.test(name) && value.length <= 60) marks.push(`[${name}=${JSON.stringify(value)}]`);
  }
  if (idOf(el)) marks.push('#' + CSS.escape(idOf(el)));
  for (const name of classesOf(el)) if (!generated(name)) marks.push(`${el.localName}.${CSS.escape(name)}`);
  return el === document.body ? ['body'] : marks;
}

function placeIn(page, el) {
  const place = placeFrom(page, el);
  return place ? `:nth-of-type(${place})` : '';
}

// placeFrom is placeAmong for many children of one parent.
function placeFrom(page, el) {
  const parent = parentNodeOf(el);
  const places = page.remember('places', parent, () => {
    const counts = new Map(), numbers = new Map();
    for (const child of childrenIn(parent) ?? []) {
      counts.set(child.localName, (counts.get(child.localName) ?? 0) + 1);
      numbers.set(child, counts.get(child.localName));
    }
    return { counts, numbers };
  });
  return places.counts.get(el.localName) > 1 ? places.numbers.get(el) : 0;
}
