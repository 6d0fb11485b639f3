// Finding an element of a recording again: what in this frame could be it, and by what. Whether one of them is it, Go
// decides, who knows the other frames.

// KIN are roles that a redesign turns into one another.
const KIN = [
  ['button', 'link', 'clickable', 'menuitem', 'tab', 'option', 'treeitem', 'gridcell'],
  ['textbox', 'searchbox', 'combobox', 'number', 'spinbutton'],
  ['select', 'listbox', 'combobox'],
  ['checkbox', 'switch', 'menuitemcheckbox'],
  ['radio', 'menuitemradio', 'tab'],
  ['date', 'time', 'datetime', 'month', 'week', 'textbox'],
  ['slider', 'spinbutton', 'number'],
];
const LIKE = 0.5;       // names less alike than that are not of the same control
const STAYED = 0.65;    // as like as that must be what kept its id and is called something else: ids are given anew too
const SCORED = 12;      // candidates that are looked at closely
const TOLD = 3;         // candidates that come back for their likeness
const UNTOLD = 0.7;     // at most as like as that is what does not have the words of a value that was to choose it
const ROW_WORK = 400;   // characters of a row that are read

const kin = (a, b) => a === undefined || a === b || KIN.some(roles => roles.includes(a) && roles.includes(b));

// HOSTS are the elements that have shadow roots as a rule: all but HTML's own, and its empty boxes. To ask each element
// of a long page takes longer than all the rest.
const PLAIN = 'a,abbr,b,br,button,code,col,dd,dl,dt,em,fieldset,form,g,hr,html,head,i,iframe,img,input,label,legend,li,link,meta,ol,optgroup,option,' +
  'path,picture,pre,rect,script,select,small,source,strong,style,sub,sup,svg,table,tbody,td,textarea,tfoot,th,thead,time,title,tr,u,ul,use';
const BOXES = 'div,span,p,section,article,aside,header,footer,main,nav,blockquote,h1,h2,h3,h4,h5,h6';
const HOSTS = `:not(${PLAIN},${BOXES}),:is(${BOXES}):empty`;

// rootsOf lists the document and the shadow roots in it, and notes who may hide another.
function rootsOf(hosts = HOSTS) {
  const roots = [document];
  errand.hosts = [];
  for (const root of roots) {
    for (const el of root.querySelectorAll(hosts)) {
      const inner = el.shadowRoot || closedRoots.get(el);
      if (inner) roots.push(inner);
      else if (mayHide(el)) errand.hosts.push(el);
    }
  }
  return roots;
}

const words = text => text.toLowerCase().normalize('NFKC').split(/[\s|·•,;()"]+/).map(w => w.replace(/^[#№]+|[.:!?…]+$/g, '')).filter(w => /[\p{L}\p{N}]/u.test(w));

// volatile: prices, times and small counts change, and their row stays what it is.
const volatile = word => /[€$£¥%]|\d[.,:]\d|^\d{1,2}$/.test(word);

// bare is what a name says without case, spaces and punctuation.
const bare = text => text.toLowerCase().normalize('NFKC').replace(/[^\p{L}\p{N}]/gu, '');

// overlap is the Dice coefficient of two lists.
function overlap(a, b) {
  const rest = [...b];
  let common = 0;
  for (const item of a) {
    const i = rest.indexOf(item);
    if (i >= 0) { rest.splice(i, 1); common++; }
  }
  return a.length + b.length ? 2 * common / (a.length + b.length) : 1;
}

const pairs = text => Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => text.slice(i, i + 2));

// alike is 1 for names that say the same, 0 for names with nothing in common.
function alike(a, b) {
  if (a === b || bare(a) === bare(b) && bare(a)) return 1;
  return Math.max(overlap(words(a), words(b)), overlap(pairs(bare(a)), pairs(bare(b))));
}

// tells: the words of a part stand in a name, in a row.
function holdsWords(name, part) {
  const all = words(name), wanted = words(part);
  return wanted.length > 0 && all.some((_, i) => wanted.every((word, k) => all[i + k] === word));
}

// Candidate is an element that could be the wanted one.
class Candidate {
  #name; #visible; #row;
  constructor(el) { this.el = el; this.role = roleOf(el) || 'clickable'; }
  get name() { return this.#name ??= nameOf(this.el, this.role); }
  get visible() { return this.#visible ??= visible(this.el); }
  get row() { return this.#row ??= new Set(words(rowText(this.el, this.name))); }
}

function visible(el) {
  if (el.matches(FILES) || standsBehindLabel(el)) return true;
  const r = el.getBoundingClientRect();
  return shown(el) && (r.width > 0 && r.height > 0 || el.firstElementChild !== null);
}

// rowText is the text of the item that an element is in, or of as little around it as says more than its name.
function rowText(el, name) {
  const item = itemOf(el);
  if (item) return textOf(item, ROW_WORK);
  const own = words(name);
  for (let at = parentOf(el); at; at = parentOf(at)) {
    const text = textOf(at, ROW_WORK);
    if (words(text).some(word => !own.includes(word) && !volatile(word))) return text;
  }
  return '';
}

// rowKey is what tells the row of a fingerprint from the others: its first words, and all that do not change by
// themselves. null: nothing does, or what the element itself is called tells enough.
function rowKey(target) {
  const text = target.list?.key_text;
  if (!text) return null;
  const own = words(target.name ?? '');
  const all = words(text);
  if (text.endsWith('…')) all.pop(); // half a word
  const telling = all.filter(word => !own.includes(word));
  const key = telling.filter((word, i) => !volatile(word) || i < 2 && /^\d+$/.test(word));
  return key.length ? key : null;
}

// Hunt looks for one fingerprint among the elements of this frame.
class Hunt {
  constructor(roots, known, target) {
    Object.assign(this, { roots, known, target });
    this.all = this.gather();
    const { name, role } = target;
    this.twins = name === undefined ? [] : this.all.filter(c => c.role === role && c.name === name);
    if (target.part && this.twins.length === 0) this.twins = this.all.filter(c => c.role === role && holdsWords(c.name, name));
    this.key = rowKey(target);
    if (target.list?.same === 0 && this.twins.length < 2) this.key = null;
  }

  at(el) {
    if (!this.known.has(el)) this.known.set(el, new Candidate(el));
    return this.known.get(el);
  }

  fits(c) { return kin(this.target.role, c.role) && c.visible; }

  inRow(c) { return !this.key || this.key.every(word => c.row.has(word)); }

  // gather lists the visible controls whose role is right, and for a clickable what else reacts to clicks.
  gather() {
    const { role, tag } = this.target;
    const els = new Set(this.select(CANDIDATES));
    if (role === 'clickable' && tag) for (const el of this.select(CSS.escape(tag))) if (!roleOf(el) && reacts(el)) els.add(el);
    return Array.from(els, el => this.at(el)).filter(c => kin(role, c.role) && c.visible);
  }

  select(css) {
    return this.roots.flatMap(root => Array.from(root.querySelectorAll(css)));
  }

  // ladder lists what is found at each level of certainty.
  ladder() {
    const { testid, id, label, placeholder, name_attr, name } = this.target;
    const hits = [];
    const take = (level, list) => hits.push(...list.filter(c => this.inRow(c)).map(c => [level, c, alike(name ?? '', c.name)]));
    const by = (value, read) => value ? this.all.filter(c => read(c.el) === value) : [];
    take('testid', by(testid, testidOf));
    take('id', by(id, idOf).filter(c => alike(name ?? '', c.name) >= LIKE || this.weigh(c, true) >= STAYED));
    if (!name && this.target.icon) take('name', this.all.filter(c => c.name === '' && c.role === this.target.role && iconOf(c.el) === this.target.icon));
    if (name) take(this.key ? 'row' : 'name', this.key ? this.narrow(this.twins) : this.twins);
    take('label', label ? this.all.filter(c => clip(labelOf(c.el), NAME_LIMIT) === label) : []);
    take('placeholder', by(placeholder, el => own(el, 'placeholder')));
    take('field', by(name_attr, el => own(el, 'name')));
    take('css', this.byCSS());
    take('xpath', this.byPath());
    return hits;
  }

  // narrow prefers the row that says just what the recorded one said.
  narrow(twins) {
    const rows = twins.filter(c => this.inRow(c));
    const exact = rows.filter(({ el }) => itemOf(el) && hasPart(itemOf(el), this.target.list.key_text));
    if (exact.length === 1) return exact;
    const verbatim = rows.filter(({ el }) => itemOf(el) && keyText(itemOf(el)) === this.target.list.key_text);
    return verbatim.length === 1 ? verbatim : rows;
  }

  // byCSS: where several are alike a mere position tells nothing.
  byCSS() {
    const { css, name } = this.target;
    if (!css || this.twins.length > 1 && css.includes(':nth-')) return [];
    return this.named(selected(this.roots, css), LIKE, name);
  }

  byPath() {
    const { xpath, name } = this.target;
    if (!xpath || this.twins.length > 1) return [];
    return this.named(byPath(xpath.split('/#document').at(-1)), 0.6, name);
  }

  // named leaves those that are called about as the recorded one. What had no name must have none and show the same icon.
  named(els, likeness, name) {
    const { icon } = this.target;
    const byHand = this.target.v === undefined;
    const same = c => name ? alike(name, c.name) >= likeness : byHand || c.name === '' && icon !== undefined && iconOf(c.el) === icon;
    return els.map(el => this.at(el)).filter(c => this.fits(c) && same(c));
  }

  // scored weighs all that is known of the candidates: the likeliest, best first. Those of another row are told, and
  // are none.
  scored() {
    if (!this.target.name) return [];
    const likely = this.all.map(c => [this.weigh(c, false), c]).sort((a, b) => b[0] - a[0]).slice(0, SCORED);
    const close = likely.map(([, c]) => [this.inRow(c) ? 'score' : 'otherrow', c, this.weigh(c, true)]);
    return close.sort((a, b) => b[2] - a[2]).slice(0, TOLD);
  }

  // weigh gives 0 to 1. What matches counts more than what does not: a redesign changes much at once.
  weigh(c, closely) {
    const { el } = c, t = this.target;
    const marks = [
      [5, 5, alike(t.name, c.name)], [2, 2, c.role === t.role ? 1 : 0.6], [0.5, 0.5, equal(t.tag, el.localName)],
      [0.5, 0.5, equal(t.type, own(el, 'type'))], [3, 0.75, equal(t.testid, testidOf(el))], [3, 0.75, equal(t.id, idOf(el))],
      [3, 1.5, equal(t.name_attr, own(el, 'name'))], [2, 1, equal(t.placeholder, own(el, 'placeholder'))], [3, 1.5, equal(t.href_path, hrefPath(el))],
    ];
    if (closely) marks.push(...this.surroundings(el));
    let got = 0, all = 0;
    for (const [match, miss, share] of marks) {
      if (share === undefined) continue; // not on record
      got += match * share;
      all += match * share + miss * (1 - share);
    }
    const likeness = all ? got / all : 0;
    return t.part && !holdsWords(c.name, t.name) ? Math.min(likeness, UNTOLD) : likeness;
  }

  surroundings(el) {
    const t = this.target;
    const likeness = (recorded, now) => recorded === undefined ? undefined : alike(recorded, now);
    return [
      [3, 2, likeness(t.label, labelOf(el))], [2, 1, likeness(t.heading, headingBefore(el))], [1, 1, equal(t.landmark, landmarkOf(el))],
      [1.5, 0.75, t.neighbors && overlap(t.neighbors, neighborsOf(el))],
      [0.75, 0.25, equal(t.css, cssOf(el))], [0.5, 0.25, equal(t.xpath?.split('/#document').at(-1), pathOf(el))],
      [1, 0.25, equal(t.text_hash, hashOf(textOf(el)))],
    ];
  }

  // hidden lists what would be it and cannot be seen.
  hidden() {
    const { name, role } = this.target;
    if (!name) return [];
    const gone = this.select(CANDIDATES).map(el => this.at(el)).filter(c => c.role === role && !c.visible && c.name === name);
    return gone.slice(0, 1).map(c => ['hidden', c, 1]);
  }
}

const PARTS = 200; // elements of an item that are looked at

// hasPart: a heading, a cell or another part of an item says just that.
function hasPart(item, text) {
  const wanted = bare(text);
  return Array.from(item.querySelectorAll('*')).slice(0, PARTS).some(el => el.textContent.length <= 2 * text.length + 20 && bare(el.textContent) === wanted);
}

const equal = (recorded, now) => recorded === undefined ? undefined : Number(recorded === now);

function reacts(el) {
  if (el.hasAttribute('onclick') || listens(el) || el.getAttribute('tabindex') === '0') return true;
  const parent = parentOf(el);
  return getComputedStyle(el).cursor === 'pointer' && !(parent && getComputedStyle(parent).cursor === 'pointer');
}

function selected(roots, css) {
  try {
    return roots.flatMap(root => Array.from(root.querySelectorAll(css)));
  } catch {
    throw new Refusal(`${JSON.stringify(css)} is not a CSS selector`);
  }
}

// byPath follows an XPath, through shadow roots where it names them.
function byPath(path) {
  const [outside, ...inside] = path.split('/#shadow-root');
  let found = evaluated(outside);
  for (const part of inside) {
    found = found.flatMap(host => {
      const root = host.shadowRoot || closedRoots.get(host);
      return root ? below(root, part) : [];
    });
  }
  return found;
}

function evaluated(path) {
  let found;
  try {
    found = document.evaluate(path, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE);
  } catch {
    throw new Refusal(`${JSON.stringify(path)} is not an XPath of elements`);
  }
  return Array.from({ length: found.snapshotLength }, (_, i) => found.snapshotItem(i)).filter(node => node.nodeType === Node.ELEMENT_NODE);
}

// below takes steps like p[2], for which there is no XPath in shadow roots.
function below(root, path) {
  let found = [root];
  for (const step of path.split('/').filter(Boolean)) {
    const [, tag, place] = /^([\w-]+|\*)(?:\[(\d+)\])?$/.exec(step) ?? [];
    if (!tag) throw new Refusal(`${JSON.stringify(step)} is no step that leads through a shadow root: those are names of tags with a number, as button[2]`);
    found = found.flatMap(at => Array.from(childrenIn(at)).filter(c => tag === '*' || c.localName === tag).filter((_, i) => !place || i === place - 1));
  }
  return found;
}

// leads: the element that shows a frame is what a path means.
function leads(owner, path) {
  return byPath(path).includes(owner);
}

// seek answers with all that could be one of the targets. Where no level is sure of one element, with the likeliest too.
function seek(targets) {
  const known = new Map();
  let roots = rootsOf();
  const ladders = () => targets.map(target => new Hunt(roots, known, target)).map(hunt => [hunt, hunt.ladder()]);
  let climbed = ladders();
  if (!climbed.some(([, hits]) => sure(hits))) {
    const found = roots.length;
    roots = rootsOf('*');
    if (roots.length > found) climbed = ladders();
  }
  const found = climbed.flatMap(([hunt, hits], target) => {
    if (!sure(hits)) hits.push(...hunt.scored(), ...hunt.hidden());
    return hits.map(([level, c, score]) => told(hunt, { level, c, score, target }));
  });
  return { token, hosts: errand.hosts.length, found };
}

// sure: at some level there is just one.
const sure = hits => hits.some(([level]) => hits.filter(hit => hit[0] === level).length === 1);

function told({ target: recorded, twins }, { level, c, score, target }) {
  return {
    level, target, score, key: keyOf(c.el, c.role, c.name), role: c.role, name: c.name, off: disabled(c.el), closed: look(c.el).expanded === 'false',
    exact: twins.includes(c), home: landmarkOf(c.el) === (recorded.landmark ?? ''),
  };
}

// stirs resolves when the document changes, or after limit ms.
function stirs(limit) {
  return new Promise(resolve => {
    const finish = () => { observer.disconnect(); clearTimeout(timer); resolve(true); };
    const observer = new MutationObserver(finish);
    for (const root of rootsOf()) observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
    const timer = setTimeout(finish, limit);
  });
}
