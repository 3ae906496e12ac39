import { escapeHtml } from '#formats/feedEntry.ts';
import type { Headlines } from '#formats/headlines.ts';
import type { Languages } from '#i18n/locales.ts';
import { localeOfPath } from '#i18n/paths.ts';
import { type Words, wordsIn } from '#i18n/words.ts';
import type { Answer } from './answer.ts';
import { momentOf } from './cache/asOf.ts';
import { cspHash } from './security.ts';

/** The last that is known of how things are, and the moment until which it is known to have been right. */
export type LastWord = { headlines: Headlines; asOf: number };

/**
 * The plainest pages, made without Astro and without the database: for when one of them is what failed. Each is in the language of the
 * path that was asked for, leads to the status page in it, and tells the last that is known of how things are.
 */
export type Faults = Record<'missing' | 'failed' | 'unavailable', (path: string) => Promise<Answer>>;

export type FaultOptions = {
  languages: Languages;
  /** Asks no database; null when nothing is known, or not everyone may know it. */
  lastWord: () => Promise<LastWord | null>;
  now: () => number;
};

const STYLE =
  ':root{color-scheme:light dark;background:#fff;color:#16191d;--link:#1f5fbf;--soft:#59626d}@media(prefers-color-scheme:dark){:root{background:#121519;color:#e9ecef;--link:#8bb8ff;--soft:#9aa4af}}body{font:1.0625rem/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.25rem;overflow-wrap:break-word}h1{font-size:1.5rem;line-height:1.25}a{color:var(--link)}.word{margin-block:1.5rem;border-inline-start:3px solid var(--soft);padding-inline-start:.9rem}small{display:block;color:var(--soft);font-size:.9rem}';
const CSP = `default-src 'none'; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'`;

export function createFaults({ languages, lastWord, now }: FaultOptions): Faults {
  async function page(path: string, status: number, kind: 'missing' | 'fault' | 'away'): Promise<Answer> {
    const words = wordsIn(localeOfPath(path, languages), languages);
    // Whatever is wrong with it, the page stands without.
    const told = toldIn(words, await lastWord().catch(() => null), now());
    return {
      status,
      headers: [
        ['content-type', 'text/html; charset=utf-8'],
        ['cache-control', 'no-store'],
        ['content-security-policy', CSP],
        ...(status === 503 ? ([['retry-after', '5']] as const) : []),
      ],
      body: Buffer.from(htmlOf(words, kind, told, isFramed(path))),
    };
  }
  return {
    missing: (path) => page(path, 404, 'missing'),
    failed: (path) => page(path, 500, 'fault'),
    unavailable: (path) => page(path, 503, 'away'),
  };
}

function htmlOf(words: Words, kind: 'missing' | 'fault' | 'away', told: string, framed: boolean): string {
  const { pages, locale, dir, say, to } = words;
  const { title, heading, lede } = pages[kind];
  // A frame on another site shows no page of ours but its own.
  const beside = framed ? ' target="_blank"' : '';
  const history = `<a href="${to('/history')}"${beside}>${pages.missing.history}</a>`;
  return [
    `<!doctype html><html lang="${locale}"${dir === 'rtl' ? ' dir="rtl"' : ''}><meta charset="utf-8">`,
    '<meta name="viewport" content="width=device-width">',
    `<title>${title}</title><style>${STYLE}</style>`,
    `<main><h1>${heading}</h1><p>${kind === 'missing' ? say(lede, { link: history }) : lede}</p>${told}`,
    `<p><a href="${to('/')}"${beside}>${pages.frame.toStatus}</a></p></main></html>`,
  ].join('');
}

/** The one thing here that someone typed. */
function toldIn(words: Words, last: LastWord | null, now: number): string {
  const headline = last?.headlines[words.locale];
  if (!last || !headline) return '';
  const asOf = words.pages.away.asOf.replace('{time}', momentOf(words, last.asOf, now));
  const dir = words.dirOf(headline) ? ' dir="auto"' : '';
  return `<p class="word"><small>${asOf}</small><b${dir}>${escapeHtml(headline)}</b></p>`;
}

function isFramed(path: string): boolean {
  return path.startsWith('/embed/');
}
