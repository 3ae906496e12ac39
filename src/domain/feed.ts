import type { PublicIncident } from './publicIncident.ts';
import type { Instant } from './time.ts';

/** What a feed or a calendar is written from, whichever format is asked for. */
export type FeedSnapshot = {
  page: { id: string; name: string; url: string; timeZone: string; updatedAt: Instant };
  /** The one component that it is about; null: the whole page. */
  component: { id: string; name: string } | null;
  incidents: PublicIncident[];
};

/** When something was last said of it in public, or put right in what was said. */
export function lastWordAt({ createdAt, updates }: PublicIncident): Instant {
  const times = updates.flatMap(({ postedAt, editedAt }) => (editedAt ? [postedAt, editedAt] : [postedAt]));
  return times.reduce((last, time) => (time > last ? time : last), times[0] ?? createdAt);
}

/** When it was first told of in public. */
export function firstWordAt({ createdAt, updates }: PublicIncident): Instant {
  return updates.at(-1)?.postedAt ?? createdAt;
}
