import type { Foghorn } from '../foghorn.ts';
import { type Answer, withHeaders } from './answer.ts';
import type { Pages } from './astro.ts';
import { withBody } from './dynamic.ts';
import type { Faults } from './fallback.ts';
import { basePath, placed } from './place.ts';
import { secured } from './security.ts';

/** Renders what is the same for everyone who asks, with the headers that it is sent with. */
export function createShared(
  pages: Pages,
  siteUrl: string,
  faults: Faults,
): (foghorn: Foghorn, path: string) => Promise<Answer> {
  const base = basePath(siteUrl);
  return async (foghorn, path) => {
    const answer = await withBody(await pages.renderShared(foghorn, path), path, faults);
    // Machines in other people's pages read these (Statuspage's own are open too).
    const open: Record<string, string> = path.startsWith('/api/v2/')
      ? { 'access-control-allow-origin': '*' }
      : {};
    return placed(secured(withHeaders(answer, open), path, siteUrl), base);
  };
}
