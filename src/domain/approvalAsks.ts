import { addBusinessMinutes, type Pace } from './cadence.ts';
import type { Hold } from './calls.ts';
import { addMs, DAY, type Instant, MINUTE, msBetween } from './time.ts';

export type WaitingApproval = {
  askedAt: Instant;
  /** When every approver was asked last; null when only those at it were. */
  toldAllAt: Instant | null;
};

/** Without a public clock that could run out, every approver is asked so long after the first ones were, and again after as long. */
const WITHOUT_CLOCK = 15 * MINUTE;
const LONG_AGO: Instant = '2000-01-01T00:00:00.000Z';
/** The clock looks about once a second. */
const A_MOMENT = 5_000;

/**
 * Whether every approver is to be asked now about an update that waits: once what was promised is late, and then as often as staff are
 * called about it, until someone decides or says "I have it". What was missed is asked
 * once. About what is over there is no hurry: they are asked once more, and then daily in business hours.
 * @param due when the public word is due; null when none is
 */
export function isAskedAgain(
  { askedAt, toldAllAt }: WaitingApproval,
  { due, over, pace, holds }: { due: Instant | null; over: boolean; pace: Pace; holds: readonly Hold[] },
  now: Instant,
): boolean {
  const { policy, hours } = pace;
  const every = due ? policy.lateEvery * MINUTE : over ? DAY : WITHOUT_CLOCK;
  // By a clock that had leapt ahead and was put right since: that tells nothing of how long ago it was, and silences nobody.
  const isAhead = (at: Instant) => at > addMs(now, every);
  const from = due ?? (isAhead(askedAt) ? LONG_AGO : addMs(askedAt, WITHOUT_CLOCK));
  if (now < from) return false;
  if (holds.some(({ clock, at, until }) => clock === 'public' && at <= now && now < until)) return false;
  // As calls to staff: not at night under a policy of business hours, unless the night is what was promised.
  const keepsHours = due
    ? policy.businessHoursOnly && addBusinessMinutes(hours, due, 0) === due
    : policy.businessHoursOnly || (over && toldAllAt !== null && toldAllAt >= from);
  if (keepsHours && addBusinessMinutes(hours, now, 0) !== now) return false;
  const last = addMs(from, Math.floor(msBetween(from, now) / every) * every);
  if (!toldAllAt || toldAllAt < last) return true;
  // When it is time, and not at any: two machines whose clocks disagree must not outdo each other.
  return isAhead(toldAllAt) && msBetween(last, now) < A_MOMENT;
}
