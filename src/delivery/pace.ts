import type { Call } from '#db/providers.ts';

/** Calls that a provider allows in any `windowMs`. */
export type Rate = { limit: number; windowMs: number };

/** What an answer says of the pace: `ratelimit-limit`, `-remaining` and `-reset`. */
export type RateWord = {
  limit: number;
  /** Calls that the window still allows. */
  remaining: number | null;
  /** Until the window allows more. */
  resetMs: number | null;
  windowMs: number | null;
};

/** Until the provider has said what it allows, one call feels the way. */
export const UNTOLD: Rate = { limit: 1, windowMs: 1_000 };

/** What stands in a call's place in the log when it is not a batch: the account's figures, and calls that are not ours. */
export const ACCOUNT_CALL = -1;
const STRANGER = 0;

/** A call counts as arrived so long after it began, at the least and at the most. */
const ARRIVES_AFTER_MS = 8;
const ARRIVES_MS = 100;
/** Calls whose time is kept, to know how long the quickest takes. */
export const TRIPS = 20;
/** So many must have been seen: the first ones open connections, and what is quick beside them may still have been long on its way. */
const KNOWN_TRIPS = 8;
/** Calls that are not urgent keep this share of an even distance, so that an urgent one never finds a whole window just spent. */
const EVENNESS = 0.8;
const MAX_WINDOW_MS = 3_600_000;
/** Each call of a window stands in the log: an answer that allows millions binds nobody, and makes no log of millions. */
const MAX_CALLS = 10_000;

/**
 * When one more call may begin, in ms since the epoch: an exact sliding window over what arrived, so that a provider that counts
 * arrivals in any window never sees more than it allows.
 */
export function nextOpening(
  calls: readonly Call[],
  { limit, windowMs }: Rate,
  { now, urgent }: { now: number; urgent: boolean },
): number {
  const ends = calls.map(([, , arrived]) => arrived + windowMs).sort((a, b) => b - a);
  // The call that must have left the window before this one makes the number full.
  const opening = Math.max(now, ends[limit - 1] ?? now);
  if (urgent) return opening;
  const last = calls.reduce((latest, [id, began]) => (id === STRANGER ? latest : Math.max(latest, began)), 0);
  return Math.max(opening, Math.min(last, now + windowMs) + Math.floor((EVENNESS * windowMs) / limit));
}

/** The log with a call that will begin at `at`. */
export function withCall(calls: readonly Call[], id: number, at: number): Call[] {
  return [...calls, [id, at, at + ARRIVES_MS]];
}

/** The log once a call has begun, been answered or been given up. */
export function withAnswer(
  calls: readonly Call[],
  { id, began, arrived }: { id: number; began: number; arrived: number },
): Call[] {
  return [...calls.filter((call) => call[0] !== id), [id, began, arrived]];
}

/** What the quickest of the last calls took, in ms; null while too few are known. */
export function quickestOf(trips: readonly number[]): number | null {
  return trips.length < KNOWN_TRIPS ? null : Math.min(...trips);
}

/**
 * By when a call had arrived, in ms since the epoch, but for the way that the quickest calls have as well: that one delays all alike, so it
 * narrows no window. What a call took beyond the quickest may have passed before it arrived.
 * @param quickest what the quickest of the last calls took; null while that is not known
 */
export function arrivalOf(began: number, answered: number | null, quickest: number | null): number {
  if (answered === null || quickest === null) return began + ARRIVES_MS;
  return began + Math.min(ARRIVES_MS, ARRIVES_AFTER_MS + Math.max(0, answered - began - quickest));
}

/** The log without what no longer counts. A call in the future is one by a clock that was set back: it may not stop us for long. */
export function pruned(calls: readonly Call[], { windowMs }: Rate, now: number): Call[] {
  return calls.filter(([, , arrived]) => arrived + windowMs > now && arrived < now + 2 * windowMs);
}

/** What is known of the pace after an answer. The window is the longest that a reset was ever away. */
export function learnRate(known: Rate | null, said: RateWord): Rate {
  const windowMs = said.windowMs ?? Math.max(known?.windowMs ?? UNTOLD.windowMs, said.resetMs ?? 0);
  return {
    limit: Math.min(MAX_CALLS, Math.max(1, Math.floor(said.limit))),
    windowMs: Math.min(MAX_WINDOW_MS, windowMs),
  };
}

/**
 * Fewer calls are left than ours explain: others use the same account. As many as are certainly theirs stand in the log until the
 * provider's window ends.
 */
export function withStrangers(
  calls: readonly Call[],
  rate: Rate,
  said: RateWord,
  /** `counted`: the calls that stood in the log when this one was claimed, itself included. */
  { began, answered, counted }: { began: number; answered: number; counted: number },
): readonly Call[] {
  if (said.remaining === null) return calls;
  // Whatever began since may have arrived before it.
  const since = calls.filter(([id, at]) => id !== STRANGER && at > began).length;
  const theirs = Math.min(rate.limit, rate.limit - said.remaining - counted - since);
  if (theirs <= 0) return calls;
  const arrived = answered + Math.min(said.resetMs ?? rate.windowMs, rate.windowMs) - rate.windowMs;
  return [...calls, ...Array.from({ length: theirs }, (): Call => [STRANGER, arrived, arrived])];
}
