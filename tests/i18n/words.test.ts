import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { headlineOf } from '#domain/headline.ts';
import { dateText, dateTimeText, durationText, HOUR, MINUTE, rangeText, whenText } from '#domain/time.ts';
import { piecesOf } from '#domain/words.ts';
import { CATALOGUES } from '#i18n/catalogue.ts';
import { nearestOf } from '#i18n/locales.ts';
import { localeOfPath, localised, movedTo } from '#i18n/paths.ts';
import { wordsIn } from '#i18n/words.ts';

const en = wordsIn('en');
const de = wordsIn('de');
const ar = wordsIn('ar');
const AT = '2026-11-19T15:30:00.000Z';

describe('times', () => {
  it('are in English what machines and mails inside are told', () => {
    for (let month = 1; month <= 12; month++) {
      const at = `2026-${String(month).padStart(2, '0')}-03T05:07:00.000Z`;
      for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
        expect(en.date(at, zone)).toBe(dateText(at, zone));
        expect(en.dateTime(at, zone)).toBe(dateTimeText(at, zone));
        expect(en.when(at, zone, AT)).toBe(whenText(at, zone, AT));
        expect(en.range(at, AT, zone, at)).toBe(rangeText(at, AT, zone, at));
        expect(en.range(at, `${at.slice(0, 11)}06:00:00.000Z`, zone)).toBe(
          rangeText(at, `${at.slice(0, 11)}06:00:00.000Z`, zone),
        );
      }
    }
    for (const minutes of [0, 1, 59, 60, 61, 24 * 60, 25 * 60 + 3, 90 * 24 * 60])
      expect(en.length(minutes * MINUTE)).toBe(durationText(minutes * MINUTE));
  });

  it('are written as each language does, with their zone', () => {
    expect(de.dateTime(AT, 'Europe/Berlin')).toBe('19. Nov. 2026, 16:30 MEZ');
    expect(ar.dateTime(AT, 'Europe/Berlin')).toBe('19 نوفمبر 2026، 16:30 CET\u200f');
    expect(de.range(AT, '2026-11-19T17:00:00.000Z', 'UTC', AT)).toBe('15:30 bis 17:00 UTC');
    expect(de.days('2026-10-30', '2026-11-02')).toMatch(/^30\. Okt\.\s–\s2\. Nov\.$/);
    expect(en.days('2026-10-30', '2026-11-02')).toBe('30 Oct to 2 Nov');
    expect(en.days('2026-11-12', '2026-11-14')).toBe('12 to 14 Nov');
  });

  it('are as long in every language, in its own plurals', () => {
    expect(de.length(2 * HOUR + MINUTE)).toBe('2 Stunden 1 Minute');
    expect(ar.length(2 * HOUR + 5 * MINUTE)).toBe('ساعتان و5 دقائق');
    expect(ar.length(11 * MINUTE)).toBe('11 دقيقة');
  });
});

it('the sentence of truth is said in each language, and titles stay as they were typed', () => {
  const incident = {
    scope: 'EU',
    status: 'monitoring',
    impact: 'minor',
    startedAt: AT,
    workaround: null,
    nextUpdateDue: null,
    lastUpdateAt: null,
  } as const;
  const situation = {
    incidents: ['A', 'B', 'C', 'D'].map((title) => ({ ...incident, title })),
    maintenance: [],
    components: [
      { name: 'x', status: 'major_outage' },
      { name: 'y', status: 'operational' },
    ],
  } as const;
  expect(headlineOf(situation, AT, de.headline)).toMatchObject({
    text: '4 Störungen sind offen: A (EU); B (EU); und 2 weitere.',
    lede: ['1 von 2 Komponenten ist betroffen.'],
  });
  expect(headlineOf(situation, AT, en.headline)).toEqual(headlineOf(situation, AT));
  expect(headlineOf({ ...situation, incidents: [] }, AT, ar.headline).text).toBe('انقطاع كبير: x.');
});

it('the page is called as its owner calls it', () => {
  expect([en, de, ar].map((words) => words.pageName('Harbour').whole)).toEqual([
    'Harbour status',
    'Harbour Status',
    'حالة Harbour',
  ]);
  expect(de.pageName('Harbour Status').whole).toBe('Harbour Status');
  expect(de.pageName('').whole).toBe('Status');
});

describe('an address', () => {
  const LANGUAGES = ['en', 'de', 'ar'] as const;

  it.each([
    ['/', 'en', '/'],
    ['/de', 'de', '/'],
    ['/de?x', 'de', '/?x'],
    ['/ar/history/2026-11', 'ar', '/history/2026-11'],
    ['/de/incidents/a1?x=/ar', 'de', '/incidents/a1?x=/ar'],
    ['/de/unsubscribe/t', 'de', '/unsubscribe/t'],
    ['/de/subscribe/webhook', 'de', '/subscribe/webhook'],
    ['/ar/webhook/t', 'ar', '/webhook/t'],
    ['/de/embed/frame', 'de', '/embed/frame'],
    ['/ar/embed/frame/a1', 'ar', '/embed/frame/a1'],
    ['/de/embed/a1.json', 'de', '/embed/a1.json'],
    ['/de/badge.svg', 'de', '/badge.svg'],
    ['/ar/badge/a1.svg', 'ar', '/badge/a1.svg'],
  ])('%s is in %s, and routes know it as %s', (target, locale, bare) => {
    expect(localised(target, LANGUAGES)).toEqual({ locale, target: bare });
  });

  it.each([
    '/de/admin',
    '/de/admin/login',
    '/de/api/v2/status.json',
    '/de/incidents/a1.json',
    '/de/components/a1.atom',
    '/de/history.atom',
    '/de/embed/status.js',
    '/de/badge/a/b.svg',
    '/de/subscribe/other',
    '/de/de/history',
    '/en/history',
    '/fr/history',
    '/german',
    '/de/incidents/a/b',
    '//de/history',
  ])('%s has no page in another language', (target) => {
    expect(localised(target, LANGUAGES).target).toBe(target);
  });

  it('in a mail works in the first language, when its own is not offered any more', () => {
    const bare = '/unsubscribe/t?x';
    expect(localised(`/ar${bare}`, ['de', 'en'])).toEqual({ locale: 'de', target: bare });
    expect(localised(`/de${bare}`, ['de', 'en'])).toEqual({ locale: 'de', target: bare });
    expect(movedTo('/ar/unsubscribe/t', ['de', 'en'])).toBeNull();
    expect(movedTo('/de/incidents/a1', ['de', 'en'])).toBe('/incidents/a1');
    expect(movedTo('/ar', ['de', 'en'])).toBe('/');
    expect(movedTo('/en/history', ['de', 'en'])).toBeNull();
    expect(movedTo('/de/admin', ['de', 'en'])).toBeNull();
    expect(localised('/ar/webhook/t', ['de', 'en'])).toEqual({ locale: 'de', target: '/webhook/t' });
    expect(movedTo('/ar/webhook/t', ['de', 'en'])).toBeNull();
    expect(movedTo('/ar/badge/a1.svg', ['de', 'en'])).toBe('/badge/a1.svg');
  });

  it('that leads nowhere is answered in its own language', () => {
    expect(localeOfPath('/de/nothing', LANGUAGES)).toBe('de');
    expect(localeOfPath('/nothing', ['de', 'en'])).toBe('de');
    expect(localeOfPath('/en-XA/nothing', LANGUAGES)).toBe('en');
  });

  it('is made for the language, and has none in the first', () => {
    expect(wordsIn('de', LANGUAGES).to('/')).toBe('/de');
    expect(wordsIn('de', LANGUAGES).to('/history')).toBe('/de/history');
    expect(wordsIn('de', ['de', 'en']).to('/')).toBe('/');
    expect(wordsIn('en', ['de']).to('/')).toBe('/');
  });
});

it('the nearest language to “de-AT” is German, and to one that is not offered the first', () => {
  expect(['de-AT', 'DE', 'fr', 'en-XA', ''].map((one) => nearestOf(['en', 'de'], one))).toEqual([
    'de',
    'de',
    'en',
    'en',
    'en',
  ]);
});

describe('what the house says in English', () => {
  it('is said in the reader’s words, whatever stands in its places, and sentence by sentence', () => {
    const said = [
      'Port 22 is not for web servers, so it is not called.',
      'It answered 404 Not Found: no such room. That says that it is there no more.',
      'It answered 301 Moved to https://x.example/a.b. Redirects are not followed: subscribe the address that it leads to.',
      'The sample was taken: 204 No Content, after 12 ms.',
      'Given up after 12 calls over a day. Its certificate has expired.',
      'Nobody knows these words.',
    ];
    expect(said.map(de.refusal)).toEqual([
      'Port 22 ist nicht für Webserver gedacht und wird nicht aufgerufen.',
      'Die Antwort war 404 Not Found: no such room. Das heißt, dass es das Ziel nicht mehr gibt.',
      'Die Antwort war 301 Moved, nach https://x.example/a.b. Weiterleitungen folgen wir nicht: Abonnieren Sie die Adresse, zu der sie führt.',
      'Der Probeaufruf wurde angenommen: 204 No Content, nach 12 ms.',
      'Aufgegeben nach 12 Aufrufen an einem Tag. Das Zertifikat ist abgelaufen.',
      'Nobody knows these words.',
    ]);
    expect(said.map(en.refusal)).toEqual(said);
  });

  it('stands there to the letter, and every reason why a call failed has other words', () => {
    const source = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
    const call = source('src/delivery/transports/hookCall.ts');
    const house = [
      ...['hookPlace', 'hookSubscribers', 'hookTrial'].map((name) => `src/services/${name}.ts`),
      ...['src/delivery/transports/hook.ts', 'src/delivery/hookSettle.ts', 'src/domain/hooks.ts'],
      ...['db/hookCalls.ts', 'src/pages/_hookForm.ts'],
    ].reduce((all, name) => all + source(name), call);
    const { refusals, outcomes } = CATALOGUES.en.hooks;
    const unsaid = Object.values({ ...refusals, ...outcomes }).flatMap((message) =>
      piecesOf(message).flatMap(({ words }) => (house.includes(words.trim()) ? [] : words)),
    );
    expect(unsaid).toEqual([]);
    const reasons = [...call.matchAll(/^ {2}\w+: '([A-Z][^']+\.)',$/gm)].map(
      ([, reason]) => reason as string,
    );
    expect(reasons.length).toBeGreaterThan(10);
    expect(reasons.filter((reason) => de.refusal(reason) === reason)).toEqual([]);
  });
});
