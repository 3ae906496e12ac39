import { ANY_LANGUAGE, ANY_PREFIX } from '#i18n/paths.ts';

/**
 * The public pages that are the same for everyone who asks, and change only with the page's version: what the page cache keeps.
 * Never a page that reads a session, an address or a form.
 */
const ID = '[A-Za-z0-9_-]{1,64}';
const SHARED_PATHS = new RegExp(
  `^(${[
    // Each language has addresses of its own: nothing of a request decides but its path.
    `/(${ANY_LANGUAGE})?`,
    `${ANY_PREFIX}/history(/\\d{4}-\\d{2})?`,
    `${ANY_PREFIX}/on-time`,
    `${ANY_PREFIX}/(incidents|maintenance|components)/${ID}`,
    '/history\\.(atom|rss)',
    `/components/${ID}\\.(atom|rss)`,
    '/calendar\\.ics',
    '/sitemap\\.xml',
    '/logo/[0-9a-f]{16}\\.(svg|png)',
    `/incidents/${ID}\\.json`,
    '/api/v2/[a-z-]{1,40}(/[a-z-]{1,40})?\\.json',
    `${ANY_PREFIX}/embed/frame(/${ID})?`,
    `${ANY_PREFIX}/embed/${ID}\\.json`,
    `${ANY_PREFIX}/badge(/${ID})?\\.svg`,
  ].join('|')})$`,
);

export function isShared(path: string): boolean {
  return SHARED_PATHS.test(path);
}

/**
 * The path of a request target as routes see it: without query, decoded once, dots and double slashes resolved. Null when it is not a
 * path at all (bad percent-encoding, control characters).
 */
export function normalPath(target: string): string | null {
  const end = target.search(/[?#]/);
  const raw = end === -1 ? target : target.slice(0, end);
  if (isShared(raw)) return raw;
  if (!raw.startsWith('/')) return null;
  const url = URL.parse(`http://x/${raw.slice(1).replace(/^\/+/, '')}`);
  if (!url) return null;
  try {
    const path = decodeURIComponent(url.pathname).replace(/\/{2,}/g, '/');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    return /[\x00-\x1f\x7f]/.test(path) ? null : path;
  } catch {
    return null;
  }
}
