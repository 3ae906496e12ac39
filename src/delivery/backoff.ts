import { HOUR, MINUTE } from '#domain/time.ts';

const UNKNOWN_BASE = 1_000;
const UNKNOWN_CAP = 5 * MINUTE;

/** After a call without an answer: full jitter over 1 s, 2 s, 4 s ... 5 min, so that many workers do not come back together. */
export function unknownDelay(attempts: number, random: () => number): number {
  return Math.ceil(random() * Math.min(UNKNOWN_CAP, UNKNOWN_BASE * 2 ** Math.min(attempts, 20)));
}

/**
 * A mail that its server refuses "for now" is tried 18 times over about a day (1, 2, 4 ... 64 min, then every 2 h), as mail servers
 * do (RFC 5321 section 4.5.4.1), then refused for good.
 */
export const LATER_TRIES = 18;
const LATER_BASE = MINUTE;
const LATER_CAP = 2 * HOUR;

/** The wait before try number `tries + 1`, up to a quarter longer by chance. */
export function laterDelay(tries: number, random: () => number): number {
  const delay = Math.min(LATER_CAP, LATER_BASE * 2 ** Math.min(tries - 1, 20));
  return Math.round(delay * (1 + random() / 4));
}
