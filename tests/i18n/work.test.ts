import { expect, it } from 'vitest';
import type { RecurrenceRule } from '#domain/recurrence.ts';
import { wordsIn } from '#i18n/words.ts';
import { ruleText, seriesText, windowChangeText } from '#i18n/work.ts';

const en = wordsIn('en');
const de = wordsIn('de');
const ar = wordsIn('ar');

it.each<[RecurrenceRule, string, string, string]>([
  [{ every: 'day', interval: 1 }, 'Every day', 'Jeden Tag', 'كل يوم'],
  [{ every: 'day', interval: 3 }, 'Every 3 days', 'Alle 3 Tage', 'كل 3 أيام'],
  [{ every: 'week', interval: 1, weekdays: [2] }, 'Every Tuesday', 'Jeden Dienstag', 'كل أسبوع يوم الثلاثاء'],
  [
    { every: 'week', interval: 2, weekdays: [0, 4, 1] },
    'Every 2 weeks on Monday, Thursday and Sunday',
    'Alle 2 Wochen am Montag, Donnerstag und Sonntag',
    'كل أسبوعين يوم الاثنين والخميس والأحد',
  ],
  [
    { every: 'month', interval: 1, day: 1 },
    'On day 1 of every month',
    'Am 1. jedes Monats',
    'كل شهر في اليوم 1',
  ],
  [
    { every: 'month', interval: 3, day: 15 },
    'On day 15 of every 3 months',
    'Alle 3 Monate am 15.',
    'كل 3 أشهر في اليوم 15',
  ],
  [
    { every: 'monthWeekday', interval: 1, nth: -1, weekday: 0 },
    'The last Sunday of every month',
    'Jeden letzten Sonntag im Monat',
    'كل شهر في يوم الأحد الأخير',
  ],
  [
    { every: 'monthWeekday', interval: 4, nth: 2, weekday: 2 },
    'The second Tuesday of every 4 months',
    'Alle 4 Monate am zweiten Dienstag',
    'كل 4 أشهر في يوم الثلاثاء الثاني',
  ],
])('%j: %s', (rule, english, german, arabic) => {
  expect([en, de, ar].map((words) => ruleText(words, rule))).toEqual([english, german, arabic]);
});

it('what comes again is said with its hours, its zone and its last day', () => {
  const rule = { every: 'week', interval: 1, weekdays: [2] } as const;
  const night = { from: '02:00', until: '04:00', zone: 'Europe/Berlin', lastDay: null };
  expect(seriesText(en, rule, night)).toBe('Every Tuesday, 02:00 to 04:00, Europe/Berlin time.');
  expect(seriesText(de, rule, { ...night, lastDay: '2027-03-02' })).toBe(
    'Jeden Dienstag, 02:00 bis 04:00, Zeit von Europe/Berlin, bis 2. März 2027.',
  );
  expect(seriesText(en, rule, { ...night, until: null })).toBe(
    'Every Tuesday, from 02:00, Europe/Berlin time.',
  );
});

it('what becomes of a window is said in the same language', () => {
  const before = { from: '2026-11-24T02:00:00.000Z', until: '2026-11-24T04:00:00.000Z' };
  const later = { ...before, until: '2026-11-24T05:00:00.000Z' };
  expect(windowChangeText(de, before, later, 'UTC')).toBe(
    'Die Arbeiten dauern länger als geplant: bis 05:00 UTC statt 04:00 UTC.',
  );
  expect(windowChangeText(en, later, before, 'UTC')).toBe(
    'The work will be over sooner than planned: by 04:00 UTC in place of 05:00 UTC.',
  );
});
