import { describe, expect, it } from 'vitest';
import { type DayMark, dayMarks, dayName, lastDays, markPaths, troubledDays } from '#domain/marks.ts';
import { type ComponentStatus, worstStatus } from '#domain/status.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { type Span, worstStretches } from '#domain/uptime.ts';
import { wordsIn } from '#i18n/words.ts';

const NOW = '2026-11-20T14:00:00.000Z';
const LONG_AGO = 0;
const ENGLISH = wordsIn('en');
const nameOf = (mark: DayMark, zone: string) => dayName(mark, ENGLISH.dayWords(zone));

function marksOf(
  spans: readonly Span[],
  count = 5,
  { bornAt = LONG_AGO, zone = 'UTC', now = NOW }: { bornAt?: number; zone?: string; now?: string } = {},
) {
  const days = lastDays(count, zone, now);
  const status = worstStatus(
    spans.filter((one) => one.endsAt === null || one.endsAt > now).map((one) => one.status),
  );
  return dayMarks(worstStretches(spans, days[0]!.from, days.at(-1)!.to), days, bornAt, status);
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
    expect(nameOf(marks[3]!, 'UTC')).toBe('Major outage 40 seconds, degraded 1 hour 59 minutes');
    expect(troubledDays(marks, ENGLISH.dayWords('UTC'))).toEqual([
      {
        day: '2026-11-19',
        status: 'major_outage',
        name: 'Major outage 40 seconds, degraded 1 hour 59 minutes',
      },
      { day: '2026-11-18', status: 'degraded_performance', name: 'Degraded 2 hours' },
    ]);
  });

  it('is blank before the component was there', () => {
    const marks = marksOf([], 3, { bornAt: Date.parse('2026-11-19T12:00:00.000Z') });
    expect(marks.map((mark) => mark.status)).toEqual([null, 'operational', 'operational']);
  });

  const open = (status: ComponentStatus, startsAt: string): Span => ({ status, startsAt, endsAt: null });

  it('says since when, never for how long, of what is still going on', () => {
    const spans = [
      { ...open('partial_outage', '2026-11-20T02:00:00.000Z'), endsAt: '2026-11-20T02:20:00.000Z' },
      open('partial_outage', '2026-11-20T13:05:00.000Z'),
    ];
    const name = (now: string, zone?: string) => nameOf(marksOf(spans, 1, { now, zone })[0]!, zone ?? 'UTC');
    expect(name(NOW)).toBe('Partial outage 20 minutes and since 13:05 UTC');
    expect(name('2026-11-20T19:41:12.345Z')).toBe(name(NOW));
    expect(name(NOW, 'Europe/Berlin')).toBe('Partial outage 20 minutes and since 14:05 CET');
  });

  it('in the middle of a longer trouble was all of it, today so far; a first one has its length', () => {
    const marks = marksOf([open('major_outage', '2026-11-18T22:00:00.000Z')], 3);
    expect(troubledDays(marks, ENGLISH.dayWords('UTC')).map((day) => day.name)).toEqual([
      'Major outage all day so far',
      'Major outage all day',
      'Major outage 2 hours',
    ]);
    expect(marks.map((mark) => mark.running?.status)).toEqual([undefined, undefined, 'major_outage']);
  });

  it('is all of it too when clocks change', () => {
    const whole = [open('degraded_performance', '2026-10-20T00:00:00.000Z')];
    const marks = marksOf(whole, 3, { zone: 'Europe/Berlin', now: '2026-10-26T12:00:00.000Z' });
    expect(nameOf(marks[1]!, 'Europe/Berlin')).toBe('Degraded all day');
  });

  it('shows what a worse trouble, which ended this moment, had covered', () => {
    const [mark] = marksOf(
      [
        open('degraded_performance', '2026-11-20T12:00:00.000Z'),
        { ...open('major_outage', '2026-11-20T13:00:00.000Z'), endsAt: NOW },
      ],
      1,
    );
    expect(nameOf(mark!, 'UTC')).toBe('Major outage 1 hour, degraded 1 hour and since 14:00 UTC');
    const [ended] = marksOf([{ ...open('major_outage', '2026-11-20T13:00:00.000Z'), endsAt: NOW }], 1);
    expect(nameOf(ended!, 'UTC')).toBe('Major outage 1 hour');
  });

  it('of today has no whole, however it began: there is more of it to come', () => {
    const midnight = '2026-11-20T00:00:00.000Z';
    const [began] = marksOf([open('major_outage', '2026-11-19T12:00:00.000Z')], 1, { now: midnight });
    expect(began).toMatchObject({ status: 'major_outage', lengths: {} });
    const [over] = marksOf([{ ...open('major_outage', '2026-11-19T12:00:00.000Z'), endsAt: NOW }], 1);
    expect(nameOf(over!, 'UTC')).toBe('Major outage 14 hours');
  });

  it('is drawn on the day that a component is made, from its first moment', () => {
    const marks = marksOf([], 2, { bornAt: Date.parse(NOW) });
    expect(marks.map((mark) => mark.status)).toEqual([null, 'operational']);
  });

  it('is named by its calendar date', () => {
    expect(ENGLISH.day('2026-11-19')).toBe('Thu 19 Nov');
    expect([
      ENGLISH.dayWords('UTC').length(400),
      ENGLISH.dayWords('UTC').length(59_000),
      ENGLISH.dayWords('UTC').length(90 * MINUTE),
    ]).toEqual(['1 second', '59 seconds', '1 hour 30 minutes']);
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
    expect(markPaths(marksOf([], 5, { bornAt: born }))).toEqual([{ status: 'operational', d: 'M4 23h6' }]);
    expect(markPaths(marksOf([], 5, { bornAt: Date.parse('2027-01-01T00:00:00.000Z') }))).toEqual([]);
  });

  it('stays small: ninety good days are one move and one line', () => {
    expect(markPaths(marksOf([], 90))).toEqual([{ status: 'operational', d: 'M0 23h180' }]);
  });
});
