import type { Instant } from '#domain/time.ts';
import { HOUSE_LOCALE, isLocale } from '#i18n/locales.ts';
import { type Words, wordsIn } from '#i18n/words.ts';

/** A place for a time as the reader's own zone has it, left open until the mail is frozen. No typed text can look like one. */
export type MomentSlot = `${'when' | 'range'}|${string}|${string}|${string}${'' | `|${string}`}`;

/** How one is written between the marks of a slot. */
export const MOMENT = '(?:when|range)\\|[\\dTZ:.-]+\\|[\\dTZ:.-]+\\|[\\w+/-]+(?:\\|[\\w-]+)?';

const ENGLISH = wordsIn(HOUSE_LOCALE);

/** A time that the mail says in the page's zone, as whenText has it, beside it. */
export function whenSlot(instant: Instant, zone: string, now: Instant, words = ENGLISH): string {
  return mark(`when|${instant}|${now}|${zone}${languageOf(words)}`);
}

/** The same of a span, as rangeText has it. */
export function rangeSlot(from: Instant, to: Instant, zone: string, words = ENGLISH): string {
  return mark(`range|${from}|${to}|${zone}${languageOf(words)}`);
}

/** English goes without saying, as in mails from before there was another. */
function languageOf({ locale }: Words): '' | `|${string}` {
  return locale === HOUSE_LOCALE ? '' : `|${locale}`;
}

function mark(name: MomentSlot): string {
  return `\u0002${name}\u0003`;
}

export function isMoment(name: string): name is MomentSlot {
  return name.includes('|');
}

/** Thousands of readers share a zone. Few times are in the mails of one hour. */
const said = new Map<string, string>();
const REMEMBERED = 2_000;

/** " (10:43 GMT-5)"; '' for a reader who asked for no zone, or in whose zone it reads alike, or whose zone is not known here. */
export function momentText(name: MomentSlot, zone: string | null): string {
  if (zone === null) return '';
  const key = `${name}|${zone}`;
  const known = said.get(key);
  if (known !== undefined) return known;
  const [kind, from, to, pageZone, language = HOUSE_LOCALE] = name.split('|') as [
    string,
    string,
    string,
    string,
    string?,
  ];
  const { range, when } = wordsIn(isLocale(language) ? language : HOUSE_LOCALE);
  const inZone = (one: string) => (kind === 'range' ? range(from, to, one) : when(from, one, to));
  let text = '';
  try {
    const own = inZone(zone);
    if (own !== inZone(pageZone)) text = ` (${own})`;
  } catch (error) {
    // A zone that another machine knew: better the page's time than no mail.
    if (!(error instanceof RangeError)) throw error;
  }
  if (said.size >= REMEMBERED) said.clear();
  said.set(key, text);
  return text;
}
