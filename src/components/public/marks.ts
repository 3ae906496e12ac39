/**
 * The marks by keys and pointer. Most visitors read and go, so this is fetched by who first comes to a mark (live.ts), and told what
 * happened there since.
 */
const doc = document;
const all = (selector: string, root: ParentNode = doc) => [...root.querySelectorAll<HTMLElement>(selector)];
/** Time runs to the left there, and so do the drawings. */
const leftward = doc.dir === 'rtl';

const tip = doc.createElement('div');
tip.id = 'tip';
tip.ariaHidden = 'true';
tip.style.cssText =
  'position:absolute;max-width:min(22rem,90vw);width:max-content;padding:.2rem .6rem;border:4px solid transparent;border-radius:.55rem;background:var(--ink) padding-box;color:var(--bg);font-size:.875rem;z-index:1';
/** The row that the keys named last, and of which drawing. */
let place = 0;
let told: HTMLElement | null = null;

const hide = () => tip.remove();

/** @param event what happened anywhere in the page: `focusin`, `keydown` or `pointermove` */
export const hear = (event: Event) => {
  const marks = (event.target as Element).closest<HTMLElement>('.h');
  if (event.type === 'focusin') focused(marks);
  else if (event.type === 'keydown') pressed(event as KeyboardEvent, marks);
  else pointed(event as PointerEvent, marks);
};

const focused = (marks: HTMLElement | null) => {
  if (marks !== told) place = 0;
  told = marks;
  hide();
  if (marks) tell(marks, Math.min(place, Math.max(0, daysOf(marks).length - 1)));
};

const pressed = (event: KeyboardEvent, marks: HTMLElement | null) => {
  const { key } = event;
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
  const drawings = all('.h');
  const shown = drawings.filter((each) => each.checkVisibility());
  const next = shown[shown.indexOf(marks) + step];
  if (!next) return;
  for (const each of drawings) each.tabIndex = each === next ? 0 : -1;
  next.focus();
};

const pointed = (event: PointerEvent, marks: HTMLElement | null) => {
  if (!marks) {
    // Whoever points at what is said reads it, or copies it.
    if (event.target !== tip && !doc.activeElement?.matches('.h')) hide();
    return;
  }
  const box = marks.getBoundingClientRect();
  const x = leftward ? box.right - event.clientX : event.clientX - box.left;
  const at = (x / box.width) * 90 - 0.5;
  const nth = daysOf(marks).findIndex((day) => Math.abs(day - at) < 1.5);
  if (nth < 0) hide();
  else tell(marks, nth);
};

/** Names a day of trouble, counted from the newest: beside it for those who see, as the slider's value for those who listen. */
const tell = (marks: HTMLElement, nth: number) => {
  const day = daysOf(marks)[nth];
  const at = day ?? 89;
  const text =
    day === undefined
      ? doc.querySelector('main')!.dataset.quiet!
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
  tip.style.translate = `${-100 * part}% -100%`;
};

/** The days that a drawing shows as trouble, newest first, as its lines stand in it. */
const daysOf = (marks: HTMLElement) =>
  [...marks.innerHTML.matchAll(/(\d+) 24/g)].map((line) => +line[1]! >> 1).sort((a, b) => b - a);

/** One of the same days in words: a row of the table, whose rows stand in the order of the drawings and of their days. */
const rowOf = (marks: HTMLElement, nth: number) => {
  const drawings = all('.h');
  const before = drawings.slice(0, drawings.indexOf(marks)).flatMap(daysOf).length;
  return all('tbody tr')[before + nth]!;
};
