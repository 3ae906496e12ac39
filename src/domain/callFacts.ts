import type { Pace } from './cadence.ts';
import type { CallFacts, Hold } from './calls.ts';
import type { Clocks } from './clocks.ts';
import type { Severity } from './severity.ts';
import { type AnyStatus, isOver } from './status.ts';
import type { Instant } from './time.ts';

/** What of an incident decides about which calls staff get. */
export type Called = Clocks & {
  status: AnyStatus;
  severity: Severity;
  declaredAt: Instant;
  publishedAt: Instant | null;
  /** When its pace was last agreed; null when it never was. */
  pacedAt: Instant | null;
};

/** One thing that was said of it. */
export type SaidOf = {
  /** Rises in the order in which things were said, which is that of their times unless a clock was set back. */
  seq: number;
  audience: 'public' | 'internal';
  status: AnyStatus;
  postedAt: Instant;
  automatic: boolean;
  /** When it was due; null when it was not. */
  wasDueAt: Instant | null;
};

/** @param said everything that was said, inside too */
export function callFacts(
  incident: Called,
  {
    pace,
    said,
    missing,
    taken,
    filled,
    stalledAt,
    holds,
    made,
  }: {
    pace: Pace;
    said: readonly SaidOf[];
    /** How many of the roles that there should be nobody has. */
    missing: number;
    /** Someone has a role in it. */
    taken: boolean;
    filled: CallFacts['filled'];
    stalledAt: CallFacts['stalledAt'];
    holds: readonly Hold[];
    made: CallFacts['made'];
  },
): CallFacts {
  const { internalDue, severity } = incident;
  const since = openSince(incident, said);
  return {
    policy: pace.policy,
    hours: pace.hours,
    declaredAt: incident.declaredAt,
    over: isOver(incident.status),
    publicClock: awaitedOutside(incident, said),
    internalClock: internalDue ? { due: internalDue, since } : null,
    filled,
    answered: taken || holds.length > 0 || said.some(({ automatic }) => !automatic),
    rolesMissing: missing > 0 && (severity === 'SEV1' || severity === 'SEV2'),
    pacedAt: [incident.pacedAt ?? since, since].sort()[1] as Instant,
    stalledAt,
    holds,
    made,
  };
}

/**
 * What is awaited of people outside, and called about; null when nothing is.
 * @param said everything that was said, inside too
 */
export function awaitedOutside(
  incident: Pick<Called, 'nextUpdateDue' | 'publishedAt' | 'declaredAt'>,
  said: readonly SaidOf[],
): CallFacts['publicClock'] {
  const { nextUpdateDue: due, publishedAt } = incident;
  if (!due) return null;
  const spoken = latestFirst(said).filter(({ audience }) => audience === 'public');
  return awaited(spoken, { due, since: openSince(incident, said), first: !publishedAt });
}

/** As they were said, whatever the clock showed: what was said by one that had leapt ahead is not the latest for as long. */
export function latestFirst<Word extends Pick<SaidOf, 'seq'>>(said: readonly Word[]): Word[] {
  return said.toSorted((a, b) => b.seq - a.seq);
}

/** Since when it has been open without a break: its declaration, or the last time that it was open again. */
function openSince({ declaredAt }: Pick<Called, 'declaredAt'>, said: readonly SaidOf[]): Instant {
  const words = latestFirst(said);
  const again = words.find(
    ({ status }, index) => !isOver(status) && isOver(words[index + 1]?.status ?? 'investigating'),
  );
  return again?.postedAt ?? declaredAt;
}

/**
 * What people are called about. A text that was posted automatically keeps the public's promise and nobody's: until a person posts, it is
 * the word that they were called about which is awaited.
 */
function awaited(
  spoken: readonly SaidOf[],
  now: { due: Instant; since: Instant; first: boolean },
): { due: Instant; since: Instant; first: boolean } {
  const human = spoken.findIndex(({ automatic }) => !automatic);
  const since = spoken[human]?.postedAt ?? now.since;
  const earliest = spoken[(human < 0 ? spoken.length : human) - 1];
  if (!earliest?.wasDueAt) return { ...now, since };
  return { due: earliest.wasDueAt, since, first: human < 0 };
}
