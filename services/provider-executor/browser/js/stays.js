// Whether an element is still what it was when its number was given: by what it is called, and by the row it stands in.

// stays tells whether an element is still called what it was. A running clock in its name does not make another of it;
// a slot of time with another time in its place is another.
function stays({ name, at }, now) {
  return name === now || name.replace(CLOCK, '') === now.replace(CLOCK, '') && ticked(name, now, (performance.now() - at) / 1000);
}

// renamed reports whether the same element does the same under a name that gained or lost whole words, such as a label
// that shows while the pointer rests on it. Words with digits, and words that turn the meaning, make another control.
function renamed(entry, el, now) {
  if (entry.does !== doesOf(el)) return false;
  const [short, long] = [entry.name, now].map(name => name.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean)).sort((a, b) => a.length - b.length);
  const from = long.findIndex((_, i) => short.every((word, k) => long[i + k] === word));
  if (!short.length || from < 0) return false;
  return long.toSpliced(from, short.length).every(word => !/\p{N}/u.test(word) && !TURNING.test(word));
}

const TURNING = /^(no|not|without|un\w{3,}|dis\w{3,}|all|every|everything|delete|remove|cancel|clear|reset|erase|buy|pay|purchase|order|upgrade|subscribe|publish|send|submit|nicht|ohne|alle|löschen|kaufen|pas|sans|tout|supprimer|acheter|todos|eliminar|comprar)$/;

// doesOf is the part of an element's markup that says what it does: its address and its handler.
function doesOf(el) {
  return JSON.stringify(['href', 'onclick', 'formaction', 'value'].map(name => el.getAttribute(name)));
}

const CLOCK = /\d+(:\d\d)+/g;
const SLACK = 3; // seconds between what was read and when

// ticked: each clock has gone on or back by as much as time has passed, or stands still. Whole minutes are no ticking.
function ticked(before, now, passed) {
  const clocks = text => Array.from(text.matchAll(CLOCK), ([clock]) => clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0));
  const after = clocks(now);
  return clocks(before).every((clock, i) => {
    const gone = Math.abs(after[i] - clock);
    return gone === 0 || gone <= passed + SLACK && (clock % 5 !== 0 || after[i] % 5 !== 0);
  });
}

const ROW_MARKS = 5; // words of a row that tell it from others

// rowMarks are the first words of the row that an element stands in which do not change by themselves.
function rowMarks(el, name) {
  const item = itemOf(el);
  if (!item) return [];
  const own = words(name);
  return words(textOf(item, ROW_WORK)).filter(word => !own.includes(word) && !volatile(word)).slice(0, ROW_MARKS);
}

// moved tells what row an element stands in now, where that is another than it was shown in: rows that are drawn anew
// for other items keep their elements. '': it has stayed.
function moved({ row, name }, el) {
  if (!row?.length) return '';
  const now = rowMarks(el, name);
  return row.every((word, i) => word === now[i]) ? '' : now.join(' ') || 'nothing';
}

// placeTwins notes the rows of elements that nothing else tells apart, and where the others stand and beside what.
function placeTwins(shown) {
  for (const twins of Map.groupBy(shown, entry => `${entry.role} ${entry.name}`).values()) {
    const el = twins[0].ref.deref();
    twins[0].home = twins.length === 1 && el ? { ...middleOf(el), near: nearText(el) } : undefined;
    for (const entry of twins.slice(1)) entry.home = undefined;
    for (const entry of twins) entry.row = twins.length > 1 ? rowMarks(entry.ref.deref(), entry.name) : undefined;
  }
}

const NEAR = { parents: 5, children: 30, texts: 40, letters: 300 }; // what is read around a control
const SHIFT = 60; // pixels that a part which was drawn anew may have moved

// nearText is the text of the nearest part of the page that says more than the element itself; '': it is too large to read,
// or there is none.
function nearText(el) {
  const own = clean(el.textContent).trim();
  for (let at = parentElementOf(el), n = 0; at && at !== document.body && n < NEAR.parents; at = parentElementOf(at), n++) {
    if (at.childElementCount > NEAR.children) return '';
    const nodes = document.createTreeWalker(at, NodeFilter.SHOW_TEXT);
    let text = '', left = NEAR.texts;
    for (let node = nodes.nextNode(); node && left-- > 0 && text.length < NEAR.letters; node = nodes.nextNode()) text += clean(node.data) + ' ';
    text = clean(text).trim();
    if (text !== own && text !== '') return text;
  }
  return '';
}

function middleOf(el) {
  const r = el.getBoundingClientRect();
  return { x: r.left + r.width / 2 + scrollX, y: r.top + r.height / 2 + scrollY, height: r.height };
}

// redrawn finds the element that was drawn anew in the place of one that is gone: the only one of its role and name, now as
// then, that does the same, beside the same text and in the same place.
function redrawn(entry) {
  const { home } = entry;
  if (!home || !home.near || !entry.name) return null;
  const like = rootsOf().flatMap(root => Array.from(root.querySelectorAll(CANDIDATES)))
    .filter(el => (roleOf(el) || 'clickable') === entry.role && nameOf(el, entry.role) === entry.name && shown(el));
  if (like.length !== 1 || doesOf(like[0]) !== entry.does || nearText(like[0]) !== home.near) return null;
  const now = middleOf(like[0]);
  return Math.abs(now.x - home.x) <= SHIFT && Math.abs(now.y - home.y) <= Math.max(SHIFT, 2 * home.height) ? like[0] : null;
}
