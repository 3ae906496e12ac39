import { expect, it } from 'vitest';
import { type Languages, LOCALES } from '#i18n/locales.ts';
import { wordsIn } from '#i18n/words.ts';
import { type Answer, headerOf } from '#server/answer.ts';
import { createFaults, type LastWord } from '#server/fallback.ts';
import { secured } from '#server/security.ts';
import { strayWords } from '../pages/strayWords.ts';

const NOW = Date.parse('2026-11-20T16:10:00Z');
const AS_OF = Date.parse('2026-11-20T16:05:00Z');
const WORD: LastWord = {
  headlines: { en: 'Checkout is failing', de: 'Checkout fällt aus', ar: 'الدفع لا يعمل', 'en-XA': '⟦⟧' },
  asOf: AS_OF,
};
const LANGUAGES = Object.keys(LOCALES) as unknown as Languages;

const faultsWith = (
  word: LastWord | null = WORD,
  { languages = LANGUAGES, now = NOW }: { languages?: Languages; now?: number } = {},
) => createFaults({ languages, lastWord: async () => word, now: () => now });
const textOf = ({ body }: Answer) => body.toString('utf8');

it('speaks the language of the path that was asked for, leads to the page in it, and says how things last were', async () => {
  const { missing, failed, unavailable } = faultsWith();
  const places = [
    {
      path: '/history',
      locale: 'en',
      home: '/',
      said: 'As of <time datetime="2026-11-20T16:05:00.000Z">16:05 UTC',
    },
    { path: '/de/history?a=b', locale: 'de', home: '/de', said: 'Stand <time' },
    { path: '/ar', locale: 'ar', home: '/ar', said: 'كما كانت الحال في <time' },
    // Of no language that there is: the first one.
    { path: '/fr/history', locale: 'en', home: '/', said: 'As of <time' },
  ] as const;
  for (const { path, locale, home, said } of places) {
    const { pages, dir } = wordsIn(locale, LANGUAGES);
    for (const [make, status, kind] of [
      [missing, 404, 'missing'],
      [failed, 500, 'fault'],
      [unavailable, 503, 'away'],
    ] as const) {
      const answer = await make(path);
      const html = textOf(answer);
      expect([path, answer.status]).toEqual([path, status]);
      expect(html).toContain(dir === 'rtl' ? '<html lang="ar" dir="rtl">' : `<html lang="${locale}">`);
      expect(html).toContain(`<h1>${pages[kind].heading}</h1>`);
      expect(html).toContain(`<a href="${home}">${pages.frame.toStatus}</a>`);
      expect(html).toContain(said);
      expect(html).toContain(`>${WORD.headlines[locale]}</b>`);
      expect([headerOf(answer, 'cache-control'), headerOf(answer, 'retry-after')]).toEqual([
        'no-store',
        status === 503 ? '5' : null,
      ]);
    }
  }
  const german = faultsWith(WORD, { languages: ['de', 'en'] });
  expect(textOf(await german.unavailable('/history'))).toContain('<html lang="de">');
  expect(textOf(await german.unavailable('/en/history'))).toContain('<a href="/en">');
});

it('has every word from the catalogue', async () => {
  const faults = faultsWith();
  for (const make of Object.values(faults))
    expect(strayWords(textOf(await make('/en-XA/history')))).toEqual([]);
});

it('says the day, too, of what is older than half a day, and nothing where nothing is known or can be read', async () => {
  const later = faultsWith(WORD, { now: NOW + 24 * 3_600_000 });
  expect(textOf(await later.failed('/'))).toContain('>20 Nov 2026, 16:05 UTC</time>');
  const broken = createFaults({
    languages: ['en'],
    lastWord: () => Promise.reject(new Error('unreadable')),
    now: () => NOW,
  });
  const other = { headlines: { de: 'Checkout fällt aus' }, asOf: AS_OF };
  for (const { failed } of [broken, faultsWith(null), faultsWith(other)]) {
    const html = textOf(await failed('/'));
    expect(html).toContain('This page could not be shown.');
    expect(html).not.toContain('<time');
  }
});

it('shows what someone typed as text, under rules that allow its style and nothing else', async () => {
  const word = { headlines: { en: '<script>alert(1)</script> & "x"' }, asOf: AS_OF };
  const answer = secured(await faultsWith(word).unavailable('/'), '/', 'https://status.example');
  expect(textOf(answer)).toMatch(/>&(lt|#60);script/);
  expect(textOf(answer)).not.toContain('<script');
  expect(headerOf(answer, 'content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[^ ]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
});

it('in a frame on another site opens the page beside it, which no frame may hold', async () => {
  const answer = await faultsWith().unavailable('/embed/frame');
  expect(textOf(answer)).toContain('<a href="/" target="_blank">');
  const csp = headerOf(secured(answer, '/embed/frame', 'https://status.example'), 'content-security-policy');
  expect(csp).toContain('frame-ancestors *');
});
