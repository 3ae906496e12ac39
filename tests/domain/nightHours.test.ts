import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBusinessMinutes,
  type BusinessHours,
  businessMinutesBefore,
  businessMsBetween,
  firstPublicDue,
  nextOpening,
} from '#domain/cadence.ts';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { addDays, addMs, DAY, type Instant, MINUTE, toInstant, toLocal } from '#domain/time.ts';

/** A team that works at night, from Monday evening until Saturday morning. */
const NIGHT: BusinessHours = {
  zone: 'UTC',
  opens: '22:00',
  closes: '06:00',
  weekdays: [1, 2, 3, 4, 5],
  holidays: ['2026-12-25'],
};
const BERLIN = { ...NIGHT, zone: 'Europe/Berlin' };
const at = (text: string) => `${text}:00.000Z`;
const due = (from: string, minutes: number, hours = NIGHT) =>
  addBusinessMinutes(hours, at(from), minutes).slice(0, 16);
const hoursBetween = (from: string, to: string, hours = NIGHT) =>
  businessMsBetween(hours, at(from), at(to)) / (60 * MINUTE);

describe('hours that go past midnight', () => {
  it.each([
    ['before midnight', '2026-11-18T22:30', 60, '2026-11-18T23:30'],
    ['over midnight', '2026-11-18T23:30', 60, '2026-11-19T00:30'],
    ['after midnight', '2026-11-19T02:00', 120, '2026-11-19T04:00'],
    ['to the very close', '2026-11-19T05:00', 60, '2026-11-19T06:00'],
    ['not fitting: the evening’s opening', '2026-11-19T05:30', 60, '2026-11-19T22:00'],
    ['by day: the evening’s opening', '2026-11-19T12:00', 60, '2026-11-19T22:00'],
    ['on Saturday morning, which belongs to Friday', '2026-11-21T03:00', 60, '2026-11-21T04:00'],
    ['on Saturday evening: Monday’s', '2026-11-21T23:00', 60, '2026-11-23T22:00'],
    ['on Monday morning, which belongs to Sunday', '2026-11-23T03:00', 60, '2026-11-23T22:00'],
    ['in the night that begins on a holiday', '2026-12-26T02:00', 60, '2026-12-28T22:00'],
    ['in the night before a holiday, which goes on into it', '2026-12-25T02:00', 60, '2026-12-25T03:00'],
  ])('%s', (_, from, minutes, expected) => expect(due(from, minutes)).toBe(expected));

  it('are as long as the night is, where clocks change', () => {
    // Berlin: forward on Sunday 29 March 2026, back on Sunday 25 October.
    const weekend = { ...BERLIN, weekdays: [6] };
    expect(hoursBetween('2026-03-28T12:00', '2026-03-29T12:00', weekend)).toBe(7);
    expect(hoursBetween('2026-10-24T12:00', '2026-10-25T12:00', weekend)).toBe(9);
    expect(hoursBetween('2026-11-21T12:00', '2026-11-22T12:00', weekend)).toBe(8);
  });

  it('begin for the next time in the evening, or after the weekend', () => {
    expect(nextOpening(NIGHT, at('2026-11-19T12:00'))).toBe(at('2026-11-19T22:00'));
    expect(nextOpening(NIGHT, at('2026-11-19T22:00'))).toBe(at('2026-11-20T22:00'));
    expect(nextOpening(NIGHT, at('2026-11-21T03:00'))).toBe(at('2026-11-23T22:00'));
  });

  it('are looked back over: half an hour before the opening is in the night before', () => {
    expect(businessMinutesBefore(NIGHT, at('2026-11-23T22:00'), 30)).toBe(at('2026-11-21T05:30'));
    expect(businessMinutesBefore(NIGHT, at('2026-11-19T00:15'), 30)).toBe(at('2026-11-18T23:45'));
  });
});

/** Hours whose ends no clock leaves out: what happens there is a matter of taste. */
const TIME = fc
  .tuple(fc.constantFrom(0, 1, 4, 5, 6, 8, 9, 12, 17, 20, 22, 23), fc.constantFrom(0, 1, 15, 30, 59))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
/** Around the nights on which clocks change, holidays, and weekends. */
const FROM = fc
  .tuple(
    fc.constantFrom(
      '2026-03-08',
      '2026-03-29',
      '2026-10-25',
      '2026-11-01',
      '2026-04-05',
      '2026-10-04',
      '2026-12-24',
    ),
    fc.integer({ min: -2 * 1440, max: 2 * 1440 }),
  )
  .map(([day, minutes]) => toInstant(Date.parse(`${day}T02:00:00Z`) + minutes * MINUTE));
const HOURS: fc.Arbitrary<BusinessHours> = fc
  .record({
    zone: fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
    ),
    opens: TIME,
    closes: TIME,
    weekdays: fc.constantFrom([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], [6, 7], [3]),
    holidays: fc.constantFrom([], ['2026-12-24', '2026-12-26'], ['2026-03-29', '2026-10-25']),
  })
  .filter(({ opens, closes }) => opens !== closes);

/** What takes more than a year is looked for no further: here it does not. */
const ROOMY = HOURS.filter(({ opens, closes }) => {
  const [from, to] = [opens, closes].map((time) => Date.parse(`2026-01-01T${time}Z`)) as [number, number];
  return (to - from + DAY) % DAY >= 60 * MINUTE;
});

/** Minute by minute on the wall clock, as whoever works there would: when they come and when they go. */
function* minutesOf({ zone, opens, closes, weekdays, holidays }: BusinessHours, from: Instant) {
  const came = new Set<string>();
  let leaves: string | null = null;
  for (let ms = Date.parse(from) - 3 * DAY; ; ms += MINUTE) {
    const [day, time] = toLocal(toInstant(ms), zone).split('T') as [string, string];
    const works = weekdays.includes(new Date(`${day}T12:00Z`).getUTCDay() || 7) && !holidays.includes(day);
    const comes = works && time >= opens && !came.has(day);
    if (comes) {
      came.add(day);
      leaves = `${opens < closes ? day : addDays(day, 1)}T${closes}`;
    }
    if (leaves !== null && `${day}T${time}` >= leaves) leaves = null;
    if (ms >= Date.parse(from))
      yield { at: toInstant(ms), comes: comes && leaves !== null, isOpen: leaves !== null };
  }
}

describe('hours of any kind, against a count minute by minute', () => {
  it('last as long as that counts', () => {
    fc.assert(
      fc.property(HOURS, FROM, fc.integer({ min: 0, max: 3 * 1440 }), (hours, from, minutes) => {
        let counted = 0;
        let left = minutes;
        for (const { isOpen } of minutesOf(hours, from)) {
          if (left-- === 0) break;
          if (isOpen) counted++;
        }
        expect(businessMsBetween(hours, from, addMs(from, minutes * MINUTE))).toBe(counted * MINUTE);
      }),
      { numRuns: 100 },
    );
  });

  it('give a time that fits into one stretch of work, or else the next coming', () => {
    fc.assert(
      fc.property(HOURS, FROM, fc.integer({ min: 1, max: 600 }), (hours, from, minutes) => {
        let worked = 0;
        let expected: Instant | null = null;
        let isFirst = true;
        for (const minute of minutesOf(hours, from)) {
          if (minute.comes && !(isFirst && minute.at === from)) expected ??= minute.at;
          if (isFirst && !minute.isOpen) worked = Number.NaN;
          isFirst = false;
          if (worked === minutes) expected = minute.at;
          if (expected) break;
          worked = minute.isOpen ? worked + 1 : Number.NaN;
        }
        expect(addBusinessMinutes(hours, from, minutes)).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('give a first word all its minutes, and end within them', () => {
    fc.assert(
      fc.property(ROOMY, FROM, fc.integer({ min: 1, max: 2000 }), (hours, from, minutes) => {
        const policy = { ...DEFAULT_POLICIES.SEV3, firstPublicUpdate: minutes };
        const first = firstPublicDue({ policy, hours }, from) as Instant;
        expect(businessMsBetween(hours, from, first)).toBeGreaterThanOrEqual(minutes * MINUTE);
        expect(addBusinessMinutes(hours, first, 0)).toBe(first);
      }),
      { numRuns: 300 },
    );
  });

  it('are looked back over as far as they are looked forward', () => {
    fc.assert(
      fc.property(ROOMY, FROM, fc.integer({ min: 1, max: 900 }), (hours, until, minutes) => {
        const from = businessMinutesBefore(hours, until, minutes);
        expect(businessMsBetween(hours, from, until)).toBe(minutes * MINUTE);
      }),
      { numRuns: 300 },
    );
  });
});
