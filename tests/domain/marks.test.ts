import { describe, expect, it } from 'vitest';
import { dayMarks, dayName, lastDays, lengthText, markPaths, shortDay, troubledDays } from '#domain/marks.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { worstStretches } from '#domain/uptime.ts';

const NOW = '2026-11-20T14:00:00.000Z';
const LONG_AGO = 0;

function marksOf(spans: Parameters<typeof worstStretches>[0], count = 5, bornAt = LONG_AGO, zone = 'UTC') {
  const days = lastDays(count, zone, NOW);
  return dayMarks(worstStretches(spans, days[0]!.from, days.at(-1)!.to), days, bornAt);
}

describe('the last days', () => {
  it('end with today so far, in the zone of the page', () => {
    const days = lastDays(2, 'Pacific/Auckland', NOW);
    expect(days.map((day) => day.day)).toEqual(['2026-11-20', '2026-11-21']);
    expect(new Date(days[1]!.from).toISOString()).toBe('2026-11-20T11:00:00.000Z');
    expect(new Date(days[1]!.to).toISOString()).toBe(NOW);
  });

  it('are 23 or 25 hours long when clocks change', () => {
    const days = lastDays(90, 'Europe/Berlin', NOW);
    const change = days.find((day) => day.day === '2026-10-25')!;
    expect(change.to - change.from).toBe(25 * HOUR);
    expect(days).toHaveLength(90);
  });
});

describe('a day', () => {
  it('shows its worst status, and how long each lasted', () => {
    const marks = marksOf([
      {
        status: 'degraded_performance',
        startsAt: '2026-11-18T22:00:00.000Z',
        endsAt: '2026-11-19T02:00:00.000Z',
      },
      { status: 'major_outage', startsAt: '2026-11-19T01:00:00.000Z', endsAt: '2026-11-19T01:00:40.000Z' },
    ]);
    expect(marks.map((mark) => mark.status)).toEqual([
      'operational',
      'operational',
      'degraded_performance',
      'major_outage',
      'operational',
    ]);
    expect(dayName(marks[3]!.lengths)).toBe('Major outage 40 seconds, degraded 1 hour 59 minutes');
    expect(troubledDays(marks)).toEqual([
      {
        index: 3,
        day: '2026-11-19',
        status: 'major_outage',
        name: 'Major outage 40 seconds, degraded 1 hour 59 minutes',
      },
      { index: 2, day: '2026-11-18', status: 'degraded_performance', name: 'Degraded 2 hours' },
    ]);
  });

  it('is blank before the component was there', () => {
    const marks = marksOf([], 3, Date.parse('2026-11-19T12:00:00.000Z'));
    expect(marks.map((mark) => mark.status)).toEqual([null, 'operational', 'operational']);
  });

  it('counts what is still going on up to now', () => {
    const marks = marksOf(
      [{ status: 'partial_outage', startsAt: '2026-11-20T13:00:00.000Z', endsAt: null }],
      1,
    );
    expect(marks[0]!.lengths).toEqual({ partial_outage: HOUR });
  });

  it('is named by its calendar date', () => {
    expect(shortDay('2026-11-19')).toBe('Thu 19 Nov');
    expect([lengthText(400), lengthText(59_000), lengthText(90 * MINUTE)]).toEqual([
      '1 second',
      '59 seconds',
      '1 hour 30 minutes',
    ]);
  });
});

describe('the drawing', () => {
  it('is one path a status: a low line, and on it a taller upright for a worse day', () => {
    const paths = markPaths(
      marksOf([
        {
          status: 'partial_outage',
          startsAt: '2026-11-17T01:00:00.000Z',
          endsAt: '2026-11-17T02:00:00.000Z',
        },
        { status: 'major_outage', startsAt: '2026-11-19T01:00:00.000Z', endsAt: null },
      ]),
    );
    expect(paths).toEqual([
      { status: 'operational', d: 'M0 23h10' },
      { status: 'partial_outage', d: 'M3 24v-18' },
      { status: 'major_outage', d: 'M7 24v-24M9 24v-24' },
    ]);
  });

  it('begins where the record begins', () => {
    const born = Date.parse('2026-11-18T12:00:00.000Z');
    expect(markPaths(marksOf([], 5, born))).toEqual([{ status: 'operational', d: 'M4 23h6' }]);
    expect(markPaths(marksOf([], 5, Date.parse('2027-01-01T00:00:00.000Z')))).toEqual([]);
  });

  it('stays small: ninety good days are one move and one line', () => {
    expect(markPaths(marksOf([], 90))).toEqual([{ status: 'operational', d: 'M0 23h180' }]);
  });
});
