import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addBusinessMinutes,
  type BusinessHours,
  businessMinutesBefore,
  businessMsBetween,
} from '#domain/cadence.ts';
import { latestRepeat, nextRepeat } from '#domain/repeats.ts';
import { addMs, DAY, MINUTE, toInstant } from '#domain/time.ts';

const instant = fc
  .integer({ min: Date.UTC(2026, 2, 25) / MINUTE, max: Date.UTC(2026, 10, 5) / MINUTE })
  .map((minutes) => toInstant(minutes * MINUTE));
const hours: fc.Arbitrary<BusinessHours> = fc
  .record({
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Kiritimati'),
    // The last of these lies in the hour that clocks leave out.
    opens: fc.constantFrom('00:00', '02:10', '09:00'),
    // Past midnight where it comes before the opening.
    closes: fc.constantFrom('01:30', '02:50', '09:01', '12:00', '23:59'),
    weekdays: fc.constantFrom([1, 2, 3, 4, 5], [7], [1, 3, 6, 7]),
    holidays: fc.constantFrom([], ['2026-03-29', '2026-05-01']),
  })
  .filter((one) => (one.opens as string) !== one.closes);

it('what comes again in business hours comes as due times are counted, one after the other', () => {
  fc.assert(
    fc.property(
      hours,
      instant,
      fc.constantFrom(1, 5, 90, 360, 1440, 10_080),
      fc.integer({ min: -60, max: 5 * 1440 }),
      (open, at, everyMinutes, passed) => {
        const from = addBusinessMinutes(open, at, 0);
        const now = addMs(from, passed * MINUTE);
        const all = [];
        let next = addBusinessMinutes(open, from, everyMinutes);
        for (; next <= now; next = addBusinessMinutes(open, next, everyMinutes)) all.push(next);
        const repeats = { from, everyMinutes, hours: open };
        const latest = all.length ? { at: all.at(-1), step: Math.min(all.length, 8) } : null;
        expect(latestRepeat(repeats, now)).toEqual(latest);
        expect(nextRepeat(repeats, now)).toBe(next);
        expect(addBusinessMinutes(open, next, 0)).toBe(next);
      },
    ),
    { numRuns: 300 },
  );
});

it('is quick about what came again for years', () => {
  const open = { zone: 'Europe/Berlin', opens: '09:00', closes: '17:00', weekdays: [1], holidays: [] };
  const repeats = { from: '2016-11-21T09:00:00.000Z', everyMinutes: 5, hours: open };
  const began = performance.now();
  expect(latestRepeat(repeats, '2026-11-23T09:01:00.000Z')).toEqual({
    at: '2026-11-23T09:00:00.000Z',
    step: 8,
  });
  expect(performance.now() - began).toBeLessThan(50);
});

it('so many business minutes before a time, so many are left until it', () => {
  fc.assert(
    fc.property(hours, instant, fc.integer({ min: 1, max: 600 }), (open, at, minutes) => {
      const due = addBusinessMinutes(open, at, 0);
      const before = businessMinutesBefore(open, due, minutes);
      const inAYear = businessMsBetween(open, addMs(due, -366 * DAY), due);
      if (inAYear < minutes * MINUTE) return void expect(before <= addMs(due, -365 * DAY)).toBe(true);
      expect(addBusinessMinutes(open, before, 0)).toBe(before);
      expect(businessMsBetween(open, before, due)).toBe(minutes * MINUTE);
    }),
    { numRuns: 300 },
  );
});
