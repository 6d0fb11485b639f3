// One run: its steps as they happen, the page at each of them, and what one can do with it.
import { $, $$, announce, api, clip, copy, cost, duration, el, label, onKey, over, setHidden, setState, setText, setTime, tabs, toast, bytes } from './base.js';
import { Feed } from './feed.js';
import { Stage } from './stage.js';
import { inspect, outcome, subject } from './inspector.js';

const root = $('#run');
const id = Number(root.dataset.run);
const steps = new Map(); // number -> {data, done}
const list = $('#steps');
const followBox = $('#follow');
let run = { state: root.dataset.state }; // the newest snapshot
let selected = 0;
let unseen = 0; // steps that were added below what is shown
const shownSequence = Number(root.dataset.sequence); // the run's last event that the server has put into the page
const latest = Number(root.dataset.latest); // the last of all events that were there then
let catchingUp = latest > 0;
const endedBefore = over(run.state);

const stage = new Stage(id, (n) => choose(n), () => showSelected());
const showTab = tabs($('#tabs'));

// ---- events ----

function apply(events) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const before = steps.size;
  for (const { sequence, kind, event } of events) {
    addToLog(sequence, kind, event);
    if (kind.startsWith('step.')) takeStep(event.data, kind === 'step.done');
    else takeState(kind, event.data.run, sequence > shownSequence);
  }
  const added = steps.size - before;
  showFacts();
  if (!over(run.state) && !catchingUp) showBanner();
  if (added > 0) afterNewSteps(added, atEnd);
  if (!catchingUp) { showSelected(); return; }
  if (events.at(-1).sequence < latest) return;
  catchingUp = false;
  choose(fromAddress() || firstChoice(), false);
  if (fromAddress()) scrollTo({ top: 0 }); // the browser has gone to the row itself
}

function takeStep(data, done) {
  const known = steps.get(data.number);
  if (known?.done && !done) return;
  steps.set(data.number, { data, done });
  setHidden($('#no-steps'), true);
  setHidden($('#panes'), false);
  showStep(data, done);
  stage.addToStrip(data);
}

function takeState(kind, snapshot, isNew) {
  const changed = snapshot.state !== run.state || kind === 'retrying';
  run = snapshot;
  if (!isNew) return; // the page shows what came after it already
  root.dataset.state = run.state;
  setState($('#state .state'), run.state);
  if (changed && !catchingUp) announce(`The run is ${label(run.state).toLowerCase()}`, true);
  if (over(run.state) && !endedBefore) ended();
  else if (!over(run.state)) showBanner();
}

/** The run is over: its result, files and judgement are read whole. */
async function ended() {
  showBanner();
  showButtons();
  try {
    const whole = await api('GET', `/api/runs/${id}`);
    showResult(whole.result);
    showFiles(whole.files);
    showDeliveries();
    if (whole.judgement && !$('#judgement')) {
      $('#banner').append(el('p', { id: 'judgement' }, el('b', {}, whole.judgement.verdict ? 'Judge: done. ' : 'Judge: not done. '), whole.judgement.reason));
    }
  } catch (e) {
    toast(e.message, 'error');
  }
}

function showResult(result) {
  if (result == null) return;
  setText($('#result'), typeof result === 'string' ? result : JSON.stringify(result, null, 2));
  setHidden($('#result-box'), false);
}

function showFiles(files) {
  if (!files?.length) return;
  $('#files').replaceChildren(...files.map((f) => el('li', {}, el('a', { href: `/api/files/${f.id}`, download: true }, f.name), ' ', el('span', { class: 'dim' }, `${bytes(f.size)} · ${f.source}`))));
}

/** The webhook of the run: each POST and what was answered. */
async function showDeliveries() {
  const box = $('#deliveries');
  if (!box) return;
  try {
    const { deliveries } = await api('GET', `/api/runs/${id}/deliveries`);
    if (deliveries.length) box.replaceChildren(...deliveries.map(delivery));
  } catch (e) {
    setText($('#deliveries-error'), `The attempts could not be read: ${e.message}`);
  }
}

function delivery(d) {
  const again = el('button', { type: 'button', class: 'small' }, 'Send again');
  again.addEventListener('click', async () => {
    again.disabled = true;
    try {
      await api('POST', `/api/deliveries/${d.id}/redeliver`);
      toast('It is being sent again.');
      setTimeout(showDeliveries, 1500);
    } catch (e) { toast(e.message, 'error'); }
    again.disabled = false;
  });
  const row = (a) => el('tr', {}, el('td', { class: 'num' }, String(a.number)), el('td', { class: 'num' }, new Date(a.time).toLocaleString()),
    el('td', { class: a.class ? 'why' : '' }, a.status ? String(a.status) : label(a.class)), el('td', { class: 'num' }, duration(a.duration_ms)),
    el('td', {}, a.error ? el('span', { class: 'why' }, a.error) : 'delivered', a.response && el('details', {}, el('summary', {}, 'Answer'), el('pre', { class: 'wrap' }, a.response))));
  return el('div', {}, el('p', { class: 'row' }, el('b', {}, label(d.state)), el('code', {}, d.id), d.next_attempt_at && el('span', { class: 'dim' }, `next attempt ${new Date(d.next_attempt_at).toLocaleString()}`), el('span', { class: 'spring' }), again),
    el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, ...['Attempt', 'Time', 'Status', 'Took', 'Outcome'].map((h) => el('th', { scope: 'col' }, h)))), el('tbody', {}, ...d.attempts.map(row)))));
}
if (endedBefore) showDeliveries();

// ---- what is shown ----

function showStep(data, done) {
  let row = $(`#step-${data.number}`);
  if (!row) {
    row = $('#step-template').content.firstElementChild.cloneNode(true);
    row.id = `step-${data.number}`;
    row.dataset.n = data.number;
    $('a', row).href = `#step-${data.number}`;
    const next = $$('.step', list).find((li) => Number(li.dataset.n) > data.number);
    list.insertBefore(row, next ?? null);
  }
  markAttempt(row, data);
  row.dataset.phase = done ? 'done' : 'planned';
  setText($('[data-f=n]', row), data.number);
  setText($('[data-f=description]', row), data.description || '(no description)');
  if (done) setText($('[data-f=took]', row), duration(new Date(data.finished_at) - new Date(data.started_at)));
  const lines = $('.actions', row);
  (data.actions ?? []).forEach((action, i) => {
    let line = lines.children[i];
    if (!line) {
      line = $('#action-template').content.firstElementChild.cloneNode(true);
      lines.append(line);
    }
    line.dataset.outcome = outcome(action, done);
    setText($('b', line), action.name);
    setText($('span', line), clip(subject(action), 90));
  });
  while (lines.children.length > (data.actions ?? []).length) lines.lastElementChild.remove();
}

/** A line between the steps of two attempts. */
function markAttempt(row, data) {
  const before = steps.get(data.number - 1)?.data;
  if (!before || before.attempt === data.attempt || $(`#attempt-${data.attempt}`)) return;
  list.insertBefore(el('li', { class: 'attempt', id: `attempt-${data.attempt}` }, `Attempt ${data.attempt}: the executor before was lost, another one took over`), row);
}

function usage() {
  if (over(run.state) && run.usage) return run.usage;
  const sum = { model_calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
  const paid = Array.from(steps.values(), ({ data }) => data.usage).filter((u) => u?.model_calls > 0);
  for (const used of paid) for (const name of Object.keys(sum)) sum[name] += used[name] ?? 0;
  if (paid.some((u) => u.cost_usd == null)) sum.cost_usd = null; // the price of a model is not known
  return sum;
}

function showFacts() {
  const used = usage();
  setText($('#step-count'), steps.size);
  setText($('[data-f=calls]'), used.model_calls);
  setText($('[data-f=tokens]'), `${used.input_tokens} / ${used.output_tokens}`);
  setText($('[data-f=cost]'), cost(used));
  if (run.attempt) setText($('[data-f=attempt]'), run.attempt);
  if (run.execution) setText($('[data-f=execution]'), label(run.execution));
  if (run.model) setText($('[data-f=model]'), `${run.provider} · ${run.model}`);
  tick();
}

function showBanner() {
  const banner = $('#banner');
  banner.dataset.kind = run.state;
  const newest = steps.get(Math.max(0, ...steps.keys()))?.data;
  const text = {
    queued: run.attempt > 1 ? `An attempt was lost${run.retry_reason ? ` (${run.retry_reason})` : ''}; the run waits for an executor to take it over.` : `The run waits for an executor of ${run.provider} with a free slot.`,
    running: newest ? newest.description : 'The browser is being opened.',
  };
  const waiting = run.waiting && !over(run.state) ? run.waiting : null;
  setText($('#banner-title'), waiting ? `Waiting: ${label(waiting.reason)}` : run.state === 'succeeded' ? 'Result' : run.error ? `${label(run.state)}: ${run.error.code}` : label(run.state));
  setText($('#banner-text'), run.error?.message ?? waiting?.text ?? text[run.state] ?? '');
}

const times = { from: null, to: null };
function tick() {
  times.from = run.started_at ?? times.from;
  times.to = run.finished_at ?? times.to;
  if (times.from) setText($('#elapsed'), duration((times.to ? new Date(times.to) : Date.now()) - new Date(times.from)));
  for (const { data, done } of steps.values()) {
    if (!done && !over(run.state)) setText($(`#step-${data.number} [data-f=took]`), duration(Date.now() - new Date(data.started_at)));
  }
}
setInterval(() => { if (!document.hidden && !over(run.state)) tick(); }, 1000);

function addToLog(sequence, kind, event) {
  const d = event.data;
  const note = kind.startsWith('step.') ? `step ${d.number}: ${d.description}` : d.run.error ? `${d.run.error.code}: ${d.run.error.message}` : d.run.retry_reason || (kind === 'started' ? `attempt ${d.run.attempt}` : '');
  $('#log').append(el('tr', {}, el('td', { class: 'num dim' }, String(sequence)), el('td', { class: 'num' }, new Date(event.time).toLocaleTimeString()),
    el('td', {}, el('code', {}, kind)), el('td', { class: 'dim' }, event.source.split('/')[2] ?? ''), el('td', { class: 'dim' }, clip(note, 200))));
}

// ---- selection ----

const numbers = () => Array.from(steps.keys()).sort((a, b) => a - b);
const fromAddress = () => Number(/^#step-(\d+)$/.exec(location.hash)?.[1] ?? 0);

/** What a reader wants to see first: the newest step of a run under way, the last picture of one that is over. */
function firstChoice() {
  const all = numbers();
  if (!over(run.state)) return all.at(-1) ?? 0;
  return all.findLast((n) => steps.get(n).data.screenshot) ?? all.at(-1) ?? 0;
}

function choose(n, byHand = true) {
  if (!steps.has(n)) return;
  selected = n;
  if (byHand) {
    followBox.checked = n === numbers().at(-1) && !over(run.state);
    history.replaceState(null, '', `#step-${n}`);
  }
  showSelected();
  reveal($(`#step-${n}`));
}

/** Scrolls the list, and only the list, so that a step is seen whole. */
function reveal(row) {
  const top = row.offsetTop;
  const bottom = top + row.offsetHeight;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

let drawn = null;
function showSelected() {
  const step = steps.get(selected);
  for (const row of $$('.step[aria-current]', list)) if (Number(row.dataset.n) !== selected) row.removeAttribute('aria-current');
  if (!step) return;
  $(`#step-${selected}`).setAttribute('aria-current', 'true');
  stage.show(step.data, steps);
  if (drawn === step) return; // what is open in the inspector stays open
  drawn = step;
  inspect($('#inspector-body'), $('#inspector-title'), step);
}

function afterNewSteps(added, atEnd) {
  const newest = numbers().at(-1);
  if (!catchingUp) announce(`Step ${newest}: ${steps.get(newest).data.description}`);
  if (catchingUp) return;
  if (followBox.checked && !over(run.state)) choose(newest, false);
  if (atEnd) { list.scrollTop = list.scrollHeight; return; }
  unseen += added;
  setText($('#newer'), `${unseen} new ${unseen === 1 ? 'step' : 'steps'} ↓`);
  setHidden($('#newer'), false);
}

list.addEventListener('click', (e) => {
  const row = e.target.closest('.step');
  if (!row) return;
  e.preventDefault();
  choose(Number(row.dataset.n));
});
list.addEventListener('scroll', () => {
  if (list.scrollHeight - list.scrollTop - list.clientHeight > 40) return;
  unseen = 0;
  setHidden($('#newer'), true);
}, { passive: true });
$('#newer').addEventListener('click', () => { list.scrollTop = list.scrollHeight; });
followBox.addEventListener('change', () => { if (followBox.checked) choose(numbers().at(-1)); });
for (const [kind, on] of [['pointerover', true], ['pointerout', false], ['focusin', true], ['focusout', false]]) {
  $('#inspector-body').addEventListener(kind, (e) => stage.point(on ? e.target.closest('.card.action')?.dataset.action : null));
}
addEventListener('hashchange', () => choose(fromAddress()));

// ---- what one can do ----

function showButtons() {
  const button = (name) => $(`[data-do=${name}]`);
  setHidden(button('cancel'), over(run.state));
  setHidden(button('again'), !over(run.state));
  setHidden(button('remove'), !over(run.state));
  setHidden(button('cache'), run.state !== 'succeeded' || run.execution === 'cached_workflow');
  setHidden(button('confirm'), run.state !== 'succeeded' || !run.workflow?.unconfirmed?.length || run.workflow.confirmed || !run.workflow.other_data);
  setHidden(followBox.closest('label'), over(run.state));
}

/** A button that asks once more before it acts. */
function asked(button, question) {
  if (button.dataset.asked) { delete button.dataset.asked; return true; }
  const text = button.textContent;
  button.dataset.asked = 'yes';
  setText(button, question);
  setTimeout(() => { delete button.dataset.asked; setText(button, text); }, 4000);
  return false;
}

const doings = {
  async cancel(button) {
    if (!asked(button, 'Really cancel?')) return;
    const answer = await api('POST', `/api/runs/${id}/cancel`);
    toast(over(answer.state) ? 'The run is canceled.' : 'The run stops after its current action.');
  },
  async remove(button) {
    if (!asked(button, 'Really delete it?')) return;
    await api('DELETE', `/api/runs/${id}`);
    location.assign('/');
  },
  async again() {
    const again = await api('POST', `/api/tasks/${root.dataset.task}/runs`, await sameValues());
    location.assign(`/runs/${again.task_run_id}`);
  },
  async cache() {
    const answer = await api('POST', `/api/runs/${id}/set-as-cached-workflow`);
    toast(answer.message || 'Cached.');
    if (answer.success) setTimeout(() => location.assign(`/tasks/${answer.task_id}#workflow`), 1500);
  },
  async confirm() {
    await api('POST', `/api/runs/${id}/confirm`);
    toast('Confirmed: later replays trust what this one has read.');
    setHidden($('[data-do=confirm]'), true);
  },
};

/** The overrides that make a run of the task the same run once more. */
async function sameValues() {
  const r = await api('GET', `/api/runs/${id}`);
  const body = { wait_for_completion: false, prompt: r.prompt, provider: r.provider, model: r.model, use_cached_workflow: r.use_cached_workflow };
  if (r.json_schema) body.json_schema = r.json_schema;
  if (r.use_cached_workflow && r.workflow?.parameters && Object.keys(r.workflow.parameters).length) body.parameters = r.workflow.parameters;
  return body;
}

$('#run-actions').addEventListener('click', async (e) => {
  const button = e.target.closest('button[data-do]');
  if (!button) return;
  button.disabled = true;
  try {
    await doings[button.dataset.do](button);
  } catch (problem) {
    toast(problem.message, 'error');
  }
  button.disabled = false;
});

// ---- keys ----

function step(by) {
  const all = numbers();
  const at = all.indexOf(selected);
  choose(all[Math.max(0, Math.min(all.length - 1, at + by))]);
}
onKey('j', () => step(1));
onKey('k', () => step(-1));
onKey('ArrowRight', () => step(1));
onKey('ArrowLeft', () => step(-1));
onKey(' ', () => stage.play(() => { const more = selected !== numbers().at(-1); step(1); return more; }));
onKey('Home', () => choose(numbers()[0]));
onKey('End', () => choose(numbers().at(-1)));
onKey('l', () => { if (!over(run.state)) { followBox.checked = true; choose(numbers().at(-1)); } });
onKey('b', () => { stage.moment = stage.moment === 'before' ? 'after' : 'before'; showSelected(); });
onKey('y', () => copy($('#result').textContent));
const press = (name) => () => { const b = $(`[data-do=${name}]`); if (!b.hidden) { b.focus(); b.click(); } };
onKey('c', press('cancel'));
onKey('r', press('again'));
$$('.panel').forEach((_, i) => onKey(String(i + 1), () => showTab(i)));

for (const [button, text] of [['#copy-result', '#result'], ['#copy-curl', '#curl']]) {
  setHidden($(button), false);
  $(button).addEventListener('click', () => copy($(text).textContent));
}

const links = {
  live: () => 'live', over: () => '', reconnecting: (ms) => `reconnecting in ${Math.ceil(ms / 1000)} s`,
  stale: (since) => `nothing heard since ${new Date(since).toLocaleTimeString()}`,
};
new Feed(id, (events) => { apply(events); showButtons(); }, (state, detail) => {
  $('#link').dataset.state = state;
  setText($('#link'), links[state](detail));
});
setTime($('.facts time'), $('.facts time').getAttribute('datetime'));
