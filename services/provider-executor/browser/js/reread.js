// Where a piece was found, written down, and reading it again: the one piece that fits, or none.

function sourceOf(page, p, a) {
  const source = spare({
    v: 1, tag: p.el.localName, part: p.part, attr: p.attr, struck: p.struck, label: a.label, row: a.row, above: a.above, column: a.column,
    heading: a.heading, sole: a.sole, title: a.title, css: selectorFor(page, p.el), xpath: pathFor(page, p.el), shadow: hostsOf(p.el),
  });
  const among = a.label ? withLabel(page, a.label).filter(other => kindFits(other, source) && anchorsFit(page, other, source)).length : 1;
  const placed = among > 1 || !a.label && !a.title; // its place must tell it apart
  return spare({ ...source, among: among > 1 ? among : '', steps: placed ? fieldPath(page, null, p.el) : '' });
}

// withLabel lists the pieces of a label.
function withLabel(page, label) {
  const all = page.remember('labelled', document, () => Map.groupBy(page.found, p => labelled(page, p).text.toLowerCase()));
  return all.get(label.toLowerCase()) ?? [];
}

// spare leaves out what says nothing.
function spare(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== '' && value !== false && value !== undefined));
}

function pathFor(page, el) {
  return pathOf(el, at => placeFrom(page, at));
}

// recordsOf tells of the two innermost lists that a piece is in an item of.
function recordsOf(page, p) {
  return itemsAround(page, p.el).slice(0, 2).map(item => {
    const group = groupOf(page, item);
    const { id, source } = page.remember('list', group, () => ({ id: page.lists = (page.lists ?? 0) + 1, source: listSource(page, item) }));
    const index = group.get(item), field = fieldOf(page, item, p);
    return { container: id, list: source, index, count: group.size, field, recurs: index === 0 && recurs(page, group, field), column: columnOf(page, p.el.closest('td,th') ?? p.el) };
  });
}

// recurs: others of the next items have the same field as the first.
function recurs(page, group, field) {
  const others = Array.from(group.keys()).slice(1, 6);
  return others.filter(item => page.inside(item).some(p => JSON.stringify(fieldOf(page, item, p)) === JSON.stringify(field))).length > 1;
}

function fieldOf(page, item, p) {
  return spare({ path: fieldPath(page, item, p.el), part: p.part, attr: p.attr, struck: p.struck, lead: p.lead ? named(p.lead) : '' });
}

function listSource(page, item) {
  const el = parentElementOf(item);
  const heading = headingOf(page, el);
  return spare({
    v: 1, tag: el.localName, item: kindOf(item), heading: heading?.text ?? '', sole: page.sole(heading), label: listLabel(el), css: selectorFor(page, el),
    xpath: pathFor(page, el), shadow: hostsOf(el), more: goesOn(el), loads: loadedByScrolling(el),
  });
}

function listLabel(el) {
  const table = el.closest('table');
  return named(referenced(el.ariaLabelledByElements) || attributeOf(el, 'aria-label') || (table?.caption ? line(table.caption) : ''));
}

const FURTHER = /^(next( page)?|(load|show|see|view) (more|all)\b.*|more( results)?|older|weiter|nächste( seite)?|mehr( anzeigen| laden)?|suivant|siguiente|avanti|›|»|→|>|>>)$/i;

// goesOn: behind the list stands a control that would show more of it.
function goesOn(el) {
  const controls = Array.from(el.getRootNode().querySelectorAll('a,button,[role=button],[role=link]'));
  return controls.some(c => {
    if (el.contains(c) || !(el.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING) || !shown(c) || disabled(c)) return false;
    const name = nameSource(c, roleOf(c) || 'clickable')[0].trim();
    return c.rel === 'next' || FURTHER.test(name) || FURTHER.test(name.replace(/\s*[›»→>]+$/, ''));
  });
}

// reread looks for the piece that a source tells of: {text, count}, the count being 1 where it was read, and near, labels
// that are there. Where several have the same anchors, there must be as many as there were.
function reread(source) {
  const page = new Pieces();
  errand.hosts = page.hosts;
  const fitting = page.found.filter(p => kindFits(p, source) && anchorsFit(page, p, source));
  const told = Boolean(source.label || source.title || source.column && source.row);
  const placed = () => fitting.filter(p => placeFits(page, p, source));
  const found = !told || source.among === fitting.length ? placed() : fitting;
  return { text: found.length === 1 ? found[0].text : '', count: found.length, near: found.length ? [] : nearby(page, source), hosts: page.hosts.length };
}

// kindFits: the same part of an element. A struck price is another thing than one that is not. A source written by hand
// need not say of which part it is.
function kindFits(p, source) {
  if (!source.part) return /^(own|value|alt)$/.test(p.part);
  return p.part === source.part && p.attr === (source.attr ?? '') && p.struck === Boolean(source.struck);
}

function anchorsFit(page, p, source) {
  if (source.heading && !(sameName(source.heading, p.heading?.text ?? '') || source.sole && page.sole(p.heading))) return false;
  const asked = name => source.v || source[name] !== undefined;
  if (asked('label') && !sameName(source.label ?? '', labelled(page, p).text)) return false;
  const now = anchorsOf(page, p);
  if (asked('title') && now.title !== Boolean(source.title)) return false;
  return ['row', 'above', 'column'].every(name => !asked(name) || sameName(source[name] ?? '', now[name]));
}

// placeFits: selector and path both lead to the piece, and no step of the path has got or lost a twin; a selector that is
// a name of its own is enough.
function placeFits(page, p, source) {
  if (!source.css && !source.xpath || !sameHosts(p.el, source.shadow)) return false;
  const css = source.css && only(p.el.getRootNode(), source.css) === p.el;
  if (!source.xpath || css && /^(#|\[data-)[^ ]*$/.test(source.css)) return Boolean(css);
  if (source.steps && fieldPath(page, null, p.el) !== source.steps) return false;
  return (css || !source.css) && pathFor(page, p.el) === source.xpath;
}

function sameHosts(el, hosts = []) {
  return JSON.stringify(hostsOf(el) ?? []) === JSON.stringify(hosts);
}

// only gives what a selector finds, if that is one element.
function only(root, selector) {
  try {
    const found = root.querySelectorAll(selector);
    return found.length === 1 ? found[0] : null;
  } catch {
    throw new Refusal(`${selector} is no CSS selector`);
  }
}

// nearby are labels of the page, those under the same heading first.
function nearby(page, source) {
  const here = page.found.filter(p => !source.heading || sameName(source.heading, p.heading?.text ?? ''));
  const labels = new Set([...here, ...page.found].slice(0, 400).map(p => labelled(page, p).text).filter(Boolean));
  return Array.from(labels).slice(0, 6);
}

// readList reads fields of all items of a list, or of its first few.
function readList(list, fields, first) {
  const page = new Pieces();
  errand.hosts = page.hosts;
  const lists = Array.from(page.ranges.keys()).filter(el => el.localName === list.tag && listFits(page, el, list));
  const called = list.label || list.heading && sameName(list.heading, headingOf(page, lists[0])?.text ?? '');
  const found = lists.length === 1 && called ? lists : lists.filter(el => listPlaceFits(page, el, list));
  if (found.length !== 1) return { count: found.length || lists.length, hosts: page.hosts.length };
  if (found[0].closest('[aria-busy=true]')) throw new Refusal('the list is still loading');
  if (!first && !list.more && goesOn(found[0])) throw new Refusal('the list goes on behind what is shown, which it did not when it was recorded');
  const items = itemsOf(found[0], list).slice(0, first || undefined);
  return { count: 1, rows: items.map((item, i) => fields.map(field => fieldIn(page, item, field, i))), hosts: page.hosts.length };
}

function itemsOf(el, list) {
  return Array.from(groupsIn(el).get(list.item)?.keys() ?? []);
}

function listFits(page, el, list) {
  if (itemsOf(el, list).length === 0) return false;
  if (list.label && !sameName(list.label, listLabel(el))) return false;
  const heading = headingOf(page, el);
  return !list.heading || sameName(list.heading, heading?.text ?? '') || Boolean(list.sole) && page.sole(heading);
}

// headingOf is the heading above a list.
function headingOf(page, list) {
  return list && page.inside(list)[0]?.heading;
}

function listPlaceFits(page, el, list) {
  if (!sameHosts(el, list.shadow)) return false;
  if (list.css && only(el.getRootNode(), list.css) === el) return true;
  return pathFor(page, el) === list.xpath;
}

function fieldIn(page, item, field, i) {
  const fits = p => kindFits(p, field) && fieldPath(page, item, p.el) === (field.path ?? '') && named(p.lead ?? '') === (field.lead ?? '');
  const found = page.inside(item).filter(fits);
  if (found.length === 1) return found[0].text;
  throw new Refusal(`its item ${i + 1} (${JSON.stringify(clip(line(item), 60))}) has ${found.length || 'nothing'} at ${field.path}`);
}
