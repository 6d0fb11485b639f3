// Fields: where the caret is, what is put in, and whether a field holds what was typed.

// select puts the caret into a field, over all it holds or behind it.
function select(ref, all) {
  const el = find(ref);
  if (el.isContentEditable) {
    el.focus();
    const range = document.createRange();
    range.selectNodeContents(el);
    if (!all) range.collapse(false);
    selectRange(range);
    return true;
  }
  el.focus();
  if (all) el.select();
  else try { el.setSelectionRange(el.value.length, el.value.length); } catch { /* number, email: no caret to place */ }
  return el.getRootNode().activeElement === el;
}

function selectRange(range) {
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

// assign sets what cannot be typed: dates, colours, sliders.
function assign(ref, value) {
  const el = find(ref);
  el.value = value;
  el.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  el.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}

// gauge reads the value of a slider that a page has drawn itself. focus: the keys are to go there.
function gauge(ref, focus) {
  const el = focus ? find(ref) : still(ref);
  if (!el) throw new Refusal('it is no longer on the page');
  if (focus) el.focus();
  const read = (name, otherwise) => Number(el.getAttribute(name) ?? otherwise);
  return { now: read('aria-valuenow', 0), min: read('aria-valuemin', 0), max: read('aria-valuemax', 100), has: el.hasAttribute('aria-valuenow') };
}

const textIn = el => (el.isContentEditable ? editorText(el) : el.value) ?? '';

// editorText is what an editor holds, with a line for each of its blocks.
function editorText(root) {
  const all = [''];
  let used = false; // the last line
  const add = text => { all[all.length - 1] += text; used = true; };
  const visit = node => {
    if (node.nodeType === Node.TEXT_NODE) {
      const pre = /pre|break-spaces/.test(getComputedStyle(parentElementOf(node)).whiteSpace);
      const text = pre ? node.data : node.data.replace(/ *\n\s*/g, ' ');
      if (pre ? text : text.trim() || text && used) text.split('\n').forEach((line, i) => { if (i) all.push(''); add(line); });
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.localName === 'br') {
      if (node.nextSibling) { all.push(''); used = false; } else used = true;
      return;
    }
    const block = node !== root && !/^(inline|contents|none)/.test(getComputedStyle(node).display);
    if (block && used) { all.push(''); used = false; }
    for (const child of childrenOf(node)) visit(child);
    if (block) used = true;
  };
  visit(root);
  return all.join('\n');
}

// linesOf is a text with line ends and spaces of one kind.
const linesOf = text => text.replace(/\r\n?/g, '\n').replace(/\u00a0/g, ' ').replace(/\u200b|\ufeff/g, '').trim();

const PASTE_LIMIT = 200; // ms that an editor has to take a pasted text
const PASTE_LOOK = 10;   // ms between two looks

// pasted offers a text to a field as a paste does, and reports whether the page has put it in by itself. An editor that
// takes it may need a moment; a page that takes it and leaves the field as it was wants no pasting: it is not asked.
async function pasted(ref, text) {
  const el = find(ref);
  let at = document.activeElement;
  for (let root; (root = at && (at.shadowRoot || closedRoots.get(at)));) at = root.activeElement;
  if (!at || !encloses(el, at)) at = el;
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  const before = textIn(el);
  if (at.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true, composed: true }))) {
    // As after a real paste the text is there before anything else runs: pages look at the field a moment later.
    return /^(input|textarea)$/.test(at.localName) && document.execCommand('insertText', false, text) && textIn(el) !== before;
  }
  for (let waited = 0; waited < PASTE_LIMIT && textIn(el) === before; waited += PASTE_LOOK) {
    await new Promise(resolve => setTimeout(resolve, PASTE_LOOK));
  }
  return textIn(el) !== before;
}

// fieldText is all that a field holds, with its line ends.
function fieldText(ref) {
  const el = find(ref);
  if (secretive(el)) throw new Refusal('what it holds is secret');
  if (!el.isContentEditable && typeof el.value !== 'string') throw new Refusal('it is no field that holds a text');
  return { text: textIn(el), multiline: look(el).multiline };
}

// selectPart selects a part of what a field holds. count: how often the part is in it; nothing is selected unless it is
// there just once. text: what the field holds.
function selectPart(ref, part) {
  const el = find(ref);
  const { text } = fieldText(ref);
  const count = text.split(part).length - 1;
  if (count !== 1) return { count, text };
  el.focus();
  if (!el.isContentEditable) {
    const start = text.indexOf(part);
    try { el.setSelectionRange(start, start + part.length); } catch { throw new Refusal('no part of it can be selected; type the whole anew'); }
    return { count, text };
  }
  const range = rangeOf(el, part);
  if (!range) throw new Refusal('the part goes across paragraphs; give one that is in one line');
  selectRange(range);
  return { count, text };
}

// selectText selects a text that is just once in a field, an element or the page. count: how often it is there.
function selectText(ref, wanted) {
  const el = ref ? find(ref) : document.body;
  if (ref && typeof el.value === 'string' && el.select) {
    const { count } = selectPart(ref, wanted);
    return { count, text: count === 1 ? el.value.slice(el.selectionStart, el.selectionEnd) : '' };
  }
  const count = occurrences(el, wanted);
  if (count !== 1) return { count };
  const range = rangeOf(el, wanted), at = parentElementOf(range.endContainer);
  at.scrollIntoView({ block: 'nearest', behavior: 'instant' });
  const { right, bottom, height } = range.getBoundingClientRect();
  const press = { bubbles: true, composed: true, cancelable: true, view: window, clientX: right - 1, clientY: bottom - height / 2, detail: 1 };
  at.dispatchEvent(new MouseEvent('mousedown', press));
  selectRange(range);
  at.dispatchEvent(new MouseEvent('mouseup', press));
  return { count, text: String(getSelection()) || wanted };
}

// occurrences counts how often a text is in what an element shows.
function occurrences(root, wanted) {
  const { text } = shownText(root);
  return text.split(wanted.replace(/\s+/g, ' ').trim()).length - 1;
}

// rangeOf finds a text in what an element shows, across the nodes of one block.
function rangeOf(root, wanted) {
  const { text, spots } = shownText(root);
  const flat = wanted.replace(/\s+/g, ' ').trim();
  const start = text.indexOf(flat);
  if (start < 0 || !flat) return null;
  const range = document.createRange();
  const [lastNode, last] = spots[start + flat.length - 1];
  range.setStart(...spots[start]);
  range.setEnd(lastNode, last + 1);
  return range;
}

// shownText is the text that an element shows, with the node and the place of each character.
function shownText(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const spots = []; // of each character: its node and place
  let text = '';
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = parentElementOf(node);
    if (!parent || SKIPPED.has(parent.localName) || !shown(parent)) continue;
    for (let i = 0; i < node.data.length; i++) {
      const c = /\s/.test(node.data[i]) ? ' ' : node.data[i];
      if (c === ' ' && text.endsWith(' ')) continue;
      text += c;
      spots.push([node, i]);
    }
  }
  return { text, spots };
}

// holds compares what a field holds with what it should. A password or another secret is not told.
function holds(ref, wanted) {
  const el = still(ref);
  if (!el) return { gone: true };
  const value = textIn(el), secret = secretive(el);
  const now = linesOf(value), then = linesOf(wanted);
  return {
    equal: now === then, alike: showsAs(el, now, then), ends: now.endsWith(then), more: now !== then && now.includes(then),
    value: secret ? '' : clip(value.trim(), NAME_LIMIT), secret, empty: value === '',
    max: el.maxLength > 0 && wanted.length > el.maxLength ? el.maxLength : 0, number: el.type === 'number',
  };
}

// showsAs reports whether a field shows what was typed in a form of its own: a telephone number with spaces, an amount
// with its currency, capitals. A sign, a decimal point or a separator that is lost or moved makes another value.
function showsAs(el, value, wanted) {
  const bare = text => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const same = bare(value) === bare(wanted);
  if (look(el).multiline) return value.replace(/\s+/g, '').toLowerCase() === wanted.replace(/\s+/g, '').toLowerCase();
  if (same && NUMBERED.test([el.type, el.autocomplete, el.inputMode, el.name, el.id, el.placeholder, nameOf(el, roleOf(el) || 'textbox')].join(' '))) return true;
  const [is, was] = [amountsOf(value), amountsOf(wanted)];
  if (is.length && was.length) return is.some(n => was.includes(n));
  if (!same || /^\s*[-−]\s*[\d.,]/.test(value) !== /^\s*[-−]\s*[\d.,]/.test(wanted)) return false;
  const [now, then] = [marksIn(value), marksIn(wanted)];
  const long = wanted.replace(/\D/g, '').length >= 7 && !/\p{L}/u.test(wanted);
  if (long && [...now, ...then].every(mark => mark === '-')) return true;
  return now.join('') === then.join('') || then.length === 0 && is.length === 0;
}

// What fields for telephone numbers, cards and the like are called: their digits alone count.
const NUMBERED = /\b(tel|phone|mobile|fax|cc-number|cc-exp|card|iban|telefon|handy|karte)|(tel|phone|card|karte)\b/i;

// marksIn lists the marks that separate digits.
const marksIn = text => text.match(/(?<=\d)[.,:/-](?=\d)/g) ?? [];

// amountsOf lists the numbers that a text may be, if it is one: a mark before three digits may separate thousands or
// decimals. Currencies and percent signs around it do not count.
function amountsOf(text) {
  const flat = text.replace(/[\p{Sc}%\s'’\u00a0\u202f]|\b[A-Z]{3}\b/gu, '').replace('−', '-').replace(/^\+/, '');
  const found = [];
  for (const [thousands, decimal] of [[',', '.'], ['.', ',']]) {
    const number = new RegExp(`^-?(\\d+|\\d{1,3}(\\${thousands}\\d{3})+)?(\\${decimal}\\d*)?$`);
    if (!number.test(flat) || !/\d/.test(flat)) continue;
    const n = Number(flat.replaceAll(thousands, '').replace(decimal, '.'));
    if (!found.includes(n)) found.push(n);
  }
  return found;
}
