import { z } from 'zod';
import type { Role } from './permissions.ts';
import { addDays, addMs, DAY, fromLocal, type Instant, toLocal } from './time.ts';

/** Someone on the rota. */
export type DutyPerson = { userId: string; name: string; email: string; role: Role; canSignIn: boolean };

/** From `startsAt` until `endsAt`, not included. `primary` is the comms lead on duty. */
export type Shift = {
  /** In the order in which they were entered. */
  seq: number;
  id: string;
  startsAt: Instant;
  endsAt: Instant;
  primary: DutyPerson;
  second: DutyPerson | null;
  manager: DutyPerson | null;
};

/** A time in which the same shift is on duty; `under` are the others that cover it and are not. */
export type DutyStretch<S extends Shift = Shift> = {
  from: Instant;
  to: Instant;
  shift: S | null;
  under: S[];
};

/** The shift that is on duty: of those that cover the instant, the one that began last; of two that began at once, the later entered. */
export function onDutyAt<S extends Shift>(shifts: readonly S[], at: Instant): S | null {
  return coveringAt(shifts, at)[0] ?? null;
}

function coveringAt<S extends Shift>(shifts: readonly S[], at: Instant): S[] {
  return shifts
    .filter(({ startsAt, endsAt }) => startsAt <= at && at < endsAt)
    .sort((a, b) => compare(b.startsAt, a.startsAt) || b.seq - a.seq);
}

/** Who is on duty when, without a hole from `from` until `to`: a stretch ends where another shift comes on duty, or another one overlaps. */
export function readRota<S extends Shift>(
  shifts: readonly S[],
  from: Instant,
  to: Instant,
): DutyStretch<S>[] {
  const bounds = shifts.flatMap(({ startsAt, endsAt }) => [startsAt, endsAt]);
  const edges = [...new Set([from, ...bounds.filter((at) => from < at && at < to), to])].sort();
  return edges.slice(0, -1).map((at, index) => {
    const [shift = null, ...under] = coveringAt(shifts, at);
    return { from: at, to: edges[index + 1] as Instant, shift, under };
  });
}

/** Why nobody is on duty as comms lead: no shift, or one whose primary can no longer sign in. */
export type Gap = { from: Instant; to: Instant; gone: DutyPerson | null };

/** The hours in which nobody would come, those that meet as one. */
export function gapsIn(stretches: readonly DutyStretch[]): Gap[] {
  const gaps: Gap[] = [];
  for (const { from, to, shift } of stretches) {
    if (shift?.primary.canSignIn) continue;
    const gone = shift?.primary ?? null;
    const last = gaps.at(-1);
    if (last?.to === from && last.gone?.userId === gone?.userId) last.to = to;
    else gaps.push({ from, to, gone });
  }
  return gaps;
}

/** `over` is on duty in the place of `under`. */
export type Overlap<S extends Shift = Shift> = { from: Instant; to: Instant; over: S; under: S };

/** The hours in which two shifts meet, those that meet as one. */
export function overlapsIn<S extends Shift>(stretches: readonly DutyStretch<S>[]): Overlap<S>[] {
  const overlaps: Overlap<S>[] = [];
  for (const { from, to, shift, under } of stretches)
    for (const other of under) {
      const over = shift as S;
      const last = overlaps.find((one) => one.to === from && one.over === over && one.under === other);
      if (last) last.to = to;
      else overlaps.push({ from, to, over, under: other });
    }
  return overlaps;
}

export type DutyRun<S extends Shift = Shift> = {
  from: Instant;
  to: Instant;
  userId: string | null;
  stretches: DutyStretch<S>[];
};

/** The stretches by who is primary, those of one person that meet as one; null: no shift. */
export function runsOf<S extends Shift>(stretches: readonly DutyStretch<S>[]): DutyRun<S>[] {
  const runs: DutyRun<S>[] = [];
  for (const stretch of stretches) {
    const userId = stretch.shift?.primary.userId ?? null;
    const last = runs.at(-1);
    if (last?.userId === userId) {
      last.to = stretch.to;
      last.stretches.push(stretch);
    } else runs.push({ from: stretch.from, to: stretch.to, userId, stretches: [stretch] });
  }
  return runs;
}

/** For how many weeks a rotation may be planned at once. */
export const MAX_WEEKS = 52;

export type Rotation = {
  /** Ids of users, in the order of their turns; after the last comes the first. */
  people: readonly string[];
  /** YYYY-MM-DD, and HH:MM, in the page's zone. */
  firstDay: string;
  at: string;
  weeks: number;
  /** Whether who comes next is the second of the week before. */
  nextIsSecond: boolean;
};

export type PlannedShift = {
  startsAt: Instant;
  endsAt: Instant;
  primaryId: string;
  secondId: string | null;
};

/**
 * A week each, by the wall clock, so that the hour stays the same when clocks change. Where that hour is left out, it begins as much later
 * as they were moved; where there are two, with the first.
 */
export function planRotation(
  { people, firstDay, at, weeks, nextIsSecond }: Rotation,
  zone: string,
): PlannedShift[] {
  const changeover = (week: number) => fromLocal(`${addDays(firstDay, 7 * week)}T${at}`, zone) as Instant;
  return Array.from({ length: weeks }, (_, week) => {
    const primaryId = people[week % people.length] as string;
    const next = people[(week + 1) % people.length] as string;
    return {
      startsAt: changeover(week),
      endsAt: changeover(week + 1),
      primaryId,
      secondId: nextIsSecond && next !== primaryId ? next : null,
    };
  });
}

/**
 * What a `datetime-local` field holds, in the page's zone: an hour that clocks leave out is refused, and of one that comes twice the first
 * is meant.
 * @param stands what it held: sent back as it was shown, it stays, were it the second of two
 */
export function wallTime(zone: string, name: string, stands: Instant | null = null) {
  return z.string({ error: `${name} is missing.` }).transform((typed, issues): Instant => {
    const text = typed.trim();
    const refuse = (message: string) => {
      issues.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (!text) return refuse(`${name} is missing. Choose a day and a time.`);
    if (stands && toLocal(stands, zone) === text) return stands;
    const at = fromLocal(text, zone);
    if (!at || !/^\d{4}-/.test(at))
      return refuse(`${name} is no time. Write it as 2026-11-21T15:30, in ${zone}.`);
    const shown = toLocal(at, zone);
    if (shown === text.slice(0, 16)) return at;
    return refuse(
      `There is no ${text.slice(11, 16)} on ${text.slice(0, 10)} in ${zone}: the clocks go forward then. Choose ${shown.slice(11)} or another time.`,
    );
  });
}

/** An id of a user, or nobody. */
export const personChoice = z.string().transform((id) => id || null);

/** @param stands the times that the form was opened with: sent back as they were, they stay */
export function shiftInput(zone: string, stands: { startsAt: Instant; endsAt: Instant } | null = null) {
  return z.object({
    from: wallTime(zone, 'From', stands?.startsAt),
    to: wallTime(zone, 'To', stands?.endsAt),
    primary: z.string().min(1, 'Choose who is on duty.'),
    second: personChoice,
    manager: personChoice,
  });
}
export type ShiftInput = z.infer<ReturnType<typeof shiftInput>>;

/** How far from now a shift may begin, and how long it may last. */
export const MAX_AHEAD = 2 * 366 * DAY;
export const MAX_SHIFT = 92 * DAY;

/** Why a shift cannot be from then until then; null when it can. What began within the last day is taken as beginning now. */
export function shiftTimesProblem(
  { startsAt, endsAt }: { startsAt: Instant; endsAt: Instant },
  now: Instant,
): { field: 'from' | 'to'; message: string } | null {
  if (startsAt < addMs(now, -DAY))
    return { field: 'from', message: 'That day has passed. A shift begins now or later.' };
  if (startsAt > addMs(now, MAX_AHEAD))
    return { field: 'from', message: 'That is more than two years ahead. Choose an earlier day.' };
  if (endsAt <= startsAt)
    return { field: 'to', message: 'It would end before it begins. Choose a later time.' };
  if (endsAt <= now) return { field: 'to', message: 'That has passed. Choose a time to come.' };
  if (endsAt > addMs(startsAt, MAX_SHIFT))
    return { field: 'to', message: 'That is more than 92 days. Part it into several shifts.' };
  return null;
}

export function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
