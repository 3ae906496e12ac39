import fc from 'fast-check';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';
import { daysOf, nthOf, type RecurrenceRule, type Weekday, weekdayOf } from '#domain/recurrence.ts';
import { addDays } from '#domain/time.ts';

const DAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const weekday = fc.integer({ min: 0, max: 6 }).map((day) => day as Weekday);
const interval = fc.integer({ min: 1, max: 5 });
const rules: fc.Arbitrary<RecurrenceRule> = fc.oneof(
  fc.record({ every: fc.constant('day' as const), interval }),
  fc.record({
    every: fc.constant('week' as const),
    interval,
    weekdays: fc.uniqueArray(weekday, { minLength: 1, maxLength: 7 }),
  }),
  fc.record({ every: fc.constant('month' as const), interval, day: fc.integer({ min: 1, max: 31 }) }),
  fc.record({
    every: fc.constant('monthWeekday' as const),
    interval,
    nth: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, -1 as const),
    weekday,
  }),
);

/** The same rule as RFC 5545 writes it. */
function rruleOf(rule: RecurrenceRule): string {
  const every = `INTERVAL=${rule.interval};WKST=MO`;
  switch (rule.every) {
    case 'day':
      return `FREQ=DAILY;${every}`;
    case 'week':
      return `FREQ=WEEKLY;${every};BYDAY=${rule.weekdays.map((day) => DAYS[day]).join(',')}`;
    case 'month':
      return `FREQ=MONTHLY;${every};BYMONTHDAY=${rule.day}`;
    case 'monthWeekday':
      return `FREQ=MONTHLY;${every};BYDAY=${rule.nth}${DAYS[rule.weekday]}`;
  }
}

describe('days that come again', () => {
  it('are those that another reader of RFC 5545 finds', () => {
    fc.assert(
      fc.property(rules, fc.integer({ min: 0, max: 2000 }), (rule, offset) => {
        const from = addDays('2024-01-01', offset);
        const to = addDays(from, 500);
        // RFC 5545 lets the first day count whatever the rule says, and counts intervals from it: so it begins with one that fits.
        const [first] = daysOf({ ...rule, interval: 1 } as RecurrenceRule, {
          first: from,
          from,
          to: addDays(from, 3000),
        });
        if (!first) return;
        const iterator = ICAL.Recur.fromString(rruleOf(rule)).iterator(ICAL.Time.fromDateString(first));
        const expected: string[] = [];
        for (let next = iterator.next(); next && next.toString() <= to; next = iterator.next())
          expected.push(next.toString());
        expect(daysOf(rule, { first, from: first, to })).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('are the same from wherever one begins to look', () => {
    fc.assert(
      fc.property(rules, fc.integer({ min: 0, max: 400 }), (rule, later) => {
        const first = '2026-01-31';
        const to = '2028-12-31';
        const from = addDays(first, later);
        expect(daysOf(rule, { first, from, to })).toEqual(
          daysOf(rule, { first, from: first, to }).filter((day) => day >= from),
        );
      }),
    );
  });

  it('of a month that has no such day are left out', () => {
    expect(
      daysOf(
        { every: 'month', interval: 1, day: 31 },
        { first: '2026-01-31', from: '2026-01-01', to: '2026-06-30' },
      ),
    ).toEqual(['2026-01-31', '2026-03-31', '2026-05-31']);
  });

  it('a day knows its weekday and which of its month it is', () => {
    expect([weekdayOf('2026-11-24'), nthOf('2026-11-24'), nthOf('2026-11-30'), nthOf('2026-11-01')]).toEqual([
      2, 4, -1, 1,
    ]);
  });
});
