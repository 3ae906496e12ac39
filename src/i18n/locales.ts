/**
 * The languages that there are words in. `tag` is what Intl is asked for, `name` what the language calls itself.
 * Arabic has Western digits and 24 hours here, since that is how times, figures and most of what people type stand on the page.
 * `en-XA` is for those who translate: every word that comes from the catalogue stands in ⟦brackets⟧, and dates and lengths of time are
 * Georgian, so that whatever is plain English comes from nowhere.
 */
export const LOCALES = {
  en: { tag: 'en-GB', dir: 'ltr', name: 'English' },
  de: { tag: 'de', dir: 'ltr', name: 'Deutsch' },
  ar: { tag: 'ar-u-hc-h23-nu-latn', dir: 'rtl', name: 'العربية' },
  'en-XA': { tag: 'ka', dir: 'ltr', name: '⟦⟧' },
} as const satisfies Record<string, { tag: string; dir: 'ltr' | 'rtl'; name: string }>;

export type Locale = keyof typeof LOCALES;

/** What a page is offered in; the first is that of the addresses without a language. */
export type Languages = readonly [Locale, ...Locale[]];

/** What everything that is not offered in languages is written in: the admin, machines' formats, other people's pages. */
export const HOUSE_LOCALE: Locale = 'en';

export function isLocale(text: string): text is Locale {
  return Object.hasOwn(LOCALES, text);
}

/** Of these the one that someone asked for, or its base (“de” of “de-AT”); undefined when neither is there. */
export function closest<T extends string>(there: Iterable<T>, asked: string): T | undefined {
  const all = [...there];
  const [base] = asked.toLowerCase().split('-');
  return all.find((one) => one.toLowerCase() === asked.toLowerCase()) ?? all.find((one) => one === base);
}

/** The offered language that is nearest to what someone asked for (“de-AT” is “de” here); the first when none is. */
export function nearestOf(languages: Languages, asked: string): Locale {
  return closest(languages, asked) ?? languages[0];
}
