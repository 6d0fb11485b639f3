// The details of one step: what the model said, what was done with which parameters, and what came of it.
import { bytes, clip, copy, cost, duration, el, setText } from './base.js';

const shown = 2000; // characters of a text before it is folded
const most = 200_000; // characters of a text that are shown at all

/** What came of an action: ok, failed, unknown if nothing could be verified, planned before it is done. */
export function outcome(action, done) {
  if (!done) return 'planned';
  if (action.error || action.success === false) return 'failed';
  return action.success === true ? 'ok' : 'unknown';
}

const outcomes = { ok: 'verified', failed: 'failed', unknown: 'not verified', planned: 'planned' };

/** What an action was for, in a few words. */
export function subject(action) {
  const p = action.params ?? {};
  const target = p.target ? [p.target.role, p.target.name && `"${p.target.name}"`].filter(Boolean).join(' ') : '';
  const rest = ['url', 'text', 'keys', 'query', 'path', 'tab_id', 'seconds'].filter((name) => p[name] != null).map((name) => String(p[name]));
  return [target, ...rest].filter(Boolean).join(': ');
}

/** A text that may be long: folded beyond 2,000 characters, cut beyond 200,000 with a way to all of it. */
function longText(text) {
  const pre = el('pre', { class: 'wrap', tabindex: 0 }, clip(text, shown));
  if (text.length <= shown) return pre;
  const button = el('button', { type: 'button', class: 'small' }, `Show all (${bytes(text.length)})`);
  button.addEventListener('click', () => {
    setText(pre, text.length > most ? `${text.slice(0, most)}\n… cut: copy it to have all of it` : text);
    setText(button, 'Copy');
    button.addEventListener('click', () => copy(text));
  }, { once: true });
  return el('div', {}, pre, button);
}

function facts(step) {
  const took = step.finished_at ? duration(new Date(step.finished_at) - new Date(step.started_at)) : 'under way';
  const usage = step.usage ?? {};
  const rows = [['Took', took]];
  if (usage.model_calls > 0) {
    rows.push(['Tokens', `${usage.input_tokens} in, ${usage.output_tokens} out`], ['Cost', cost(usage)]);
  }
  if (step.model) rows.push(['Model', step.model]);
  if (step.attempt > 1) rows.push(['Attempt', step.attempt]);
  return el('dl', { class: 'facts' }, ...rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value)))));
}

function parameters(action) {
  const p = Object.entries(action.params ?? {}).filter(([name, value]) => value != null && !['target', 'to_target', 'xpath'].includes(name));
  if (p.length === 0 && !action.params?.target) return null;
  const rows = p.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, clip(typeof value === 'string' ? value : JSON.stringify(value), 400))));
  const target = action.params?.target;
  const details = target && el('details', {}, el('summary', {}, 'Element'), el('pre', {}, JSON.stringify(target, null, 2)));
  return el('div', {}, el('dl', { class: 'params' }, ...rows), details);
}

function flags(action) {
  const list = [];
  if (action.sends) list.push(el('span', { class: 'tag', title: 'The page sent something by this action' }, 'sent data'));
  if (action.executed_by_ai) list.push(el('span', { class: 'tag' }, 'chosen by a model'));
  return list;
}

/** What the page sent by an action, and what was answered. */
function requests(action) {
  if (!action.sent?.length) return null;
  const line = (r) => el('li', {}, el('code', {}, r.method), ` ${r.url} `, el('span', { class: r.status >= 400 ? 'why' : 'dim' }, r.status ? String(r.status) : 'no answer came'));
  return el('details', {}, el('summary', {}, `${action.sent.length} ${action.sent.length === 1 ? 'request' : 'requests'} sent`), el('ul', { class: 'sent' }, ...action.sent.map(line)));
}

function actionCard(action, done, i, several) {
  const result = outcome(action, done);
  const card = el('li', { class: 'card action', 'data-outcome': result, 'data-action': i },
    el('p', { class: 'action-head' }, el('i', { 'aria-hidden': 'true' }), el('b', {}, several ? `${i + 1}. ${action.name}` : action.name), ...flags(action), el('span', { class: 'dim' }, outcomes[result])));
  const params = parameters(action);
  if (params) card.append(params);
  const sent = requests(action);
  if (sent) card.append(sent);
  if (action.fallback_reason) card.append(el('p', { class: 'why' }, `The recorded action failed: ${action.fallback_reason}`));
  if (action.error) card.append(el('p', { class: 'why' }, action.error));
  if (action.extracted_content) card.append(longText(action.extracted_content));
  return card;
}

/** What the model was told for a step: fetched when it is opened. */
function told(step) {
  if (!step.told) return '';
  const body = el('div', {}, el('p', { class: 'dim' }, 'Loading…'));
  const details = el('details', {}, el('summary', {}, 'What the model was told'), body);
  const path = `/api/runs/${step.task_run_id}/steps/${step.number}/told`;
  details.addEventListener('toggle', async () => {
    try {
      const answer = await fetch(`${path}?digest=${encodeURIComponent(step.told)}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      body.replaceChildren(el('p', { class: 'dim' }, 'New in this step; the turns before stood above it. ', el('a', { href: path, target: '_blank' }, 'All of it')), longText(await answer.text()));
    } catch (e) {
      body.replaceChildren(el('p', { class: 'why' }, `It could not be loaded: ${e.message}`));
    }
  }, { once: true });
  return details;
}

/** Shows a step in body. */
export function inspect(body, title, { data, done }) {
  setText(title, `Step ${data.number}`);
  const said = [['Last step', data.evaluation_previous_goal], ['Memory', data.memory]].filter(([, text]) => text);
  body.replaceChildren(
    el('p', { class: 'lead' }, data.description || '(no description)'),
    facts(data),
    data.interrupted ? el('p', { class: 'why' }, 'The attempt was lost after this step was planned: what it did is not known.') : '',
    el('ol', { class: 'cards' }, ...(data.actions ?? []).map((a, i, all) => actionCard(a, done, i, all.length > 1))),
    ...said.map(([name, text]) => el('details', { open: true }, el('summary', {}, name), el('p', { class: 'wrap' }, text))),
    told(data),
    el('details', {}, el('summary', {}, 'Raw event'), longText(JSON.stringify(data, null, 2))),
  );
}
