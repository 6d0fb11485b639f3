// Whether an action has had an effect that a person could see: what the page shows before it, and after.

const CONTROLS_SEEN = 2000; // controls and fields that are compared at most
const TEXT_SEEN = 3000;     // elements of a page of which the text that is shown is compared; of a larger one all of it is
const EFFECT_POLL = 50;     // ms between two looks; more on a page at which a look takes long

let expected = null; // what was to be seen when the last action was about to begin

// expect notes what can be seen now, before an action on an element, or on the one with the focus if ref is null. It
// reports whether an effect is to be waited for: there need be none of typing into a plain field.
function expect(ref, typing) {
  const el = ref ? still(ref) : focusedElement();
  expected = null;
  if (!el || el.localName === 'iframe' || typing && plainField(el)) return false;
  expected = { el: new WeakRef(el), seen: visibleState(el), focus: new WeakRef(focusedElement() ?? document.body) };
  return true;
}

// affected resolves as soon as something else can be seen than before the action, or after limit ms. seen: it can; late:
// only after some time.
function affected(limit) {
  if (!expected) return { seen: true }; // in a document that has come since
  const start = performance.now();
  return new Promise(resolve => {
    const look = began => {
      if (differs(expected)) return resolve({ seen: true, late: began > start });
      const now = performance.now(), left = start + limit - now;
      if (left <= 0) return resolve({ seen: false });
      setTimeout(() => look(performance.now()), Math.min(left, Math.max(EFFECT_POLL, 5 * (now - began))));
    };
    look(start);
  });
}

function differs({ el, seen, focus }) {
  const on = el.deref(), at = focusedElement();
  if (!on?.isConnected) return true;
  if (at && at !== focus.deref() && at !== document.body && !encloses(on, at)) return true;
  return visibleState(on) !== seen;
}

// visibleState is what tells one state of a page from another to a person. Clocks run by themselves, and tooltips come
// with the pointer.
function visibleState(el) {
  const large = document.getElementsByTagName('*').length > TEXT_SEEN;
  let text = (large ? document.body?.textContent : document.body?.innerText) ?? '';
  for (const tip of document.querySelectorAll('[role=tooltip]')) if (!large && tip.innerText) text = text.replace(tip.innerText, '');
  const root = rootOf(el);
  const inside = root !== document ? textOf(root.host, CONTROLS_SEEN) : '';
  const states = roleOf(el) ? statesOf(el).filter(state => state !== 'focused') : [];
  const { scrollLeft, scrollTop, scrollHeight } = document.scrollingElement ?? { scrollLeft: 0, scrollTop: 0, scrollHeight: 0 };
  return JSON.stringify([text.replace(CLOCK, '').replace(/\s+/g, ' ').trim(), inside, states, el.getAttribute('aria-valuenow'), controlsState(el), scrollLeft, scrollTop, scrollHeight]);
}

// controlsState is how many controls there are to see and what they hold, but for el.
function controlsState(el) {
  let count = 0, held = '', left = CONTROLS_SEEN;
  for (const control of document.querySelectorAll(CANDIDATES + ',iframe')) {
    if (left-- === 0) break;
    if (!shown(control) || control.role === 'tooltip') continue;
    count++;
    if (control !== el || control.localName === 'select') held += (control.checked ?? '') + (control.localName === 'button' ? '' : control.value ?? '');
  }
  const marked = document.querySelectorAll('[aria-checked=true],[aria-pressed=true],[aria-selected=true],[aria-expanded=true]').length;
  return [count, marked, held];
}

function focusedElement() {
  let at = document.activeElement;
  for (let root; (root = at && (shadowOf(at) || closedRoots.get(at)));) at = root.activeElement ?? null;
  return at === document.body ? null : at;
}

const TEXT_FIELD = /^(text|email|tel|url|password|number)$/;
const OFFERING = /search|such|find|filter|look-?up|query|autocomplete|typeahead|suggest|combo|tagify|mention/i;

const typed = new WeakSet(); // fields that are known to listen for what is typed into them

// plainField: a text field at which nothing says that the page will offer something while it is typed into.
function plainField(el) {
  if (!TEXT_FIELD.test(el.type) && el.localName !== 'textarea' && !el.isContentEditable) return false;
  if (look(el).suggests || typed.has(el) || el.getAttribute('aria-haspopup') || el.hasAttribute('aria-controls') || el.hasAttribute('aria-owns')) return false;
  if (el.localName !== 'input') return true;
  return !OFFERING.test([el.id, el.name, el.placeholder, classNameOf(el), el.getAttribute('aria-label') ?? ''].join(' '));
}
