// The whole frame as readable text, with links and tables kept.

const CONTENT_SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'head', 'svg', 'iframe', 'frame', 'datalist', 'object', 'embed']);

function content(limit) {
  const out = { parts: [], size: 0, limit };
  if (document.body) contentIn(document.body, out, { depth: 0, pre: false });
  const text = out.parts.join('').replace(/[^\S\n]+/g, ' ').replace(/ ?\n ?/g, '\n').replace(/\n{3,}/g, '\n\n').trim();
  return { url: location.href, title: clean(document.title).trim(), text, cut: out.size >= limit };
}

function contentIn(el, out, state) {
  for (const child of childrenOf(el)) {
    if (out.size >= out.limit || state.depth > MAX_DEPTH) return;
    if (child.nodeType === Node.TEXT_NODE) say(out, state.pre ? child.data.split('\n').map(clean).join('\n') : clean(child.data));
    else if (child.nodeType === Node.ELEMENT_NODE) contentOfElement(child, out, state);
  }
}

function say(out, text) {
  out.parts.push(text);
  out.size += text.length;
}

function contentOfElement(el, out, state) {
  const tag = el.localName;
  if (CONTENT_SKIPPED.has(tag) || !el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !el.querySelector('*')) return;
  if (!el.checkVisibility()) return;
  const inner = { depth: state.depth + 1, pre: state.pre || tag === 'pre' };
  const heading = HEADING.exec(tag);
  if (tag === 'br') return say(out, '\n');
  if (tag === 'hr') return say(out, '\n---\n');
  if (tag === 'img') return say(out, el.alt ? ` ![${clean(el.alt)}] ` : '');
  if (tag === 'tr') return contentOfRow(el, out, inner);
  if (tag === 'a' && el.href) return contentOfLink(el, out, inner);
  if (tag === 'select' || tag === 'input' || tag === 'textarea') return say(out, ' ' + fieldContent(el) + ' ');
  if (heading) say(out, '\n\n' + '#'.repeat(Number(heading[1])) + ' ');
  else if (tag === 'li') say(out, '\n- ');
  else if (tag === 'p' || tag === 'table' || tag === 'pre') say(out, '\n\n');
  else if (!getComputedStyle(el).display.startsWith('inline')) say(out, '\n');
  contentIn(el, out, inner);
  if (heading || !getComputedStyle(el).display.startsWith('inline')) say(out, '\n');
}

function fieldContent(el) {
  if (el.localName === 'select') return Array.from(el.selectedOptions, o => clean(o.label)).join(', ');
  if (el.type === 'password' || el.type === 'hidden') return '';
  if (el.type === 'checkbox' || el.type === 'radio') return el.checked ? '[x]' : '[ ]';
  return clean(el.value);
}

function contentOfLink(el, out, state) {
  const inner = { parts: [], size: 0, limit: out.limit };
  contentIn(el, inner, state);
  const text = inner.parts.join('').trim();
  const page = el.href.startsWith('http');
  if (!text) return;
  say(out, page && !text.includes('\n') ? ` [${text}](${el.href}) ` : page ? `${text} (${el.href})` : text);
}

function contentOfRow(row, out, state) {
  const cells = Array.from(row.children, cell => {
    const inner = { parts: [], size: 0, limit: out.limit };
    contentIn(cell, inner, state);
    return inner.parts.join('').replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  });
  say(out, '\n| ' + cells.join(' | ') + ' |');
  const first = row.parentElement?.firstElementChild === row && row.closest('table')?.rows[0] === row;
  if (first) say(out, '\n|' + ' --- |'.repeat(cells.length));
}
