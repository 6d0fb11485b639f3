// Text, roles, states and values of elements.

const NAME_LIMIT = 100;
const FIELD_LIMIT = 1500; // characters of the field that has the focus, if it has several lines

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

// The fields of a form stand before its own properties, by their names: a form with a field "children" tells that field
// where it is asked for its children. What is asked of elements that may be forms is asked of the prototypes therefore.
const getter = (prototype, name) => {
  const read = Object.getOwnPropertyDescriptor(prototype, name).get;
  return node => node instanceof prototype.constructor ? read.call(node) : node?.[name];
};
const parentElementOf = getter(Node.prototype, 'parentElement');
const parentNodeOf = getter(Node.prototype, 'parentNode');
const childrenIn = getter(Element.prototype, 'children');
const siblingBefore = getter(Element.prototype, 'previousElementSibling');
const siblingAfter = getter(Element.prototype, 'nextElementSibling');
const attributesOf = getter(Element.prototype, 'attributes');
const classesOf = getter(Element.prototype, 'classList');
const classNameOf = getter(Element.prototype, 'className');
const slotOf = getter(Element.prototype, 'assignedSlot');
const shadowOf = getter(Element.prototype, 'shadowRoot');
const nodesIn = getter(Node.prototype, 'childNodes');
const rootOf = Function.prototype.call.bind(Node.prototype.getRootNode);
const encloses = Function.prototype.call.bind(Node.prototype.contains);

function parentOf(el) {
  return slotOf(el) || parentElementOf(el) || (rootOf(el).host ?? null);
}

function childrenOf(el) {
  const root = shadowOf(el) || closedRoots.get(el);
  if (root) return root.childNodes;
  if (el.localName === 'slot') {
    const assigned = el.assignedNodes();
    if (assigned.length) return assigned;
  }
  return nodesIn(el);
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

// explicitRole is the first role of a control that the element claims.
function explicitRole(el) {
  return el.getAttribute('role').toLowerCase().split(/\s+/).find(role => CONTROL_ROLES.has(role)) ?? '';
}

// roleOf gives the short word that stands for a control, '' for what is none.
// A gridcell counts only if a script or a person can focus it.
function roleOf(el) {
  const explicit = el.hasAttribute('role') ? explicitRole(el) : '';
  if (explicit && (explicit !== 'gridcell' || el.hasAttribute('tabindex'))) return explicit;
  switch (el.localName) {
    case 'a': case 'area': return el.hasAttribute('href') || el.hasAttribute('xlink:href') ? 'link' : '';
    case 'button': return 'button';
    case 'summary': return parentElementOf(el)?.localName === 'details' ? 'button' : '';
    case 'input': return el.type === 'hidden' ? '' : INPUT_ROLES[el.type] || 'textbox';
    case 'select': return el.multiple ? 'listbox' : 'select';
    case 'textarea': return 'textbox';
  }
  return el.isContentEditable && !parentOf(el)?.isContentEditable ? 'textbox' : '';
}

function shown(el) {
  return el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

function toggled(el) {
  if (el.localName === 'input' && (el.type === 'checkbox' || el.type === 'radio')) return String(el.checked);
  return el.getAttribute('aria-checked') ?? el.getAttribute('aria-pressed');
}

function focused(el) {
  return el.getRootNode().activeElement === el && el !== document.body;
}

function disabled(el) {
  return el.matches(':disabled') || el.closest('[aria-disabled=true]') !== null;
}

function complaint(el) {
  const told = referenced(el.ariaErrorMessageElements) || el.validationMessage || referenced(el.ariaDescribedByElements);
  return told ? ' ' + JSON.stringify(clip(clean(told), 80)) : '';
}

// statesOf lists what a person would see about a control's condition.
function statesOf(el) {
  const states = [];
  const is = (name, ...values) => values.includes(el.getAttribute(name));
  if (disabled(el)) states.push('off');
  if (is('draggable', 'true')) states.push('draggable');
  if (el.readOnly || is('aria-readonly', 'true')) states.push('readonly');
  const on = toggled(el);
  if (on === 'true') states.push(el.hasAttribute('aria-pressed') ? 'pressed' : 'checked');
  if (on === 'mixed' || el.indeterminate) states.push('mixed');
  if (is('aria-selected', 'true')) states.push('selected');
  if (el.hasAttribute('aria-current') && !is('aria-current', 'false', '')) states.push('current');
  if (el.localName === 'summary') states.push(parentElementOf(el).open ? 'open' : 'closed');
  else if (is('aria-expanded', 'true')) states.push('open');
  else if (is('aria-expanded', 'false')) states.push('closed');
  if (el.required || is('aria-required', 'true')) states.push('!required');
  if (el.matches(':user-invalid') || is('aria-invalid', 'true', 'grammar', 'spelling')) states.push('!invalid' + complaint(el));
  if (focused(el)) states.push('focused');
  return states;
}

// valueOf shows what a control holds; a password is never read.
function valueOf(el, role) {
  const quoted = text => '=' + JSON.stringify(clip(clean(text).trim(), NAME_LIMIT));
  const written = text => '=' + JSON.stringify(clip(text.split(/\r?\n/).map(clean).join('\n').trim(), focused(el) ? FIELD_LIMIT : NAME_LIMIT));
  if (el.localName === 'select') return choiceOf(el, quoted);
  if (concealed.has(el)) return el.isContentEditable ? (textOf(el) ? '="•••"' : '') : el.value ? '="•••"' : '';
  if (role === 'password' || role === 'button' || role === 'checkbox' || role === 'radio') {
    return role === 'password' && el.value ? '="•••"' : '';
  }
  if (role === 'file') return el.files.length ? quoted(Array.from(el.files, f => f.name).join(', ')) : '';
  if (el.localName === 'textarea') return el.value ? written(el.value) : '';
  if (el.localName === 'input') return el.value ? quoted(el.value) : '';
  if (role === 'textbox' || role === 'searchbox' || role === 'combobox') {
    const text = el.isContentEditable ? textOf(el) && editorText(el) : '';
    return text ? written(text) : '';
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
