import { expect, it } from 'vitest';
import { aboutText, finishText, goingText, type Prospect, paceOf, paceText } from '#domain/pace.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';

const now = '2026-11-20T14:00:00.000Z';
const ago = (ms: number) => addMs(now, -ms);

it('measures over the last minute, or over what there is of it', () => {
  expect(paceOf({ mails: 3_000, since: ago(MINUTE) }, { now, rate: null })).toBe(3_000);
  expect(paceOf({ mails: 3_000, since: ago(30_000) }, { now, rate: null })).toBe(6_000);
  expect(paceOf(null, { now, rate: null })).toBeNull();
});

it('takes no burst for a pace: five seconds at least, and no more than the provider allows', () => {
  expect(paceOf({ mails: 100, since: ago(10) }, { now, rate: null })).toBe(1_200);
  // 2 calls of 100 mails a second are 12,000 a minute.
  const rate = { limit: 2, windowMs: 1_000 };
  expect(paceOf({ mails: 4_000, since: ago(10) }, { now, rate })).toBe(12_000);
  expect(paceOf({ mails: 40_000, since: ago(MINUTE) }, { now, rate })).toBe(40_000);
});

const going: Prospect = {
  waiting: 4_000,
  ahead: 4_000,
  pace: 1_000,
  stopped: false,
  releaseAt: ago(MINUTE),
  hindered: null,
  quota: null,
  now,
};

it.each<[string, Partial<Prospect>]>([
  ['about 4 minutes at the present pace', {}],
  ['about 12 minutes at the present pace', { ahead: 12_000 }],
  ['less than a minute at the present pace', { ahead: 100 }],
  ['', { waiting: 0 }],
  ['stopped', { stopped: true }],
  ['leaves in 10 seconds', { releaseAt: addMs(now, 9_400) }],
  ['does not leave: something newer takes its place', { releaseAt: '9999-12-31T00:00:00.000Z' }],
  ['waits: sending is paused', { hindered: 'waits: sending is paused' }],
  [
    'the provider’s quota lets 900 more through in the next 2 hours',
    { quota: { mails: 900, forMs: 2 * HOUR } },
  ],
  ['about 4 minutes at the present pace', { quota: { mails: 4_000, forMs: 2 * HOUR } }],
  ['just begun', { pace: null, releaseAt: ago(14_000) }],
  ['not moving yet', { pace: null, releaseAt: ago(16_000) }],
])('says when it is through: %s', (words, changes) => {
  expect(finishText({ ...going, ...changes })).toBe(words);
});

it('rounds as people do', () => {
  expect([59_000, 60_000, 89 * MINUTE, 5 * HOUR, 72 * HOUR].map(aboutText)).toEqual([
    'less than a minute',
    'about 1 minute',
    'about 89 minutes',
    'about 5 hours',
    'about 3 days',
  ]);
  expect([4_812.4, 10, 0.5].map(paceText)).toEqual([
    '4,812 mails a minute',
    '10 mails a minute',
    '30 mails an hour',
  ]);
});

it('says for how long the oldest has been unsent, and the pace, while something waits and may leave', () => {
  const message = {
    waiting: 5,
    pace: 4_800,
    releaseAt: '2026-11-20T13:57:00.000Z',
    now: '2026-11-20T14:00:00.000Z',
  };
  expect(goingText(message)).toBe('Oldest unsent: 3 minutes · 4,800 mails a minute');
  expect(goingText({ ...message, pace: null, now: '2026-11-20T13:57:20.000Z' })).toBe(
    'Oldest unsent: less than a minute',
  );
  expect(goingText({ ...message, waiting: 0 })).toBe('');
  expect(goingText({ ...message, releaseAt: '2026-11-20T14:00:10.000Z' })).toBe('');
});
