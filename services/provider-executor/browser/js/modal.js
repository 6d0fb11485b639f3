// What lies over a page: a dialog that covers the rest, and what opens while the pointer rests on something.

const MODALS = 'dialog[open],[aria-modal=true],[role=dialog],[role=alertdialog]';
const BEHIND = 200; // controls of a page that are tested for being behind a dialog

// modalNow is the dialog that covers all other controls in the viewport, with how many these are; null: there is none.
function modalNow() {
  const modal = Array.from(document.querySelectorAll(MODALS)).filter(el => shown(el) && inViewport(el)).at(-1);
  if (!modal) return null;
  const others = [];
  for (const el of document.querySelectorAll(CANDIDATES)) {
    if (encloses(modal, el) || encloses(el, modal) || !roleOf(el) || !shown(el) || !inViewport(el)) continue;
    if (others.push(el) > BEHIND) return null;
  }
  return others.length && others.every(el => !pointsOf(el).some(p => reaches(el, hit(p.x, p.y)))) ? { el: modal, behind: others.length } : null;
}

function inViewport(el) {
  const r = el.getBoundingClientRect();
  return r.width > 0 && r.height > 0 && r.right > 0 && r.bottom > 0 && r.left < innerWidth && r.top < innerHeight;
}

// visitModal reads the dialog, and what else stands over the page, such as a message.
function visitModal(page, modal, state) {
  visit(page, modal, state);
  for (const el of childrenIn(document.body)) {
    const r = el.getBoundingClientRect();
    if (el === modal || encloses(el, modal) || r.width * r.height === 0) continue;
    page.out.end();
    if (reaches(el, hit(r.left + r.width / 2, r.top + r.height / 2))) visit(page, el, state);
  }
}

let openers = new Set(); // of the walk of now

const SHOWING = /\b(?:display|visibility|opacity|(?:max-)?height|transform|left|right|top|clip|clip-path|scale)\s*:/;
const hoverRead = new WeakMap(); // style sheet -> {count of its rules, rules}
const OPENERS = 300;             // elements that are looked at

// openersNow lists the elements without a control of their own at which style shows something that is hidden now, while
// the pointer rests on them.
function openersNow() {
  const found = new Set();
  let left = OPENERS;
  for (const { over, under } of Array.from(document.styleSheets).concat(document.adoptedStyleSheets).flatMap(hoverRules)) {
    for (const el of document.querySelectorAll(over)) {
      if (left-- <= 0) return found;
      const opens = under.startsWith('+') || under.startsWith('~') ? siblingAfter(el) : el.querySelector(':scope ' + under);
      if (opens && !shown(opens) && /\S/.test(opens.textContent) && shown(el) && !holdsControls(el)) found.add(el);
    }
  }
  return found;
}

// hoverRules reads from a style sheet what it shows while the pointer rests on something: over, and what is shown, under.
function hoverRules(sheet) {
  let rules;
  try { rules = sheet.cssRules; } catch { return []; } // another site's
  const known = hoverRead.get(sheet);
  if (known?.count === rules.length) return known.rules;
  const read = [];
  for (const rule of Array.from(rules).flatMap(rule => [rule, ...(rule.cssRules ?? [])])) {
    if (!rule.selectorText?.includes(':hover') || !SHOWING.test(rule.cssText)) continue;
    for (const selector of rule.selectorText.split(',')) {
      const [, over, under] = /^\s*([^:]*[^:\s>+~]):hover\s*([ >+~]\s*[^:]+)$/.exec(selector) ?? [];
      if (over && valid(over) && valid(':scope ' + under)) read.push({ over, under: under.trim() });
    }
  }
  hoverRead.set(sheet, { count: rules.length, rules: read });
  return read;
}

function valid(selector) {
  try { return Boolean(document.createDocumentFragment().querySelector(selector) ?? true); } catch { return false; }
}
