/**
 * What the page can do with a script, and does without: times in the reader's zone, how long until the next word, and staying
 * fresh while it is open. It travels in the page, so every byte is paid by everyone.
 */
const doc = document;
const all = (selector: string, root: ParentNode = doc) => [...root.querySelectorAll<HTMLElement>(selector)];
const clock = { hour: '2-digit', minute: '2-digit' } as const;
const date = { day: 'numeric', month: 'short', year: 'numeric', ...clock } as const;

const main = doc.querySelector('main')!;
/** What the page's language says: what Intl is asked for, “in #”, “due now”, a comma, and “as of #”. */
const [tag, until, due, comma, asOf] = main.dataset.words!.split('|') as [
  string,
  string,
  string,
  string,
  string,
];

const length = (ms: number) => {
  const minutes = Math.ceil(ms / 6e4);
  const hours = Math.floor(minutes / 60);
  const unit = (count: number, unit: string) =>
    count.toLocaleString(tag, { style: 'unit', unit, unitDisplay: 'long' });
  if (hours > 47) return unit(Math.floor(hours / 24), 'day');
  if (hours) return unit(hours, 'hour') + (minutes % 60 ? ` ${unit(minutes % 60, 'minute')}` : '');
  return unit(minutes, 'minute');
};

/** The parts as the server wrote them: only what differs is renewed. One is the line that says how old the page is. */
const seen: Record<string, string> = {};
for (const part of all('div[id]')) seen[part.id] = part.innerHTML;

/** When the page was last known to be right, and whether it could not be renewed since. */
let right = Date.now();
let failed = false;

/** Times in the reader's zone. */
const zones = (root: ParentNode) => {
  for (const time of all('time:not([title])', root) as HTMLTimeElement[]) {
    const text = time.textContent;
    // What comes without a date, or without a zone, has it beside it: it stays so.
    const bare = /(^| )\d\d:\d\d$/.test(text);
    const format = /[,،]/.test(text) ? date : clock;
    time.title = bare ? text + time.nextSibling!.textContent + time.nextElementSibling!.textContent : text;
    time.textContent = new Date(time.dateTime).toLocaleString(tag, {
      ...format,
      timeZoneName: bare ? undefined : 'short',
    });
  }
};

const paint = () => {
  const now = Date.now();
  if (failed && now - right > 3e5 && !all('aside')[0]) {
    const at = new Date(right);
    seen.age = '';
    // Our own words alone, and a time that is shown as every other.
    doc.getElementById('age')!.innerHTML =
      `<aside><p class=asof>${asOf.replace('#', `<time datetime=${at.toISOString()}>${at.toUTCString()}</time>`)}`;
  }
  zones(doc);
  for (const since of all('[data-since]'))
    since.textContent =
      comma + length(now - Date.parse((since.previousSibling as HTMLTimeElement).dateTime) - 6e4);
  for (const next of all('[data-due]')) {
    const at = Date.parse(next.dataset.due!);
    const from = Date.parse(next.dataset.from!);
    next.textContent = at > now ? until.replace('#', length(at - now)) : due;
    (next.nextElementSibling as HTMLElement).style.width = `${(100 * (now - from)) / (at - from)}%`;
  }
  rove();
};

/** One tab stop for all the drawings: where it is, as long as that can be seen. Those in a folded group cannot. */
const rove = () => {
  const shown = all('.h').filter((marks) => marks.checkVisibility());
  const stop = shown.find((marks) => !marks.tabIndex) ?? shown[0];
  for (const marks of all('.h')) marks.tabIndex = marks === stop ? 0 : -1;
};
doc.addEventListener('toggle', rove, true);

/** What only some need is fetched by who does. */
let fetched: Promise<typeof import('./marks.ts') & typeof import('./renew.ts')> | undefined;
let tries = '';
const later = () => (fetched ??= import(/* @vite-ignore */ main.dataset.marks! + tries));

/** The first event at one of the marks asks for what they say; that and what follows are told to it, in order. */
const pass = (event: Event) => {
  if (!fetched && !(event.target as Element).closest('.h')) return;
  // Without it the page is as without a script: each drawing has its name, and the table its days.
  later().then(
    ({ hear }) => hear(event),
    () => {},
  );
};
for (const kind of ['focusin', 'keydown', 'pointermove']) addEventListener(kind, pass);

/** What the reader folded or unfolded stays so. */
const chosen = new Set<unknown>();
addEventListener('click', ({ target }) => chosen.add((target as Element).closest('summary')?.parentNode));

const refresh = async () => {
  if (doc.hidden) return;
  const isRight = await later().then(
    ({ renew }) => renew({ seen, chosen, zones }),
    () => {
      // Browsers remember that an address failed: the next try has another.
      tries += '&';
      fetched = undefined;
      return false;
    },
  );
  if (isRight) right = Date.now();
  failed = isRight === undefined ? failed : !isRight;
  paint();
};

paint();
/** About every 30 s, not all readers together; ever more seldom, up to about 8 min, while there is no answer. */
const keep = (wait: number) =>
  setTimeout(
    async () => {
      await refresh();
      keep(failed ? Math.min(wait * 2, 48e4) : 3e4);
    },
    wait * (0.8 + Math.random() * 0.4),
  );
/** Whoever finds it hard to read what changes by itself has it stay as it is; such a page is there where the link is. */
const pause = doc.querySelector<HTMLAnchorElement>('[data-on]');
if (location.search === '?still') {
  if (pause) {
    pause.textContent = pause.dataset.on!;
    pause.href = location.pathname;
  }
} else {
  setInterval(paint, 1e4);
  if (pause) {
    keep(3e4);
    doc.addEventListener('visibilitychange', refresh);
  }
}

export {};
