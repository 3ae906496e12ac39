import { clockTime, clockTimeWithZone, dateText, dateTimeText, dayIn, type Instant } from '#domain/time.ts';

/** "22 Nov 2026, 04:00 to 06:00 UTC"; with both days when it ends on another. */
export function windowText(from: Instant | null, until: Instant | null, zone: string): string {
  if (!from) return '';
  if (!until) return `from ${dateTimeText(from, zone)}`;
  return dayIn(from, zone) === dayIn(until, zone)
    ? `${dateText(from, zone)}, ${clockTime(from, zone)} to ${clockTimeWithZone(until, zone)}`
    : `${dateTimeText(from, zone)} to ${dateTimeText(until, zone)}`;
}
