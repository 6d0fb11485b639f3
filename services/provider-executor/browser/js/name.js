// Text, roles, names and states of elements: a working subset of the accname rules.

const NAME_LIMIT = 100;

// Private-use glyphs (icon fonts), invisible and direction-changing characters, and
// the control characters that mark controls in our own output.
const NOISE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\ue000-\uf8ff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}\u{f0000}-\u{10ffff}]/gu;

// clean makes one line of well-formed, visible text.
function clean(text) {
  return text.toWellFormed().replace(NOISE, '').replace(/\s+/g, ' ');
}

function clip(text, limit) {
  const points = text.length > limit ? Array.from(text) : [];
  return points.length > limit ? points.slice(0, limit - 1).join('') + '…' : text;
}

function parentOf(el) {
  return el.assignedSlot || el.parentElement || (el.getRootNode().host ?? null);
}

function childrenOf(el) {
  const root = el.shadowRoot || closedRoots.get(el);
  if (root) return root.childNodes;
  if (el.localName === 'slot') {
    const assigned = el.assignedNodes();
    if (assigned.length) return assigned;
  }
  return el.childNodes;
}

const INPUT_ROLES = {
  button: 'button', submit: 'button', reset: 'button', image: 'button', checkbox: 'checkbox', radio: 'radio',
  range: 'slider', number: 'number', search: 'searchbox', file: 'file', date: 'date', time: 'time', month: 'month',
  week: 'week', 'datetime-local': 'datetime', color: 'color', password: 'password',
};
const CONTROL_ROLES = new Set(['button', 'link', 'checkbox', 'radio', 'switch', 'textbox', 'searchbox', 'combobox',
  'listbox', 'option', 'menuitem', 'menuitemcheckbox', 'menuitemradio', 'tab', 'treeitem', 'slider', 'spinbutton', 'gridcell']);
const FROM_CONTENT = new Set(['button', 'link', 'option', 'menuitem', 'menuitemcheckbox', 'menuitemradio', 'tab',
  'treeitem', 'switch', 'checkbox', 'radio', 'gridcell', 'clickable']);
const NATIVE = 'a[href],area[href],button,input:not([type=hidden]),select,textarea,summary,' +
  '[contenteditable=""],[contenteditable=true],[contenteditable=plaintext-only]';
const CANDIDATES = NATIVE + ',[role],[onclick],[tabindex]:not([tabindex="-1"])';

// roleOf gives the short word that stands for a control, '' for what is none.
// A gridcell counts only where it can be focused.
function roleOf(el) {
  const explicit = (el.getAttribute('role') || '').trim().split(/\s+/)[0].toLowerCase();
  if (CONTROL_ROLES.has(explicit) && (explicit !== 'gridcell' || el.tabIndex >= 0)) return explicit;
  switch (el.localName) {
    case 'a': case 'area': return el.hasAttribute('href') ? 'link' : '';
    case 'button': return 'button';
    case 'summary': return el.parentElement?.localName === 'details' ? 'button' : '';
    case 'input': return el.type === 'hidden' ? '' : INPUT_ROLES[el.type] || 'textbox';
    case 'select': return el.multiple ? 'listbox' : 'select';
    case 'textarea': return 'textbox';
  }
  return el.isContentEditable && !parentOf(el)?.isContentEditable ? 'textbox' : '';
}

function shown(el) {
  return el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

// contentOf is the text that content gives to a name; budget.left bounds the work and the depth.
function contentOf(node, budget) {
  if (budget.left-- <= 0) return '';
  if (node.nodeType === Node.TEXT_NODE) {
    budget.left -= node.length;
    return node.data;
  }
  if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute('aria-hidden') === 'true') return '';
  const label = node.getAttribute('aria-label');
  if (label) return ' ' + label + ' ';
  switch (node.localName) {
    case 'script': case 'style': case 'noscript': case 'template': case 'select': case 'textarea': return '';
    case 'img': return ' ' + node.alt + ' ';
    case 'input': return /^(button|submit|reset)$/.test(node.type) ? ' ' + node.value + ' ' : '';
    case 'svg': return ' ' + (node.querySelector('title')?.textContent ?? '') + ' ';
    case 'br': return ' ';
  }
  const { display } = getComputedStyle(node);
  if (display !== 'contents' && !node.checkVisibility({ visibilityProperty: true })) return '';
  let text = '';
  for (const child of childrenOf(node)) text += contentOf(child, budget);
  return display.startsWith('inline') || display === 'contents' ? text : ' ' + text + ' ';
}

function textOf(el, budget = 400) {
  const children = childrenOf(el);
  if (children.length === 1 && children[0].nodeType === Node.TEXT_NODE) return clean(children[0].data).trim();
  let text = '';
  const left = { left: budget };
  for (const child of children) text += contentOf(child, left);
  return clean(text).trim();
}

function byIds(el, attribute) {
  const ids = el.getAttribute(attribute);
  if (!ids) return '';
  const root = el.getRootNode();
  const named = ids.trim().split(/\s+/).map(id => root.getElementById?.(id)).filter(Boolean);
  return named.map(n => clean(n.getAttribute('aria-label') || textOf(n) || n.textContent).trim()).join(' ').trim();
}

function labelOf(el) {
  if (!el.labels) return '';
  return Array.from(el.labels, label => textOf(label)).filter(Boolean).join(' ');
}

function attributeOf(el, name) {
  const value = el.getAttribute(name);
  return value ? clean(value).trim() : '';
}

const FALLBACKS = { submit: 'Submit', reset: 'Reset', image: 'Submit' };

// NAME_SOURCES are where a name may come from, the first that gives one wins.
const NAME_SOURCES = [
  ['labelledby', el => byIds(el, 'aria-labelledby')],
  ['aria-label', el => attributeOf(el, 'aria-label')],
  ['label', el => el.type !== 'submit' && el.type !== 'button' ? labelOf(el) : ''],
  ['value', (el, role) => role === 'button' && el.localName === 'input'
    ? attributeOf(el, el.type === 'image' ? 'alt' : 'value') || FALLBACKS[el.type] || '' : ''],
  ['content', (el, role) => FROM_CONTENT.has(role) && el.localName !== 'input' ? textOf(el) : ''],
  ['title', el => attributeOf(el, 'title')],
  ['placeholder', el => attributeOf(el, 'placeholder') || attributeOf(el, 'aria-placeholder')],
  ['testid', el => attributeOf(el, 'data-testid')],
  ['id', el => attributeOf(el, 'id')],
];

// nameSource gives a control's full name and where it came from.
function nameSource(el, role) {
  for (const [source, read] of NAME_SOURCES) {
    const name = read(el, role);
    if (name) return [name, source];
  }
  return ['', ''];
}

function nameOf(el, role) {
  return clip(nameSource(el, role)[0], NAME_LIMIT);
}

function toggled(el) {
  if (el.localName === 'input' && (el.type === 'checkbox' || el.type === 'radio')) return String(el.checked);
  return el.getAttribute('aria-checked') ?? el.getAttribute('aria-pressed');
}

function disabled(el) {
  return el.matches(':disabled') || el.closest('[aria-disabled=true]') !== null;
}

function complaint(el) {
  const told = byIds(el, 'aria-errormessage') || el.validationMessage || byIds(el, 'aria-describedby');
  return told ? ' ' + JSON.stringify(clip(clean(told), 80)) : '';
}

// statesOf lists what a person would see about a control's condition.
function statesOf(el) {
  const states = [];
  const is = (name, ...values) => values.includes(el.getAttribute(name));
  if (disabled(el)) states.push('off');
  if (el.readOnly || is('aria-readonly', 'true')) states.push('readonly');
  const on = toggled(el);
  if (on === 'true') states.push(el.hasAttribute('aria-pressed') ? 'pressed' : 'checked');
  if (on === 'mixed' || el.indeterminate) states.push('mixed');
  if (is('aria-selected', 'true')) states.push('selected');
  if (el.hasAttribute('aria-current') && !is('aria-current', 'false', '')) states.push('current');
  if (el.localName === 'summary') states.push(el.parentElement.open ? 'open' : 'closed');
  else if (is('aria-expanded', 'true')) states.push('open');
  else if (is('aria-expanded', 'false')) states.push('closed');
  if (el.required || is('aria-required', 'true')) states.push('!required');
  if (el.matches(':user-invalid') || is('aria-invalid', 'true', 'grammar', 'spelling')) states.push('!invalid' + complaint(el));
  if (el.getRootNode().activeElement === el && el !== document.body) states.push('focused');
  return states;
}

// valueOf shows what a control holds; a password is never read.
function valueOf(el, role) {
  const quoted = text => '=' + JSON.stringify(clip(clean(text).trim(), NAME_LIMIT));
  if (el.localName === 'select') return choiceOf(el, quoted);
  if (concealed.has(el)) return el.isContentEditable ? (textOf(el) ? '="•••"' : '') : el.value ? '="•••"' : '';
  if (role === 'password' || role === 'button' || role === 'checkbox' || role === 'radio') {
    return role === 'password' && el.value ? '="•••"' : '';
  }
  if (role === 'file') return el.files.length ? quoted(Array.from(el.files, f => f.name).join(', ')) : '';
  if (el.localName === 'input' || el.localName === 'textarea') return el.value ? quoted(el.value) : '';
  if (role === 'textbox' || role === 'searchbox' || role === 'combobox') {
    const text = el.isContentEditable ? textOf(el) : '';
    return text ? quoted(text) : '';
  }
  const now = el.getAttribute('aria-valuetext') || el.getAttribute('aria-valuenow');
  return now ? quoted(now) : '';
}

function choiceOf(el, quoted) {
  const label = option => clean(option.label).trim();
  const chosen = Array.from(el.selectedOptions, label).join(', ');
  const listed = [];
  let room = 80;
  for (const option of el.options) {
    const text = clip(label(option), 30);
    if (listed.length >= 6 || (room -= text.length) < 0) break;
    listed.push(text);
  }
  const rest = el.options.length - listed.length;
  if (rest > 0) listed.push('+' + rest);
  return (chosen ? quoted(chosen) + ' ' : '') + '{' + listed.join('|') + '}';
}
