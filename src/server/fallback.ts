import type { Answer } from './answer.ts';
import { cspHash } from './security.ts';

const STYLE =
  ':root{color-scheme:light dark;background:#fff;color:#16191d;--link:#1f5fbf}@media(prefers-color-scheme:dark){:root{background:#121519;color:#e9ecef;--link:#8bb8ff}}body{font:1.0625rem/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.25rem}h1{font-size:1.5rem;line-height:1.25}a{color:var(--link)}';
const CSP = `default-src 'none'; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'`;

/**
 * The plainest page, made without Astro and without the database: for when one of them is what failed. `title`, `text` and `fix`
 * are our own words, never what someone typed.
 */
export function fallbackPage(
  status: number,
  words: { title: string; text: string; fix?: string },
  headers: Record<string, string> = {},
): Answer {
  const fix = words.fix ? `<p>${words.fix}</p>` : '';
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${words.title}</title><style>${STYLE}</style><main><h1>${words.title}</h1><p>${words.text}</p>${fix}</main></html>`;
  return {
    status,
    headers: [
      ['content-type', 'text/html; charset=utf-8'],
      ['cache-control', 'no-store'],
      ['content-security-policy', CSP],
      ...Object.entries(headers),
    ],
    body: Buffer.from(html),
  };
}

const HOME = '<a href="/">Go to the status page</a>.';

export function notFoundPage(): Answer {
  return fallbackPage(404, {
    title: 'There is no such page',
    text: 'Nothing is kept at this address. It may have been mistyped, or what it showed was removed.',
    fix: HOME,
  });
}

export function failedPage(): Answer {
  return fallbackPage(500, {
    title: 'This page could not be made',
    text: 'Something failed on our side. It has been written to the log; nothing you did caused it.',
    fix: HOME,
  });
}

export function unavailablePage(): Answer {
  return fallbackPage(
    503,
    {
      title: 'Not available right now',
      text: 'We cannot reach our own records at this moment and are trying again every few seconds.',
      fix: 'Reload this page in a little while, or <a href="/">go to the status page</a>.',
    },
    { 'retry-after': '5' },
  );
}
