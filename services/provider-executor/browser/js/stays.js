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

// placeTwins notes the rows of elements that nothing else tells apart.
function placeTwins(shown) {
  for (const twins of Map.groupBy(shown, entry => `${entry.role} ${entry.name}`).values()) {
    for (const entry of twins) entry.row = twins.length > 1 ? rowMarks(entry.ref.deref(), entry.name) : undefined;
  }
}
