import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICIES, type Severity } from '#domain/severity.ts';
import { type News, planStreams, waitWords } from '#domain/subscriberPace.ts';

const at = (clock: string) => `2026-11-20T${clock}:00.000Z`;

/** An ordinary update at 14:20 of what was declared at 14:00 and last mailed at 14:15. */
function news(severity: Severity | null, changes: Partial<News> = {}): News {
  return {
    policy: severity && DEFAULT_POLICIES[severity],
    kind: 'progress',
    statusChanged: false,
    severityChanged: false,
    windowChanged: false,
    asPlanned: false,
    openSince: at('14:00'),
    atOnce: at('14:20'),
    lastLeft: at('14:15'),
    waiting: null,
    ...changes,
  };
}

/** "everything important 14:20 | policy 14:25 (interval 14:15) | digest: digest". */
function told(one: News): string {
  const { streams, digest } = planStreams(one);
  const words = streams.map(
    ({ modes, toldModes, releaseAt, wait }) =>
      `${modes.join(' ')}${toldModes.length ? `, if told ${toldModes.join(' ')}` : ''} ${releaseAt.slice(11, 16)}${wait ? ` (${wait.for} ${wait.since.slice(11, 16)})` : ''}`,
  );
  return [...words, `in the digest ${digest.join(' ')}`].join(' | ');
}

const DIGEST = 'in the digest digest';

describe('who hears of an update, and when', () => {
  const cases: [string, News, string][] = [
    [
      'SEV1 opens',
      news('SEV1', { kind: 'initial', lastLeft: null }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
    ['SEV1 goes on', news('SEV1'), `everything 14:20 | policy 14:25 (interval 14:15) | ${DIGEST}`],
    [
      'SEV1 goes on after ten minutes',
      news('SEV1', { lastLeft: at('14:10') }),
      `everything policy 14:20 | ${DIGEST}`,
    ],
    ['SEV1 changes status', news('SEV1', { statusChanged: true }), `everything policy 14:20 | ${DIGEST}`],
    [
      'SEV2 goes on',
      news('SEV2', { kind: 'holding' }),
      `everything 14:20 | policy 14:30 (interval 14:15) | ${DIGEST}`,
    ],
    [
      'it becomes a SEV2',
      news('SEV2', { severityChanged: true }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
    [
      'SEV1 is over',
      news('SEV1', { kind: 'resolution', statusChanged: true }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
    [
      'SEV3 opens',
      news('SEV3', { kind: 'initial', lastLeft: null }),
      `everything important 14:20 | policy 14:30 (opening 14:00) | ${DIGEST}`,
    ],
    [
      'SEV3 opens after it has been open for long',
      news('SEV3', { kind: 'initial', lastLeft: null, openSince: at('13:50') }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
    [
      'SEV3 changes status before its opening has left',
      news('SEV3', {
        statusChanged: true,
        lastLeft: null,
        waiting: { until: at('14:30'), wait: { for: 'opening', since: at('14:00') } },
      }),
      `everything 14:20 | policy 14:30 (opening 14:00) | ${DIGEST}`,
    ],
    [
      'SEV3 changes status later',
      news('SEV3', { statusChanged: true }),
      `everything 14:20 | policy 16:15 (interval 14:15) | ${DIGEST}`,
    ],
    [
      'SEV3 is over',
      news('SEV3', { kind: 'resolution', statusChanged: true, lastLeft: null }),
      `everything important, if told policy 14:20 | ${DIGEST}`,
    ],
    [
      'a SEV3 that was a SEV4 for ten minutes',
      news('SEV3', { severityChanged: true, lastLeft: null }),
      `everything important 14:20 | policy 14:30 (opening 14:00) | ${DIGEST}`,
    ],
    [
      'SEV4 opens',
      news('SEV4', { kind: 'initial', lastLeft: null }),
      `everything important 14:20 | ${DIGEST} policy`,
    ],
    [
      'it becomes a SEV4',
      news('SEV4', { severityChanged: true }),
      `everything important, if told policy 14:20 | ${DIGEST} policy`,
    ],
    ['SEV4 goes on', news('SEV4'), `everything 14:20 | ${DIGEST} policy`],
    [
      'SEV4 is over',
      news('SEV4', { kind: 'resolution' }),
      `everything important, if told policy 14:20 | ${DIGEST} policy`,
    ],
    [
      'SEV3 is open again',
      news('SEV3', { kind: 'reopening', openSince: at('14:20'), statusChanged: true }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
    [
      'SEV3 is open again, and its opening had never left',
      news('SEV3', { kind: 'reopening', openSince: at('14:20'), lastLeft: null }),
      `everything important 14:20 | policy 14:50 (opening 14:20) | ${DIGEST}`,
    ],
    [
      'what was said is put right',
      news('SEV1', { kind: 'correction' }),
      `everything, if told important policy 14:20 | ${DIGEST}`,
    ],
    ['planned work goes on', news(null), `everything policy 14:20 | ${DIGEST}`],
    [
      'planned work is announced',
      news(null, { kind: 'initial', lastLeft: null }),
      `everything important policy 14:20 | ${DIGEST}`,
    ],
  ];
  for (const [name, one, expected] of cases) it(name, () => expect(told(one)).toBe(expected));

  it('never delays what it takes the place of', () => {
    const urgent = { until: at('14:21'), wait: null };
    expect(told(news('SEV1', { waiting: urgent }))).toBe(`everything 14:20 | policy 14:21 | ${DIGEST}`);
    const due = { until: at('14:19'), wait: null };
    expect(told(news('SEV1', { waiting: due }))).toBe(`everything policy 14:20 | ${DIGEST}`);
  });

  it('says why', () => {
    const now = { zone: 'UTC', now: at('14:20') };
    expect(waitWords({ for: 'interval', since: at('14:15') }, at('14:25'), now)).toBe(
      'because the last mail left at 14:15 UTC',
    );
    expect(waitWords({ for: 'opening', since: at('14:00') }, at('14:30'), now)).toBe(
      'if it is still open then: it is told once it has been open for 30 minutes',
    );
  });
});
