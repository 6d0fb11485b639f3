// What the page text says of a control beside its name: hints at what one without a name is for, the text that is shown
// where a label says something else, and a state that is only drawn.

const ICON_FONT = /^(?:fa[bdlrs]?|glyphicon|icons?|bi|ti|tabler|mdi|md|ri|la[bdrs]?|oi|pi|ion|octicon|codicon|lucide|feather|anticon|ph|uil|bx|dashicons|material-icons)[-_](?!(?:\dx|fw|lg|sm|xs|xl|solid|regular|light|brands|spin|pulse|stack|inverse|outlined|rounded|sharp|filled|button|only|inner|wrapper|container)\b)([a-z][\w-]*)$/i;
const PLAIN_WORD = /^[a-z]{2,}(?:[-_][a-z]{2,}){0,3}$/i;
const STYLING = /^(?:js|css|ng|v|is|has|ui|x|el|mui|ant|chakra|col|row|btn|button|buttons|icon|icons|link|links|item|items|nav|navbar|menu|list|flex|grid|text|bg|border|rounded|shadow|control|controls|action|actions|clickable|pointer|cursor|small|large|medium|default|primary|secondary|light|dark|active|selected|inner|outer|wrapper|container|left|right|block|inline|hidden|visible|disabled|enabled|clear|clearfix|base|root|svg|img|image|span|div)(?:[-_]|$)/i;

// hintOf says what a control is for that has no name of its own: by its icon, its tooltip, its address, its class. ids come last.
function hintOf(el, name, source) {
  if (source !== '' && source !== 'id' && source !== 'testid') return '';
  const icon = FROM_CONTENT.has(roleOf(el) || 'clickable') ? iconHint(el) : '';
  if (icon) return `(${icon} icon)`;
  const hint = tooltipOf(el) || addressOf(el);
  if (hint) return `(${clip(hint, 60)})`;
  return name ? '(id)' : classHint(el);
}

function iconHint(el) {
  for (const part of [el, ...Array.from(el.querySelectorAll('i,span,svg,use,img,[class*=icon]')).slice(0, 8)]) {
    const named = attributeOf(part, 'data-icon') || attributeOf(part, 'data-lucide') || attributeOf(part, 'data-feather');
    if (PLAIN_WORD.test(named)) return named;
    if (part.localName === 'use') {
      const id = (part.getAttribute('href') ?? part.getAttribute('xlink:href') ?? '').split('#')[1];
      if (id) return clip(clean(id.replace(/^(?:icon|i|svg)[-_]/, '')), 30);
    }
    if (part.localName === 'img') {
      const file = fileOf(part.getAttribute('src') ?? '');
      if (file) return file;
    }
    for (const token of classesOf(part)) {
      const found = ICON_FONT.exec(token);
      if (found) return clip(found[1], 30);
    }
  }
  return fileOf(/url\("?([^")]*)/.exec(getComputedStyle(el).backgroundImage)?.[1] ?? '');
}

// fileOf is the name of a picture's file, if that is a word.
function fileOf(address) {
  if (address.startsWith('data:')) return '';
  const name = address.split(/[?#]/)[0].split('/').at(-1).replace(/\.\w+$/, '').replace(/^(?:icon|ic|btn)[-_]/, '');
  return PLAIN_WORD.test(name) ? clip(name, 30) : '';
}

function tooltipOf(el) {
  for (const name of ['data-tooltip', 'data-original-title', 'data-bs-original-title', 'data-tip', 'data-tippy-content', 'aria-description', 'data-title']) {
    const text = attributeOf(el, name);
    if (text) return text;
  }
  return referenced(el.ariaDescribedByElements) || attributeOf(el.querySelector('[title]') ?? el, 'title');
}

// addressOf is the last part of where a link goes.
function addressOf(el) {
  const href = el.localName === 'a' ? el.getAttribute('href') ?? '' : '';
  if (!href || /^(?:#?$|javascript:|data:)/i.test(href)) return '';
  const path = href.split(/[?#]/)[0].replace(/\/+$/, '').split('/').at(-1);
  return '→ ' + clean(path || href);
}

function classHint(el) {
  const words = [el, ...Array.from(el.children).slice(0, 1)].flatMap(part => Array.from(classesOf(part)))
    .filter(token => PLAIN_WORD.test(token) && !STYLING.test(token));
  return words.length ? `(class ${clip(words.slice(0, 2).join(' '), 40)})` : '';
}

const lettersOf = text => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');

// shownBeside is the text in a control if its label does not hold it.
function shownBeside(el, role, name, source) {
  if (source !== 'aria-label' && source !== 'labelledby' || !NAMED_BY_CONTENT.has(role)) return '';
  const text = textOf(el);
  return lettersOf(text) && !lettersOf(name).includes(lettersOf(text)) ? `shows ${JSON.stringify(clip(text, 60))}` : '';
}

const SKIPPING = /^(?:skip|jump|go|zum|zur|direkt|springe?n?|aller|passer|saltar|ir)\b.*\b(?:content|main|navigation|search|menu|inhalt|suche|hauptinhalt|contenu|contenido)\b/i;

// skipLink: a link for who uses the keyboard, which moves nothing but the focus.
function skipLink(el, role, name) {
  return role === 'link' && (el.getAttribute('href') ?? '').startsWith('#') && SKIPPING.test(name);
}

const CHOSEN_CLASS = /(?:^|[-_])(?:active|selected|current|chosen|checked|pressed|toggled|on)$/i;
const PRESSED_FOR_ALL = /primary|submit|danger|cta|success|warning/i;
const CHOICES = 12; // in one group at most
const SIBLINGS = 4 * CHOICES; // elements beside one another, at most, among which a group is looked for: not in a long list

// drawnState is 'looks selected' for the one of several like controls that is drawn otherwise than the rest.
function drawnState(el, role) {
  if (!/^(?:button|link|clickable|option|menuitem|gridcell)$/.test(role) || el.matches(':hover,:focus,[aria-selected],[aria-current],[aria-pressed],[aria-checked],[type=submit]')) return '';
  const group = groupOfLike(el);
  if (group.length < 2 || group.length > CHOICES) return '';
  const own = classNameOf(el) + (el.getAttribute('style') ?? '');
  if (group.some(other => other !== el && classNameOf(other) + (other.getAttribute('style') ?? '') === own)) return '';
  const told = Array.from(classesOf(el)).some(token => CHOSEN_CLASS.test(token));
  if (!told && (group.length < 3 || PRESSED_FOR_ALL.test(own))) return '';
  const others = new Set(group.filter(other => other !== el && !other.matches(':hover,:focus')).map(drawing));
  return others.size === 1 && !others.has(drawing(el)) ? 'looks selected' : '';
}

// groupOfLike lists the controls of the same kind beside an element; each may stand alone in an item of a list.
function groupOfLike(el) {
  const list = parentElementOf(el);
  if (!list || childrenIn(list)[SIBLINGS]) return []; // childElementCount would count them all, each time
  const beside = Array.from(childrenIn(list)).filter(other => other.localName === el.localName);
  if (beside.length > 1 || childrenIn(list)[1] || list.localName === 'body') return beside;
  const row = parentElementOf(list);
  return row && !childrenIn(row)[SIBLINGS] ? Array.from(childrenIn(row)).filter(item => item.localName === list.localName && item.childElementCount === 1)
    .map(item => item.firstElementChild).filter(other => other.localName === el.localName) : [];
}

function drawing(el) {
  const s = getComputedStyle(el);
  return [s.backgroundColor, s.color, s.fontWeight, s.borderBottomColor, s.borderBottomWidth, s.borderTopColor, s.boxShadow, s.textDecorationLine].join();
}
