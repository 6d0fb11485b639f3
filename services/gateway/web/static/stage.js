// The picture of the page at a step, and the strip of all pictures.
import { $, el, setHidden, setText } from './base.js';

const near = 2; // pictures before and after the current one that are fetched ahead

export class Stage {
  #run; #shown = ''; #ahead = new Map(); #moment = 'after';

  constructor(run, onSelect, onMoment) {
    this.#run = run;
    this.onSelect = onSelect;
    for (const button of document.querySelectorAll('#moment button')) {
      button.addEventListener('click', () => { this.moment = button.dataset.moment; onMoment(); });
    }
  }

  /** after: the page when the step was done, which is what it was pictured for; before: the same of the step before. */
  set moment(moment) {
    this.#moment = moment;
    for (const button of document.querySelectorAll('#moment button')) button.setAttribute('aria-pressed', String(button.dataset.moment === moment));
  }

  get moment() { return this.#moment; }

  #url(step) { return `/api/runs/${this.#run}/steps/${step.number}/screenshot?digest=${encodeURIComponent(step.screenshot)}`; }

  /** Shows the page after a step, or before it, in the frame. all holds the steps by number. */
  async show(step, all) {
    const seen = this.#moment === 'after' ? step : all.get(step.number - 1)?.data;
    const decidedOn = this.#moment === 'after' ? all.get(step.number + 1)?.data ?? step : step;
    setText($('#address'), decidedOn.url ?? '');
    setHidden($('#moment'), false);
    this.#markStrip(step.number);
    if (!seen?.screenshot) {
      this.#withoutPicture(seen && !seen.finished_at);
      return;
    }
    const url = this.#url(seen);
    if (this.#shown !== url) await this.#swap(url, seen);
    this.#fetchAhead(step.number, all);
  }

  // A step under way is pictured when it is done: until then the picture before it stays.
  #withoutPicture(comes) {
    setText($('#picture-caption'), comes ? 'The picture comes when the step is done.' : 'No picture was taken: no page was open.');
    if (comes && this.#shown) return;
    this.#shown = '';
    setHidden($('#picture'), true);
  }

  async #swap(url, step) {
    this.#shown = url;
    const next = this.#ahead.get(url) ?? new Image();
    next.src = url;
    try {
      await next.decode(); // so that scrubbing never flashes
    } catch {
      if (this.#shown === url) setText($('#picture-caption'), 'The picture could not be loaded.');
      return;
    }
    if (this.#shown !== url) return; // another one was chosen meanwhile
    const picture = $('#picture');
    picture.src = url;
    picture.alt = `The page at step ${step.number}: ${step.description}`;
    setHidden(picture, false);
    setText($('#picture-caption'), step.title || '');
  }

  #fetchAhead(number, all) {
    const wanted = new Map();
    for (let n = number - near; n <= number + near; n++) {
      const step = all.get(n)?.data;
      if (!step?.screenshot) continue;
      const url = this.#url(step);
      const image = this.#ahead.get(url) ?? new Image();
      image.src = url;
      wanted.set(url, image);
    }
    this.#ahead = wanted;
  }

  /** Adds the picture of a step to the strip, once. */
  addToStrip(step) {
    if (!step.screenshot || $(`#strip [data-n="${step.number}"]`)) return;
    const image = el('img', { src: this.#url(step), alt: '', width: 96, height: 60, loading: 'lazy', decoding: 'async' });
    const button = el('button', { type: 'button', 'aria-label': `Step ${step.number}`, 'data-n': step.number, tabindex: -1 }, image);
    button.addEventListener('click', () => this.onSelect(step.number));
    const strip = $('#strip');
    const next = Array.from(strip.children).find((li) => Number(li.firstElementChild.dataset.n) > step.number);
    strip.insertBefore(el('li', {}, button), next ?? null);
  }

  #markStrip(number) {
    const strip = $('#strip');
    for (const li of strip.children) li.firstElementChild.toggleAttribute('aria-current', Number(li.firstElementChild.dataset.n) === number);
    const current = $('[aria-current]', strip)?.parentElement;
    if (current) strip.scrollTo({ left: current.offsetLeft - strip.clientWidth / 2 + 48 });
  }
}
