import { HEADLINES_HEADER } from '#formats/headlines.ts';
import { NEVER_CHANGES } from '#formats/publicJson.ts';
import { type Answer, headerOf } from '../answer.ts';

/** Set by a page from the version it read in its own snapshot; never sent on. */
export const VERSION_HEADER = 'x-foghorn-version';

const CACHE_CONTROL = 'public, max-age=0, s-maxage=5, stale-while-revalidate=15, stale-if-error=86400';

/** Nothing of one visitor's may reach another: no cookie survives, and the caching headers are ours, but for what never changes. */
export function forEveryone(answer: Answer): Answer {
  const dropped = new Set([
    VERSION_HEADER,
    HEADLINES_HEADER,
    'set-cookie',
    'cache-control',
    'etag',
    'vary',
    'content-length',
    'x-request-id',
  ]);
  const headers = answer.headers.filter(([name]) => !dropped.has(name));
  const said = headerOf(answer, 'cache-control');
  const kept = answer.status === 200 && said === NEVER_CHANGES ? said : CACHE_CONTROL;
  return { ...answer, headers: [...headers, ['cache-control', kept]] };
}
