import { COMPONENT_STATUS_LABELS, COMPONENT_STATUSES, type ComponentStatus, worstStatus } from './status.ts';
import { addDays, dayIn, durationText, type Instant, startOfDay } from './time.ts';
import type { Stretch } from './uptime.ts';

/** A calendar day in the page's zone, with its bounds in milliseconds; the last one ends now. */
export type DayWindow = { day: string; from: number; to: number };

/** How one day went: the worst status and the milliseconds of each; `null` for a day of which nothing was recorded. */
export type DayMark = {
  day: string;
  status: ComponentStatus | null;
  lengths: Partial<Record<ComponentStatus, number>>;
};

/** The last `count` days in the zone, oldest first, today (so far) last. */
export function lastDays(count: number, zone: string, now: Instant): DayWindow[] {
  const today = dayIn(now, zone);
  const starts = Array.from({ length: count }, (_, i) => addDays(today, i + 1 - count));
  const bounds = starts.map((day) => Date.parse(startOfDay(day, zone)));
  return starts.map((day, i) => ({ day, from: bounds[i] as number, to: bounds[i + 1] ?? Date.parse(now) }));
}

/** How each day went, from the component's worst stretches (in time order, without overlap). */
export function dayMarks(
  stretches: readonly Stretch[],
  days: readonly DayWindow[],
  bornAt: number,
): DayMark[] {
  let next = 0;
  return days.map(({ day, from, to }) => {
    if (to <= bornAt) return { day, status: null, lengths: {} };
    const lengths: DayMark['lengths'] = {};
    while (next < stretches.length && (stretches[next] as Stretch).to <= from) next++;
    for (let i = next; i < stretches.length; i++) {
      const stretch = stretches[i] as Stretch;
      if (stretch.from >= to) break;
      const length = Math.min(to, stretch.to) - Math.max(from, stretch.from, bornAt);
      if (length > 0) lengths[stretch.status] = (lengths[stretch.status] ?? 0) + length;
    }
    return { day, status: worstStatus(Object.keys(lengths) as ComponentStatus[]), lengths };
  });
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

/** A day that had trouble, named: `index` is its place among the days drawn. */
export type TroubledDay = { index: number; day: string; status: ComponentStatus; name: string };

/** The days that had trouble, newest first. */
export function troubledDays(days: readonly DayMark[]): TroubledDay[] {
  return days
    .flatMap(({ day, status, lengths }, index) =>
      status && status !== 'operational' ? [{ index, day, status, name: dayName(lengths) }] : [],
    )
    .reverse();
}

/** "Major outage 51 minutes, degraded 2 hours 5 minutes": worst first. */
export function dayName(lengths: DayMark['lengths']): string {
  const text = [...COMPONENT_STATUSES]
    .reverse()
    .flatMap((status) => {
      const length = lengths[status];
      return length ? [`${COMPONENT_STATUS_LABELS[status].toLowerCase()} ${lengthText(length)}`] : [];
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
