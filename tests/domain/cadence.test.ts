import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBusinessMinutes,
  type BusinessHours,
  businessMsBetween,
  clockState,
  firstPublicDue,
  nextInternalDue,
  nextPublicDue,
  wholeMinute,
} from '#domain/cadence.ts';
import { DEFAULT_POLICIES, SEVERITIES } from '#domain/severity.ts';
import { addMs, MINUTE, msBetween, toInstant, toLocal } from '#domain/time.ts';

const HOURS: BusinessHours = {
  zone: 'UTC',
  opens: '09:00',
  closes: '17:00',
  weekdays: [1, 2, 3, 4, 5],
  holidays: ['2026-12-25'],
};
const BERLIN = { ...HOURS, zone: 'Europe/Berlin' };
const due = (from: string, minutes: number, hours: BusinessHours = HOURS) =>
  addBusinessMinutes(hours, `${from}:00.000Z`, minutes).slice(0, 16);

const INSTANT = fc
  .integer({ min: Date.UTC(2026, 0, 1) / MINUTE, max: Date.UTC(2028, 0, 1) / MINUTE })
  .map((minutes) => toInstant(minutes * MINUTE));
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Kathmandu',
];

describe('business hours', () => {
  it.each([
    ['within the day', '2026-11-20T10:00', 120, '2026-11-20T12:00'],
    ['to the very close', '2026-11-20T15:00', 120, '2026-11-20T17:00'],
    ['not fitting on a Friday: Monday’s opening', '2026-11-20T15:01', 120, '2026-11-23T09:00'],
    ['before the opening: the opening', '2026-11-20T03:00', 120, '2026-11-20T09:00'],
    ['at the opening', '2026-11-20T09:00', 60, '2026-11-20T10:00'],
    ['after the close', '2026-11-19T20:00', 60, '2026-11-20T09:00'],
    ['on a Saturday', '2026-11-21T12:00', 60, '2026-11-23T09:00'],
    ['on a holiday, which is a Friday', '2026-12-25T12:00', 60, '2026-12-28T09:00'],
    ['late before a holiday and a weekend', '2026-12-24T16:30', 60, '2026-12-28T09:00'],
  ])('%s', (_, from, minutes, expected) => expect(due(from, minutes)).toBe(expected));

  it('opens by the wall clock, in winter as in summer', () => {
    // The clocks go forward on Sunday 29 March 2026, back on Sunday 25 October.
    expect(due('2026-03-27T15:30', 120, BERLIN)).toBe('2026-03-30T07:00');
    expect(due('2026-10-23T14:30', 120, BERLIN)).toBe('2026-10-26T08:00');
  });

  it('knows the day in zones far ahead of UTC and far behind', () => {
    // Monday 08:00 on Kiritimati is Sunday in UTC; Friday 16:00 in Pago Pago is Saturday there.
    expect(due('2026-11-22T18:00', 60, { ...HOURS, zone: 'Pacific/Kiritimati' })).toBe('2026-11-22T19:00');
    expect(due('2026-11-21T03:00', 60, { ...HOURS, zone: 'Pacific/Pago_Pago' })).toBe('2026-11-21T04:00');
    expect(due('2026-11-21T03:30', 60, { ...HOURS, zone: 'Pacific/Pago_Pago' })).toBe('2026-11-23T20:00');
  });

  it('is never in the past and never outside the hours, wherever and whenever', () => {
    fc.assert(
      fc.property(
        INSTANT,
        fc.constantFrom(...ZONES),
        fc.integer({ min: 1, max: 480 }),
        (from, zone, minutes) => {
          const hours = { ...HOURS, zone, holidays: ['2026-05-01', '2026-12-25', '2027-01-01'] };
          const at = addBusinessMinutes(hours, from, minutes);
          expect(at >= from).toBe(true);
          const local = toLocal(at, zone);
          expect(local.slice(11) >= '09:00' && local.slice(11) <= '17:00').toBe(true);
          expect([0, 6]).not.toContain(new Date(`${local.slice(0, 10)}T12:00Z`).getUTCDay());
          expect(hours.holidays).not.toContain(local.slice(0, 10));
          // It is never put off when it fits: later than asked only by going to an opening.
          if (msBetween(from, at) !== minutes * MINUTE) expect(local.slice(11)).toBe('09:00');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the first word where business hours are kept', () => {
  const first = (from: string, minutes: number | null = 60, hours: BusinessHours = HOURS) => {
    const policy = { ...DEFAULT_POLICIES.SEV3, firstPublicUpdate: minutes };
    return firstPublicDue({ policy, hours }, `${from}:00.000Z`)?.slice(0, 16) ?? null;
  };

  it.each([
    ['a minute before the opening', '2026-11-20T08:59', '2026-11-20T10:00'],
    ['in the night', '2026-11-20T03:00', '2026-11-20T10:00'],
    ['at the opening', '2026-11-20T09:00', '2026-11-20T10:00'],
    ['to the very close', '2026-11-20T16:00', '2026-11-20T17:00'],
    ['not fitting on a Friday', '2026-11-20T16:01', '2026-11-23T10:00'],
    ['after the close', '2026-11-19T17:01', '2026-11-20T10:00'],
    ['on a Saturday', '2026-11-21T12:00', '2026-11-23T10:00'],
    ['on a holiday, which is a Friday', '2026-12-25T12:00', '2026-12-28T10:00'],
  ])('is given all its time: %s', (_, from, expected) => expect(first(from)).toBe(expected));

  it('is given it on more than one day when it is more than a day’s', () => {
    expect(first('2026-11-20T08:59', 600)).toBe('2026-11-23T11:00');
    expect(first('2026-11-20T12:00', 600)).toBe('2026-11-24T11:00');
    expect(first('2026-11-20T12:00', null)).toBeNull();
  });

  it('is given it within a year, however little is worked: hours of a minute a day', () => {
    const minute = { ...HOURS, closes: '09:01' };
    expect(first('2026-11-20T08:59', 3, minute)).toBe('2026-11-24T09:01');
    expect(first('2026-11-20T08:59', 10_080, minute)).toBe('2027-11-22T09:01');
    expect(first('2026-11-20T08:59', 10_080, { ...minute, weekdays: [5] })).toBe('2027-11-26T09:01');
  });

  it('is given it by the wall clock, where clocks change over the weekend', () => {
    expect(first('2026-03-27T20:00', 60, BERLIN)).toBe('2026-03-30T08:00');
    expect(first('2026-10-23T20:00', 60, BERLIN)).toBe('2026-10-26T09:00');
  });

  it('has never fewer minutes of work than the policy says, and ends within the hours, wherever and whenever', () => {
    fc.assert(
      fc.property(
        INSTANT,
        fc.constantFrom(...ZONES),
        fc.integer({ min: 1, max: 1000 }),
        (from, zone, minutes) => {
          const hours = { ...HOURS, zone, holidays: ['2026-05-01', '2026-12-25', '2027-01-01'] };
          const policy = { ...DEFAULT_POLICIES.SEV3, firstPublicUpdate: minutes };
          const at = firstPublicDue({ policy, hours }, from) as string;
          const worked = businessMsBetween(hours, from, at);
          expect(worked).toBeGreaterThanOrEqual(minutes * MINUTE);
          // What it has more is what was left of the day on which it did not fit.
          expect(worked).toBeLessThan(minutes * MINUTE + 480 * MINUTE);
          expect(addBusinessMinutes(hours, at, 0)).toBe(at);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the clocks of a policy', () => {
  const night = '2026-11-20T23:10:00.000Z';
  const pace = (severity: keyof typeof DEFAULT_POLICIES) => ({
    policy: DEFAULT_POLICIES[severity],
    hours: HOURS,
  });

  it('run day and night for SEV1 and SEV2, in business hours for SEV3, not at all for SEV4', () => {
    expect(SEVERITIES.map((severity) => firstPublicDue(pace(severity), night))).toEqual([
      '2026-11-20T23:15:00.000Z',
      '2026-11-20T23:15:00.000Z',
      '2026-11-23T10:00:00.000Z',
      null,
    ]);
    expect(SEVERITIES.map((severity) => nextPublicDue(pace(severity), night))).toEqual([
      '2026-11-20T23:40:00.000Z',
      '2026-11-21T00:10:00.000Z',
      '2026-11-23T09:00:00.000Z',
      null,
    ]);
    expect(SEVERITIES.map((severity) => nextInternalDue(pace(severity), night))).toEqual([
      '2026-11-20T23:25:00.000Z',
      '2026-11-20T23:40:00.000Z',
      null,
      null,
    ]);
  });

  it('run within business hours inside as outside', () => {
    const inside = (from: string, minutes: number) => {
      const policy = { ...DEFAULT_POLICIES.SEV3, internalUpdateEvery: minutes };
      return nextInternalDue({ policy, hours: HOURS }, `${from}:00.000Z`)?.slice(0, 16);
    };
    expect(inside('2026-11-20T14:00', 45)).toBe('2026-11-20T14:45');
    expect(inside('2026-11-20T16:30', 45)).toBe('2026-11-23T09:00');
    expect(inside('2026-11-20T17:30', 1440)).toBe('2026-11-23T09:00');
  });

  it('are soon from the first reminder on, late from the moment itself', () => {
    const policy = DEFAULT_POLICIES.SEV1;
    const at = '2026-11-20T15:30:00.000Z';
    expect(clockState(policy, null, at)).toBe('none');
    expect(clockState(policy, at, '2026-11-20T15:19:59.999Z')).toBe('ahead');
    expect(clockState(policy, at, '2026-11-20T15:20:00.000Z')).toBe('soon');
    expect(clockState(policy, at, '2026-11-20T15:29:59.999Z')).toBe('soon');
    expect(clockState(policy, at, at)).toBe('late');
    expect(clockState(DEFAULT_POLICIES.SEV4, at, '2026-11-20T15:25:00.000Z')).toBe('soon');
    expect(clockState(DEFAULT_POLICIES.SEV4, at, '2026-11-20T15:24:59.000Z')).toBe('ahead');
  });

  it('promise whole minutes: never earlier, less than one later', () => {
    expect(wholeMinute('2026-11-20T15:30:00.000Z')).toBe('2026-11-20T15:30:00.000Z');
    expect(wholeMinute('2026-11-20T15:59:00.001Z')).toBe('2026-11-20T16:00:00.000Z');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        const instant = toInstant(ms);
        const whole = wholeMinute(instant);
        expect(whole).toMatch(/:00\.000Z$/);
        expect(whole >= instant && whole < addMs(instant, MINUTE)).toBe(true);
      }),
    );
  });
});
