// One task: run it with its parameters, and look at the versions of its workflow.
import { $, $$, api, el, setHidden, setText, tabs, toast } from './base.js';
import { start } from './form.js';

const id = $('#task').dataset.task;
const form = $('#run-form');
const show = tabs($('#tabs'));
const order = $$('.panel').map((p) => p.id.replace('panel-', ''));
if (location.hash) show(Math.max(0, order.indexOf(location.hash.slice(1))));

/** The values that were filled in, each of the type that the workflow says. */
function values() {
  const given = {};
  for (const input of $$('input[data-type]', form)) {
    const text = input.value.trim();
    if (!text) continue;
    const type = input.dataset.type;
    given[input.name] = type === 'boolean' ? text === 'true' : type === 'number' || type === 'integer' ? Number(text) : text;
  }
  return given;
}

form.addEventListener('submit', (e) => {
  e.preventDefault();
  const replay = $('#use-workflow')?.checked ?? false;
  const body = $('#use-workflow') ? { use_cached_workflow: replay } : {};
  const given = values();
  if (replay && Object.keys(given).length) body.parameters = given;
  start(`/api/tasks/${id}/runs`, body, $('button', form), $('#run-error'));
});

for (const button of $$('[data-restore]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      await api('POST', `/api/tasks/${id}/workflows/${button.dataset.restore}/restore`);
      location.reload();
    } catch (e) { toast(e.message, 'error'); }
  });
}

/** The lines of two texts, the ones that only one of them has marked. */
function changedLines(a, b) {
  const one = a.split('\n');
  const two = b.split('\n');
  const rows = Array.from({ length: one.length + 1 }, () => new Uint16Array(two.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = two.length - 1; j >= 0; j--) rows[i][j] = one[i] === two[j] ? rows[i + 1][j + 1] + 1 : Math.max(rows[i + 1][j], rows[i][j + 1]);
  }
  const lines = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < two.length) {
    if (i < one.length && j < two.length && one[i] === two[j]) { i++; j++; continue; }
    if (j >= two.length || (i < one.length && rows[i + 1][j] >= rows[i][j + 1])) lines.push(['-', one[i++]]);
    else lines.push(['+', two[j++]]);
  }
  return lines;
}

const longest = 3000; // lines of a workflow that are compared

for (const button of $$('[data-diff]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      const [{ cached_workflow: current }, other] = await Promise.all([api('GET', `/api/tasks/${id}`), api('GET', `/api/tasks/${id}/workflows/${button.dataset.diff}`)]);
      const [a, b] = [other, { ...current, version: other.version }].map((w) => JSON.stringify(w, null, 1));
      const box = $('#diff');
      const lines = [a, b].some((t) => t.split('\n').length > longest) ? [['', 'Too long to compare here: open both as JSON.']] : changedLines(a, b);
      box.replaceChildren(el('h3', {}, `Version ${button.dataset.diff} and the current one`),
        el('pre', { class: 'diff' }, ...(lines.length ? lines.map(([mark, line]) => el('span', { 'data-mark': mark }, `${mark} ${line}\n`)) : ['They are the same.'])));
      setHidden(box, false);
      box.scrollIntoView({ block: 'nearest' });
    } catch (e) { toast(e.message, 'error'); }
  });
}

const remove = $('#delete-task');
setHidden(remove, false);
remove.addEventListener('click', async () => {
  if (!remove.dataset.asked) {
    remove.dataset.asked = 'yes';
    setText(remove, 'Really delete this task? Press again.');
    return;
  }
  try {
    await api('DELETE', `/api/tasks/${id}`);
    location.assign('/tasks');
  } catch (e) { toast(e.message, 'error'); }
});
