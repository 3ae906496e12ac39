import { HOUSE_LOCALE, type Languages } from '#i18n/locales.ts';
import { type Words, wordsIn } from '#i18n/words.ts';
import type { Rendered } from './render.ts';
import { parseTemplate, type Template } from './template.ts';
import type { MailSite } from './update.ts';

/** What mails inside the house are in. */
export const ENGLISH: Words = wordsIn(HOUSE_LOCALE);

/**
 * A mail in every language that the page is offered in: the first is the mail itself, the others are its `translations`. Whoever
 * addresses it takes the reader's.
 */
export function inEachLanguage(
  { languages = [HOUSE_LOCALE] }: MailSite,
  render: (words: Words) => Rendered,
): Rendered {
  const [first, ...others] = languages as Languages;
  const main = render(wordsIn(first, languages));
  if (!others.length) return main;
  const translations = others.map((locale) => {
    const { subject, html, text } = render(wordsIn(locale, languages));
    return [locale, { subject, html, text }];
  });
  return { ...main, translations: Object.fromEntries(translations) };
}

/** Where the page is in that language. */
export function homeOf({ url }: MailSite, { to }: Words): string {
  return to('/') === '/' ? url : url + to('/');
}

const parsed = new Map<string, Template>();

/** A compiled template with its language, and turned round where that runs from right to left. */
export function templateIn(name: string, source: string, { locale, dir }: Words): Template {
  const key = `${name} ${locale}`;
  let template = parsed.get(key);
  if (!template) {
    const named = source.replaceAll('lang="en" dir="ltr"', `lang="${locale}" dir="${dir}"`);
    template = parseTemplate(dir === 'rtl' ? turned(named) : named);
    parsed.set(key, template);
  }
  return template;
}

/** Sides change places; what people typed runs its own way on lines of its own. */
function turned(source: string): string {
  return source
    .replaceAll('text-align:left', 'text-align:right')
    .replaceAll('direction:ltr', 'direction:rtl')
    .replace(/\balign="(left|right)"/g, (_, side) => `align="${side === 'left' ? 'right' : 'left'}"`)
    .replaceAll('dir="ltr"', 'dir="rtl"')
    .replace(/\bpadding:([\w.]+) ([\w.]+) ([\w.]+) ([\w.]+)/g, 'padding:$1 $4 $3 $2')
    .replace(/<br>\s*<span dir="auto">(.*?)<\/span>/g, '<div dir="auto" style="text-align:start">$1</div>')
    .replaceAll('letter-spacing:-0.2px', 'letter-spacing:0');
}
