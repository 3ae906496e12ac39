import { DAY, toInstant } from '#domain/time.ts';
import { HOUSE_LOCALE, isLocale } from '#i18n/locales.ts';
import { type Words, wordsIn } from '#i18n/words.ts';
import { type Answer, headerOf, withHeaders } from '../answer.ts';
import { makeSendable, type Sendable } from './sendable.ts';

/** Where the public layout lets the server say how old a page is; a comment, so that it costs a fresh page nothing. */
export const AS_OF_MARKER = '<!--as-of-->';

const marked = new WeakMap<Answer, { asOf: number; sendable: Sendable }>();

/**
 * An answer that could not be renewed, marked with the moment until which it is known to have been right: in words on a page, in
 * headers everywhere. Shared caches may keep it for a few seconds only.
 */
export function markedAsOf(answer: Answer, asOf: number, now: number): Sendable {
  const known = marked.get(answer);
  if (known?.asOf === asOf) return known.sendable;
  const html = headerOf(answer, 'content-type')?.startsWith('text/html') ?? false;
  const sendable = makeSendable(
    withHeaders(
      html ? { ...answer, body: Buffer.from(withNotice(answer.body.toString('utf8'), asOf, now)) } : answer,
      {
        'cache-control': 'public, max-age=0, s-maxage=2, stale-if-error=86400',
        'x-foghorn-as-of': toInstant(asOf),
      },
    ),
  );
  marked.set(answer, { asOf, sendable });
  return sendable;
}

function withNotice(html: string, asOf: number, now: number): string {
  const words = wordsOf(html);
  const { frame } = words.pages;
  const said = frame.asOf.replace('{time}', momentOf(words, asOf, now));
  const notice = `<aside aria-label="${frame.age}"><p class="asof">${said}</p></aside>`;
  if (html.includes(AS_OF_MARKER)) return html.replace(AS_OF_MARKER, notice);
  return html.replace(/<body\b[^>]*>/, (body) => `${body}${notice}`);
}

/** A moment of the past, as markup: its day, too, when that was not today. */
export function momentOf({ clock, dateTime }: Words, at: number, now: number): string {
  const instant = toInstant(at);
  const said = now - at < DAY / 2 ? clock(instant, 'UTC') : dateTime(instant, 'UTC');
  return `<time datetime="${instant}">${said}</time>`;
}

/** In the language that the page says it is in. */
function wordsOf(html: string): Words {
  const locale = /<html lang="?([\w-]+)/.exec(html)?.[1];
  return wordsIn(locale && isLocale(locale) ? locale : HOUSE_LOCALE);
}
