// The picture of the page at a step, with the elements of its actions boxed, and the strip of all pictures.
import { $, $$, el, setHidden, setText } from './base.js';

const near = 2; // pictures before and after the current one that are fetched ahead
const pace = 700; // ms that a picture is shown while all are played

export class Stage {
  #run; #shown = ''; #ahead = new Map(); #moment = 'after'; #playing = 0; #size = { width: 1, height: 1 };

  constructor(run, onSelect, onMoment) {
    this.#run = run;
    this.onSelect = onSelect;
    for (const button of $$('#moment button')) {
      button.addEventListener('click', () => { this.moment = button.dataset.moment; onMoment(); });
    }
    this.#scrub($('#strip'));
  }

  // Pictures are chosen by a press and by moving on with the button held.
  #scrub(strip) {
    const choose = (e) => {
      const button = document.elementFromPoint(e.clientX, e.clientY)?.closest('#strip button');
      if (button && !button.hasAttribute('aria-current')) this.onSelect(Number(button.dataset.n));
    };
    strip.addEventListener('click', (e) => { const button = e.target.closest('button'); if (button) this.onSelect(Number(button.dataset.n)); });
    strip.addEventListener('pointermove', (e) => { if (e.buttons === 1 && e.pointerType === 'mouse') choose(e); });
    strip.addEventListener('dragstart', (e) => e.preventDefault());
  }

  /** after: the page when the step was done, which is what it was pictured for; before: the same of the step before. */
  set moment(moment) {
    this.#moment = moment;
    for (const button of $$('#moment button')) button.setAttribute('aria-pressed', String(button.dataset.moment === moment));
  }

  get moment() { return this.#moment; }

  /** Shows one picture after the other by calling next, until it returns false or play is called again. */
  play(next) {
    const on = !this.#playing;
    clearInterval(this.#playing);
    this.#playing = on ? setInterval(() => { if (!next()) this.play(next); }, pace) : 0;
  }

  #url(step, small = false) {
    const digest = small ? step.thumbnail : step.screenshot;
    return `/api/runs/${this.#run}/steps/${step.number}/${small ? 'thumb' : 'screenshot'}?digest=${encodeURIComponent(digest)}`;
  }

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
    if (this.#shown !== url && !await this.#swap(url, seen)) return;
    this.#drawBoxes(step);
    this.#fetchAhead(step.number, all);
  }

  // A step under way is pictured when it is done: until then the picture before it stays.
  #withoutPicture(comes) {
    setText($('#picture-caption'), comes ? 'The picture comes when the step is done.' : 'No picture was taken: no page was open.');
    $('#boxes').replaceChildren();
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
      return false;
    }
    if (this.#shown !== url) return false; // another one was chosen meanwhile
    const picture = $('#picture');
    picture.src = url;
    this.#size = { width: next.naturalWidth, height: next.naturalHeight };
    picture.alt = `The page at step ${step.number}: ${step.description}`;
    setHidden(picture, false);
    return true;
  }

  /** Boxes the elements of a step's actions where they stood in the picture that is shown. */
  #drawBoxes(step) {
    const field = this.#moment === 'after' ? 'box' : 'box_before';
    const { width, height } = this.#size;
    const boxes = [];
    let outside = '';
    (step.actions ?? []).forEach((action, i) => {
      const box = action[field];
      if (!box) return;
      if (box.y >= height || box.y + box.height <= 0 || box.x >= width || box.x + box.width <= 0) {
        outside ||= box.y >= height ? 'below' : box.y + box.height <= 0 ? 'above' : 'beside';
        return;
      }
      const mark = el('i', { 'data-action': i, 'data-failed': Boolean(action.error) }, el('b', {}, String(i + 1)));
      const place = { left: box.x / width, top: box.y / height, width: box.width / width, height: box.height / height };
      for (const [side, part] of Object.entries(place)) mark.style[side] = `${100 * part}%`;
      boxes.push(mark);
    });
    $('#boxes').replaceChildren(...boxes);
    const other = field === 'box' ? 'box_before' : 'box';
    const hint = outside ? ` · the element stood ${outside} what is pictured`
      : boxes.length === 0 && step.actions?.some((a) => a[other]) ? ` · the element is in the picture ${other === 'box' ? 'after' : 'before'} the step (b)` : '';
    setText($('#picture-caption'), (this.#moment === 'after' ? `After step ${step.number}` : `Before step ${step.number}`) + hint);
  }

  /** Points at the box of one action, or at none. */
  point(action) {
    for (const mark of $('#boxes').children) mark.toggleAttribute('data-pointed', mark.dataset.action === String(action));
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
    const image = el('img', { src: this.#url(step, Boolean(step.thumbnail)), alt: '', width: 96, height: 60, loading: 'lazy', decoding: 'async', draggable: 'false' });
    const button = el('button', { type: 'button', 'aria-label': `Step ${step.number}`, title: `${step.number}. ${step.description}`, 'data-n': step.number, tabindex: -1 }, image);
    const strip = $('#strip');
    const next = Array.from(strip.children).find((li) => Number(li.firstElementChild.dataset.n) > step.number);
    strip.insertBefore(el('li', {}, button), next ?? null);
  }

  #markStrip(number) {
    const strip = $('#strip');
    for (const li of strip.children) li.firstElementChild.toggleAttribute('aria-current', Number(li.firstElementChild.dataset.n) === number);
    const current = $('[aria-current]', strip)?.parentElement;
    if (!current) return;
    const left = current.offsetLeft - strip.offsetLeft;
    if (left < strip.scrollLeft || left + current.offsetWidth > strip.scrollLeft + strip.clientWidth) strip.scrollTo({ left: left - strip.clientWidth / 2 + 48 });
  }
}
