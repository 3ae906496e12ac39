import { createSubscribeLimits } from './subscribeLimits.ts';

const KEY = Symbol.for('foghorn.briefLimits');
const holder = globalThis as { [KEY]?: ReturnType<typeof createSubscribeLimits> };

/** A turn to read a brief. In a minute a room of people behind one address may look at once, and nobody can try tokens. */
export function takeBriefTurn(clientKey: string) {
  holder[KEY] ??= createSubscribeLimits({
    perClient: { points: 120, duration: 60 },
    overall: { points: 2400, duration: 60 },
  });
  return holder[KEY](clientKey);
}
