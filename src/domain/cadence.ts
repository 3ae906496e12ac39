import type { CadencePolicy } from './severity.ts';
import { addDays, addMs, dayIn, fromLocal, type Instant, MINUTE, msBetween } from './time.ts';

/** When the house works, by its own wall clock. */
export type BusinessHours = {
  zone: string;
  /** HH:MM, the same on each of its days. */
  opens: string;
  closes: string;
  /** As ISO 8601 counts them: 1 is Monday, 7 Sunday. */
  weekdays: readonly number[];
  /** Calendar days (YYYY-MM-DD). */
  holidays: readonly string[];
};

export const DEFAULT_HOURS: Omit<BusinessHours, 'zone'> = {
  opens: '09:00',
  closes: '17:00',
  weekdays: [1, 2, 3, 4, 5],
  holidays: [],
};

export type Pace = {
  policy: CadencePolicy;
  hours: BusinessHours;
};

/** What one incident keeps to in the place of its policy, in minutes: the slower pace of a long one. */
export type OwnPace = Partial<Pick<CadencePolicy, 'publicUpdateEvery' | 'internalUpdateEvery'>>;

/**
 * When the first public update is due; null when the policy asks for none. Where business hours are kept it gets all its minutes within
 * them: what does not fit in the rest of a day begins anew with the next one.
 */
export function firstPublicDue({ policy, hours }: Pace, declaredAt: Instant): Instant | null {
  const minutes = policy.firstPublicUpdate;
  if (minutes === null) return null;
  return policy.businessHoursOnly
    ? wholeBusinessMinutes(hours, declaredAt, minutes)
    : addMs(declaredAt, minutes * MINUTE);
}

/** When the public update after one posted at `postedAt` is due; null when the policy asks for none. */
export function nextPublicDue({ policy, hours }: Pace, postedAt: Instant): Instant | null {
  const minutes = policy.publicUpdateEvery;
  if (minutes === null) return null;
  return policy.businessHoursOnly
    ? addBusinessMinutes(hours, postedAt, minutes)
    : addMs(postedAt, minutes * MINUTE);
}

/** When the internal update after one posted (or the declaration) at `from` is due; null when the policy asks for none. */
export function nextInternalDue(pace: Pace, from: Instant): Instant | null {
  return pace.policy.internalUpdateEvery === null
    ? null
    : addMs(from, pace.policy.internalUpdateEvery * MINUTE);
}

export type ClockState = 'none' | 'ahead' | 'soon' | 'late';

/** Where a clock stands: `soon` from the policy's first reminder before the due time on. */
export function clockState(policy: CadencePolicy, due: Instant | null, now: Instant): ClockState {
  if (!due) return 'none';
  if (due <= now) return 'late';
  const warning = Math.max(5, ...policy.remindBefore) * MINUTE;
  return msBetween(now, due) <= warning ? 'soon' : 'ahead';
}

/**
 * The instant at which `minutes` have passed within business hours. When they do not fit in what is left of the day, the
 * next business day's opening: "next update Monday 09:00", rather than an odd hour carried over.
 */
export function addBusinessMinutes(hours: BusinessHours, from: Instant, minutes: number): Instant {
  const day = dayIn(from, hours.zone);
  const opens = fromLocal(`${day}T${hours.opens}`, hours.zone) as Instant;
  const closes = fromLocal(`${day}T${hours.closes}`, hours.zone) as Instant;
  if (isBusinessDay(hours, day)) {
    if (from < opens) return opens;
    const due = addMs(from, minutes * MINUTE);
    if (due <= closes) return due;
  }
  let next = addDays(day, 1);
  while (!isBusinessDay(hours, next)) next = addDays(next, 1);
  return fromLocal(`${next}T${hours.opens}`, hours.zone) as Instant;
}

/** As addBusinessMinutes, but what goes to the next opening is counted from there, over as many days as it takes. */
function wholeBusinessMinutes(hours: BusinessHours, from: Instant, minutes: number): Instant {
  const start = addBusinessMinutes(hours, from, 0);
  const isFresh = start !== from || isOpening(hours, start);
  const closes = fromLocal(`${dayIn(start, hours.zone)}T${hours.closes}`, hours.zone) as Instant;
  const room = msBetween(start, closes) / MINUTE;
  if (minutes <= room) return addMs(start, minutes * MINUTE);
  return wholeBusinessMinutes(hours, addMs(closes, 1), isFresh ? minutes - room : minutes);
}

function isOpening({ zone, opens }: BusinessHours, at: Instant): boolean {
  return at === fromLocal(`${dayIn(at, zone)}T${opens}`, zone);
}

/** Milliseconds between the two that lie within business hours; 0 when `to` is not later. A day on which clocks change is as long as it is. */
export function businessMsBetween(hours: BusinessHours, from: Instant, to: Instant): number {
  const last = dayIn(to, hours.zone);
  let total = 0;
  for (let day = dayIn(from, hours.zone); day <= last; day = addDays(day, 1)) {
    if (!isBusinessDay(hours, day)) continue;
    const opens = fromLocal(`${day}T${hours.opens}`, hours.zone) as Instant;
    const closes = fromLocal(`${day}T${hours.closes}`, hours.zone) as Instant;
    total += Math.max(0, msBetween(from > opens ? from : opens, to < closes ? to : closes));
  }
  return total;
}

function isBusinessDay(hours: BusinessHours, day: string): boolean {
  const weekday = new Date(`${day}T12:00:00Z`).getUTCDay() || 7;
  return hours.weekdays.includes(weekday) && !hours.holidays.includes(day);
}

/** The due time rounded up to a whole minute, as people promise it. */
export function wholeMinute(instant: Instant): Instant {
  const rest = Date.parse(instant) % MINUTE;
  return rest === 0 ? instant : addMs(instant, MINUTE - rest);
}
