// The world's memory and its one entrance.

// Refusal is an error whose message is a sentence for the model.
class Refusal extends Error {}

const closedRoots = new WeakMap(); // host -> closed shadow root, as told from outside
const listeners = new WeakSet();   // elements known to listen for clicks
const keys = new WeakMap();        // element -> key
const entries = new Map();         // key -> {ref, role, name, at: when it was called so, row: its marks}
let lastKey = 0;

// keyOf names an element. One that has become something else, as the rows of a
// recycled list do, gets a new key and loses the old one.
function keyOf(el, role, name) {
  const known = keys.get(el);
  const entry = known && entries.get(known);
  const at = performance.now();
  if (entry && entry.role === role && stays(entry, name) && !moved(entry, el)) {
    Object.assign(entry, { name, at, again: false });
    return known;
  }
  const key = ++lastKey;
  keys.set(el, key);
  entries.set(key, { ref: new WeakRef(el), role, name, at, does: doesOf(el) });
  return key;
}

const functions = {
  walk, walkPlainly, aim, spot, into, outward, goal, scrolledTo, pressed, caret, state, through, frameBox, select, assign, holds, pasted, fieldText, selectPart, options, choose, chosen, scroll, findText, quiet, expect, affected, content,
  rollers, roll, rollBack, rolled, partText,
  selectText, gauge, grows, tally, changes,
  insert, insertFocused, conceal, holdsFocus, exposed, tells, origin: () => globalThis.origin,
  fileField, takeField, lies, elements, leaves, reread, readList, seek, leads, stirs, sight,
  // reveal and hear report whether they were told something new.
  reveal: (...roots) => { for (const root of roots) closedRoots.set(root.host, root); return roots.length > 0; },
  hear: (...nodes) => {
    const before = nodes.filter(node => node.nodeType === Node.ELEMENT_NODE && roleOf(node) === '');
    for (const el of before) listeners.add(el);
    return before.length > 0;
  },
  hearTyping: (...nodes) => { for (const node of nodes) typed.add(node); return false; },
};

// run answers with JSON: {"ok": value} or {"refused": sentence}.
async function run(name, args) {
  speaking = null;
  try {
    return JSON.stringify({ ok: await functions[name](...args) ?? null });
  } catch (error) {
    if (error instanceof Refusal) return JSON.stringify({ refused: error.message });
    throw error;
  }
}

globalThis.errand = { run, hosts: [], field: () => field };
if (early) watchPresses();
return token;
