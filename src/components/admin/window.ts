import { dateTimeText, type Instant, rangeText } from '#domain/time.ts';

/** From when until when a maintenance is planned: "22 Nov 2026, 04:00 to 06:00 UTC". */
export function windowText(from: Instant | null, until: Instant | null, zone: string): string {
  if (!from) return '';
  return until ? rangeText(from, until, zone) : `from ${dateTimeText(from, zone)}`;
}
