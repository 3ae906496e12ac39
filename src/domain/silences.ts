import { medianOf } from './keptWord.ts';
import { type AnyStatus, type Impact, isOver } from './status.ts';
import { type Instant, MINUTE, msBetween } from './time.ts';

/** How often a page said nothing for long while an incident of one impact went on. */
export type Silences = {
  impact: Impact;
  incidents: number;
  /** Times from one public update to the next. */
  gaps: number;
  over30: number;
  over60: number;
  /** Milliseconds; null when there is no gap. */
  medianMs: number | null;
  longestMs: number | null;
};

const WORST_FIRST: readonly Impact[] = ['critical', 'major', 'minor', 'none', 'maintenance'];

type Told = { impact: Impact; said: readonly { postedAt: Instant; status: AnyStatus }[] };

/**
 * Counts the time from each public update of an incident to the next. It needs no promises, so it can be counted of any page's history.
 * What is said after an incident is over (a postmortem, a correction) ends no silence; what reopens it does, since it was not over.
 * @returns the worst impact first; impacts without incidents are left out
 */
export function silencesByImpact(incidents: readonly Told[]): Silences[] {
  return WORST_FIRST.flatMap((impact): Silences[] => {
    const own = incidents.filter((one) => one.impact === impact);
    if (!own.length) return [];
    const gaps = own.flatMap(gapsOf);
    return [
      {
        impact,
        incidents: own.length,
        gaps: gaps.length,
        over30: gaps.filter((ms) => ms > 30 * MINUTE).length,
        over60: gaps.filter((ms) => ms > 60 * MINUTE).length,
        medianMs: medianOf(gaps),
        longestMs: gaps.length ? gaps.reduce((most, ms) => Math.max(most, ms), 0) : null,
      },
    ];
  });
}

/** Milliseconds, in the order of time. */
function gapsOf({ said }: Told): number[] {
  return said.slice(1).flatMap((update, index) => {
    const before = said[index] as Told['said'][number];
    return isOver(before.status) && isOver(update.status)
      ? []
      : [msBetween(before.postedAt, update.postedAt)];
  });
}
