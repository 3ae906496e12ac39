/** An instant as ISO 8601 text in UTC with milliseconds and `Z`, so that text order is time order. */
export type Instant = string;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function toInstant(date: Date | number): Instant {
  return new Date(date).toISOString();
}

/** Reads any ISO 8601 text with a zone; null when it is not one, or no such day or hour exists. Never guesses a missing zone. */
export function parseInstant(text: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text)) return null;
  const iso = text.replace(' ', 'T');
  const ms = isWallClock(iso.slice(0, 16)) ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(ms)) return null;
  const instant = toInstant(ms);
  // A zone can carry it past the four-digit years, where text order is time order no more.
  return /^\d{4}-/.test(instant) ? instant : null;
}

/** Whether YYYY-MM-DDTHH:MM names a day and a minute that exist: `Date` takes 30 February for 2 March. */
function isWallClock(local: string): boolean {
  const ms = Date.parse(`${local}Z`);
  return !Number.isNaN(ms) && toInstant(ms).startsWith(local);
}

export function addMs(instant: Instant, ms: number): Instant {
  return toInstant(Date.parse(instant) + ms);
}

/** Milliseconds from `from` to `to`; negative when `to` is earlier. */
export function msBetween(from: Instant, to: Instant): number {
  return Date.parse(to) - Date.parse(from);
}

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

type Parts = { year: string; month: string; day: string; hour: string; minute: string; weekday: string };
const formatters = new Map<string, Intl.DateTimeFormat>();

function partsIn(zone: string, instant: Instant): Parts {
  let format = formatters.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      weekday: 'short',
    });
    formatters.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(new Date(instant)).map((p) => [p.type, p.value]));
  return parts as Parts;
}

/** "15:30" in the zone. */
export function clockTime(instant: Instant, zone: string): string {
  const { hour, minute } = partsIn(zone, instant);
  return `${hour}:${minute}`;
}

/** "15:30 UTC": a time that can stand alone because it carries its zone. */
export function clockTimeWithZone(instant: Instant, zone: string): string {
  return `${clockTime(instant, zone)} ${zoneName(instant, zone)}`;
}

/** "21 Nov 2026" in the zone; every month has three letters, as on the page's marks. */
export function dateText(instant: Instant, zone: string): string {
  const { day, month, year } = partsIn(zone, instant);
  return `${day} ${month.slice(0, 3)} ${year}`;
}

/** "21 Nov 2026, 15:30 UTC". */
export function dateTimeText(instant: Instant, zone: string): string {
  return `${dateText(instant, zone)}, ${clockTimeWithZone(instant, zone)}`;
}

/** The time alone when it falls on the same day as `now`, else with its date: what a reader needs and no more. */
export function whenText(instant: Instant, zone: string, now: Instant): string {
  return dayIn(instant, zone) === dayIn(now, zone)
    ? clockTimeWithZone(instant, zone)
    : dateTimeText(instant, zone);
}

/**
 * "22 Nov 2026, 09:45 to 11:45 UTC": the day and the zone once where they are the same at both ends, and no day where it is that
 * of `now`.
 */
export function rangeText(from: Instant, to: Instant, zone: string, now?: Instant): string {
  return rangeParts(from, to, zone, now).join(' to ');
}

/** Both ends of rangeText, for those who mark up each. */
export function rangeParts(from: Instant, to: Instant, zone: string, now?: Instant): [string, string] {
  const day = now && dayIn(from, zone) === dayIn(now, zone) ? '' : `${dateText(from, zone)}, `;
  const sameDay = dayIn(from, zone) === dayIn(to, zone);
  const sameZone = zoneName(from, zone) === zoneName(to, zone);
  return [
    `${day}${sameDay && sameZone ? clockTime(from, zone) : clockTimeWithZone(from, zone)}`,
    sameDay ? clockTimeWithZone(to, zone) : dateTimeText(to, zone),
  ];
}

const nameFormatters = new Map<string, Intl.DateTimeFormat>();

/** The zone's short name at that instant: "UTC", "CET", "GMT-3". */
export function zoneName(instant: Instant, zone: string): string {
  let format = nameFormatters.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'short' });
    nameFormatters.set(zone, format);
  }
  const part = format.formatToParts(new Date(instant)).find((p) => p.type === 'timeZoneName');
  return part?.value ?? zone;
}

/** The calendar day in the zone, as YYYY-MM-DD. */
export function dayIn(instant: Instant, zone: string): string {
  if (zone === 'UTC' || zone === 'Etc/UTC') return instant.slice(0, 10);
  return toLocal(instant, zone).slice(0, 10);
}

/** Offsets that were asked for, by zone and quarter of an hour: since 1972 no zone has changed its offset at another moment. */
const offsets = new Map<string, number>();
const MAX_OFFSETS = 20_000;
const QUARTER = 15 * MINUTE;

/** Milliseconds that the zone is ahead of UTC at that instant. */
export function zoneOffset(instant: Instant, zone: string): number {
  if (zone === 'UTC' || zone === 'Etc/UTC') return 0;
  const ms = Date.parse(instant);
  if (ms < FIRST_QUARTERS) return offsetAt(instant, zone);
  const key = `${zone} ${Math.floor(ms / QUARTER)}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    offset = offsetAt(instant, zone);
    if (offsets.size >= MAX_OFFSETS) offsets.clear();
    offsets.set(key, offset);
  }
  return offset;
}

const FIRST_QUARTERS = Date.UTC(1973, 0, 1);
const offsetFormatters = new Map<string, Intl.DateTimeFormat>();

function offsetAt(instant: Instant, zone: string): number {
  let format = offsetFormatters.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    offsetFormatters.set(zone, format);
  }
  const ms = Math.floor(Date.parse(instant) / 1000) * 1000;
  const p = Object.fromEntries(
    format.formatToParts(new Date(ms)).map((part) => [part.type, Number(part.value)]),
  );
  return Date.UTC(p.year!, p.month! - 1, p.day!, p.hour!, p.minute!, p.second!) - ms;
}

/**
 * The instant at which a wall clock in the zone reads `local` (YYYY-MM-DDTHH:MM); null when there is no such day or minute. In a gap
 * (clocks go forward) as much later as they were moved; in an overlap the first of the two.
 */
export function fromLocal(local: string, zone: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(local)) return null;
  if (!isWallClock(local.slice(0, 16))) return null;
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall)) return null;
  const before = zoneOffset(toInstant(wall - DAY), zone);
  const after = zoneOffset(toInstant(wall + DAY), zone);
  for (const offset of before >= after ? [before, after] : [after, before]) {
    if (zoneOffset(toInstant(wall - offset), zone) === offset) return toInstant(wall - offset);
  }
  return toInstant(wall - before);
}

/** The wall clock of the instant in the zone, as YYYY-MM-DDTHH:MM, for `datetime-local` inputs. */
export function toLocal(instant: Instant, zone: string): string {
  return toInstant(Date.parse(instant) + zoneOffset(instant, zone)).slice(0, 16);
}

/** The first instant of the calendar day (YYYY-MM-DD) in the zone. */
export function startOfDay(day: string, zone: string): Instant {
  return fromLocal(`${day}T00:00`, zone) as Instant;
}

/** The calendar day `count` days after `day` (before it when negative). */
export function addDays(day: string, count: number): string {
  return toInstant(Date.parse(`${day}T00:00:00.000Z`) + count * DAY).slice(0, 10);
}

/** "51 minutes", "2 hours 5 minutes", "3 days 4 hours": two units at most, never negative. */
export function durationText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE));
  if (minutes < 60) return plural(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(plural(hours, 'hour'), minutes % 60, 'minute');
  return join(plural(Math.floor(hours / 24), 'day'), hours % 24, 'hour');
}

function join(first: string, rest: number, unit: string): string {
  return rest ? `${first} ${plural(rest, unit)}` : first;
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
