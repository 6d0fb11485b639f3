// Starting runs from a form.
import { api, setText, setHidden } from './base.js';

/** Starts a run and goes to its page. Errors are shown in the element for them. */
export async function start(path, body, button, error) {
  button.disabled = true;
  setHidden(error, true);
  try {
    const run = await api('POST', path, { ...body, wait_for_completion: false });
    location.assign(`/runs/${run.task_run_id}`);
  } catch (e) {
    setText(error, e.message);
    setHidden(error, false);
    button.disabled = false;
  }
}

/** What was typed last, kept in this browser only. */
export function remembered(name) {
  try { return JSON.parse(localStorage.getItem(`form-${name}`) ?? '{}'); } catch { return {}; }
}

export function remember(name, values) {
  try { localStorage.setItem(`form-${name}`, JSON.stringify(values)); } catch { /* not kept */ }
}
