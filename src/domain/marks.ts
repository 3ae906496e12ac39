import { COMPONENT_STATUSES, type ComponentStatus, worstStatus } from './status.ts';
import { addDays, dayIn, type Instant, startOfDay, toInstant } from './time.ts';
import type { Stretch } from './uptime.ts';

/** A calendar day in the page's zone, with its bounds in milliseconds; the last one ends at the page's time. */
export type DayWindow = { day: string; from: number; to: number };

/** How one day went. */
export type DayMark = {
  day: string;
  /** The worst of the day; null when nothing of it was recorded. */
  status: ComponentStatus | null;
  /** The milliseconds of each, what still runs on the last day left out. */
  lengths: Partial<Record<ComponentStatus, number>>;
  /** The day is over, and was the same from its beginning to its end. */
  allDay: boolean;
  /** What still runs, on the last day alone; `since` is null when it began on a day before. */
  running: { status: ComponentStatus; since: Instant | null } | null;
};

/** The last `count` days in the zone, oldest first, today (so far) last. */
export function lastDays(count: number, zone: string, now: Instant): DayWindow[] {
  const today = dayIn(now, zone);
  const starts = Array.from({ length: count }, (_, i) => addDays(today, i + 1 - count));
  const bounds = starts.map((day) => Date.parse(startOfDay(day, zone)));
  return starts.map((day, i) => ({ day, from: bounds[i] as number, to: bounds[i + 1] ?? Date.parse(now) }));
}

/**
 * How each day went, from the component's worst stretches (in time order, without overlap). What still runs is told by its beginning,
 * never by its length, which grows from one moment to the next.
 * @param status the component's own at the end of the last day
 */
export function dayMarks(
  stretches: readonly Stretch[],
  days: readonly DayWindow[],
  bornAt: number,
  status: ComponentStatus,
): DayMark[] {
  let next = 0;
  return days.map(({ day, from, to }, place) => {
    const isLast = place === days.length - 1;
    // A component that is as old as the page's time has a first day.
    if (to < bornAt || (to === bornAt && !isLast))
      return { day, status: null, lengths: {}, allDay: false, running: null };
    const since = isLast && status !== 'operational' ? runningSince(stretches, status, to) : null;
    const lengths: DayMark['lengths'] = {};
    while (next < stretches.length && (stretches[next] as Stretch).to <= from) next++;
    for (let i = next; i < stretches.length; i++) {
      const stretch = stretches[i] as Stretch;
      if (stretch.from >= to) break;
      if (since === stretch.from) break;
      const length = Math.min(to, stretch.to) - Math.max(from, stretch.from, bornAt);
      if (length > 0) lengths[stretch.status] = (lengths[stretch.status] ?? 0) + length;
    }
    const begun = since === null ? null : Math.max(since, bornAt);
    const running = begun === null ? null : { status, since: begun < from ? null : toInstant(begun) };
    return {
      day,
      status: worstStatus([...(Object.keys(lengths) as ComponentStatus[]), ...(running ? [status] : [])]),
      lengths,
      allDay: !isLast && Object.values(lengths)[0] === to - from,
      running,
    };
  });
}

/** When the status that a component has at `end` became its worst: that very moment when a worse one ended just then. */
function runningSince(stretches: readonly Stretch[], status: ComponentStatus, end: number): number {
  const last = stretches.at(-1);
  return last?.to === end && last.status === status ? last.from : end;
}

export const MARK_HEIGHT = 24;
/** Drawing units that a day is wide. */
export const MARK_STEP = 2;
const GOOD_LINE = 23;
/** A worse day stands taller. */
const HEIGHTS: Record<ComponentStatus, number> = {
  operational: 0,
  under_maintenance: 9,
  degraded_performance: 12,
  partial_outage: 18,
  major_outage: MARK_HEIGHT,
};

/**
 * The days as SVG path data, one path a status that occurs, best first: one low line for as long as anything was recorded, and on it
 * an upright for each day that was not good, whose height says how bad. Day `i` is centred at `i * MARK_STEP + 1`.
 */
export function markPaths(days: readonly DayMark[]): { status: ComponentStatus; d: string }[] {
  return COMPONENT_STATUSES.flatMap((status) => {
    const d = status === 'operational' ? lowLine(days) : uprights(days, status);
    return d ? [{ status, d }] : [];
  });
}

/** The same for nearly every component, so that it weighs next to nothing once the page is compressed. */
function lowLine(days: readonly DayMark[]): string {
  const first = days.findIndex((day) => day.status !== null);
  return first === -1 ? '' : `M${first * MARK_STEP} ${GOOD_LINE}h${(days.length - first) * MARK_STEP}`;
}

function uprights(days: readonly DayMark[], status: ComponentStatus): string {
  return days
    .map((day, i) =>
      day.status === status ? `M${i * MARK_STEP + 1} ${MARK_HEIGHT}v-${HEIGHTS[status]}` : '',
    )
    .join('');
}

/** A day that had trouble, named. */
export type TroubledDay = { day: string; status: ComponentStatus; name: string };

/** What a day's name is made of. */
export type DayWords = {
  /** As it stands within a sentence. */
  label: (status: ComponentStatus) => string;
  allDay: string;
  allDaySoFar: string;
  since: (at: Instant) => string;
  length: (ms: number) => string;
  /** "A and B" of times, and "A, B" of what went on. */
  and: (times: readonly string[]) => string;
  part: (status: string, times: string) => string;
  comma: string;
};

/** The days that had trouble, newest first: each an upright of `markPaths`. */
export function troubledDays(days: readonly DayMark[], words: DayWords): TroubledDay[] {
  return days
    .flatMap((mark) => {
      const { day, status } = mark;
      return status && status !== 'operational' ? [{ day, status, name: dayName(mark, words) }] : [];
    })
    .reverse();
}

/** "Major outage since 14:05 UTC, degraded 2 hours 5 minutes": worst first. */
export function dayName({ lengths, allDay, running }: DayMark, words: DayWords): string {
  const text = [...COMPONENT_STATUSES]
    .reverse()
    .flatMap((status) => {
      const length = lengths[status];
      const times = length ? [allDay ? words.allDay : words.length(length)] : [];
      if (running?.status === status)
        times.push(running.since ? words.since(running.since) : words.allDaySoFar);
      return times.length ? [words.part(words.label(status), words.and(times))] : [];
    })
    .join(words.comma);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
