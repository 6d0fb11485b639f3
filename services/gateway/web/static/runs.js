// The list of runs: rows that are shown change in place, new runs wait behind a button.
import { $, $$, api, clip, duration, label, onKey, setHidden, setState, setText, setTime } from './base.js';
import { remember, remembered, start } from './form.js';

const interval = 3000; // ms between two looks

const form = $('#prompt-form');
if (form) {
  const { prompt, provider } = form.elements;
  const last = remembered('prompt');
  if (last.provider) provider.value = last.provider;
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    if (prompt.value.trim().length < 3) { prompt.focus(); return; }
    remember('prompt', { provider: provider.value });
    start('/api/runs', { prompt: prompt.value.trim(), provider: provider.value }, $('button', form), $('#prompt-error'));
  });
  prompt.addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) form.requestSubmit(); });
  $('#more').addEventListener('click', () => remember('new', { ...remembered('new'), prompt: prompt.value, provider: provider.value }));
  onKey('n', () => prompt.focus());
}

for (const code of $$('pre.code')) setText(code, code.textContent.replace('{{origin}}', location.origin));

const rows = $('#rows');
const query = new URLSearchParams(location.search);
const newest = Math.max(0, ...$$('tr[data-run]', rows).map((tr) => Number(tr.dataset.run)));
const pending = new Map(); // runs that are newer than what is shown

function fill(row, run) {
  row.dataset.run = run.task_run_id;
  row.dataset.state = run.state;
  setState($('.state', row), run.state);
  setText($('[data-f=prompt]', row), clip(run.prompt, 160));
  setText($('[data-f=error]', row), run.error?.code);
  setText($('[data-f=execution]', row), label(run.execution));
  setText($('[data-f=model]', row), run.model);
  if (run.started_at && run.finished_at) setText($('[data-f=took]', row), duration(new Date(run.finished_at) - new Date(run.started_at)));
}

function newRow(run) {
  const row = $('#row-template').content.firstElementChild.cloneNode(true);
  const link = $('.row-link', row);
  link.href = `/runs/${run.task_run_id}`;
  setText($('[data-f=id]', row), `#${run.task_run_id}`);
  const task = $('[data-f=task]', row);
  task.href = `/tasks/${run.task_id}`;
  setText(task, `Task ${run.task_id}`);
  setTime($('time', row), run.created_at);
  fill(row, run);
  return row;
}

async function look() {
  const q = new URLSearchParams({ limit: '50' });
  for (const name of ['state', 'task_id', 'cursor']) if (query.get(name)) q.set(name, query.get(name));
  const { runs } = await api('GET', `/api/runs?${q}`);
  for (const run of runs) {
    const row = $(`tr[data-run="${run.task_run_id}"]`, rows);
    if (row) fill(row, run);
    else if (!query.get('cursor') && run.task_run_id > newest) pending.set(run.task_run_id, run);
  }
  const button = $('#newer');
  setText(button, `${pending.size} new ${pending.size === 1 ? 'run' : 'runs'}`);
  setHidden(button, pending.size === 0);
  setHidden($('#link'), true);
}

$('#newer')?.addEventListener('click', () => {
  if (rows.closest('[hidden]')) { location.reload(); return; } // the list was empty
  rows.prepend(...Array.from(pending.values()).sort((a, b) => b.task_run_id - a.task_run_id).filter((r) => !$(`tr[data-run="${r.task_run_id}"]`, rows)).map(newRow));
  pending.clear();
  setHidden($('#newer'), true);
});

async function watch() {
  if (document.hidden) return;
  try {
    await look();
  } catch (e) {
    setText($('#link'), `Not up to date: ${e.message}`);
    setHidden($('#link'), false);
  }
}
setInterval(watch, interval);
document.addEventListener('visibilitychange', watch);

const links = () => $$('.row-link', rows);
function move(by) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))]?.focus();
}
onKey('j', () => move(1));
onKey('k', () => move(-1));
