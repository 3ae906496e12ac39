import { describe, expect, it } from 'vitest';
import { silencesByImpact } from '#domain/silences.ts';
import type { AnyStatus } from '#domain/status.ts';
import { addMs, MINUTE } from '#domain/time.ts';

const START = '2024-03-01T10:00:00.000Z';

/** Updates so many minutes after the start; a status where it is not `investigating`. */
const told = (impact: 'minor' | 'major', ...updates: (number | [number, AnyStatus])[]) => ({
  impact,
  said: updates.map((update) => {
    const [minutes, status] = typeof update === 'number' ? [update, 'investigating' as const] : update;
    return { postedAt: addMs(START, minutes * MINUTE), status };
  }),
});

describe('how long a page was silent', () => {
  it('counts each time from one update to the next, the worst impact first', () => {
    expect(
      silencesByImpact([
        told('minor', 0, 31, [200, 'resolved']),
        told('major', 0, 30, 61, [121, 'resolved']),
        told('minor', [5, 'resolved']),
      ]),
    ).toEqual([
      {
        impact: 'major',
        incidents: 1,
        gaps: 3,
        over30: 2,
        over60: 0,
        medianMs: 31 * MINUTE,
        longestMs: 60 * MINUTE,
      },
      {
        impact: 'minor',
        incidents: 2,
        gaps: 2,
        over30: 2,
        over60: 1,
        medianMs: 100 * MINUTE,
        longestMs: 169 * MINUTE,
      },
    ]);
  });

  it('ends with the incident: a postmortem breaks no silence, a reopening does', () => {
    expect(silencesByImpact([told('major', 0, [10, 'resolved'], [5000, 'postmortem'])])[0]).toMatchObject({
      gaps: 1,
      over60: 0,
    });
    expect(silencesByImpact([told('major', 0, [10, 'resolved'], 100, [110, 'resolved'])])[0]).toMatchObject({
      gaps: 3,
      over60: 1,
      longestMs: 90 * MINUTE,
    });
    expect(silencesByImpact([told('major', 0)])[0]).toMatchObject({
      gaps: 0,
      medianMs: null,
      longestMs: null,
    });
  });
});
