import { addBusinessMinutes, type Pace } from './cadence.ts';
import type { Hold } from './calls.ts';
import { addMs, type Instant, MINUTE, msBetween } from './time.ts';

export type WaitingApproval = {
  askedAt: Instant;
  /** When every approver was asked last; null when only those at it were. */
  toldAllAt: Instant | null;
};

/** Without a public clock that could run out, every approver is asked so long after the first ones were, and again after as long. */
const WITHOUT_CLOCK = 15 * MINUTE;

/**
 * Whether every approver is to be asked now about an update that waits: once what was promised is late, and then as often as staff are
 * called about it, until someone decides or says "I have it". What was missed is asked once.
 * @param due when the public word is due; null when none is
 */
export function isAskedAgain(
  { askedAt, toldAllAt }: WaitingApproval,
  { due, pace, holds }: { due: Instant | null; pace: Pace; holds: readonly Hold[] },
  now: Instant,
): boolean {
  const { policy, hours } = pace;
  const every = due ? policy.lateEvery * MINUTE : WITHOUT_CLOCK;
  const from = due ?? addMs(askedAt, WITHOUT_CLOCK);
  if (now < from) return false;
  if (holds.some(({ clock, at, until }) => clock === 'public' && at <= now && now < until)) return false;
  // As calls to staff: not at night under a policy of business hours, unless the night is what was promised.
  const keepsHours = policy.businessHoursOnly && (!due || addBusinessMinutes(hours, due, 0) === due);
  if (keepsHours && addBusinessMinutes(hours, now, 0) !== now) return false;
  const last = addMs(from, Math.floor(msBetween(from, now) / every) * every);
  return !toldAllAt || toldAllAt < last;
}
