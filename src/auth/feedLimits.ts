import { createSubscribeLimits } from './subscribeLimits.ts';

const KEY = Symbol.for('foghorn.feedLimits');
const holder = globalThis as { [KEY]?: ReturnType<typeof createSubscribeLimits> };

/** A turn to read a calendar. A provider of calendars reads those of many people from few addresses, and nobody can try tokens. */
export function takeFeedTurn(clientKey: string) {
  holder[KEY] ??= createSubscribeLimits({
    perClient: { points: 240, duration: 60 },
    overall: { points: 2400, duration: 60 },
  });
  return holder[KEY](clientKey);
}
