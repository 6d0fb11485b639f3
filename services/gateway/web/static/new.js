// The form for a run with all of its fields. It remembers what was typed last, in this browser only.
import { $, api, setHidden, setText, toast } from './base.js';
import { remember, remembered, start } from './form.js';

const form = $('#new-form');
const fields = form.elements;
const error = $('#form-error');
const query = new URLSearchParams(location.search);

/** Fills the form from a run or a task, or with what was typed last. */
async function fill() {
  let values = remembered('new');
  if (query.get('from')) values = await api('GET', `/api/runs/${query.get('from')}`);
  else if (query.get('task')) values = await api('GET', `/api/tasks/${query.get('task')}`);
  if (query.get('prompt')) values.prompt = query.get('prompt');
  for (const [name, value] of Object.entries(values)) {
    const field = fields[name];
    if (!field || value == null || value === '') continue;
    if (field.type === 'checkbox') field.checked = value === true;
    else if (typeof value === 'object') field.value = Array.isArray(value) ? value.join(', ') : JSON.stringify(value, null, 2);
    else field.value = value;
  }
  checkSchema();
}

/** Says whether the schema is JSON, as one types. The server checks the rest. */
function checkSchema() {
  const text = fields.json_schema.value.trim();
  const state = $('#schema-state');
  state.dataset.kind = '';
  if (!text) { setText(state, ''); return true; }
  try {
    const schema = JSON.parse(text);
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new Error('it must be an object');
    setText(state, `✓ valid JSON${schema.properties ? `, ${Object.keys(schema.properties).length} properties` : ''}`);
    return true;
  } catch (e) {
    state.dataset.kind = 'error';
    setText(state, `✗ ${e.message}`);
    return false;
  }
}

/** The body of the request: only what was filled in. */
function body() {
  const b = { prompt: fields.prompt.value.trim(), provider: fields.provider.value };
  for (const name of ['model', 'initial_url', 'response_format', 'webhook_url']) if (fields[name].value.trim()) b[name] = fields[name].value.trim();
  for (const name of ['max_steps', 'session_timeout']) if (fields[name].value) b[name] = Number(fields[name].value);
  for (const name of ['judge', 'vision']) if (fields[name].checked) b[name] = true;
  const domains = fields.allowed_domains.value.split(/[\s,]+/).filter(Boolean);
  if (domains.length) b.allowed_domains = domains;
  if (fields.json_schema.value.trim()) b.json_schema = JSON.parse(fields.json_schema.value);
  const budget = {};
  for (const name of ['max_cost_usd', 'max_model_calls']) if (fields[name].value) budget[name] = Number(fields[name].value);
  if (Object.keys(budget).length) b.budget = budget;
  return b;
}

function ready() {
  setHidden(error, true);
  if (!checkSchema()) { fields.json_schema.focus(); return false; }
  if (!form.reportValidity()) return false;
  remember('new', Object.fromEntries(Array.from(fields).filter((f) => f.name).map((f) => [f.name, f.type === 'checkbox' ? f.checked : f.value])));
  return true;
}

form.addEventListener('submit', (e) => {
  e.preventDefault();
  if (ready()) start('/api/runs', body(), $('button', form), error);
});
$('#save-task').addEventListener('click', async () => {
  if (!ready()) return;
  try {
    const task = await api('POST', '/api/tasks', { ...body(), name: fields.name.value.trim() || undefined });
    location.assign(`/tasks/${task.id}`);
  } catch (problem) {
    setText(error, problem.message);
    setHidden(error, false);
  }
});
fields.json_schema.addEventListener('input', checkSchema);
const hint = () => { fields.model.placeholder = fields.provider.selectedOptions[0]?.dataset.model ?? ''; };
fields.provider.addEventListener('change', hint);
fill().then(hint, (e) => toast(e.message, 'error'));
