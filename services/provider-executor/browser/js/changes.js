// What an action has changed on a page, in the words of its result.

const TALLY_LIMIT = 3000; // elements that may be controls; on larger pages they are not counted

let tallied = null;

// tally notes which controls and dialogs can be seen before an action.
function tally() {
  const controls = controlsSeen();
  tallied = { controls: controls && new Set(controls), dialogs: new Map(dialogsSeen()) };
  return true;
}

function controlsSeen() {
  const all = rootsOf().flatMap(root => Array.from(root.querySelectorAll(CANDIDATES)));
  return all.length > TALLY_LIMIT ? null : all.filter(el => roleOf(el) && shown(el));
}

function dialogsSeen() {
  return rootsOf().flatMap(root => Array.from(root.querySelectorAll(TITLED))).filter(visible).map(el => [el, clip(titleOf(el), 60)]);
}

// changes compares with what was noted; null: in another document.
function changes() {
  if (!tallied) return null;
  const { controls, dialogs } = tallied, now = controls && controlsSeen(), open = new Map(dialogsSeen());
  tallied = null;
  const left = new Set(now ?? []);
  return {
    opened: Array.from(open).filter(([el]) => !dialogs.has(el)).map(([, title]) => title),
    closed: Array.from(dialogs).filter(([el]) => !open.has(el)).map(([, title]) => title),
    fresh: now ? now.filter(el => !controls.has(el)).length : 0,
    gone: now ? Array.from(controls).filter(el => !left.has(el)).length : 0,
    otherwise: Boolean(expected && differs(expected)),
  };
}
