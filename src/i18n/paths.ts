import { HOUSE_LOCALE, isLocale, type Languages, LOCALES, type Locale } from './locales.ts';

/**
 * What is offered in languages and another address may lead to: the public pages, and what other people's pages show. What lies under none
 * of these has one language, and one address; the element's script has no words.
 */
const SHOWN = String.raw`|history(/[^/]*)?|on-time|(incidents|maintenance|components)/(?![^/]*\.(json|atom|rss)$)[^/]+|subscribe(/webhook)?|enter|embed/(frame(/[^/]+)?|[^/]+\.json)|badge(/[^/]+)?\.svg|404`;
const OFFERED = new RegExp(`^/(${SHOWN}|(confirm|subscription|unsubscribe|webhook)/[^/]+)$`);

/** A regular expression of those that another address may lead to; what a mail leads to stays where it is. */
export const MOVES = `/(${SHOWN})`;
const MOVED = new RegExp(`^${MOVES}$`);

/** Sources of regular expressions: a language in an address, and what may stand before the path of a page that is offered in several. */
export const ANY_LANGUAGE = Object.keys(LOCALES).join('|');
export const ANY_PREFIX = `(?:/(?:${ANY_LANGUAGE}))?`;
const PREFIX = new RegExp(`^/(${ANY_LANGUAGE})(?=/|$|\\?)`);

/** What comes before a path in that language: nothing in the first one, nor in one that is not offered. */
export function prefixOf(locale: Locale, languages: Languages): string {
  return locale === languages[0] || !languages.includes(locale) ? '' : `/${locale}`;
}

/** Where the links in mails lead. Those work for as long as they say, whatever the page is offered in by then. */
const PERSONAL = /^\/(confirm|subscription|unsubscribe|webhook)\//;

/**
 * The language of a request target, and the target as routes know it. What has no page in that language keeps its target, at which
 * there is nothing.
 */
export function localised(target: string, languages: Languages): { locale: Locale; target: string } {
  const asked = PREFIX.exec(target)?.[1];
  if (asked && isLocale(asked)) {
    const bare = without(asked, target);
    const isOwn = asked !== languages[0] && languages.includes(asked);
    if (isOffered(bare) && (isOwn || PERSONAL.test(bare)))
      return { locale: isOwn ? asked : languages[0], target: bare };
  }
  return { locale: isOffered(target) ? languages[0] : HOUSE_LOCALE, target };
}

/** Where a page is by now that had an address in a language which is the first today, or not offered; null of any other path. */
export function movedTo(path: string, languages: Languages): string | null {
  const asked = PREFIX.exec(path)?.[1];
  if (!asked || !isLocale(asked)) return null;
  const bare = without(asked, path);
  if (asked !== languages[0] && languages.includes(asked)) return null;
  return MOVED.test(bare) ? bare : null;
}

function without(locale: Locale, target: string): string {
  const rest = target.slice(locale.length + 1);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The language that a path which leads nowhere is answered in. */
export function localeOfPath(path: string, languages: Languages): Locale {
  const asked = PREFIX.exec(path)?.[1];
  return asked && isLocale(asked) && languages.includes(asked) ? asked : languages[0];
}

/** Whether the page at this address has one in each language. */
export function isOffered(target: string): boolean {
  return OFFERED.test(target.split('?')[0] as string);
}
