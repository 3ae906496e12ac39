import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { networkOf } from './limits.ts';

/** Subscriptions one client may ask for in ten minutes. An office behind one address must get through while something is down. */
const PER_CLIENT = { points: 20, duration: 600 };
/** And all clients together, so that no crowd of robots can make us mail the world. */
const OVERALL = { points: 600, duration: 60 };

type Turn = { ok: true } | { ok: false; retryAfter: number };

/** A fresh pair of limits, kept in this process. `retryAfter` is in seconds. */
export function createSubscribeLimits(
  limits: { perClient?: typeof PER_CLIENT; overall?: typeof OVERALL } = {},
): (clientKey: string) => Promise<Turn> {
  const perClient = new RateLimiterMemory(limits.perClient ?? PER_CLIENT);
  const overall = new RateLimiterMemory(limits.overall ?? OVERALL);
  return async (clientKey) => {
    try {
      await perClient.consume(networkOf(clientKey));
      await overall.consume('all');
      return { ok: true };
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      return { ok: false, retryAfter: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)) };
    }
  };
}

const KEY = Symbol.for('foghorn.subscribeLimits');
const holder = globalThis as { [KEY]?: ReturnType<typeof createSubscribeLimits> };

/** This process's limits. They hang on globalThis because `astro dev` may load this module more than once. */
export function takeSubscribeTurn(clientKey: string): Promise<Turn> {
  holder[KEY] ??= createSubscribeLimits();
  return holder[KEY](clientKey);
}
