// What a page loads or draws only while it is scrolled: lists without an end, and lists that draw what is in view.

const ROLLER_PART = 0.1; // of the viewport that a part which scrolls must take up to be worth scrolling

let rolling = [];               // the parts that are scrolled: {el, top, height, length}, as they were
const rolledFrom = new WeakMap(); // part -> its height before it was scrolled for the first time

// rollers lists what scrolls, the page itself first, then the largest parts of it, at most limit: what each says of how
// many items it has (0: nothing), and whether something is out of view.
function rollers(limit) {
  const root = document.scrollingElement;
  const area = el => el.clientWidth * el.clientHeight;
  const parts = rootsOf('*').flatMap(at => Array.from(at.querySelectorAll('*')).filter(el => el !== root && rollable(el)));
  parts.sort((a, b) => area(b) - area(a));
  if (root && root.scrollHeight > innerHeight + 20) parts.unshift(root);
  rolling = parts.slice(0, limit).map(el => ({ el, top: el.scrollTop }));
  return rolling.map(({ el }) => ({ total: totalOf(el), more: canScroll(el, 1) }));
}

function rollable(el) {
  if (el.scrollHeight <= el.clientHeight + 20 || el.clientWidth * el.clientHeight < ROLLER_PART * innerWidth * innerHeight) return false;
  return el.localName !== 'textarea' && !el.isContentEditable && /auto|scroll/.test(getComputedStyle(el).overflowY) && shown(el);
}

function totalOf(el) {
  const told = Array.from(el.querySelectorAll('[aria-setsize],[aria-rowcount]'), item => Number(item.getAttribute('aria-setsize') ?? item.getAttribute('aria-rowcount')));
  return Math.max(0, Number(el.closest('[aria-rowcount]')?.getAttribute('aria-rowcount') ?? 0), ...told);
}

// roll scrolls a part to its start, its end, or a screen on. end: nothing is left below; share: how
// much of the part is in view or above.
function roll(i, to) {
  const part = rolling[i], { el } = part;
  if (!el.isConnected) throw new Refusal('what was scrolled has been replaced');
  noteHeight(el);
  if (el !== document.scrollingElement) el.scrollIntoView({ block: 'nearest', behavior: 'instant' }); // or it sees nothing of it
  Object.assign(part, { height: el.scrollHeight, length: el.textContent.length });
  const height = el === document.scrollingElement ? innerHeight : el.clientHeight;
  const top = { start: 0, end: el.scrollHeight, on: el.scrollTop + 0.8 * height }[to];
  el.scrollTo({ top, behavior: 'instant' });
  return { end: el.scrollTop + height >= el.scrollHeight - 2, share: Math.min(1, (el.scrollTop + height) / el.scrollHeight) };
}

// rollBack scrolls all parts back to where they were.
function rollBack() {
  for (const { el, top } of rolling.toReversed()) el.scrollTo({ top, behavior: 'instant' });
  return true;
}

// rolled resolves when a part holds something else than before it was scrolled, or after limit ms; it reports which.
function rolled(i, limit) {
  const { el, height, length } = rolling[i];
  const start = performance.now();
  return new Promise(resolve => {
    const look = () => {
      const other = el.scrollHeight !== height || el.textContent.length !== length;
      if (other || performance.now() - start >= limit) resolve(other);
      else setTimeout(look, EFFECT_POLL);
    };
    look();
  });
}

// noteHeight remembers how high a part was before it was scrolled for the first time.
function noteHeight(el) {
  if (!rolledFrom.has(el)) rolledFrom.set(el, el.scrollHeight);
}

// loadedByScrolling: the page has loaded more into a list since that was scrolled.
function loadedByScrolling(el) {
  for (let at = el; at; at = parentOf(at)) {
    if (rolledFrom.has(at) && at.scrollHeight > rolledFrom.get(at) + 0.1 * at.clientHeight) return true;
  }
  return false;
}

// partText is what stands in a part, as the text of the whole page has it.
function partText(i, limit) {
  const out = { parts: [], size: 0, limit };
  contentIn(rolling[i].el, out, { depth: 0, pre: false });
  return tidy(out);
}
