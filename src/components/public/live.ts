/**
 * What the page can do with a script, and does without: times in the reader's zone, how long until the next word, the marks by
 * keys and pointer, and staying fresh while it is open. Kept under 1.5 KB.
 */
const all = <T extends Element = HTMLElement>(selector: string, root: ParentNode = document) => [
  ...root.querySelectorAll<T & HTMLElement>(selector),
];
const clock = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const;
const date = { day: 'numeric', month: 'short', year: 'numeric', ...clock } as const;

function paint() {
  const now = Date.now();
  for (const time of all<HTMLTimeElement>('time:not([title])')) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString(
      'en-GB',
      at.toDateString() === new Date().toDateString() ? clock : date,
    );
  }
  for (const since of all('[data-since]'))
    since.textContent = `, ${length(now - Date.parse(since.dataset.since!))}`;
  for (const next of all('[data-due]')) {
    const left = Date.parse(next.dataset.due!) - now;
    next.textContent = left > 0 ? `in ${length(left)}` : 'due now';
    const whole = left + now - Date.parse(next.dataset.from!);
    const line = next.nextElementSibling as HTMLElement;
    line.style.width = `${100 - (100 * Math.max(0, left)) / whole}%`;
  }
  for (const [i, marks] of all('.h').entries()) marks.tabIndex = i ? -1 : 0;
}

function length(ms: number) {
  const minutes = Math.ceil(ms / 6e4);
  if (minutes < 60) return `${minutes} minute${minutes === 1 ? '' : 's'}`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const tip = document.createElement('div');
tip.id = 'tip';
tip.ariaHidden = 'true';
const rows = (marks: HTMLElement) => all(`#d${marks.dataset.d} tr`);

/** Names a day of the marks: beside it for those who see, as the slider's value for those who listen. */
function tell(marks: HTMLElement, row?: HTMLElement) {
  const [day, trouble] = row ? all('td', row) : [];
  tip.textContent = row ? `${day!.textContent}: ${trouble!.textContent}` : 'No day with trouble';
  const at = Number(row?.dataset.d ?? 89);
  marks.role = 'slider';
  marks.ariaValueMin = '0';
  marks.ariaValueMax = '89';
  marks.ariaValueNow = `${at}`;
  marks.ariaValueText = tip.textContent;
  const box = marks.getBoundingClientRect();
  document.body.append(tip);
  const half = tip.offsetWidth / 2;
  const x = box.left + ((at + 0.5) / 90) * box.width;
  tip.style.left = `${Math.max(half, Math.min(innerWidth - half, x))}px`;
  tip.style.top = `${box.top}px`;
}

const marksOf = (event: Event) => (event.target as Element).closest<HTMLElement>('.h');
const hide = () => tip.remove();
/** Where the keys are: the row of the table that was named last. */
let place = 0;

addEventListener('focusin', (event) => {
  const marks = marksOf(event);
  hide();
  if (marks) tell(marks, rows(marks)[(place = 0)]);
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hide();
  const marks = marksOf(event);
  const days = { ArrowLeft: 1, ArrowRight: -1 }[event.key];
  const lines = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!marks || !(days || lines)) return;
  event.preventDefault();
  if (days) {
    const own = rows(marks);
    place = Math.max(0, Math.min(own.length - 1, place + days));
    return tell(marks, own[place]);
  }
  // Marks in a folded group cannot be seen.
  const shown = all('.h').filter((other) => other.checkVisibility());
  const next = shown[shown.indexOf(marks) + lines!];
  if (next) {
    marks.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
});
addEventListener('pointermove', (event) => {
  const marks = marksOf(event);
  if (!marks) return document.activeElement!.matches('.h') || hide();
  const box = marks.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * 90 - 0.5;
  const row = rows(marks).find((one) => Math.abs(Number(one.dataset.d) - at) < 1.5);
  if (row) tell(marks, row);
  else hide();
});
addEventListener('scroll', hide, { passive: true });

paint();
setInterval(paint, 1e4);
