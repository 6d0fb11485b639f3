// The whole frame as readable text, with links and tables kept.

const CONTENT_SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'head', 'iframe', 'frame', 'datalist', 'object', 'embed',
  'title', 'defs', 'symbol', 'clipPath', 'mask', 'marker', 'pattern', 'metadata', 'desc']);

// content reads the frame. instead holds, for parts that scroll (their number in rolling), the text that was read of them.
function content(limit, instead) {
  const told = new Map((instead ?? []).map(({ part, text }) => [rolling[part].el, text]));
  const out = { parts: [], size: 0, limit, told };
  const whole = told.get(document.scrollingElement);
  if (whole !== undefined) say(out, whole);
  else if (document.body) contentIn(document.body, out, { depth: 0, pre: false });
  return { url: location.href, title: clean(document.title).trim(), text: tidy(out), cut: out.size >= limit };
}

function tidy(out) {
  return out.parts.join('').replace(/[^\S\n]+/g, ' ').replace(/ ?\n ?/g, '\n').replace(/\n{3,}/g, '\n\n').trim();
}

function contentIn(el, out, state) {
  if (state.depth > MAX_DEPTH) return say(out, clean(el.textContent));
  for (const child of childrenOf(el)) {
    if (out.size >= out.limit) return;
    if (child.nodeType === Node.TEXT_NODE) say(out, state.pre ? child.data.split('\n').map(clean).join('\n') : clean(child.data));
    else if (child.nodeType === Node.ELEMENT_NODE) contentOfElement(child, out, state);
  }
}

function say(out, text) {
  out.parts.push(text);
  out.size += text.length;
}

// lines makes the text so far end with that many line ends.
function lines(out, count) {
  const tail = out.parts.slice(-4).join('').replace(/[^\S\n]+/g, '');
  const have = tail.length - tail.trimEnd().length;
  if (have < count) say(out, '\n'.repeat(count - have));
}

function contentOfElement(el, out, state) {
  const tag = el.localName;
  if (CONTENT_SKIPPED.has(tag)) return;
  const { display, visibility } = getComputedStyle(el);
  if (display !== 'contents' && !el.checkVisibility({ opacityProperty: true })) return;
  const inner = { depth: state.depth + 1, pre: state.pre || tag === 'pre' };
  if (visibility !== 'visible') return; // a visible child of a hidden parent is rare enough
  const inline = display.startsWith('inline') || display === 'contents';
  switch (tag) {
    case 'br': return say(out, '\n');
    case 'hr': lines(out, 2); return say(out, '---\n');
    case 'img': return say(out, el.alt ? ` ![${clean(el.alt)}] ` : '');
    case 'tr': return contentOfRow(el, out, inner);
    case 'a': if (typeof el.href === 'string' && el.href) return contentOfLink(el, out, inner); break;
    case 'select': case 'input': case 'textarea': return say(out, ' ' + fieldContent(el) + ' ');
  }
  const heading = HEADING.exec(tag);
  if (!inline) lines(out, heading || /^(p|table|pre|ul|ol)$/.test(tag) ? 2 : 1);
  if (out.told?.has(el)) return say(out, out.told.get(el) + '\n');
  if (tag === 'text') say(out, ' ');
  if (heading) say(out, '#'.repeat(Number(heading[1])) + ' ');
  if (tag === 'li') say(out, '- ');
  contentIn(el, out, inner);
  if (!inline) lines(out, heading || tag === 'p' ? 2 : 1);
}

function fieldContent(el) {
  if (el.localName === 'select') return Array.from(el.selectedOptions, o => clean(o.label)).join(', ');
  if (secretive(el) || el.type === 'hidden') return '';
  if (el.type === 'checkbox' || el.type === 'radio') return el.checked ? '[x]' : '[ ]';
  return clean(el.value);
}

function contentOfLink(el, out, state) {
  const inner = { parts: [], size: 0, limit: out.limit };
  contentIn(el, inner, state);
  const text = inner.parts.join('').trim();
  const page = el.href.startsWith('http');
  if (!text) return;
  say(out, page && !text.includes('\n') ? `[${text}](${el.href})` : page ? `${text} (${el.href})` : text);
}

function contentOfRow(row, out, state) {
  const cells = Array.from(childrenIn(row), cell => {
    const inner = { parts: [], size: 0, limit: out.limit };
    contentIn(cell, inner, state);
    return inner.parts.join('').replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  });
  lines(out, 1);
  say(out, '| ' + cells.join(' | ') + ' |');
  const first = parentElementOf(row)?.firstElementChild === row && row.closest('table')?.rows[0] === row;
  if (first) say(out, '\n|' + ' --- |'.repeat(cells.length));
}
