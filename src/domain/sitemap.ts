import type { Instant } from './time.ts';

/** A page that is worth finding, by its path from the root. */
export type SitemapPage = {
  path: string;
  /** When what it says last changed; null when nobody keeps that. */
  changedAt: Instant | null;
};
