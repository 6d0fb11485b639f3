// The log of one run as it grows: one EventSource that goes on where it broke off, is closed while nobody looks, and
// says honestly how fresh it is.

const kinds = [
  'created', 'dispatched', 'started', 'retrying', 'cancel_requested', 'waiting', 'resumed', 'succeeded', 'failed', 'canceled', 'timed_out',
  'step.planned', 'step.done',
];
const terminal = new Set(['succeeded', 'failed', 'canceled', 'timed_out']);

const hiddenPatience = 10_000; // ms until the stream of a hidden page is closed: a browser has six connections per host
const silence = 40_000; // ms without an event; the server pings every 15 s

export class Feed {
  #run; #onEvents; #onState; #source = null; #after = 0; #queue = []; #ended = false; #heard = Date.now(); #retry = 0; #timer = 0; #hidden = 0;

  /** onEvents gets a list of {sequence, kind, event} once a frame; onState gets live, reconnecting, stale or over. */
  constructor(run, onEvents, onState) {
    this.#run = run;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#open();
    setInterval(() => this.#check(), 5000);
    document.addEventListener('visibilitychange', () => this.#visibility());
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#heard = Date.now();
    const source = new EventSource(`/api/runs/${this.#run}/events?after=${this.#after}`);
    this.#source = source;
    source.addEventListener('ping', () => this.#alive());
    for (const kind of kinds) source.addEventListener(kind, (e) => this.#take(kind, e));
    source.onerror = () => this.#broken(source);
  }

  #alive() {
    this.#heard = Date.now();
    this.#retry = 0;
    this.#onState('live');
  }

  #take(kind, e) {
    this.#alive();
    const sequence = Number(e.lastEventId);
    if (sequence <= this.#after) return;
    this.#after = sequence;
    if (this.#queue.length === 0) requestAnimationFrame(() => this.#flush());
    this.#queue.push({ sequence, kind, event: JSON.parse(e.data) });
    if (terminal.has(kind)) this.#end();
  }

  #flush() {
    const events = this.#queue;
    this.#queue = [];
    this.#onEvents(events);
  }

  #end() {
    this.#ended = true;
    this.#source?.close();
    this.#onState('over');
  }

  // A stream that ended, a server that restarts and a lost network look alike: go on from the last event, more slowly
  // each time.
  #broken(source) {
    if (this.#ended || source !== this.#source) return;
    source.close();
    const wait = Math.min(10_000, 500 * 2 ** this.#retry++);
    this.#onState('reconnecting', wait);
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #check() {
    if (this.#ended || document.hidden || !this.#source) return;
    if (Date.now() - this.#heard > silence) {
      this.#onState('stale', this.#heard);
      this.#open();
    }
  }

  #visibility() {
    clearTimeout(this.#hidden);
    if (this.#ended) return;
    if (document.hidden) {
      this.#hidden = setTimeout(() => { this.#source?.close(); this.#source = null; }, hiddenPatience);
    } else if (!this.#source) {
      this.#open();
    }
  }
}
