import type { Mishap } from '../support/fakeResend.ts';

const SERVER_FAILED = JSON.stringify({
  statusCode: 500,
  name: 'internal_server_error',
  message: 'An unexpected error occurred.',
});
const TOO_MANY = JSON.stringify({
  statusCode: 429,
  name: 'rate_limit_exceeded',
  message: 'Too many requests.',
});

/** What goes wrong with a call, and in which share of calls. */
const MISHAPS: readonly [share: number, name: string, (random: () => number) => Mishap][] = [
  [0.05, 'answers lost after the mails were taken', () => ({ kind: 'takeAndDrop' })],
  [
    0.015,
    '500s after the mails were taken',
    () => ({ kind: 'takeAndAnswer', status: 500, body: SERVER_FAILED }),
  ],
  [0.015, '500s', () => ({ kind: 'answer', status: 500, body: SERVER_FAILED })],
  [
    0.02,
    '429s',
    (random) => ({
      kind: 'answer',
      status: 429,
      body: TOO_MANY,
      headers: { 'retry-after': (random() / 2).toFixed(3) },
    }),
  ],
  [0.01, 'cut connections', () => ({ kind: 'drop' })],
  [0.02, 'slow bodies', (random) => ({ kind: 'takeAndDrip', ms: random() * 2_000 })],
];

/** One call in eight meets something. */
export function badWeather(random: () => number): { next: () => Mishap | null; told: () => string } {
  const met = new Map<string, number>();
  return {
    next() {
      let dice = random();
      for (const [share, name, make] of MISHAPS) {
        dice -= share;
        if (dice >= 0) continue;
        met.set(name, (met.get(name) ?? 0) + 1);
        return make(random);
      }
      return null;
    },
    told: () => MISHAPS.map(([, name]) => `${met.get(name) ?? 0} ${name}`).join(', '),
  };
}
