import { COMPONENT_STATUS_LABELS, COMPONENT_STATUSES, type ComponentStatus, worstStatus } from './status.ts';
import {
  addDays,
  clockTimeWithZone,
  dayIn,
  durationText,
  type Instant,
  startOfDay,
  toInstant,
} from './time.ts';
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

/** The days that had trouble, newest first: each an upright of `markPaths`. */
export function troubledDays(days: readonly DayMark[], zone: string): TroubledDay[] {
  return days
    .flatMap((mark) => {
      const { day, status } = mark;
      return status && status !== 'operational' ? [{ day, status, name: dayName(mark, zone) }] : [];
    })
    .reverse();
}

/** "Major outage since 14:05 UTC, degraded 2 hours 5 minutes": worst first. */
export function dayName({ lengths, allDay, running }: DayMark, zone: string): string {
  const text = [...COMPONENT_STATUSES]
    .reverse()
    .flatMap((status) => {
      const length = lengths[status];
      const times = length ? [allDay ? 'all day' : lengthText(length)] : [];
      if (running?.status === status)
        times.push(running.since ? `since ${clockTimeWithZone(running.since, zone)}` : 'all day so far');
      return times.length ? [`${COMPONENT_STATUS_LABELS[status].toLowerCase()} ${times.join(' and ')}`] : [];
    })
    .join(', ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A length of time with seconds when it is under a minute: an outage of 40 seconds was not one of 0 minutes. */
export function lengthText(ms: number): string {
  if (ms >= 60_000) return durationText(ms);
  const seconds = Math.max(1, Math.round(ms / 1000));
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "Thu 19 Nov" for a calendar day (YYYY-MM-DD). */
export function shortDay(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  return `${WEEKDAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}
