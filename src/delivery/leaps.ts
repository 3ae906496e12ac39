import type { Db } from '#db/open.ts';
import { followClock, hastenQueued, latestSeen } from '#db/setBack.ts';
import { listWorkers } from '#db/workers.ts';
import { type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { isGone, RENEW_MS } from './lease.ts';

/** A clock that is put right by less makes nobody wait for long. */
const LEAST_MS = MINUTE;
const CHUNK = 10_000;

/**
 * Puts right what would wait until the clock says again what it said already: a day, when it was set back by one.
 * @param before the latest that was seen of the clock
 * @returns by how much it was set back, in ms; null when it was not
 */
export async function followIfSetBack(
  db: Db,
  { before, now }: { before: Instant | null; now: () => Instant },
): Promise<number | null> {
  const by = before === null ? 0 : msBetween(now(), before);
  if (before === null || by < LEAST_MS) return null;
  // A chunk at a time, so that others can write; what says that it is to be done goes last, should it be interrupted.
  while ((await db.write((tx) => hastenQueued(tx, now(), CHUNK))) === CHUNK);
  await db.write((tx) => followClock(tx, { before, now: now() }));
  return by;
}

/** The latest that earlier processes of this machine have seen of the clock, as far as they left a trace. */
export function seenBefore(
  db: Db,
  { owner, provider }: { owner: string; provider: string },
): Promise<Instant | null> {
  return db.read(async (tx) => {
    const gone = (await listWorkers(tx)).filter(({ id }) => isGone(id, owner));
    return latestSeen(tx, { workers: gone.map(({ id }) => id), provider });
  });
}

/** A beat that comes so late by the clock: it was set forward, or the machine slept. */
const LEAP_MS = 10 * MINUTE;
const PATIENCE_BEATS = (10 * MINUTE) / RENEW_MS;

/**
 * Whether the clock may be believed as to how long ago something was: after a leap forward not for ten minutes, counted in beats. Should
 * it be put right meanwhile, nothing was given up too early.
 */
export function createPatience(): { beat: (now: Instant) => boolean } {
  let last: Instant | null = null;
  let left = 0;
  return {
    beat(now) {
      left = last !== null && msBetween(last, now) > LEAP_MS ? PATIENCE_BEATS : Math.max(0, left - 1);
      last = now;
      return left === 0;
    },
  };
}
