import type { Plural } from '#domain/words.ts';
import { following as arFollowing } from './ar/following.ts';
import { hooks as arHooks } from './ar/hooks.ts';
import { mails as arMails } from './ar/mails.ts';
import { pages as arPages } from './ar/pages.ts';
import { work as arWork } from './ar/work.ts';
import { following as deFollowing } from './de/following.ts';
import { hooks as deHooks } from './de/hooks.ts';
import { mails as deMails } from './de/mails.ts';
import { pages as dePages } from './de/pages.ts';
import { work as deWork } from './de/work.ts';
import { following as enFollowing } from './en/following.ts';
import { hooks as enHooks } from './en/hooks.ts';
import { mails as enMails } from './en/mails.ts';
import { pages as enPages } from './en/pages.ts';
import { work as enWork } from './en/work.ts';
import type { Locale } from './locales.ts';

/** English says which messages there are; every other language has the same, or does not compile. */
type Same<T> = T extends string
  ? string
  : T extends { other: string }
    ? Plural
    : { readonly [K in keyof T]: Same<T[K]> };

export type Pages = Same<typeof enPages>;
export type Following = Same<typeof enFollowing>;
export type Hooks = Same<typeof enHooks>;
export type Mails = Same<typeof enMails>;
export type Work = Same<typeof enWork>;
export type Catalogue = { pages: Pages; following: Following; hooks: Hooks; mails: Mails; work: Work };

const ENGLISH: Catalogue = {
  pages: enPages,
  following: enFollowing,
  hooks: enHooks,
  mails: enMails,
  work: enWork,
};

export const CATALOGUES: Readonly<Record<Locale, Catalogue>> = {
  en: ENGLISH,
  de: { pages: dePages, following: deFollowing, hooks: deHooks, mails: deMails, work: deWork },
  ar: { pages: arPages, following: arFollowing, hooks: arHooks, mails: arMails, work: arWork },
  'en-XA': marked(ENGLISH),
};

/** Every message with its own words in brackets, and what fills its places outside of them. */
function marked<T>(messages: T): T {
  if (typeof messages === 'string')
    return messages.replace(/(\{[a-z]+\})|[^{]+/gi, (words, place) => place ?? `⟦${words}⟧`) as T;
  return Object.fromEntries(
    Object.entries(messages as object).map(([key, inner]) => [key, marked(inner)]),
  ) as T;
}
