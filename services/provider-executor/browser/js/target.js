// What replay needs to find an element again in a later visit: its fingerprint.

const MAX_STEPS = 40;   // of a path; what lies deeper is found by the end of its path
const MAX_TWINS = 30;  // items of a list that are searched for a control of the same name
const MAX_TARGET = 1900; // characters of a fingerprint, the frames it is in left out
const LANDMARKS = 'nav,main,header,footer,aside,form,dialog,[role=navigation],[role=main],[role=dialog],[role=search],[role=form]';

// pathOf is an XPath through shadow roots; one that would be too long begins with //.
function pathOf(el, place = placeAmong) {
  const steps = [];
  let at = el;
  while (at && at.nodeType === Node.ELEMENT_NODE && steps.length < MAX_STEPS) {
    const parent = parentNodeOf(at);
    const number = place(at, parent);
    steps.unshift(number ? `${at.localName}[${number}]` : at.localName);
    if (parent instanceof ShadowRoot) steps.unshift('#shadow-root');
    at = parent instanceof ShadowRoot ? parent.host : parent;
  }
  return (at && at.nodeType === Node.ELEMENT_NODE ? '//' : '/') + steps.join('/');
}

// placeAmong counts from 1 among the siblings of that tag; 0: there is no other.
function placeAmong(el, parent) {
  const twins = Array.from(childrenIn(parent) ?? [el]).filter(c => c.localName === el.localName);
  return twins.length > 1 ? twins.indexOf(el) + 1 : 0;
}

// An id or a class that a framework made up says nothing in a later visit.
function generated(id) {
  return id.length > 80 || /\d{4,}|(?=[a-f]*\d)[0-9a-f]{6,}|^[:«_]r\w+[:»_]|^(ember|mui|radix|headlessui|react|css|sc|jss)[-:\d]|__\w*\d\w*$/i.test(id);
}

function own(el, name) {
  const value = el.getAttribute(name);
  return value && value.length <= NAME_LIMIT ? value : undefined;
}

function testidOf(el) {
  const found = Array.from(attributesOf(el)).find(({ name }) => /^data-(test.*|qa|cy)$/.test(name));
  return found && own(el, found.name);
}

function idOf(el) {
  const id = el.getAttribute('id');
  return id && !generated(id) ? id : undefined;
}

// cssOf is the shortest selector that names just this element within its root.
function cssOf(el) {
  const root = el.getRootNode();
  const unique = selector => root.querySelectorAll(selector).length === 1;
  let tail = '';
  for (let at = el; at && at.nodeType === Node.ELEMENT_NODE && tail.length < 200; at = parentElementOf(at)) {
    const found = selectorsOf(at).map(selector => selector + tail).find(unique);
    if (found) return found;
    tail = ` > ${at.localName}${nthOf(at)}${tail}`;
  }
  return undefined;
}

function nthOf(el) {
  const place = placeAmong(el, parentNodeOf(el));
  return place ? `:nth-of-type(${place})` : '';
}

// selectorsOf lists selectors of an element by itself, the most telling first.
function selectorsOf(el) {
  const list = [];
  for (const { name, value } of attributesOf(el)) {
    if (/^data-(test.*|qa|cy)$/.test(name) && value.length <= 60) list.push(`[${name}=${JSON.stringify(value)}]`);
  }
  if (idOf(el)) list.push('#' + CSS.escape(idOf(el)));
  for (const name of ['name', 'aria-label', 'type', 'href']) {
    const value = el.getAttribute(name);
    if (value && value.length <= 60 && !generated(value)) list.push(`${el.localName}[${name}=${JSON.stringify(value)}]`);
  }
  for (const name of classesOf(el)) if (!generated(name)) list.push(`${el.localName}.${CSS.escape(name)}`);
  list.push(el.localName + nthOf(el));
  return list;
}

// itemOf finds the item of a list, grid or table that an element is in: one that says more than the element itself is
// called. null: there is none.
function itemOf(el) {
  const own = words(nameOf(el, roleOf(el) || 'clickable'));
  for (let item = el; parentElementOf(item) && item !== document.body; item = parentElementOf(item)) {
    if (item.localName === 'td' || item.localName === 'th') continue;
    if (item.localName !== 'tr' && item.localName !== 'li' && !hasTwins(item)) continue;
    if (words(textOf(item, 120)).some(word => !own.includes(word))) return item;
  }
  return null;
}

// twin: of the same kind. Rows of tables and lists are, whatever their classes; other boxes share one or have none.
const twin = item => other => other.localName === item.localName &&
  (item.localName === 'tr' || item.localName === 'li' || classNameOf(other) === classNameOf(item) || Array.from(classesOf(item)).some(name => classesOf(other).contains(name)));

// hasTwins: another of its kind stands beside it.
function hasTwins(item) {
  let count = 0;
  for (const other of childrenIn(parentElementOf(item))) if (twin(item)(other) && ++count === 2) return true;
  return false;
}

const keyText = item => clip(textOf(item, 120), 60);

// listOf places an element in the list that it is in an item of. same counts other items with such a control, of the
// first MAX_TWINS: where there are none, its name alone tells it from the others.
function listOf(el) {
  const item = itemOf(el);
  if (!item) return undefined;
  const twins = Array.from(childrenIn(parentElementOf(item))).filter(twin(item));
  const role = roleOf(el), name = nameOf(el, role || 'clickable');
  const alike = c => roleOf(c) === role && nameOf(c, role || 'clickable') === name;
  const others = twins.slice(0, MAX_TWINS).filter(other => other !== item);
  return {
    container: clip(cssOf(parentElementOf(item)) ?? '', 120), key_text: keyText(item), index: twins.indexOf(item), count: twins.length,
    same: others.filter(other => Array.from(other.querySelectorAll(role ? CANDIDATES : el.localName)).some(alike)).length,
  };
}

// neighborsOf names the controls before and after an element.
function neighborsOf(el) {
  const named = step => {
    const walker = document.createTreeWalker(el.getRootNode(), NodeFilter.SHOW_ELEMENT);
    walker.currentNode = el;
    for (let i = 0, at = step(walker); at && i < 300; i++, at = step(walker)) {
      if (!encloses(at, el) && !encloses(el, at) && roleOf(at) && shown(at)) return clip(nameOf(at, roleOf(at)), 40);
    }
    return '';
  };
  return [named(w => w.previousNode()), named(w => w.nextNode())];
}

function headingBefore(el) {
  for (let at = el; at && at !== document.body; at = parentOf(at)) {
    let near = 0;
    for (let before = siblingBefore(at); before && near < 100; before = siblingBefore(before), near++) {
      const found = HEADING.test(before.localName) ? before : before.querySelector('h1,h2,h3,h4,h5,h6');
      if (found) return clip(textOf(found), 60);
    }
  }
  return '';
}

function landmarkOf(el) {
  const found = el.closest(LANDMARKS);
  return found ? found.getAttribute('role') || found.localName : '';
}

function hostsOf(el) {
  const hosts = [];
  for (let root = el.getRootNode(); root instanceof ShadowRoot && hosts.length < 5; root = root.host.getRootNode()) {
    hosts.unshift(cssOf(root.host) ?? root.host.localName);
  }
  return hosts.length ? hosts : undefined;
}

// hashOf is 32-bit FNV-1a, in hexadecimal.
function hashOf(text) {
  let hash = 0x811c9dc5;
  for (const c of text) hash = Math.imul(hash ^ c.codePointAt(0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function rectOf(el) {
  const r = el.getBoundingClientRect();
  const screens = (n, size) => Math.round(n / size * 1000) / 1000;
  return [screens(r.left + scrollX, innerWidth), screens(r.top + scrollY, innerHeight), screens(r.width, innerWidth), screens(r.height, innerHeight)];
}

function hrefPath(el) {
  try { return el.href ? clip(new URL(el.href).pathname, 150) : undefined; } catch { return undefined; }
}

const ICONS = 'svg path,svg use,svg circle,svg rect,svg polygon,img,i,span,[style*=url]';

// iconOf tells a control that shows only a picture from others by what the picture is drawn from. undefined: it shows
// nothing that could be told.
function iconOf(el) {
  const drawn = [el, ...Array.from(el.querySelectorAll(ICONS)).slice(0, 20)].map(part =>
    ['d', 'points', 'href', 'src', 'class', 'cx', 'cy', 'r'].map(name => part === el && name !== 'class' ? '' : part.getAttribute(name) ?? '').join(' ').trim());
  const background = getComputedStyle(el).backgroundImage;
  const text = drawn.filter(Boolean).join('|') + (background === 'none' ? '' : background);
  return text ? hashOf(text) : undefined;
}

function targetOf(el) {
  const role = roleOf(el) || 'clickable';
  const [name, source] = nameSource(el, role);
  return bounded({
    v: 1, tag: el.localName, role, name: clip(name, NAME_LIMIT), name_src: source, type: own(el, 'type'), testid: testidOf(el), id: idOf(el),
    name_attr: own(el, 'name'), placeholder: own(el, 'placeholder'), label: clip(labelOf(el), NAME_LIMIT) || undefined, href_path: hrefPath(el),
    heading: headingBefore(el) || undefined, landmark: landmarkOf(el) || undefined, shadow: hostsOf(el), css: cssOf(el), list: listOf(el),
    neighbors: neighborsOf(el), rect: rectOf(el), text_hash: hashOf(textOf(el)), icon: name ? undefined : iconOf(el), xpath: pathOf(el),
  });
}

// hopOf tells a frame from the others in its document.
function hopOf(owner) {
  const frames = Array.from(document.querySelectorAll('iframe,frame'));
  return { name: own(owner, 'name') ?? '', ordinal: frames.indexOf(owner), css: cssOf(owner) ?? '' };
}

// bounded drops what helps least until the rest is small enough.
function bounded(target) {
  for (const field of ['neighbors', 'list', 'heading', 'shadow', 'css', 'label', 'placeholder', 'href_path', 'xpath']) {
    if (JSON.stringify(target).length <= MAX_TARGET) break;
    delete target[field];
  }
  return target;
}
