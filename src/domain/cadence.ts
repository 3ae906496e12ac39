import type { CadencePolicy } from './severity.ts';
import { addDays, addMs, DAY, dayIn, fromLocal, type Instant, MINUTE, msBetween } from './time.ts';

/** When the house works, by its own wall clock. */
export type BusinessHours = {
  zone: string;
  /** HH:MM, the same on each of its days. */
  opens: string;
  /** HH:MM. Earlier than the opening it is on the day after: such hours belong to the day on which they begin. */
  closes: string;
  /** On which they begin, as ISO 8601 counts them: 1 is Monday, 7 Sunday. */
  weekdays: readonly number[];
  /** Calendar days (YYYY-MM-DD) on which none begin. */
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

/** When the internal update after one posted (or the declaration) at `from` is due; null when the policy asks for none. Counted as in public. */
export function nextInternalDue({ policy, hours }: Pace, from: Instant): Instant | null {
  const minutes = policy.internalUpdateEvery;
  if (minutes === null) return null;
  return policy.businessHoursOnly ? addBusinessMinutes(hours, from, minutes) : addMs(from, minutes * MINUTE);
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
  const { closes } = workingDayBy(hours, from);
  const due = addMs(from, minutes * MINUTE);
  return from <= closes && due <= closes ? due : nextOpening(hours, from);
}

/** When work begins for the next time, after this instant. */
export function nextOpening(hours: BusinessHours, after: Instant): Instant {
  return workingDayAfter(hours, after).opens;
}

/** For so many days what is counted in business minutes is looked for: hours of a minute a day make years of a week. */
const MOST_DAYS = 366;

/**
 * As addBusinessMinutes, but what goes to the next opening is counted from there, over as many days as it takes; what takes more than a
 * year ends with it.
 */
function wholeBusinessMinutes(hours: BusinessHours, from: Instant, minutes: number): Instant {
  let at = addBusinessMinutes(hours, from, 0);
  const last = addMs(at, MOST_DAYS * DAY);
  let { opens, closes } = workingDayBy(hours, at);
  let left = minutes * MINUTE;
  for (let isWhole = at !== from || at === opens; ; isWhole = true) {
    const room = msBetween(at, closes);
    if (left <= room) return addMs(at, left);
    if (at >= last) return closes;
    if (isWhole) left -= room;
    ({ opens, closes } = workingDayAfter(hours, opens));
    at = opens;
  }
}

/** The instant from which on `minutes` pass within business hours until `due`: half an hour before Monday 09:00 is Friday 16:30. */
export function businessMinutesBefore(hours: BusinessHours, due: Instant, minutes: number): Instant {
  const last = dayIn(due, hours.zone);
  let left = minutes * MINUTE;
  for (let ago = 0; ago <= MOST_DAYS; ago++) {
    const day = workingDay(hours, addDays(last, -ago));
    if (!day || day.opens >= due) continue;
    const end = due < day.closes ? due : day.closes;
    const room = msBetween(day.opens, end);
    if (left <= room) return addMs(end, -left);
    left -= room;
  }
  return addMs(due, -MOST_DAYS * DAY);
}

export type WorkingDay = { opens: Instant; closes: Instant };

/** The last one that has begun by then. */
export function workingDayBy(hours: BusinessHours, at: Instant): WorkingDay {
  for (let day = dayIn(at, hours.zone); ; day = addDays(day, -1)) {
    const found = workingDay(hours, day);
    if (found && found.opens <= at) return found;
  }
}

/** The first one that begins after this instant. */
function workingDayAfter(hours: BusinessHours, after: Instant): WorkingDay {
  for (let day = dayIn(after, hours.zone); ; day = addDays(day, 1)) {
    const found = workingDay(hours, day);
    if (found && found.opens > after) return found;
  }
}

/** The hours that begin on this calendar day; null when nobody works on it; so, too, where the clocks leave out all of its hours. */
function workingDay(hours: BusinessHours, day: string): WorkingDay | null {
  if (!isBusinessDay(hours, day)) return null;
  const at = (date: string, time: string) => fromLocal(`${date}T${time}`, hours.zone) as Instant;
  const opens = at(day, hours.opens);
  if (hours.opens < hours.closes) {
    const closes = at(day, hours.closes);
    return opens <= closes ? { opens, closes } : null;
  }
  const next = addDays(day, 1);
  const closes = at(next, hours.closes);
  // Where clocks go forward over the close it comes later, perhaps when the next hours have begun.
  const begun = isBusinessDay(hours, next) ? at(next, hours.opens) : closes;
  return { opens, closes: begun < closes ? begun : closes };
}

/** Milliseconds between the two that lie within business hours; 0 when `to` is not later. A day on which clocks change is as long as it is. */
export function businessMsBetween(hours: BusinessHours, from: Instant, to: Instant): number {
  const last = dayIn(to, hours.zone);
  let total = 0;
  // What began the day before may go on.
  for (let day = addDays(dayIn(from, hours.zone), -1); day <= last; day = addDays(day, 1)) {
    const open = workingDay(hours, day);
    if (!open) continue;
    const { opens, closes } = open;
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
