import { addBusinessMinutes, type BusinessHours, workingDayBy } from './cadence.ts';
import { addMs, type Instant, MINUTE, msBetween } from './time.ts';

/** What comes again every so many minutes after `from`, for as long as it takes. */
export type Repeats = {
  /** Within the hours, where there are any. */
  from: Instant;
  everyMinutes: number;
  /**
   * Where these are kept it is counted as due times are: what does not fit in a day comes at the next opening, and is counted on from
   * there. null: day and night.
   */
  hours: BusinessHours | null;
};

/** `step`: the how manyeth it is, from 1 on; it is not counted further than MANY. */
export type Repeat = { at: Instant; step: number };
const MANY = 8;

/** The latest one by `now`; null when there was none yet. */
export function latestRepeat({ from, everyMinutes, hours }: Repeats, now: Instant): Repeat | null {
  const everyMs = everyMinutes * MINUTE;
  const upTo = (start: Instant, end: Instant) => Math.floor(msBetween(start, end) / everyMs);
  if (!hours) {
    const step = upTo(from, now);
    return step > 0 ? { at: addMs(from, step * everyMs), step: Math.min(step, MANY) } : null;
  }
  if (now <= from) return null;
  const today = workingDayBy(hours, now);
  const isFirstDay = today.opens <= from;
  const start = isFirstDay ? from : today.opens;
  const within = upTo(start, now < today.closes ? now : today.closes);
  if (isFirstDay && within <= 0) return null;
  // At an opening itself there is one, too.
  const before = isFirstDay ? 0 : stepsBefore({ from, everyMinutes, hours }, today.opens) + 1;
  return { at: addMs(start, within * everyMs), step: Math.min(before + within, MANY) };
}

/** The first one after `after`. */
export function nextRepeat(repeats: Repeats, after: Instant): Instant {
  const last = latestRepeat(repeats, after)?.at ?? repeats.from;
  const { everyMinutes, hours } = repeats;
  return hours ? addBusinessMinutes(hours, last, everyMinutes) : addMs(last, everyMinutes * MINUTE);
}

function stepsBefore(
  { from, everyMinutes, hours }: Repeats & { hours: BusinessHours },
  until: Instant,
): number {
  let steps = 0;
  let at = addBusinessMinutes(hours, from, everyMinutes);
  for (; at < until && steps < MANY; at = addBusinessMinutes(hours, at, everyMinutes)) steps++;
  return steps;
}
