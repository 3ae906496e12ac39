import { describe, expect, it } from 'vitest';
import { fill, piecesOf } from '#domain/words.ts';
import { CATALOGUES } from '#i18n/catalogue.ts';
import { LOCALES, type Locale } from '#i18n/locales.ts';

/** `pages.start.since` and what stands there: a message, or its forms for counts. */
type Found = { path: string; forms: Record<string, string>; counted: boolean };

function messagesIn(value: unknown, path: string): Found[] {
  if (typeof value === 'string') return [{ path, forms: { other: value }, counted: false }];
  const record = value as Record<string, unknown>;
  if (typeof record.other === 'string')
    return [{ path, forms: record as Record<string, string>, counted: true }];
  return Object.entries(record).flatMap(([key, inner]) => messagesIn(inner, path ? `${path}.${key}` : key));
}

const placesOf = (message: string) =>
  piecesOf(message)
    .flatMap(({ place }) => place ?? [])
    .sort();

const english = messagesIn(CATALOGUES.en, '');
const LANGUAGES = Object.keys(CATALOGUES) as Locale[];

describe.each(LANGUAGES)('the words in %s', (locale) => {
  const found = new Map(messagesIn(CATALOGUES[locale], '').map((one) => [one.path, one]));

  it('are there for every message, and for nothing else', () => {
    expect([...found.keys()].sort()).toEqual(english.map(({ path }) => path).sort());
  });

  it('have the same places as the English ones; a count may be said in a word', () => {
    const wrong = english.flatMap(({ path, forms }) => {
      const wanted = placesOf(forms.other as string);
      return Object.entries(found.get(path)?.forms ?? {}).flatMap(([category, message]) => {
        const places = placesOf(message);
        const fits =
          places.join() === wanted.join() ||
          (category !== 'other' && places.join() === wanted.filter((one) => one !== 'count').join());
        return fits ? [] : `${path}.${category}: ${places} instead of ${wanted}`;
      });
    });
    expect(wrong).toEqual([]);
  });

  it('have a form for every count that the language tells apart', () => {
    const { pluralCategories } = new Intl.PluralRules(LOCALES[locale].tag).resolvedOptions();
    const wrong = [...found.values()].filter(
      ({ forms, counted }) => counted && pluralCategories.some((one) => !forms[one]),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('are plain text, and say something', () => {
    const wrong = [...found.values()].flatMap(({ path, forms }) =>
      Object.values(forms).some((message) => !message.trim() || /[<>&]|\s{2}/.test(message)) ? path : [],
    );
    expect(wrong).toEqual([]);
  });
});

describe('the languages', () => {
  it.each(['de', 'ar'] as const)('%s is not English', (locale) => {
    const own = new Map(messagesIn(CATALOGUES[locale], '').map((one) => [one.path, one.forms.other]));
    // “API”, “Status”, “in {length}”, a mere “{name}: {status}”.
    const SAME = /^(\{\w+\}|[\s·:;,—–]|[[\]]|API|Status|in)*$/;
    const wrong = english.filter(
      ({ path, forms }) => own.get(path) === forms.other && !SAME.test(forms.other as string),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('have bidirectional marks nowhere: what is typed and told brings its own', () => {
    expect(JSON.stringify(CATALOGUES)).not.toMatch(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
  });

  it('fill each place once, and never look at what they filled in', () => {
    expect(fill('{a} and {b}', { a: '{b}', b: '{a}' })).toBe('{b} and {a}');
    expect(() => fill('{a}', {})).toThrow('Nothing fills {a}');
  });
});
