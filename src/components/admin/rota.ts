import { type Gap, gapsIn, type Overlap, overlapsIn, readRota, type Shift } from '#domain/duty.ts';
import {
  clockTime,
  clockTimeWithZone,
  dayIn,
  durationText,
  type Instant,
  msBetween,
  zoneName,
} from '#domain/time.ts';

const days = new Map<string, Intl.DateTimeFormat>();

/** "Mon 23 Nov", with the year where it is not that of `now`. */
export function dayText(at: Instant, zone: string, now: Instant): string {
  let format = days.get(zone);
  if (!format) {
    const parts = { timeZone: zone, weekday: 'short', day: 'numeric', month: 'short' } as const;
    format = new Intl.DateTimeFormat('en-GB', parts);
    days.set(zone, format);
  }
  const { weekday, day, month } = Object.fromEntries(
    format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]),
  );
  const year = dayIn(at, zone).slice(0, 4);
  const shown = year === dayIn(now, zone).slice(0, 4) ? '' : ` ${year}`;
  return `${weekday} ${day} ${month?.slice(0, 3)}${shown}`;
}

/** "Mon 09:00 CET" of a day within the week, and the time alone of today's. */
export function nearTime(at: Instant, zone: string, now: Instant): string {
  const time = clockTimeWithZone(at, zone);
  if (dayIn(at, zone) === dayIn(now, zone)) return time;
  return `${dayText(at, zone, now).split(' ')[0]} ${time}`;
}

/** "Mon 23 Nov, 09:00", without the day where it is that of `now`; the zone stands where it is said once for many. */
export function shortTime(at: Instant, zone: string, now: Instant): string {
  const time = clockTime(at, zone);
  return dayIn(at, zone) === dayIn(now, zone) ? time : `${dayText(at, zone, now)}, ${time}`;
}

/** "Mon 23 Nov, 09:00 to Mon 30 Nov, 09:00 CET": the zone at both ends where it changes between them. */
export function spanText(from: Instant, to: Instant, zone: string, now: Instant): string {
  const [first, last] = [zoneName(from, zone), zoneName(to, zone)];
  const start = `${dayText(from, zone, now)}, ${clockTime(from, zone)}${first === last ? '' : ` ${first}`}`;
  const end = dayIn(from, zone) === dayIn(to, zone) ? '' : `${dayText(to, zone, now)}, `;
  return `${start} to ${end}${clockTime(to, zone)} ${last}`;
}

/** `bad`: someone must see to it. */
export type RotaNote = { words: string; bad: boolean };

/** A line of the rota: a shift, or hours in which nobody is on duty. */
export type RotaRow<S extends Shift> =
  | { kind: 'shift'; at: Instant; shift: S; notes: RotaNote[] }
  | { kind: 'gap'; at: Instant; words: string };

/** The rota from now on, in the order of its hours; gaps and overlaps in words. */
export function rotaRows<S extends Shift>(shifts: readonly S[], zone: string, now: Instant): RotaRow<S>[] {
  const end = shifts
    .map(({ endsAt }) => endsAt)
    .sort()
    .at(-1);
  if (end === undefined) return [];
  const stretches = readRota(shifts, now, end);
  const overlaps = overlapsIn(stretches);
  const gaps = gapsIn(stretches);
  const rows: RotaRow<S>[] = [
    ...shifts.map((shift) => ({
      kind: 'shift' as const,
      at: shift.startsAt,
      shift,
      notes: notesOf(shift, overlaps, gaps, zone, now),
    })),
    ...gaps
      .filter(({ gone }) => !gone)
      .map(({ from, to }) => ({ kind: 'gap' as const, at: from, words: gapText({ from, to }, zone, now) })),
  ];
  return rows.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** "Nobody is on duty for 2 hours: Mon 23 Nov, 09:00 to 11:00 CET." */
function gapText({ from, to }: Pick<Gap, 'from' | 'to'>, zone: string, now: Instant): string {
  return `Nobody is on duty for ${durationText(msBetween(from, to))}: ${spanText(from, to, zone, now)}.`;
}

function notesOf<S extends Shift>(
  shift: S,
  overlaps: readonly Overlap<S>[],
  gaps: readonly Gap[],
  zone: string,
  now: Instant,
): RotaNote[] {
  const notes: RotaNote[] = [];
  for (const gap of gaps)
    if (gap.gone?.userId === shift.primary.userId && gap.from < shift.endsAt && gap.to > shift.startsAt)
      notes.push({
        words: `${shift.primary.name} can no longer sign in, so nobody leads: ${spanText(gap.from, gap.to, zone, now)}.`,
        bad: true,
      });
  for (const { from, to, over, under } of overlaps)
    if (under.id === shift.id)
      notes.push({
        words: `${over.primary.name}, whose shift begins ${over.startsAt === under.startsAt ? 'with it' : 'later'}, is on duty in its place: ${spanText(from, to, zone, now)}.`,
        bad: false,
      });
  for (const [role, person] of [
    ['Second', shift.second],
    ['Manager', shift.manager],
  ] as const)
    if (person && !person.canSignIn)
      notes.push({ words: `${role}: ${person.name} can no longer sign in, so nobody comes.`, bad: true });
  return notes;
}
