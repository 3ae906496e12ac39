import { clockTime, DAY, dayIn, HOUR, type Instant, MINUTE, zoneName } from '#domain/time.ts';

/** Times as a language writes them. `tag` as in LOCALES. What Intl gives in English is what domain/time.ts writes. */

type Shape = keyof typeof SHAPES;
const SHAPES = {
  date: { day: 'numeric', month: 'short', year: 'numeric' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  dayOfMonth: { day: 'numeric', month: 'short' },
  month: { month: 'long', year: 'numeric' },
  monthAlone: { month: 'short' },
  zone: { timeZoneName: 'short' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(tag: string, shape: Shape, zone: string): Intl.DateTimeFormat {
  const key = `${tag} ${shape} ${zone}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(tag, { ...SHAPES[shape], timeZone: zone });
    formats.set(key, format);
  }
  return format;
}

function written(tag: string, shape: Shape, instant: Instant, zone: string): string {
  // Every English month has three letters, as on the page's marks.
  return formatOf(tag, shape, zone).format(new Date(instant)).replace('Sept ', 'Sep ');
}

const RIGHT_TO_LEFT_MARK = '\u200f';

/** "15:30 UTC". Where text runs to the left, a mark keeps what follows from running on with the zone. */
export function clockIn(tag: string, instant: Instant, zone: string): string {
  const end = tag.startsWith('ar') ? RIGHT_TO_LEFT_MARK : '';
  return `${clockTime(instant, zone)} ${zoneIn(tag, instant, zone)}${end}`;
}

/** Arabic has no short names of zones: those that are used beside it are known. */
function zoneIn(tag: string, instant: Instant, zone: string): string {
  if (tag.startsWith('ar')) return zoneName(instant, zone);
  const parts = formatOf(tag, 'zone', zone).formatToParts(new Date(instant));
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** "21 Nov 2026" */
export function dateIn(tag: string, instant: Instant, zone: string): string {
  return written(tag, 'date', instant, zone);
}

/** "Thu 19 Nov" for a calendar day (YYYY-MM-DD). */
export function dayText(tag: string, day: string): string {
  return written(tag, 'day', noon(day), 'UTC');
}

/** "12" and "14 Nov" of one month, else "30 Oct" and "2 Nov", where a language says days so; null where Intl does it. */
export function daysText(tag: string, first: string, last: string): [string, string] | string {
  if (!tag.startsWith('en'))
    return formatOf(tag, 'dayOfMonth', 'UTC').formatRange(new Date(noon(first)), new Date(noon(last)));
  const end = written(tag, 'dayOfMonth', noon(last), 'UTC');
  const begin = written(tag, 'dayOfMonth', noon(first), 'UTC');
  return [first.slice(0, 7) === last.slice(0, 7) ? (begin.split(' ')[0] as string) : begin, end];
}

/** "19 Nov 2026" for a calendar day. */
export function dayOfYear(tag: string, day: string): string {
  return written(tag, 'date', noon(day), 'UTC');
}

/** "November 2026" for 2026-11. */
export function monthText(tag: string, month: string): string {
  return written(tag, 'month', noon(`${month}-15`), 'UTC');
}

/** "Nov" for 2026-11. */
export function shortMonth(tag: string, month: string): string {
  return written(tag, 'monthAlone', noon(`${month}-15`), 'UTC').replace('Sept', 'Sep');
}

function noon(day: string): Instant {
  return `${day}T12:00:00.000Z`;
}

export function isSameDay(a: Instant, b: Instant, zone: string): boolean {
  return dayIn(a, zone) === dayIn(b, zone);
}

type Unit = 'day' | 'hour' | 'minute' | 'second';
const units = new Map<string, Intl.NumberFormat>();

/** "5 minutes" */
export function unitText(tag: string, count: number, unit: Unit): string {
  const key = `${tag} ${unit}`;
  let format = units.get(key);
  if (!format) {
    format = new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long', useGrouping: false });
    units.set(key, format);
  }
  return format.format(count);
}

/** The one or two units that a length is told in, the greater first; never negative. */
export function unitsOf(ms: number): [number, Unit][] {
  const left = Math.max(0, ms);
  if (left >= DAY)
    return withRest([Math.floor(left / DAY), 'day'], [Math.floor((left % DAY) / HOUR), 'hour']);
  if (left >= HOUR)
    return withRest([Math.floor(left / HOUR), 'hour'], [Math.floor((left % HOUR) / MINUTE), 'minute']);
  return [[Math.floor(left / MINUTE), 'minute']];
}

function withRest(first: [number, Unit], rest: [number, Unit]): [number, Unit][] {
  return rest[0] ? [first, rest] : [first];
}
