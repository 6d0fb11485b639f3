// Names of elements by the accname 1.2 computation. What a step of it is called there stands beside it.

const NAMED_BY_CONTENT = new Set([...FROM_CONTENT, 'cell', 'columnheader', 'heading', 'row', 'rowheader', 'tooltip']);

// nameSource gives a control's full name and where it came from. Test ids and ids are not names to accname, and better than none.
function nameSource(el, role) {
  const told = { self: el, left: NAME_WORK, label: false, hidden: false };
  let name;
  if (el.hasAttribute('aria-labelledby') && (name = referenced(el.ariaLabelledByElements, el))) return [name, 'labelledby'];
  if ((name = attributeOf(el, 'aria-label'))) return [name, 'aria-label'];
  if ((name = labelOf(el))) return [name, 'label'];
  const value = nativeOf(el, told);
  if (value && (name = clean(value[0]).trim())) return [name, value[1]];
  if (NAMED_BY_CONTENT.has(role) && el.localName !== 'input' && (name = contentName(el, told))) return [name, 'content'];
  if ((name = attributeOf(el, 'title'))) return [name, 'title'];
  if ((name = attributeOf(el, 'placeholder') || attributeOf(el, 'aria-placeholder'))) return [name, 'placeholder'];
  if ((name = attributeOf(el, 'data-testid'))) return [name, 'testid'];
  if ((name = attributeOf(el, 'id'))) return [name, 'id'];
  return ['', ''];
}

const NAME_WORK = 400; // characters and nodes that are looked at for one name

function nameOf(el, role) {
  return clip(nameSource(el, role)[0], NAME_LIMIT);
}

function attributeOf(el, name) {
  const value = el.getAttribute(name);
  return value ? clean(value).trim() : '';
}

// referenced joins what the elements that an attribute names say (2B). Of a hidden one its hidden content counts too.
function referenced(elements, self = null) {
  const said = (elements ?? []).map(el => {
    const told = { self, left: NAME_WORK, label: true, hidden: unseen(el), followed: true };
    return clean(nodeName(el, told)).trim();
  });
  return said.filter(Boolean).join(' ');
}

// labelsOf lists the labels of an element. The browser looks for them through the whole document, for each element anew.
function labelsOf(el) {
  return el.labels && (el.id || el.closest('label')) ? Array.from(el.labels) : [];
}

function labelOf(el) {
  const said = labelsOf(el).map(label => clean(nodeName(label, { self: el, left: NAME_WORK, label: true, hidden: unseen(label) })).trim());
  return said.filter(Boolean).join(' ');
}

// contentName is what stands in an element, its generated content included (2F). One text is the usual case.
function contentName(el, told) {
  const only = el.firstChild;
  const plain = only && only.nodeType === Node.TEXT_NODE && !only.nextSibling && !el.shadowRoot && !closedRoots.has(el);
  if (plain && !hasPseudoText(el)) return clean(only.data).trim();
  return clean(contentOf(el, told)).trim();
}

// textOf is the text of an element whatever its role, without its own label.
function textOf(el, work = NAME_WORK) {
  return contentName(el, { self: null, left: work, label: false, hidden: false });
}

function contentOf(el, told) {
  let text = pseudoText(el, '::before');
  for (const child of childrenOf(el)) {
    if (told.left <= 0) break;
    text += nodeName(child, told);
  }
  if (el.hasAttribute('aria-owns')) for (const owned of el.ariaOwnsElements ?? []) text += ' ' + nodeName(owned, told) + ' ';
  return text + pseudoText(el, '::after');
}

// nodeName is what a node adds to the name of another. told: whose name that is, how much work is left, whether the
// node stands in a label (label) or in something hidden that was referred to (hidden), and whether aria-labelledby was
// followed already.
function nodeName(node, told) {
  if (told.left-- <= 0) return '';
  if (node.nodeType === Node.TEXT_NODE) { // 2G
    told.left -= node.length;
    return node.data;
  }
  if (node.nodeType !== Node.ELEMENT_NODE || UNREAD.has(node.localName) || !told.hidden && unseen(node)) return ''; // 2A
  if (!told.followed && node.hasAttribute('aria-labelledby')) {
    const said = referenced(node.ariaLabelledByElements, told.self);
    if (said) return ' ' + said + ' ';
  }
  if (node === told.self && told.label && !told.followed) return '';
  const embedded = told.label && node !== told.self ? embeddedValue(node) : null; // 2C
  if (embedded !== null) return ' ' + embedded + ' ';
  const label = attributeOf(node, 'aria-label'); // 2D
  if (label) return ' ' + label + ' ';
  const native = nativeOf(node, told); // 2E
  if (native) return ' ' + native[0] + ' ';
  if (OPAQUE.has(node.localName)) return ' ' + attributeOf(node, 'title') + ' ';
  const text = contentOf(node, told) || attributeOf(node, 'title'); // 2F, 2I
  return getComputedStyle(node).display.startsWith('inline') ? text : ' ' + text + ' ';
}

const UNREAD = new Set(['script', 'style', 'noscript', 'template', 'datalist', 'head']);
const OPAQUE = new Set(['input', 'select', 'textarea', 'br', 'iframe', 'img', 'video', 'audio', 'canvas', 'object']);

// unseen: hidden from everybody, or from assistive technology.
function unseen(el) {
  if (el.getAttribute('aria-hidden') === 'true') return true;
  return !el.checkVisibility({ visibilityProperty: true }) && getComputedStyle(el).display !== 'contents';
}

const RANGES = new Set(['slider', 'spinbutton', 'number', 'progressbar', 'scrollbar', 'meter']);

// embeddedValue is what a control within a label holds; null: it is none. A secret is never told.
function embeddedValue(el) {
  const role = roleOf(el) || el.getAttribute('role') || '';
  if (el.localName === 'select') return Array.from(el.selectedOptions, option => option.label).join(' ');
  if (role === 'combobox' || role === 'listbox') return el.value ?? Array.from(el.querySelectorAll('[aria-selected=true]'), option => textOf(option)).join(' ');
  if (RANGES.has(role) || el.localName === 'progress' || el.localName === 'meter') {
    return el.getAttribute('aria-valuetext') ?? el.getAttribute('aria-valuenow') ?? String(el.value ?? '');
  }
  if (role === 'password' || concealed.has(el)) return '';
  if (role === 'textbox' || role === 'searchbox') return el.value ?? textOf(el);
  return null;
}

const BUTTONS = { submit: 'Submit', reset: 'Reset', button: '' };

// nativeOf is what HTML itself names an element by, with where that stands (2E); null: it says nothing of it.
function nativeOf(el, told) {
  const part = (selector, source) => {
    const found = Array.from(childrenIn(el)).find(child => child.localName === selector);
    const name = found && contentOf(found, told);
    return name ? [name, source] : null;
  };
  switch (el.localName) {
    case 'input':
      if (el.type in BUTTONS) return [attributeOf(el, 'value') || BUTTONS[el.type], 'value'];
      if (el.type === 'image') return [attributeOf(el, 'alt') || attributeOf(el, 'value') || attributeOf(el, 'title') || 'Submit', 'value'];
      return null;
    case 'img': return decorative(el) ? ['', 'alt'] : el.hasAttribute('alt') ? [el.alt, 'alt'] : null;
    case 'area': return el.alt ? [el.alt, 'alt'] : null;
    case 'svg': return [el.querySelector('title')?.textContent ?? '', 'title'];
    case 'fieldset': return part('legend', 'caption');
    case 'table': return part('caption', 'caption');
    case 'figure': return part('figcaption', 'caption');
    case 'g': case 'path': case 'rect': case 'circle': case 'ellipse': case 'polygon': case 'polyline': case 'line': case 'use': {
      const title = Array.from(childrenIn(el)).find(child => child.localName === 'title');
      return title && [title.textContent, 'title'];
    }
    case 'optgroup': return [el.label, 'label'];
  }
  return null;
}

// decorative: a picture that is declared to say nothing.
function decorative(img) {
  return /^(none|presentation)$/.test(img.getAttribute('role') ?? '') && img.tabIndex < 0;
}

// pseudoText is the text that style puts before or after an element's content, or its alternative (after a slash).
function pseudoText(el, which) {
  if (!hasPseudoText(el)) return '';
  const style = getComputedStyle(el, which);
  const [shown, instead] = style.content.split(/ \/ (?=")/);
  if (!shown.startsWith('"') && instead === undefined) return '';
  const text = Array.from((instead ?? shown).matchAll(/"((?:[^"\\]|\\.)*)"/gs), ([, quoted]) => quoted.replace(/\\(.)/gs, '$1')).join('');
  return style.display.startsWith('inline') ? text : ' ' + text + ' ';
}

// hasPseudoText: style may put text into the element. To ask for each costs as much as all the rest, so it is asked only
// where a style sheet of the document has such text, or cannot be read.
function hasPseudoText(el) {
  return (speaking ??= Array.from(document.styleSheets).concat(document.adoptedStyleSheets).some(speaks)) || el.getRootNode() !== document;
}

let speaking = null;             // for the call of now
const sheetsRead = new WeakMap(); // style sheet -> {count of its rules, speaks}
const PSEUDO_TEXT = /::?(before|after)\b[^{}]*\{[^{}]*\bcontent:(?!\s*(none|normal|"[\ue000-\uf8ff]*")\s*[;}!])/;

function speaks(sheet) {
  let rules;
  try { rules = sheet.cssRules; } catch { return true; } // another site's
  const known = sheetsRead.get(sheet);
  if (known?.count === rules.length) return known.speaks;
  const found = Array.from(rules).some(rule => rule.styleSheet ? speaks(rule.styleSheet) : PSEUDO_TEXT.test(rule.cssText));
  sheetsRead.set(sheet, { count: rules.length, speaks: found });
  return found;
}
