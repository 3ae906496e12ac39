import { firstPublicDue, nextInternalDue, nextPublicDue, type Pace, wholeMinute } from './cadence.ts';
import type { Severity } from './severity.ts';
import { type AnyStatus, type IncidentKind, isOver } from './status.ts';
import { addMs, type Instant, MINUTE } from './time.ts';

/** When the next word is due, outside and inside; null when none is. */
export type Clocks = { nextUpdateDue: Instant | null; internalDue: Instant | null };

/** How an incident stands before something is said of it. */
export type Standing = Clocks & {
  kind: IncidentKind;
  status: AnyStatus;
  severity: Severity;
  /** Its severity sets a pace: not so of what was imported. */
  hasCadence: boolean;
  restricted: boolean;
  declaredAt: Instant;
  publishedAt: Instant | null;
};

/** What of an update moves the clocks. */
export type Word = {
  audience: 'public' | 'internal';
  status: AnyStatus;
  /** As it is with this update. */
  severity: Severity;
  /** undefined leaves it to the pace; null promises none. */
  nextUpdateBy?: Instant | null | undefined;
};

/** When it was spoken of last, for each audience; null when it never was. */
export type Spoken = { lastPublicAt: Instant | null; lastInternalAt: Instant | null };

/** From the declaration on. Nothing is awaited in public of what is restricted. */
export function clocksAtStart(
  pace: Pace,
  { restricted }: Pick<Standing, 'restricted'>,
  now: Instant,
): Clocks {
  return {
    nextUpdateDue: restricted ? null : firstPublicDue(pace, now),
    internalDue: nextInternalDue(pace, now),
  };
}

/** Whether its pace asks for a next public update, so that visitors are owed a promise. */
export function owesPromise(
  { kind, hasCadence }: Pick<Standing, 'kind' | 'hasCadence'>,
  { status }: Pick<Word, 'status'>,
  { policy }: Pace,
): boolean {
  return kind === 'incident' && hasCadence && !isOver(status) && policy.publicUpdateEvery !== null;
}

/** When a public update promises the next one; null when it promises none. */
export function promiseOf(
  { kind, hasCadence }: Pick<Standing, 'kind' | 'hasCadence'>,
  { status, nextUpdateBy }: Word,
  pace: Pace,
  now: Instant,
): Instant | null {
  if (isOver(status) || kind === 'maintenance') return null;
  if (nextUpdateBy !== undefined) return nextUpdateBy;
  const due = hasCadence ? nextPublicDue(pace, now) : null;
  return due && wholeMinute(due);
}

/**
 * What an update makes of the clocks; what it leaves out stays. A public update resets the public clock, an internal one the internal
 * clock; a changed severity moves both, a reopening starts both anew.
 * @param pace of the severity that it has with this update
 */
export function clocksAfter(
  incident: Standing,
  word: Word,
  pace: Pace,
  { lastPublicAt, lastInternalAt }: Spoken,
  now: Instant,
): Partial<Clocks> {
  if (isOver(word.status) || incident.kind === 'maintenance')
    return { nextUpdateDue: null, internalDue: null };
  const isPublic = word.audience === 'public';
  // A clock that was set back: what was said later than now was said just now.
  const since = (last: Instant | null) => (last !== null && last > now ? now : last);
  if (!incident.hasCadence) return isPublic ? { nextUpdateDue: promiseOf(incident, word, pace, now) } : {};
  const reopens = isOver(incident.status);
  const moved = word.severity !== incident.severity;
  const clocks: Partial<Clocks> = {};

  if (!isPublic || reopens) clocks.internalDue = nextInternalDue(pace, now);
  else if (moved)
    clocks.internalDue = movedDue(
      nextInternalDue(pace, since(lastInternalAt ?? incident.declaredAt) as Instant),
      nextInternalDue(pace, now),
      incident.internalDue,
      now,
    );

  if (isPublic) clocks.nextUpdateDue = promiseOf(incident, word, pace, now);
  else if (incident.restricted) return clocks;
  else if (reopens) clocks.nextUpdateDue = firstPublicDue(pace, now);
  else if (moved) clocks.nextUpdateDue = movedPublicDue(incident, pace, since(lastPublicAt), now);
  return clocks;
}

/**
 * What another pace makes of the clocks of an open incident, be it agreed for it alone or by other policies: what is promised stays
 * promised, and what nobody asked for before is due from now on.
 */
export function clocksUnder(
  incident: Pick<Standing, 'nextUpdateDue' | 'internalDue' | 'publishedAt' | 'restricted'>,
  pace: Pace,
  now: Instant,
): Clocks {
  const due = incident.publishedAt ? nextPublicDue(pace, now) : firstPublicDue(pace, now);
  const inside = nextInternalDue(pace, now);
  return {
    nextUpdateDue: incident.nextUpdateDue ?? (incident.restricted ? null : due && wholeMinute(due)),
    internalDue: inside && (incident.internalDue ?? inside),
  };
}

/**
 * The public clock under a new severity: as though it had been this one since the last public update (the declaration, before the
 * first), and never later than what visitors were promised.
 */
function movedPublicDue(
  incident: Standing,
  pace: Pace,
  lastPublicAt: Instant | null,
  now: Instant,
): Instant | null {
  const promised = incident.nextUpdateDue;
  if (!lastPublicAt)
    return movedDue(
      firstPublicDue(pace, incident.declaredAt),
      firstPublicDue(pace, now),
      incident.nextUpdateDue,
      now,
    );
  const due = movedDue(
    nextPublicDue(pace, lastPublicAt),
    firstPublicDue(pace, now) ?? nextPublicDue(pace, now),
    promised,
    now,
  );
  const whole = due && wholeMinute(due);
  return promised && (!whole || promised <= whole) ? promised : whole;
}

const TIME_TO_WRITE = 5 * MINUTE;

/**
 * Where the new severity would have been due already it leaves time to write, as though it began `now`; but that puts off nothing that
 * was due sooner: who is late stays late.
 */
function movedDue(
  due: Instant | null,
  anew: Instant | null,
  before: Instant | null,
  now: Instant,
): Instant | null {
  if (!due || !anew || due >= addMs(now, TIME_TO_WRITE)) return due;
  return before && before < anew ? before : anew;
}
