// What every page needs: small helpers around the DOM and the API, times, the theme, and the keyboard.
// Text from runs comes from websites: it is only ever written as text, never as HTML.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));

/** Writes text into an element if it differs, so that nothing moves that has not changed. */
export function setText(el, text) {
  const value = text == null ? '' : String(text);
  if (el && el.textContent !== value) el.textContent = value;
}

export function setHidden(el, hidden) {
  if (el && el.hidden !== hidden) el.hidden = hidden;
}

/** Makes an element: el('p', {class: 'dim'}, 'text', child). Properties are attributes; children are nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((c) => c != null && c !== false));
  return node;
}

/** Calls the API. It returns the decoded answer, and throws an Error with a sentence for people. */
export async function api(method, path, body) {
  const init = { method, headers: { accept: 'application/json' } };
  if (method === 'POST' || method === 'PUT') {
    init.headers['content-type'] = 'application/json';
    init.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new Error('The server does not answer. Is it still running?');
  }
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => null);
  if (answer.ok) return data;
  const problems = (data?.errors ?? []).map((e) => `${(e.location ?? '').replace(/^body\.?/, '') || 'request'}: ${e.message}`);
  throw new Error(problems.join('; ') || data?.detail || `The server answered with status ${answer.status}.`);
}

let announced = 0;
/** Says something to screen readers, at most every five seconds unless it is urgent. */
export function announce(text, urgent = false) {
  const now = Date.now();
  if (!urgent && now - announced < 5000) return;
  announced = now;
  setText($('#announce'), text);
}

/** Shows a short message at the edge of the page. */
export function toast(text, kind = 'info') {
  const node = el('p', { 'data-kind': kind }, text);
  $('#toasts').append(node);
  setTimeout(() => node.remove(), kind === 'error' ? 9000 : 4000);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied');
  } catch {
    toast('The browser does not let this page copy. Select the text instead.', 'error');
  }
}

const words = {
  queued: 'Queued', running: 'Running', waiting: 'Waiting', succeeded: 'Succeeded', failed: 'Failed', canceled: 'Canceled',
  timed_out: 'Timed out', ai: 'AI', cached_workflow: 'Replay', healed: 'Healed replay',
};
export const label = (word) => words[word] ?? String(word ?? '').replaceAll('_', ' ');
export const over = (state) => !['queued', 'running', 'waiting'].includes(state);
export const clip = (text, n) => (text.length <= n ? text : `${text.slice(0, n - 1)}…`);

/** A duration in milliseconds as people read it: 840 ms, 4.1 s, 2:05, 1:02:05. */
export function duration(ms) {
  if (!(ms > 0)) return '0 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export function bytes(n) {
  return n < 1000 ? `${n} B` : n < 1e6 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

/** What was spent: the price of a model may be unknown. */
export const cost = ({ cost_usd: usd, model_calls: calls }) => (usd != null ? `$${usd.toFixed(4)}` : calls === 0 ? '$0' : 'unknown');

/** How long ago a time was, in words. */
function ago(date) {
  const s = (Date.now() - date) / 1000;
  if (s < 10) return 'just now';
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return date.toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
}

export function setTime(node, iso) {
  if (!node || !iso) return;
  if (node.getAttribute('datetime') !== iso) {
    node.setAttribute('datetime', iso);
    node.title = new Date(iso).toLocaleString();
  }
  setText(node, ago(new Date(iso)));
}

/** Writes the state of a run into its badge. */
export function setState(badge, state) {
  if (!badge || badge.dataset.state === state) return;
  badge.dataset.state = state;
  setText(badge.lastElementChild, label(state));
}

/** Turns the panels in root into tabs. It returns a function that shows one by its number, from 0. */
export function tabs(root) {
  const list = $('[role=tablist]', root);
  const panels = $$('.panel', root);
  const buttons = panels.map((panel, i) => {
    panel.setAttribute('role', 'tabpanel');
    const button = el('button', { type: 'button', role: 'tab', id: `tab-${panel.id}`, 'aria-controls': panel.id }, panel.dataset.tab);
    panel.setAttribute('aria-labelledby', button.id);
    button.addEventListener('click', () => show(i));
    button.addEventListener('keydown', (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (step) {
        show((i + step + panels.length) % panels.length);
        buttons[(i + step + panels.length) % panels.length].focus();
        e.stopPropagation();
      }
    });
    return button;
  });
  function show(i) {
    if (!panels[i]) return;
    panels.forEach((panel, n) => setHidden(panel, n !== i));
    buttons.forEach((button, n) => {
      button.setAttribute('aria-selected', String(n === i));
      button.tabIndex = n === i ? 0 : -1;
    });
  }
  list.replaceChildren(...buttons);
  list.hidden = false;
  show(0);
  return show;
}

const keys = new Map();
/** Does something when a key is pressed outside of fields. The name is KeyboardEvent.key, or two keys as 'g r'. */
export const onKey = (name, act) => keys.set(name, act);

let prefix = '';
const shortcutsOff = () => { try { return localStorage.getItem('keys') === 'off'; } catch { return false; } };
document.addEventListener('keydown', (e) => {
  const typing = e.target instanceof Element && e.target.closest('input, textarea, select, [contenteditable]');
  if (typing || e.ctrlKey || e.metaKey || e.altKey || shortcutsOff() || $('dialog[open]')) return;
  if (e.key === ' ' && e.target.closest?.('button, a, summary')) return;
  const act = keys.get(prefix ? `${prefix} ${e.key}` : e.key);
  prefix = !prefix && e.key === 'g' ? 'g' : '';
  if (act && act(e) !== false) e.preventDefault();
});

onKey('?', () => $('#keys').showModal());
onKey('g r', () => location.assign('/'));
onKey('g t', () => location.assign('/tasks'));
$('#help').addEventListener('click', () => $('#keys').showModal());
$('#keys-off').checked = shortcutsOff();
$('#keys-off').addEventListener('change', (e) => { try { localStorage.setItem('keys', e.target.checked ? 'off' : 'on'); } catch { /* not kept */ } });

$('#theme').addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* not kept */ }
});

const showTimes = () => $$('time').forEach((node) => setTime(node, node.getAttribute('datetime')));
showTimes();
setInterval(() => { if (!document.hidden) showTimes(); }, 10000);
