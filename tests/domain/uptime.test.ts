import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPONENT_STATUSES, statusRank } from '#domain/status.ts';
import { DAY, HOUR, toInstant } from '#domain/time.ts';
import { type Span, uptimeOf, worstStretches } from '#domain/uptime.ts';
import { wordsIn } from '#i18n/words.ts';

const START = Date.parse('2026-11-01T00:00:00.000Z');
const END = START + 30 * DAY;
const WINDOW = { from: START, to: END };

const spans = fc.array(
  fc
    .record({
      status: fc.constantFrom(...COMPONENT_STATUSES),
      from: fc.integer({ min: START - DAY, max: END + DAY }),
      length: fc.integer({ min: 0, max: 5 * DAY }),
      open: fc.boolean(),
    })
    .map(
      ({ status, from, length, open }): Span => ({
        status,
        startsAt: toInstant(from),
        endsAt: open ? null : toInstant(from + length),
      }),
    ),
  { maxLength: 12 },
);

function span(status: Span['status'], from: number, to: number | null): Span {
  return { status, startsAt: toInstant(from), endsAt: to === null ? null : toInstant(to) };
}

describe('uptime', () => {
  it('is (T - (major + w * partial)) / T', () => {
    const down = [
      span('major_outage', START, START + HOUR),
      span('partial_outage', START + 2 * HOUR, START + 4 * HOUR),
      span('degraded_performance', START + 5 * HOUR, START + 50 * HOUR),
      span('under_maintenance', START + 60 * HOUR, START + 90 * HOUR),
    ];
    expect(uptimeOf(down, { from: START, to: START + 100 * HOUR }, START, 0.3)).toEqual({
      ratio: 0.984,
      recorded: 100 * HOUR,
      major: HOUR,
      partial: 2 * HOUR,
    });
  });

  it('counts overlapping claims once, as the worst of them', () => {
    const overlapping = [
      span('partial_outage', START, START + 3 * HOUR),
      span('major_outage', START + HOUR, START + 2 * HOUR),
      span('major_outage', START + HOUR, START + 2 * HOUR),
    ];
    expect(uptimeOf(overlapping, WINDOW, START, 0.3)).toMatchObject({ major: HOUR, partial: 2 * HOUR });
  });

  it('counts only the recorded life', () => {
    const bornAt = START + 10 * HOUR;
    const result = uptimeOf(
      [span('major_outage', START, START + 11 * HOUR)],
      { from: START, to: START + 20 * HOUR },
      bornAt,
      0.3,
    );
    expect(result).toMatchObject({ ratio: 0.9, recorded: 10 * HOUR, major: HOUR });
    expect(uptimeOf([], WINDOW, END, 0.3)).toBeNull();
  });

  it('lets an open span run to the end of the window and no further', () => {
    expect(uptimeOf([span('major_outage', END - HOUR, null)], WINDOW, START, 0.3)).toMatchObject({
      major: HOUR,
    });
  });

  it('stays between 0 and 1, and its parts within the recorded time', () => {
    fc.assert(
      fc.property(
        spans,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: START - DAY, max: END - 1 }),
        (all, weight, born) => {
          const result = uptimeOf(all, WINDOW, born, weight)!;
          expect(result.ratio).toBeGreaterThanOrEqual(0);
          expect(result.ratio).toBeLessThanOrEqual(1);
          expect(result.major + result.partial).toBeLessThanOrEqual(result.recorded);
        },
      ),
    );
  });

  it('does not change when a span is split in two, doubled, or the order is turned round', () => {
    fc.assert(
      fc.property(spans, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const split = all.flatMap((one) => {
          const from = Date.parse(one.startsAt);
          const to = one.endsAt ? Date.parse(one.endsAt) : END + DAY;
          const cut = Math.max(from, Math.min(to, Math.round(from + (to - from) * share)));
          return [span(one.status, from, cut), { ...one, startsAt: toInstant(cut) }];
        });
        const plain = uptimeOf(all, WINDOW, START, 0.3);
        expect(uptimeOf(split, WINDOW, START, 0.3)).toEqual(plain);
        expect(uptimeOf([...all, ...all], WINDOW, START, 0.3)).toEqual(plain);
        expect(uptimeOf([...all].reverse(), WINDOW, START, 0.3)).toEqual(plain);
      }),
    );
  });

  it('never rises when something more goes wrong or counts for more', () => {
    fc.assert(
      fc.property(spans, spans, fc.double({ min: 0, max: 1, noNaN: true }), (some, more, weight) => {
        // A worse claim may turn a partial outage into a major one, which never counts for less.
        const before = uptimeOf(some, WINDOW, START, weight)!.ratio;
        expect(uptimeOf([...some, ...more], WINDOW, START, weight)!.ratio).toBeLessThanOrEqual(
          before + 1e-12,
        );
        expect(uptimeOf(some, WINDOW, START, 1)!.ratio).toBeLessThanOrEqual(before + 1e-12);
      }),
    );
  });
});

describe('worst stretches', () => {
  it('lie in order without overlap, and hold the worst claim of each moment', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: START, max: END - 1 }), (all, moment) => {
        const stretches = worstStretches(all, START, END);
        for (const [i, stretch] of stretches.entries()) {
          expect(stretch.from).toBeLessThan(stretch.to);
          if (i > 0) expect(stretches[i - 1]!.to).toBeLessThanOrEqual(stretch.from);
        }
        const expected = Math.max(
          0,
          ...all
            .filter(
              (one) =>
                Date.parse(one.startsAt) <= moment &&
                (one.endsAt === null || Date.parse(one.endsAt) > moment),
            )
            .map((one) => statusRank(one.status)),
        );
        const found = stretches.find((stretch) => stretch.from <= moment && moment < stretch.to);
        expect(statusRank(found?.status ?? 'operational')).toBe(expected);
      }),
    );
  });
});

describe('a percentage', () => {
  const { percent } = wordsIn('en');

  it('never rounds up to a perfect score', () => {
    expect(percent(1)).toBe('100%');
    expect(percent(0.999999)).toBe('99.99%');
    expect(percent(0.9997)).toBe('99.97%');
    expect(percent(0)).toBe('0.00%');
  });
});
