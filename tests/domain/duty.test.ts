import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DutyPerson,
  gapsIn,
  onDutyAt,
  overlapsIn,
  planRotation,
  readRota,
  type Shift,
  shiftTimesProblem,
  wallTime,
} from '#domain/duty.ts';
import { addMs, DAY, HOUR, toInstant, toLocal } from '#domain/time.ts';

const BERLIN = 'Europe/Berlin';
const START = '2026-11-20T00:00:00.000Z';
const at = (hours: number) => addMs(START, hours * HOUR);

const person = (name: string, canSignIn = true): DutyPerson => ({
  userId: name,
  name,
  email: `${name}@example.com`,
  role: 'comms',
  canSignIn,
});
let seq = 0;
const shift = (from: number, to: number, who = 'mia', canSignIn = true): Shift => ({
  seq: ++seq,
  id: `s${seq}`,
  startsAt: at(from),
  endsAt: at(to),
  primary: person(who, canSignIn),
  second: null,
  manager: null,
});
const hours = ({ from, to }: { from: string; to: string }) =>
  [from, to].map((one) => (Date.parse(one) - Date.parse(START)) / HOUR);

describe('the rota', () => {
  it('is read in stretches: who is on duty, and the hours in which nobody is', () => {
    const shifts = [shift(0, 8, 'mia'), shift(10, 18, 'jonas')];
    expect(readRota(shifts, at(0), at(20)).map((one) => [...hours(one), one.shift?.primary.name])).toEqual([
      [0, 8, 'mia'],
      [8, 10, undefined],
      [10, 18, 'jonas'],
      [18, 20, undefined],
    ]);
    expect(gapsIn(readRota(shifts, at(0), at(20))).map(hours)).toEqual([
      [8, 10],
      [18, 20],
    ]);
  });

  it('ends a shift at its very end, where the next begins', () => {
    const shifts = [shift(0, 8, 'mia'), shift(8, 16, 'jonas')];
    expect(onDutyAt(shifts, at(8))?.primary.name).toBe('jonas');
    expect(onDutyAt(shifts, addMs(at(8), -1))?.primary.name).toBe('mia');
    expect(onDutyAt(shifts, at(16))).toBeNull();
    expect(gapsIn(readRota(shifts, at(0), at(16)))).toEqual([]);
  });

  it('has the one that began last on duty where shifts overlap, and goes back to the other', () => {
    const shifts = [shift(0, 12, 'mia'), shift(4, 6, 'jonas')];
    expect(readRota(shifts, at(0), at(12)).map((one) => one.shift?.primary.name)).toEqual([
      'mia',
      'jonas',
      'mia',
    ]);
    const [overlap, ...more] = overlapsIn(readRota(shifts, at(0), at(12)));
    expect(more).toEqual([]);
    expect([hours(overlap as never), overlap?.over.primary.name, overlap?.under.primary.name]).toEqual([
      [4, 6],
      'jonas',
      'mia',
    ]);
    // Two that begin at once: the one that was entered later, however they are listed.
    const both = [shift(0, 4, 'mia'), shift(0, 4, 'jonas')];
    expect(onDutyAt(both.toReversed(), at(1))?.primary.name).toBe('jonas');
  });

  it('says a gap where the primary can no longer sign in', () => {
    const shifts = [shift(0, 8, 'mia'), shift(8, 16, 'ada', false), shift(18, 20, 'ada', false)];
    expect(gapsIn(readRota(shifts, at(0), at(20))).map((gap) => [...hours(gap), gap.gone?.name])).toEqual([
      [8, 16, 'ada'],
      [16, 18, undefined],
      [18, 20, 'ada'],
    ]);
  });

  const rotas = fc.array(
    fc
      .tuple(
        fc.integer({ min: -10, max: 60 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('a', 'b', 'c'),
      )
      .map(([from, length, who]) => shift(from, from + length, who, who !== 'c')),
    { maxLength: 8 },
  );

  it('is covered without a hole or a double hour, and each stretch is what each of its moments is', () => {
    fc.assert(
      fc.property(rotas, fc.integer({ min: 0, max: 49 }), (shifts, hour) => {
        const stretches = readRota(shifts, at(0), at(50));
        expect(stretches[0]?.from).toBe(at(0));
        expect(stretches.at(-1)?.to).toBe(at(50));
        for (const [index, one] of stretches.entries()) {
          expect(one.from < one.to).toBe(true);
          if (index) expect(one.from).toBe(stretches[index - 1]?.to);
        }
        const here = stretches.find(({ from, to }) => from <= at(hour) && at(hour) < to);
        expect(here?.shift ?? null).toBe(onDutyAt(shifts, at(hour)));
        // An hour is in a gap exactly when nobody who can sign in is on duty.
        const inGap = gapsIn(stretches).some(({ from, to }) => from <= at(hour) && at(hour) < to);
        expect(inGap).toBe(!onDutyAt(shifts, at(hour))?.primary.canSignIn);
        const meeting = overlapsIn(stretches).filter(({ from, to }) => from <= at(hour) && at(hour) < to);
        const covering = shifts.filter(({ startsAt, endsAt }) => startsAt <= at(hour) && at(hour) < endsAt);
        expect(meeting.length).toBe(Math.max(0, covering.length - 1));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a rotation', () => {
  const plan = (changes: Partial<Parameters<typeof planRotation>[0]> = {}, zone = BERLIN) =>
    planRotation(
      {
        people: ['a', 'b', 'c'],
        firstDay: '2027-03-15',
        at: '09:00',
        weeks: 4,
        nextIsSecond: true,
        ...changes,
      },
      zone,
    );

  it('changes over at the same hour of the wall, through both changes of the clocks', () => {
    const spring = plan();
    expect(spring.map(({ startsAt }) => toLocal(startsAt, BERLIN))).toEqual([
      '2027-03-15T09:00',
      '2027-03-22T09:00',
      '2027-03-29T09:00',
      '2027-04-05T09:00',
    ]);
    expect(spring.map(({ startsAt, endsAt }) => (Date.parse(endsAt) - Date.parse(startsAt)) / HOUR)).toEqual([
      168, 167, 168, 168,
    ]);
    const autumn = plan({ firstDay: '2027-10-25', weeks: 2 });
    expect(autumn.map(({ startsAt, endsAt }) => (Date.parse(endsAt) - Date.parse(startsAt)) / HOUR)).toEqual([
      169, 168,
    ]);
    expect(spring.map(({ primaryId, secondId }) => `${primaryId}${secondId}`)).toEqual([
      'ab',
      'bc',
      'ca',
      'ab',
    ]);
  });

  it('begins later where its hour is left out, and with the first where there are two', () => {
    expect(plan({ firstDay: '2027-03-28', at: '02:30', weeks: 1 })[0]?.startsAt).toBe(
      '2027-03-28T01:30:00.000Z',
    );
    expect(plan({ firstDay: '2027-10-31', at: '02:30', weeks: 1 })[0]?.startsAt).toBe(
      '2027-10-31T00:30:00.000Z',
    );
  });

  it('leaves no gap and no overlap, whatever the zone, the hour and the people', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('UTC', BERLIN, 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo'),
        fc.integer({ min: 0, max: 700 }),
        fc.integer({ min: 0, max: 47 }),
        fc.integer({ min: 1, max: 52 }),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 8 }),
        (zone, day, half, weeks, people) => {
          const shifts = plan(
            {
              people,
              weeks,
              firstDay: addMs(START, day * DAY).slice(0, 10),
              at: toInstant(half * (HOUR / 2)).slice(11, 16),
            },
            zone,
          );
          expect(shifts.length).toBe(weeks);
          for (const [index, one] of shifts.entries()) {
            expect(one.startsAt < one.endsAt).toBe(true);
            if (index) expect(one.startsAt).toBe(shifts[index - 1]?.endsAt);
            expect(one.primaryId).toBe(people[index % people.length]);
            expect(one.secondId).not.toBe(one.primaryId);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a time that was typed', () => {
  const read = (text: string, stands: string | null = null) => {
    const { success, data, error } = wallTime(BERLIN, 'From', stands).safeParse(text);
    return success ? data : error.issues[0]?.message;
  };

  it('is refused where the clocks go forward over it, and says what to choose', () => {
    expect(read('2027-03-28T02:30')).toBe(
      'There is no 02:30 on 2027-03-28 in Europe/Berlin: the clocks go forward then. Choose 03:30 or another time.',
    );
    expect(read('2027-03-28T03:00')).toBe('2027-03-28T01:00:00.000Z');
  });

  it('is the first of two where the clocks go back, unless it stood there as the second', () => {
    expect(read('2027-10-31T02:30')).toBe('2027-10-31T00:30:00.000Z');
    expect(read('2027-10-31T02:30', '2027-10-31T01:30:00.000Z')).toBe('2027-10-31T01:30:00.000Z');
    // What stood there keeps its seconds, which a form does not show.
    expect(read('2027-10-30T12:00', '2027-10-30T10:00:31.250Z')).toBe('2027-10-30T10:00:31.250Z');
  });

  it.each(['', '   ', 'soon', '2027-02-30T10:00', '2027-01-01', '2027-01-01T25:00', '20270-01-01T10:00'])(
    'is refused in words when it is none: “%s”',
    (text) => {
      expect(read(text)).toMatch(/^From is (missing|no time)/);
    },
  );
});

it('a shift lies ahead, ends after it begins, and is no longer than three months', () => {
  const problem = (from: number, to: number) =>
    shiftTimesProblem({ startsAt: at(from), endsAt: at(to) }, at(24))?.field ?? null;
  expect(problem(24, 30)).toBeNull();
  expect(problem(10, 30)).toBeNull();
  expect(problem(-1, 30)).toBe('from');
  expect(problem(24 + 24 * 800, 24 + 24 * 801)).toBe('from');
  expect(problem(30, 30)).toBe('to');
  expect(problem(10, 24)).toBe('to');
  expect(problem(24, 24 + 24 * 93)).toBe('to');
});
