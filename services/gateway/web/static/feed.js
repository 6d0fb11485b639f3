// The log of one run as it grows. A browser has six connections per host, so that all tabs of a run share one stream:
// the tab that holds the run's lock reads it and passes on what comes. It goes on where it broke off, is closed while
// nobody looks, and says honestly how fresh it is.

const kinds = [
  'created', 'dispatched', 'started', 'retrying', 'cancel_requested', 'waiting', 'resumed', 'succeeded', 'failed', 'canceled', 'timed_out',
  'step.planned', 'step.done',
];
const terminal = new Set(['succeeded', 'failed', 'canceled', 'timed_out']);

const hiddenPatience = 10_000; // ms until a hidden page lets go of the stream
const silence = 40_000; // ms without an event; the server pings every 15 s
const streams = 4; // at once, of all runs; pictures and the API need the other connections
const turn = 3000; // ms that a stream is kept while the tabs of another run wait for one

/** Holds a lock of the whole browser while hold is pending. Over plain HTTP there are no locks: each tab is on its own. */
const locked = (name, options, hold) => (navigator.locks ? navigator.locks.request(name, options, hold) : hold());

export class Feed {
  #run; #onEvents; #onState; #source = null; #after = 0; #kept = []; #queue = []; #ended = false;
  #heard = Date.now(); #retry = 0; #timer = 0; #hidden = 0; #channel; #joined = null; #endTurn = () => {};

  /** onEvents gets a list of {sequence, kind, event} once a frame; onState gets live, reconnecting, stale or over. */
  constructor(run, onEvents, onState) {
    this.#run = run;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#channel = new BroadcastChannel(`run-${run}`);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    setInterval(() => this.#check(), 5000);
    document.addEventListener('visibilitychange', () => this.#visibility());
    if (!document.hidden) this.#join();
  }

  /** Takes part: reads the stream as soon as no other tab does, and asks that tab for what it has meanwhile. */
  #join(steal = false) {
    const joined = this.#joined = new AbortController();
    this.#heard = Date.now();
    this.#channel.postMessage({ ask: this.#after });
    locked(`run-${this.#run}`, steal ? { steal } : { signal: joined.signal }, () => this.#lead(joined))
      .catch(() => this.#close()); // another tab has taken over, or nobody looks here any more
  }

  #leave() {
    this.#joined?.abort();
    this.#joined = null;
    this.#close();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#endTurn();
  }

  async #lead(joined) {
    while (!this.#ended && this.#joined === joined) {
      await locked(`stream-${this.#run % streams}`, {}, () => this.#read(joined));
    }
  }

  // One turn at a stream: until the run is over, this tab leaves, or the tabs of another run want it.
  #read(joined) {
    if (this.#ended || this.#joined !== joined) return undefined;
    return new Promise((done) => {
      const waiting = setInterval(async () => {
        const { pending = [] } = (await navigator.locks?.query()) ?? {};
        if (pending.some(({ name }) => name === `stream-${this.#run % streams}`)) this.#close();
      }, turn);
      this.#endTurn = () => { clearInterval(waiting); done(); };
      this.#open();
    });
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
    this.#retry = 0;
    this.#say('live');
  }

  /** Says how fresh the page is, here and in the other tabs. */
  #say(state, detail) {
    if (state === 'live') this.#heard = Date.now();
    this.#onState(state, detail);
    this.#channel.postMessage({ state, detail });
  }

  #take(kind, e) {
    this.#alive();
    const sequence = Number(e.lastEventId);
    if (sequence <= this.#after) return;
    const from = this.#after;
    const entry = { sequence, kind, event: JSON.parse(e.data) };
    this.#add([entry]);
    this.#channel.postMessage({ from, entries: [entry] });
  }

  #add(entries) {
    if (this.#queue.length === 0) requestAnimationFrame(() => this.#flush());
    this.#queue.push(...entries);
    this.#kept.push(...entries);
    this.#after = entries.at(-1).sequence;
    if (terminal.has(entries.at(-1).kind)) this.#end();
  }

  // What another tab says: its events, its state, or that it wants what it has missed.
  #hear({ ask, from, entries, state, detail }) {
    if (ask != null) {
      if (this.#source || this.#ended) this.#channel.postMessage({ from: ask, entries: this.#kept.filter(({ sequence }) => sequence > ask) });
    } else if (entries && !this.#ended) {
      this.#heard = Date.now();
      if (from > this.#after) this.#channel.postMessage({ ask: this.#after }); // something is missing before them
      const fresh = entries.filter(({ sequence }) => sequence > this.#after);
      if (from <= this.#after && fresh.length > 0) this.#add(fresh);
    } else if (state && !this.#source && !this.#ended && state !== 'over') {
      if (state === 'live') this.#heard = Date.now();
      this.#onState(state, detail);
    }
  }

  #flush() {
    const events = this.#queue;
    this.#queue = [];
    this.#onEvents(events);
  }

  #end() {
    this.#ended = true;
    this.#say('over');
    this.#leave();
  }

  // A stream that ended, a server that restarts and a lost network look alike: go on from the last event, more slowly
  // each time.
  #broken(source) {
    if (this.#ended || source !== this.#source) return;
    source.close();
    const wait = Math.min(10_000, 500 * 2 ** this.#retry++);
    this.#say('reconnecting', wait);
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #check() {
    if (this.#ended || document.hidden || !this.#joined || Date.now() - this.#heard < silence) return;
    this.#onState('stale', this.#heard);
    if (this.#source) this.#open();
    else { this.#leave(); this.#join(Boolean(navigator.locks)); } // the tab that reads the stream does nothing
  }

  #visibility() {
    clearTimeout(this.#hidden);
    if (this.#ended) return;
    if (document.hidden) this.#hidden = setTimeout(() => this.#leave(), hiddenPatience);
    else if (!this.#joined) this.#join();
  }
}
