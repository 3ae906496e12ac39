/**
 * What the page can do with a script, and does without: times in the reader's zone, how long until the next word, the marks by
 * keys and pointer, and staying fresh while it is open. It travels in the page, so every byte is paid by everyone.
 */
const doc = document;
const all = (selector: string, root: ParentNode = doc) => [...root.querySelectorAll<HTMLElement>(selector)];
const clock = { hour: '2-digit', minute: '2-digit' } as const;
const date = { day: 'numeric', month: 'short', year: 'numeric', ...clock } as const;

/** What the page's language says: what Intl is asked for, “in #”, “due now”, “no day with trouble”, and a comma. */
const [tag, until, due, quiet, comma] = doc.querySelector('main')!.dataset.words!.split('|') as [
  string,
  string,
  string,
  string,
  string,
];
/** Time runs to the left there, and so do the drawings. */
const leftward = doc.dir === 'rtl';

const icon = (root: ParentNode) => root.querySelector<HTMLLinkElement>('[rel=icon]')!;

/** The days that a drawing shows as trouble, newest first, as its lines stand in it. */
const daysOf = (marks: HTMLElement) =>
  [...marks.innerHTML.matchAll(/(\d+) 24/g)].map((line) => +line[1]! >> 1).sort((a, b) => b - a);
/** One of the same days in words: a row of the table, whose rows stand in the order of the drawings and of their days. */
const rowOf = (marks: HTMLElement, nth: number) => {
  const drawings = all('.h');
  const before = drawings.slice(0, drawings.indexOf(marks)).flatMap(daysOf).length;
  return all('tbody tr')[before + nth]!;
};
const marksOf = (event: Event) => (event.target as Element).closest<HTMLElement>('.h');
const tip = doc.createElement('div');
tip.id = 'tip';
tip.ariaHidden = 'true';
const hide = () => tip.remove();
/** The row that the keys named last. */
let place = 0;

const length = (ms: number) => {
  const minutes = Math.ceil(ms / 6e4);
  const hours = Math.floor(minutes / 60);
  const unit = (count: number, unit: string) =>
    count.toLocaleString(tag, { style: 'unit', unit, unitDisplay: 'long' });
  if (hours > 47) return unit(Math.floor(hours / 24), 'day');
  if (hours) return unit(hours, 'hour') + (minutes % 60 ? ` ${unit(minutes % 60, 'minute')}` : '');
  return unit(minutes, 'minute');
};

const paint = () => {
  const now = Date.now();
  for (const time of all('time:not([title])') as HTMLTimeElement[]) {
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

/** The drawings that can be seen: those in a folded group cannot. */
const shown = () => all('.h').filter((marks) => marks.checkVisibility());
/** One tab stop for all the drawings: where it is, as long as that can be seen. */
const rove = (to?: HTMLElement) => {
  const stop = to ?? shown().find((marks) => !marks.tabIndex) ?? shown()[0];
  for (const marks of all('.h')) marks.tabIndex = marks === stop ? 0 : -1;
};
doc.addEventListener('toggle', () => rove(), true);

/** Names a day of trouble, counted from the newest: beside it for those who see, as the slider's value for those who listen. */
const tell = (marks: HTMLElement, nth: number) => {
  const day = daysOf(marks)[nth];
  const at = day ?? 89;
  const text =
    day === undefined
      ? quiet
      : all('td', rowOf(marks, nth))
          .map((cell) => cell.textContent)
          .join(': ');
  tip.textContent = text;
  Object.assign(marks, { role: 'slider', ariaValueMax: 89, ariaValueNow: at, ariaValueText: text });
  doc.body.append(tip);
  const box = marks.getBoundingClientRect();
  const part = (box.left + ((leftward ? 89.5 - at : at + 0.5) / 90) * box.width) / doc.body.clientWidth;
  // As far along itself as along the page: so it never leaves that.
  tip.style.left = `${100 * part}%`;
  tip.style.top = `${box.top + scrollY}px`;
  tip.style.translate = `${-100 * part}% calc(-100% - 4px)`;
};

addEventListener('focusin', (event) => {
  const marks = marksOf(event);
  place = 0;
  hide();
  if (marks) tell(marks, 0);
});

addEventListener('keydown', (event) => {
  const { key } = event;
  const marks = marksOf(event);
  if (key === 'Escape') hide();
  if (!marks || !key.startsWith('Arrow')) return;
  event.preventDefault();
  const along = /Left|Right/.test(key);
  const step = /Left|Down/.test(key) !== (along && leftward) ? 1 : -1;
  if (along) {
    place = Math.max(0, Math.min(daysOf(marks).length - 1, place + step));
    tell(marks, place);
    return;
  }
  const drawings = shown();
  const next = drawings[drawings.indexOf(marks) + step];
  if (!next) return;
  rove(next);
  next.focus();
});

addEventListener('pointermove', (event) => {
  const marks = marksOf(event);
  if (!marks) {
    if (!doc.activeElement?.matches('.h')) hide();
    return;
  }
  const box = marks.getBoundingClientRect();
  const x = leftward ? box.right - event.clientX : event.clientX - box.left;
  const at = (x / box.width) * 90 - 0.5;
  const nth = daysOf(marks).findIndex((day) => Math.abs(day - at) < 1.5);
  if (nth < 0) hide();
  else tell(marks, nth);
});

/** The parts as the server wrote them: only what differs is replaced, and nothing that has the focus. */
const seen: Record<string, string> = {};
for (const part of all('main>[id]')) seen[part.id] = part.innerHTML;

const refresh = async () => {
  if (doc.hidden) return;
  // Conditional: an unchanged page comes back as a 304 of a few bytes.
  const answer = await fetch(location.pathname, { cache: 'no-cache' });
  if (!answer.ok) throw 0;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of all('main>[id]', fresh)) {
    const own = doc.getElementById(part.id);
    const html = part.innerHTML;
    if (!own || seen[part.id] === html || own.contains(doc.activeElement)) continue;
    const open = (all('details', own) as HTMLDetailsElement[]).map((details) => details.open);
    own.innerHTML = seen[part.id] = html;
    (all('details', own) as HTMLDetailsElement[]).forEach((details, i) => {
      details.open ||= !!open[i];
    });
  }
  doc.title = fresh.title;
  icon(doc).href = icon(fresh).href;
  paint();
};

paint();
/** About every 30 s, not all readers together; ever more seldom, up to about 8 min, while there is no answer. */
const keep = (wait: number) =>
  setTimeout(
    () =>
      refresh().then(
        () => keep(3e4),
        () => keep(Math.min(wait * 2, 48e4)),
      ),
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
    doc.addEventListener('visibilitychange', () => refresh().catch(() => {}));
  }
}

export {};
