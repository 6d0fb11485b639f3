// The picture of the page at a step, with the element of its first action marked, and the strip of all pictures.
import { $, el, setHidden, setText } from './base.js';

const near = 2; // pictures before and after the current one that are fetched ahead

export class Stage {
  #run; #shown = ''; #ahead = new Map(); #moment = 'before';

  constructor(run, onSelect, onMoment) {
    this.#run = run;
    this.onSelect = onSelect;
    for (const button of document.querySelectorAll('#moment button')) {
      button.addEventListener('click', () => { this.moment = button.dataset.moment; onMoment(); });
    }
  }

  /** before: the page that the step was decided on; after: the page that the next step saw. */
  set moment(moment) {
    this.#moment = moment;
    for (const button of document.querySelectorAll('#moment button')) button.setAttribute('aria-pressed', String(button.dataset.moment === moment));
  }

  get moment() { return this.#moment; }

  #url(step) { return `/api/runs/${this.#run}/steps/${step.number}/screenshot?digest=${encodeURIComponent(step.screenshot)}`; }

  /** Shows step, or what came after it, in the frame. all holds the steps by number. */
  async show(step, all) {
    const after = this.#moment === 'after' ? all.get(step.number + 1)?.data : null;
    const seen = this.#moment === 'after' ? after : step;
    setText($('#address'), seen?.url ?? '');
    setHidden($('#moment'), false);
    this.#markStrip(step.number);
    if (!seen?.screenshot) {
      this.#shown = '';
      setHidden($('#picture'), true);
      setHidden($('#mark'), true);
      setText($('#picture-caption'), this.#moment === 'after' ? 'The next step has no picture yet.' : 'No picture was taken: no page was open.');
      return;
    }
    const url = this.#url(seen);
    if (this.#shown !== url) await this.#swap(url, seen);
    this.#mark(this.#moment === 'before' ? step : null);
    this.#fetchAhead(step.number, all);
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

  // The fingerprint of an element has its place in screens from the top of the document; scroll is how far the page
  // was scrolled in the picture.
  #mark(step) {
    const mark = $('#mark');
    const target = step?.actions?.find((a) => a.params?.target)?.params.target;
    const [x, y, w, h] = target?.rect ?? [];
    const top = y - (step?.scroll?.[1] ?? NaN);
    const visible = step?.scroll && target.frame == null && w > 0 && top > -0.05 && top < 1;
    setHidden(mark, !visible);
    if (!visible) return;
    const place = { left: x - step.scroll[0], top, width: w, height: h };
    for (const [name, value] of Object.entries(place)) mark.style.setProperty(name, `${value * 100}%`);
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
