import { type DutyPerson, type DutyRun, onDutyAt, readRota, runsOf, type Shift } from './duty.ts';
import { roleMay } from './permissions.ts';
import { addMs, HOUR, type Instant, MINUTE, msBetween } from './time.ts';

/** Untaken for so long, it goes to the next on duty. */
export const PASSED_ON_AFTER = 5 * MINUTE;

export type HandoverFacts<S extends Shift = Shift> = {
  /** Those that cover any of the time since the declaration. */
  shifts: readonly S[];
  declaredAt: Instant;
  /** The incident's comms lead and since when; null: nobody who can sign in. */
  lead: { userId: string; since: Instant } | null;
  /** Who is asked last, all at once; and who is when that is nobody. */
  everyone: readonly DutyPerson[];
  otherwise: readonly DutyPerson[];
  /** The ids of who may know of it; null: everyone. */
  viewers: readonly string[] | null;
  /** Who has been asked when, about which end of a duty. */
  asked: readonly { due: Instant; userId: string; at: Instant }[];
};

/** An incident that waits to be taken over. */
export type Handover<S extends Shift = Shift> = {
  /** When the duty of whoever leads it ended. */
  due: Instant;
  /** The shift that ended; null when nobody had been on duty. */
  left: S | null;
};

/**
 * Whether an incident is to be taken over, and since when: since the last time that who is on duty changed, if its comms lead was on duty
 * then and is not the one who is now, or if it has none. Whoever leads it without being on duty goes on.
 */
export function handoverOf<S extends Shift>(facts: HandoverFacts<S>, now: Instant): Handover<S> | null {
  const { shifts, declaredAt, lead } = facts;
  if (now <= declaredAt) return null;
  const runs = runsOf(readRota(shifts, declaredAt, addMs(now, 1)));
  const present = runs.at(-1) as DutyRun<S>;
  const before = runs.slice(0, -1);
  if (!before.length) return null;
  if (lead && !isLeaving(lead, before, present)) return null;
  const left = before.flatMap(({ stretches }) => stretches).findLast(({ shift }) => shift)?.shift ?? null;
  return { due: present.from, left };
}

function isLeaving(
  { userId, since }: { userId: string; since: Instant },
  before: readonly DutyRun[],
  present: DutyRun,
): boolean {
  // Taken, or given by someone, after the change: that is settled.
  if (since >= present.from || userId === present.userId) return false;
  if (before.some((run) => run.userId === userId)) return true;
  const isBeside = (run: DutyRun) =>
    run.stretches.some(({ shift }) => shift?.second?.userId === userId || shift?.manager?.userId === userId);
  return before.some(isBeside) && !isBeside(present);
}

/**
 * Whom to ask now: the primary at once, and every five minutes the next of second, manager and everyone; each person once. Whoever leads
 * it, may not know of it or could not take it is passed over at once.
 */
export function askNow(facts: HandoverFacts, handover: Handover, now: Instant): DutyPerson[] {
  // Asked by a clock that had leapt ahead and was put right since, they are asked when it is time.
  const latest = addMs(now, HOUR);
  const asked = facts.asked
    .filter(({ due, at }) => due === handover.due && at <= latest)
    .map(({ userId }) => userId);
  return levelsOf(facts, handover, now)
    .slice(0, stepsBy(handover, now))
    .flat()
    .filter(({ userId }) => !asked.includes(userId));
}

/** When the next ones are asked, should nobody take it; null when no one is left. */
export function nextAskAt(facts: HandoverFacts, handover: Handover, now: Instant): Instant | null {
  const steps = stepsBy(handover, now);
  if (levelsOf(facts, handover, now).length <= steps) return null;
  return addMs(handover.due, steps * PASSED_ON_AFTER);
}

function stepsBy({ due }: Handover, now: Instant): number {
  return Math.floor(msBetween(due, now) / PASSED_ON_AFTER) + 1;
}

function levelsOf(
  { shifts, lead, everyone, otherwise, viewers }: HandoverFacts,
  { left }: Handover,
  now: Instant,
): DutyPerson[][] {
  const shift = onDutyAt(shifts, now);
  const seen = new Set<string | undefined>([lead?.userId]);
  const fresh = (people: readonly (DutyPerson | null | undefined)[]) =>
    people.filter((person): person is DutyPerson => {
      if (!person || seen.has(person.userId) || !canTake(person)) return false;
      if (viewers && !viewers.includes(person.userId)) return false;
      seen.add(person.userId);
      return true;
    });
  const onDuty = [[shift?.primary], [shift?.second], [shift?.manager]].map(fresh);
  // Whoever has just left is not called back while there is anyone else.
  const others = fresh(everyone.filter(({ userId }) => userId !== left?.primary.userId));
  return [...onDuty, others.length ? others : fresh(otherwise)].filter(({ length }) => length);
}

/** Whoever takes it is comms lead from then on. */
function canTake({ role, canSignIn }: DutyPerson): boolean {
  return canSignIn && roleMay(role, 'incident.publish');
}
