import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDays,
  addMs,
  DAY,
  dateText,
  dateTimeText,
  dayIn,
  durationText,
  fromLocal,
  HOUR,
  isTimeZone,
  MINUTE,
  msBetween,
  parseInstant,
  rangeText,
  startOfDay,
  toInstant,
  toLocal,
  whenText,
} from '#domain/time.ts';

/** Ahead, behind, halves and quarters, clocks that change at midnight, by half an hour, and the wrong way round the year. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Dublin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'Africa/Cairo',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
];
const zone = fc.constantFrom(...ZONES);
const minute = fc
  .integer({ min: Date.UTC(2000, 0, 1) / MINUTE, max: Date.UTC(2040, 0, 1) / MINUTE })
  .map((minutes) => toInstant(minutes * MINUTE));

describe('an instant', () => {
  it.each([
    ['2026-11-21T15:30Z', '2026-11-21T15:30:00.000Z'],
    ['2026-11-21 15:30:05Z', '2026-11-21T15:30:05.000Z'],
    ['2026-11-21T15:30:05.123456+01:00', '2026-11-21T14:30:05.123Z'],
    ['2026-11-21T23:30-0500', '2026-11-22T04:30:00.000Z'],
    ['2024-02-29T00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('reads %s', (text, instant) => expect(parseInstant(text)).toBe(instant));

  it.each([
    ['no zone', '2026-11-21T15:30'],
    ['a day alone', '2026-11-21'],
    ['a month that is none', '2026-13-01T00:00Z'],
    ['30 February', '2026-02-30T10:00Z'],
    ['29 February of a common year', '2026-02-29T10:00Z'],
    ['hour 24', '2026-11-21T24:00Z'],
    ['minute 60', '2026-11-21T10:60Z'],
    ['a zone that is none', '2026-11-21T10:00+25:00'],
    ['a year that its zone carries past 9999', '9999-12-31T23:59-01:00'],
    ['a year that its zone carries below 0', '0000-01-01T00:00+01:00'],
    ['words', 'tomorrow'],
    ['something more', '2026-11-21T15:30Z!'],
  ])('refuses %s', (_, text) => expect(parseInstant(text)).toBeNull());

  it('is read back as it is written, and its text order is time order', () => {
    fc.assert(
      fc.property(minute, minute, (a, b) => {
        expect(parseInstant(a)).toBe(a);
        expect(a < b).toBe(Date.parse(a) < Date.parse(b));
      }),
    );
  });
});

describe('a wall clock', () => {
  it('comes back as the same wall clock from any minute in any zone, and as the same instant but for the hour that comes twice', () => {
    fc.assert(
      fc.property(minute, zone, (instant, name) => {
        const local = toLocal(instant, name);
        const back = fromLocal(local, name) as string;
        expect(toLocal(back, name)).toBe(local);
        // In an overlap the first of the two: never later, and earlier by what the clocks were moved at most.
        expect(msBetween(back, instant)).toBeGreaterThanOrEqual(0);
        expect(msBetween(back, instant)).toBeLessThanOrEqual(HOUR);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['before the gap', 'Europe/Berlin', '2026-03-29T01:59', '2026-03-29T00:59:00.000Z'],
    ['in the gap', 'Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30:00.000Z'],
    ['after the gap', 'Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00.000Z'],
    ['in the overlap', 'Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
    ['after the overlap', 'Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00:00.000Z'],
    ['in a gap behind UTC', 'America/New_York', '2026-03-08T02:30', '2026-03-08T07:30:00.000Z'],
    ['in an overlap behind UTC', 'America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00.000Z'],
    ['in a gap of half an hour', 'Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:45:00.000Z'],
    ['on a day that never was', 'Pacific/Apia', '2011-12-30T12:00', '2011-12-30T22:00:00.000Z'],
    ['with seconds', 'Asia/Kathmandu', '2026-11-21T05:45:30', '2026-11-21T00:00:30.000Z'],
  ])('%s', (_, name, local, instant) => expect(fromLocal(local, name)).toBe(instant));

  it.each(['2026-02-30T10:00', '2026-11-21T24:00', '2026-11-21', '2026-11-21T10:00Z', '', 'x'])(
    'is not %j',
    (local) => expect(fromLocal(local, 'Europe/Berlin')).toBeNull(),
  );

  it('begins a day at its first minute, also where midnight is left out', () => {
    expect(startOfDay('2026-09-06', 'America/Santiago')).toBe('2026-09-06T04:00:00.000Z');
    expect(toLocal('2026-09-06T04:00:00.000Z', 'America/Santiago')).toBe('2026-09-06T01:00');
    fc.assert(
      fc.property(minute, zone, (instant, name) => {
        const day = dayIn(instant, name);
        const start = startOfDay(day, name);
        expect(dayIn(start, name)).toBe(day);
        expect(dayIn(addMs(start, -1), name)).toBe(addDays(day, -1));
        expect(start <= instant).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('knows zones from words', () => {
    expect(ZONES.every(isTimeZone)).toBe(true);
    expect(['', 'Europe/Nowhere', '../etc/passwd'].some(isTimeZone)).toBe(false);
  });
});

describe('in words', () => {
  it('gives the time alone on the same day in the zone, else with the date', () => {
    const now = '2026-11-21T23:30:00.000Z';
    expect(whenText('2026-11-21T00:05:00.000Z', 'UTC', now)).toBe('00:05 UTC');
    expect(whenText('2026-11-22T00:05:00.000Z', 'UTC', now)).toBe('22 Nov 2026, 00:05 UTC');
    expect(whenText('2026-11-22T00:05:00.000Z', 'Europe/Berlin', now)).toBe('01:05 CET');
    expect(whenText('2026-11-21T22:55:00.000Z', 'Europe/Berlin', now)).toBe('21 Nov 2026, 23:55 CET');
  });

  it.each([
    ['the day and the zone once', '09:45Z', '11:45Z', 'UTC', '', '22 Nov 2026, 09:45 to 11:45 UTC'],
    ['no day that is today', '09:45Z', '11:45Z', 'UTC', '2026-11-22T23:59Z', '09:45 to 11:45 UTC'],
    [
      'today by the zone, not by UTC',
      '23:30Z',
      '23:45Z',
      'Europe/Berlin',
      '2026-11-23T08:00Z',
      '00:30 to 00:45 CET',
    ],
    [
      'both days of a night',
      '22:00Z',
      '2026-11-23T02:00Z',
      'UTC',
      '',
      '22 Nov 2026, 22:00 UTC to 23 Nov 2026, 02:00 UTC',
    ],
    [
      'the night that begins today',
      '22:00Z',
      '2026-11-23T02:00Z',
      'UTC',
      '2026-11-22T08:00Z',
      '22:00 UTC to 23 Nov 2026, 02:00 UTC',
    ],
    [
      'both zones of a change of the clocks',
      '2026-10-25T00:30Z',
      '2026-10-25T01:15Z',
      'Europe/Berlin',
      '',
      '25 Oct 2026, 02:30 CEST to 02:15 CET',
    ],
  ])('writes a range with %s', (_, from, to, name, now, text) => {
    const at = (time: string) => parseInstant(time.includes('T') ? time : `2026-11-22T${time}`) as string;
    expect(rangeText(at(from), at(to), name, now ? at(now) : undefined)).toBe(text);
  });

  it('carries the zone of the season, and writes every month in three letters', () => {
    expect(dateTimeText('2026-07-01T12:00:00.000Z', 'Europe/Berlin')).toBe('1 Jul 2026, 14:00 CEST');
    expect(dateText('2026-09-30T12:00:00.000Z', 'UTC')).toBe('30 Sep 2026');
    expect(dateTimeText('2026-11-21T00:00:00.000Z', 'UTC')).toBe('21 Nov 2026, 00:00 UTC');
  });

  it.each([
    [0, '0 minutes'],
    [-5 * MINUTE, '0 minutes'],
    [59_999, '0 minutes'],
    [MINUTE, '1 minute'],
    [51 * MINUTE, '51 minutes'],
    [HOUR, '1 hour'],
    [2 * HOUR + 5 * MINUTE, '2 hours 5 minutes'],
    [DAY - 1, '23 hours 59 minutes'],
    [DAY, '1 day'],
    [3 * DAY + 4 * HOUR + 30 * MINUTE, '3 days 4 hours'],
    [DAY + 59 * MINUTE, '1 day'],
  ])('%i ms is %s', (ms, text) => expect(durationText(ms)).toBe(text));
});
