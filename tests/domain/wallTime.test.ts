import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromLocal, HOUR, MINUTE, msBetween, toLocal } from '#domain/time.ts';
import { readWallTime, twiceOf, wallEnd, wallTimeTrouble } from '#domain/wallTime.ts';

const BERLIN = 'Europe/Berlin';

it('a time on the wall is one instant, two where clocks go back, none where they go forward', () => {
  expect(readWallTime('2026-11-24T02:30', BERLIN)).toEqual(['2026-11-24T01:30:00.000Z']);
  expect(readWallTime('2026-10-25T02:30', BERLIN)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-25T01:30:00.000Z',
  ]);
  expect(readWallTime('2027-03-28T02:30', BERLIN)).toEqual([]);
  expect(readWallTime('2027-02-30T02:30', BERLIN)).toBeNull();
  // Half an hour is moved on Lord Howe, and all of a day was left out on Samoa.
  expect(readWallTime('2027-04-04T01:45', 'Australia/Lord_Howe')).toHaveLength(2);
  expect(readWallTime('2026-10-04T02:15', 'Australia/Lord_Howe')).toEqual([]);
  expect(readWallTime('2011-12-30T12:00', 'Pacific/Apia')).toEqual([]);
});

it('says in words what is wrong with such a time', () => {
  expect(wallTimeTrouble('2026-11-24T02:30', BERLIN)).toBeNull();
  expect(wallTimeTrouble('2027-03-28T02:30', BERLIN)).toBe(
    '02:30 does not come on that day: clocks go forward over it, in Europe/Berlin. It would be 03:30 CEST. Give a time that comes.',
  );
  expect(wallTimeTrouble('2026-10-25T02:30', BERLIN)).toBe(
    '02:30 comes twice on that day: clocks go back, in Europe/Berlin. Choose 02:30 CEST, or 02:30 CET which comes later.',
  );
  expect(twiceOf('2026-10-25T02:30', BERLIN)?.map(({ name }) => name)).toEqual(['02:30 CEST', '02:30 CET']);
  expect(twiceOf('2026-11-24T02:30', BERLIN)).toBeNull();
});

it('whatever reads so on the wall is among them, and nothing else is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }),
      fc.constantFrom(
        BERLIN,
        'America/St_Johns',
        'Australia/Lord_Howe',
        'UTC',
        'Asia/Kathmandu',
        'America/Santiago',
      ),
      (ms, zone) => {
        const at = new Date(Math.floor(ms / MINUTE) * MINUTE).toISOString();
        const local = toLocal(at, zone);
        const found = readWallTime(local, zone) ?? [];
        expect(found).toContain(at);
        for (const one of found) expect(toLocal(one, zone)).toBe(local);
      },
    ),
  );
});

it('two hours on the wall are two hours by the clock, whatever the night does', () => {
  for (const [day, hours] of [
    ['2026-10-24', 3],
    ['2026-10-25', 4],
    ['2027-03-28', 2],
  ] as const) {
    const from = fromLocal(`${day}T01:00`, BERLIN) as string;
    expect(msBetween(from, wallEnd(from, 180, BERLIN))).toBe(hours * HOUR);
    expect(toLocal(wallEnd(from, 180, BERLIN), BERLIN)).toBe(`${day}T04:00`);
  }
});
