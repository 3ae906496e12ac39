import { dateTimeText, type Instant, rangeText } from '#domain/time.ts';

/** From when until when a maintenance is planned: "22 Nov 2026, 04:00 to 06:00 UTC". */
export function windowText(from: Instant | null, until: Instant | null, zone: string): string {
  if (!from) return '';
  return until ? rangeText(from, until, zone) : `from ${dateTimeText(from, zone)}`;
}

/** Other work on the same components at the same time. */
export type OverlapView = {
  id: string;
  title: string;
  from: Instant;
  until: Instant;
  components: readonly string[];
};

/** What a form holds once these were shown: sent again with it, they are known. */
export function idsOfOverlaps(all: readonly OverlapView[]): string {
  return all.map(({ id }) => id).join(' ');
}
