// What a document's origin has stored and what stands in its form, to be put back in another browser. It is called in
// our own world of a main frame with one job, and is not part of the script that reads pages.
(async function (job) {
  'use strict';

  const limit = 3 * 1024 * 1024; // characters of the databases of one origin

  async function within(ms, promise) {
    let timer;
    const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error('too slow')), ms); });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  function entries(storage) {
    const found = {};
    try {
      const s = storage();
      for (let i = 0; i < s.length; i++) found[s.key(i)] = s.getItem(s.key(i));
    } catch { /* a document without an origin has none */ }
    return found;
  }

  function asked(request) {
    return new Promise((yes, no) => {
      request.onsuccess = () => yes(request.result);
      request.onerror = () => no(request.error);
      request.onblocked = () => no(new Error('blocked'));
    });
  }

  const base64 = (buffer) => {
    const bytes = new Uint8Array(buffer);
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  };
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

  // encode gives a value of the structured clone algorithm as JSON: what JSON does not have is an object with a kind in $.
  async function encode(v, inside = []) {
    switch (typeof v) {
      case 'string': case 'boolean': return v;
      case 'number': return Number.isFinite(v) && !Object.is(v, -0) ? v : { $: 'number', v: Object.is(v, -0) ? '-0' : String(v) };
      case 'undefined': return { $: 'undefined' };
      case 'bigint': return { $: 'bigint', v: String(v) };
    }
    if (v === null) return null;
    if (inside.includes(v)) throw new Error('a value that holds itself');
    const deeper = [...inside, v];
    const all = async (list) => { const out = []; for (const x of list) out.push(await encode(x, deeper)); return out; };
    if (Array.isArray(v)) return all(v);
    if (v instanceof Date) return { $: 'date', v: v.getTime() };
    if (v instanceof RegExp) return { $: 'regexp', v: [v.source, v.flags] };
    if (v instanceof Map) return { $: 'map', v: await all([...v].map((e) => [...e])) };
    if (v instanceof Set) return { $: 'set', v: await all([...v]) };
    if (v instanceof ArrayBuffer) return { $: 'buffer', v: base64(v) };
    if (ArrayBuffer.isView(v)) return { $: 'view', type: v.constructor.name, v: base64(v.buffer.slice(v.byteOffset, v.byteOffset + v.byteLength)) };
    if (v instanceof File) return { $: 'file', name: v.name, type: v.type, at: v.lastModified, v: base64(await v.arrayBuffer()) };
    if (v instanceof Blob) return { $: 'blob', type: v.type, v: base64(await v.arrayBuffer()) };
    if (Object.prototype.toString.call(v) !== '[object Object]') throw new Error('a value of a kind that cannot be copied');
    const out = {};
    for (const [k, x] of Object.entries(v)) out[k] = await encode(x, deeper);
    return { $: 'object', v: out };
  }

  function decode(v) {
    if (v === null || typeof v !== 'object') return v;
    if (Array.isArray(v)) return v.map(decode);
    switch (v.$) {
      case 'number': return Number(v.v);
      case 'undefined': return undefined;
      case 'bigint': return BigInt(v.v);
      case 'date': return new Date(v.v);
      case 'regexp': return new RegExp(...v.v);
      case 'map': return new Map(v.v.map(decode));
      case 'set': return new Set(v.v.map(decode));
      case 'buffer': return bytes(v.v);
      case 'view': return new globalThis[v.type](bytes(v.v));
      case 'file': return new File([bytes(v.v)], v.name, { type: v.type, lastModified: v.at });
      case 'blob': return new Blob([bytes(v.v)], { type: v.type });
    }
    return Object.fromEntries(Object.entries(v.v).map(([k, x]) => [k, decode(x)]));
  }

  async function readDatabase({ name, version }, lost) {
    const db = await within(1000, asked(indexedDB.open(name)));
    const read = { name, version, stores: [] };
    let size = 0;
    try {
      for (const storeName of db.objectStoreNames) {
        const store = db.transaction(storeName).objectStore(storeName);
        const s = { name: storeName, key: store.keyPath, auto: store.autoIncrement, records: [] };
        s.indexes = [...store.indexNames].map((n) => store.index(n)).map((i) => ({ name: i.name, key: i.keyPath, unique: i.unique, multi: i.multiEntry }));
        const [keys, values] = await within(1000, Promise.all([asked(store.getAllKeys()), asked(store.getAll())]));
        for (let i = 0; i < keys.length; i++) {
          try {
            const record = [await encode(keys[i]), await encode(values[i])];
            size += JSON.stringify(record).length;
            s.records.push(record);
          } catch (e) {
            lost.push(`a record of the database ${name}: ${e.message}`);
          }
          if (size > limit) throw new Error('it is too large');
        }
        read.stores.push(s);
      }
    } finally {
      db.close();
    }
    return read;
  }

  async function readDatabases(lost) {
    const read = [];
    let listed = [];
    try {
      listed = await within(1000, indexedDB.databases());
    } catch { return read; }
    for (const d of listed) {
      try {
        read.push(await readDatabase(d, lost));
      } catch (e) {
        lost.push(`the database ${d.name}: ${e.message}`);
      }
    }
    return read;
  }

  async function writeDatabase(d) {
    const opening = indexedDB.open(d.name, d.version);
    opening.onupgradeneeded = () => {
      for (const s of d.stores) {
        const store = opening.result.createObjectStore(s.name, { keyPath: s.key, autoIncrement: s.auto });
        for (const i of s.indexes) store.createIndex(i.name, i.key, { unique: i.unique, multiEntry: i.multi });
      }
    };
    const db = await within(1000, asked(opening));
    try {
      for (const s of d.stores) {
        const transaction = db.transaction(s.name, 'readwrite');
        const store = transaction.objectStore(s.name);
        for (const [key, value] of s.records) {
          if (s.key === null) store.put(decode(value), decode(key));
          else store.put(decode(value));
        }
        await within(2000, new Promise((yes, no) => {
          transaction.oncomplete = yes;
          transaction.onabort = () => no(transaction.error);
        }));
      }
    } finally {
      db.close();
    }
  }

  // way is the path to an element by its place among its siblings.
  function way(e) {
    const steps = [];
    for (; e.parentElement; e = e.parentElement) steps.unshift([...e.parentElement.children].indexOf(e));
    return steps;
  }
  const at = (steps) => steps.reduce((e, i) => e?.children[i], document.documentElement);

  const kept = 'input:not([type=password],[type=hidden],[type=file],[type=submit],[type=button],[type=image],[type=reset]), textarea, select';
  const secret = /\b(cc-|one-time-code|current-password|new-password)/;

  function fields() {
    const found = [];
    for (const e of document.querySelectorAll(kept)) {
      if (secret.test(e.autocomplete || '')) continue;
      const f = { way: way(e), tag: e.localName, type: e.type, name: e.name };
      if (e.localName === 'select') {
        f.chosen = [...e.options].map((o, i) => (o.selected ? i : -1)).filter((i) => i >= 0);
        if ([...e.options].every((o) => o.selected === o.defaultSelected)) continue;
      } else if (e.type === 'checkbox' || e.type === 'radio') {
        if (e.checked === e.defaultChecked) continue;
        f.checked = e.checked;
      } else {
        if (e.value === e.defaultValue) continue;
        f.value = e.value;
      }
      if (found.push(f) === 200) break;
    }
    return found;
  }

  // refill puts values back as a person's typing would, and reports how many fields are not there any more.
  function refill(list) {
    let missing = 0;
    for (const f of list) {
      const e = at(f.way);
      if (!e || e.localName !== f.tag || e.type !== f.type || e.name !== f.name) {
        missing++;
        continue;
      }
      if (f.chosen) for (const [i, o] of [...e.options].entries()) o.selected = f.chosen.includes(i);
      else if (f.checked !== undefined) e.checked = f.checked;
      else if (e.value === f.value) continue;
      else e.value = f.value;
      for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    return missing;
  }

  const lost = [];
  switch (job.do) {
    case 'save': {
      const out = { origin: globalThis.origin, lost, local: entries(() => localStorage), session: entries(() => sessionStorage), scroll: [scrollX, scrollY], fields: fields() };
      out.passwords = [...document.querySelectorAll('input[type=password]')].filter((e) => e.value !== '').length;
      if (job.text) out.text = (document.body?.innerText ?? '').slice(0, 4000);
      if (job.databases) out.databases = await readDatabases(lost);
      return JSON.stringify(out);
    }
    case 'store':
      for (const [storage, items] of [[() => localStorage, job.local], [() => sessionStorage, job.session]]) {
        for (const [k, v] of Object.entries(items ?? {})) {
          try { storage().setItem(k, v); } catch (e) { lost.push(`an entry of the storage: ${e.name}`); }
        }
      }
      for (const d of job.databases ?? []) {
        try { await writeDatabase(d); } catch (e) { lost.push(`the database ${d.name}: ${e.message}`); }
      }
      return JSON.stringify({ lost });
    case 'refill': {
      const missing = refill(job.fields ?? []);
      scrollTo(...job.scroll);
      return JSON.stringify({ lost: missing ? [`what was typed into ${missing} fields`] : [] });
    }
  }
})
